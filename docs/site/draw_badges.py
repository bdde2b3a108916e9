"""Draws the badges of the README, docs/images/badge-*.svg, from pyproject.toml.

    python docs/site/draw_badges.py

They are files of the repository, because a badge that another host draws is a request to it by
everybody who reads the page. A test says when they are out of date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
LETTER, EDGE = 6.6, 14
BADGE = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" role="img">
  <title>{name}: {value}</title>
  <rect width="{whole}" height="20" rx="3" fill="#44505e"/>
  <path d="M{left} 0h{rest}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{rest}z" fill="#1f6f8b"/>
  <g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
    <text x="{name_at}" y="14">{name}</text>
    <text x="{value_at}" y="14">{value}</text>
  </g>
</svg>
"""


def badges() -> dict[Path, str]:
    """The badges by their files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    told = {"python": _pythons(project), "licence": project["license"], "types": "mypy --strict"}
    return {IMAGES / f"badge-{name}.svg": _badge(name, value) for name, value in told.items()}


def _pythons(project: dict[str, Any]) -> str:
    found = re.findall(r":: (3\.\d+)$", "\n".join(project["classifiers"]), re.MULTILINE)
    return f"{found[0]} to {found[-1]}"


def _badge(name: str, value: str) -> str:
    left, right = (round(len(text) * LETTER) + EDGE for text in (name, value))
    return BADGE.format(
        name=name,
        value=value,
        whole=left + right,
        left=left,
        rest=right - 3,
        name_at=left / 2,
        value_at=left + right / 2,
    )


if __name__ == "__main__":
    for file, badge in badges().items():
        file.write_text(badge, encoding="utf-8")
