"""Draws docs/images/architecture.svg: the rooms of the package, and which room imports which.

    python docs/site/draw_architecture.py

Rows are the layers of the import contract in pyproject.toml; lines are what the modules import, by
grimp, less what follows from other lines. A test says when the picture is out of date.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any
from xml.etree import ElementTree as ET

import grimp
import networkx as nx

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "images" / "architecture.svg"
PACKAGE = "biogpt_plugins"
DOORS = (PACKAGE, "__main__", "testing")
OUTSIDE = {
    *("torch", "transformers", "ctranslate2", "lxml", "networkx", "rapidfuzz", "httpx", "fastapi"),
    *("mcp", "typer", "rich", "ray", "langchain_core", "llama_index"),
}
"""The libraries that a room's box names."""

WIDTH, TOP, ROW, HEIGHT, GAP, LETTER = 660, 16, 74, 42, 16, 6
SWEEPS = 12
STYLE = """
svg { --ground: #ffffff; --box: #eef2f7; --edge: #8a97a8; --ink: #1b2430; --soft: #566272; }
@media (prefers-color-scheme: dark) {
  svg { --ground: #14191f; --box: #232c37; --edge: #6d7a8b; --ink: #e8edf3; --soft: #a4b0be; }
}
.ground { fill: var(--ground); }
rect.room { fill: var(--box); stroke: var(--edge); }
path { fill: none; stroke: var(--edge); stroke-width: 1.2; }
path.shows { stroke-dasharray: 4 4; }
text { font-family: system-ui, sans-serif; text-anchor: middle; }
.name { fill: var(--ink); font-size: 15px; font-weight: 600; }
.note { fill: var(--soft); font-size: 11px; }
"""


@dataclass(frozen=True)
class Rooms:
    """The rooms of the code: their layers, top first, libraries and imports."""

    layers: list[list[str]]
    libraries: dict[str, set[str]]
    imports: nx.DiGraph = field(repr=False)


def rooms() -> Rooms:
    """Read the contract and the imports of the code."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    packages = linter["root_packages"]
    (contract,) = (one for one in linter["contracts"] if one["type"] == "layers")
    hosts = [package for package in packages if package != PACKAGE]
    layers = [hosts, *([room.strip() for room in row.split("|")] for row in contract["layers"])]
    graph = grimp.build_graph(*packages, include_external_packages=True, cache_dir=None)
    libraries: dict[str, set[str]] = defaultdict(set)
    imports = nx.DiGraph()
    for module in sorted(graph.modules):
        room = _room(module)
        if module.partition(".")[0] not in packages or room in DOORS:
            continue
        for imported in graph.find_modules_directly_imported_by(module):
            if imported in OUTSIDE:
                libraries[room].add(imported)
            elif imported.partition(".")[0] in packages and _room(imported) not in {room, *DOORS}:
                imports.add_edge(room, _room(imported))
    return Rooms(layers, libraries, nx.transitive_reduction(imports))


def svg(code: Rooms) -> str:
    """The picture."""
    height = ROW * len(code.layers) + TOP
    size = {
        "viewBox": f"0 0 {WIDTH} {height}",
        "role": "img",
        "xmlns": "http://www.w3.org/2000/svg",
    }
    picture = ET.Element("svg", size)
    _add(picture, "title", "The rooms of biogpt-plugins and their imports")
    _add(picture, "style", STYLE)
    _add(picture, "rect", width=WIDTH, height=height, **{"class": "ground"})
    places = _places(code)
    for edge in sorted(code.imports.edges):
        points = [places[node] for node in _way(edge, code)]
        _line(picture, points, shows=_row(edge[0], code) > _row(edge[1], code))
    for room in (room for row in code.layers for room in row):
        _box(picture, places[room], room, _note(code.libraries[room]))
    ET.indent(picture)
    return ET.tostring(picture, encoding="unicode") + "\n"


Edge = tuple[str, str]
Node = str | tuple[Edge, int]
"""A room, or where an edge passes a row."""


@dataclass(frozen=True)
class _Place:
    x: float
    y: float
    width: float

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


def _row(room: str, code: Rooms) -> int:
    return next(number for number, row in enumerate(code.layers) if room in row)


def _way(edge: Edge, code: Rooms) -> list[Node]:
    """What a line meets from the upper room to the lower one."""
    above, below = sorted(edge, key=lambda room: _row(room, code))
    passed = range(_row(above, code) + 1, _row(below, code))
    return [above, *((edge, row) for row in passed), below]


def _places(code: Rooms) -> dict[Node, _Place]:
    """Places for rooms, and gaps for the lines that pass them, with few crossings."""
    rows: list[list[Node]] = [list(row) for row in code.layers]
    beside: dict[Node, list[Node]] = defaultdict(list)
    for edge in sorted(code.imports.edges):
        way = _way(edge, code)
        for node in way[1:-1]:
            rows[node[1]].append(node)  # type: ignore[index]
        for one, other in pairwise(way):
            beside[one].append(other)
            beside[other].append(one)
    places = _spread(rows, code)
    for _ in range(SWEEPS):
        for row in rows:
            row.sort(key=lambda node: mean(places[one].middle for one in beside[node] or [node]))
            places = _spread(rows, code)
    return places


def _spread(rows: Sequence[Sequence[Node]], code: Rooms) -> dict[Node, _Place]:
    places: dict[Node, _Place] = {}
    for number, row in enumerate(rows):
        widths = [_width(node, code.libraries) for node in row]
        x = (WIDTH - sum(widths) - GAP * (len(row) - 1)) / 2
        for node, width in zip(row, widths, strict=True):
            places[node] = _Place(x, TOP + number * ROW, width)
            x += width + GAP
    return places


def _room(module: str) -> str:
    package, _, rest = module.partition(".")
    return rest.partition(".")[0] or package if package == PACKAGE else package


def _width(node: Node, libraries: Mapping[str, set[str]]) -> float:
    if not isinstance(node, str):
        return 0
    return round(max(110, len(node) * 9 + 24, len(_note(libraries[node])) * LETTER + 16))


def _note(libraries: set[str]) -> str:
    return ", ".join(sorted(libraries))


def _line(picture: ET.Element, points: Sequence[_Place], *, shows: bool) -> None:
    path = f"M{points[0].middle:g} {points[0].y + HEIGHT:g}"
    for above, below in pairwise(points):
        begin, bend = above.y + HEIGHT, (ROW - HEIGHT) / 2
        path += (
            f" L{above.middle:g} {begin:g} C{above.middle:g} {begin + bend:g}"
            f" {below.middle:g} {below.y - bend:g} {below.middle:g} {below.y:g}"
        )
    _add(picture, "path", d=path, **({"class": "shows"} if shows else {}))


def _box(picture: ET.Element, place: _Place, room: str, note: str) -> None:
    shape: dict[str, Any] = {"x": place.x, "y": place.y, "width": place.width, "height": HEIGHT}
    _add(picture, "rect", rx=6, **shape, **{"class": "room"})
    _add(
        picture, "text", room, x=place.middle, y=place.y + 20 + 8 * (not note), **{"class": "name"}
    )
    if note:
        _add(picture, "text", note, x=place.middle, y=place.y + 37, **{"class": "note"})


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: object) -> None:
    told = {
        key: f"{one:g}" if isinstance(one, float) else str(one) for key, one in attributes.items()
    }
    ET.SubElement(parent, name, told).text = text


if __name__ == "__main__":
    PICTURE.write_text(svg(rooms()), encoding="utf-8")
