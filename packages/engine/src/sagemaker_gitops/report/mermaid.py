"""Charts as Mermaid text, which GitHub draws in a comment: there it shows no inline image, and hosts none for us."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Series:
    """Values along the x axis, as a line or as bars, in a colour that reads on light and dark."""

    kind: Literal["line", "bar"]
    values: Sequence[float]
    colour: str


def chart(title: str, x: str, y: str, series: Sequence[Series]) -> str:
    """Write a chart; `x` and `y` are axes in Mermaid's words, see `span` and `names`."""
    rows = [f"    {one.kind} [{', '.join(f'{value:.4f}' for value in one.values)}]" for one in series]
    theme = {"themeVariables": {"xyChart": {"plotColorPalette": ", ".join(one.colour for one in series)}}}
    axes = [f"    title {_quoted(title)}", f"    x-axis {x}", f"    y-axis {y}"]
    return "\n".join(["```mermaid", f"%%{{init: {json.dumps(theme)}}}%%", "xychart-beta", *axes, *rows, "```"])


def span(label: str, low: float, high: float) -> str:
    """Describe an axis of numbers."""
    return f"{_quoted(label)} {low:g} --> {high:g}"


def names(labels: Sequence[str]) -> str:
    """Describe an axis of names."""
    return f"[{', '.join(map(_quoted, labels))}]"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "'").replace("\n", " ") + '"'
