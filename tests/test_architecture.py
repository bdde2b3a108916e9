"""The drawing of ARCHITECTURE.md is that of the code."""

import pytest

pytest.importorskip("grimp")

import draw_architecture


def test_the_drawing_is_fresh():
    now = draw_architecture.svg(draw_architecture.rooms())
    assert draw_architecture.PICTURE.read_text("utf-8") == now, (
        "run `python docs/site/draw_architecture.py`"
    )


def test_it_has_each_room_and_what_imports_it():
    code = draw_architecture.rooms()
    top, bottom = code.layers[0], code.layers[-1]
    assert bottom == ["values"]
    assert {*top} >= {"langchain_biogpt", "llama_index_biogpt", "ray_biogpt"}
    for row in code.layers:
        for room in row:
            assert f">{room}</text>" in draw_architecture.svg(code)
    assert ("engine", "values") in code.imports.edges
    assert ("cli", "values") not in code.imports.edges, "what follows from other lines is left out"
