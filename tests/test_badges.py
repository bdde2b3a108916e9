"""The badges of the README are those of the project."""

import draw_badges
from shown import ROOT


def test_the_badges_are_fresh_and_shown():
    readme = (ROOT / "README.md").read_text("utf-8")
    for file, badge in draw_badges.badges().items():
        assert file.read_text("utf-8") == badge, "run `python docs/site/draw_badges.py`"
        assert f"({file.relative_to(ROOT).as_posix()})" in readme


def test_what_they_say():
    said = "".join(draw_badges.badges().values())
    for told in ("python: 3.10 to 3.", "licence: MIT", "types: mypy"):
        assert told in said
