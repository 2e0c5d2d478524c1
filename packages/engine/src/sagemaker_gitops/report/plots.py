"""Plots as inline SVG that takes the page's ink, so that they read in light and dark.

Matplotlib takes half a second to import, which only a command that draws waits for.
"""
# ruff: noqa: PLC0415

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Points = Sequence[tuple[float, float]]
Events = Sequence[tuple[datetime, str]]

# Okabe and Ito's palette: told apart by people who see few colours, on white and on black.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
_WIDE = (11, 3.6)
_INK = "#123456"  # a colour of no plot, replaced by the page's own


@dataclass(frozen=True, kw_only=True)
class Line:
    """A named curve."""

    name: str
    points: Points


@dataclass(frozen=True, kw_only=True)
class Axis:
    """What an axis shows, its range if it is fixed, and whether it counts."""

    label: str
    limits: tuple[float, float] | None = None
    counts: bool = False


def curves(lines: Sequence[Line], x: Axis, y: Axis, *, diagonal: bool = False) -> str:
    """Draw curves over two axes; `diagonal` adds the line of chance or of perfection."""
    with _canvas(x, y) as (axes, out):
        if diagonal:
            axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle=":")
        for line, colour in zip(lines, COLOURS, strict=False):
            axes.plot(*zip(*line.points, strict=True), color=colour, label=line.name, marker=_marker(line))
        _legend(axes)
    return out[0]


def bars(groups: Sequence[str], series: Mapping[str, Sequence[float]], y: Axis) -> str:
    """Draw one bar a group for each series."""
    width = 0.8 / max(1, len(series))
    with _canvas(Axis(label=""), y) as (axes, out):
        for number, (name, values) in enumerate(series.items()):
            places = [place + number * width for place in range(len(groups))]
            axes.bar(places, values, width=width * 0.9, color=COLOURS[number % len(COLOURS)], label=name)
        axes.set_xticks([place + 0.4 - width / 2 for place in range(len(groups))], groups)
        _legend(axes)
    return out[0]


def shares(lines: Sequence[Line], events: Sequence[tuple[float, str]], x: Axis, y: Axis) -> str:
    """Draw how traffic divides over time, with the moments that changed it."""
    with _canvas(x, y, size=_WIDE) as (axes, out):
        for line, colour in zip(lines, COLOURS, strict=False):
            axes.step(*zip(*line.points, strict=True), where="mid", color=colour, label=line.name)
        for moment, name in events:
            axes.axvline(moment, color=_INK, linewidth=0.8, linestyle=":")
            axes.annotate(
                name, (moment, 1.0), xycoords=("data", "axes fraction"), rotation=90, fontsize=8,
                ha="right", va="top", color=_INK,
            )  # fmt: skip
        _legend(axes)
    return out[0]


def timeline(
    lines: Sequence[Line], moments: Sequence[datetime], y: Axis, *, events: Events = (), level: float | None = None
) -> str:
    """Draw curves over time, with points at `at(moment)`; `level` is a threshold, `events` are moments with a name."""
    with _canvas(_span(moments), y, size=_WIDE) as (axes, out):
        for line, colour in zip(lines, COLOURS, strict=False):
            axes.plot(*zip(*line.points, strict=True), color=colour, label=line.name, marker=".")
        if level is not None:
            axes.axhline(level, color=_INK, linewidth=0.8, linestyle="--")
        for moment, name in events:
            axes.axvline(at(moment), color=_INK, linewidth=0.8, linestyle=":")
            axes.annotate(
                name, (at(moment), 1.0), xycoords=("data", "axes fraction"), xytext=(3, -2), fontsize=8,
                textcoords="offset points", ha="left", va="top", color=_INK,
            )  # fmt: skip
        _legend(axes)
        _calendar(axes)
    return out[0]


def stacks(moments: Sequence[datetime], series: Mapping[str, Sequence[float]], y: Axis) -> str:
    """Draw one bar a moment, divided among the series."""
    with _canvas(_span(moments), y, size=_WIDE) as (axes, out):
        places, below = [at(moment) for moment in moments], [0.0] * len(moments)
        width = 0.8 * _step(moments)
        for number, (name, values) in enumerate(series.items()):
            axes.bar(places, values, width, bottom=below, color=COLOURS[number % len(COLOURS)], label=name)
            below = [one + more for one, more in zip(below, values, strict=True)]
        _legend(axes)
        _calendar(axes)
    return out[0]


def at(moment: datetime) -> float:
    """Place a moment on the axis of time, where matplotlib counts days since 1970."""
    return moment.timestamp() / 86400


def _span(moments: Sequence[datetime]) -> Axis:
    first, last, margin = at(min(moments)), at(max(moments)), _step(moments) / 2
    return Axis(label="", limits=(first - margin, last + margin))


def _step(moments: Sequence[datetime]) -> float:
    """Measure the shortest distance between two moments, in days."""
    places = sorted(map(at, moments))
    return min((b - a for a, b in pairwise(places) if b > a), default=1.0)


def _calendar(axes: "Axes") -> None:
    from matplotlib import dates

    # Matplotlib has no types for its dates.
    locator = dates.AutoDateLocator(maxticks=9)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, show_offset=False))  # type: ignore[no-untyped-call]


def _marker(line: Line) -> str | None:
    return "o" if len(line.points) <= 12 else None


def _legend(axes: "Axes") -> None:
    if len(axes.get_legend_handles_labels()[0]) > 1:
        # Above the axes, where it hides nothing.
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, labelcolor=_INK, fontsize=9)


@contextmanager
def _canvas(x: Axis, y: Axis, *, size: tuple[float, float] = (5, 3.8)) -> Iterator[tuple["Axes", list[str]]]:
    """Give axes to draw on; the list holds the finished SVG afterwards."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    out: list[str] = []
    # A fixed salt makes the ids, and so the file, the same on every run.
    with mpl.rc_context({"svg.hashsalt": "plots", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure, axes = plt.subplots(figsize=size)
        yield axes, out
        _dress(axes, x, y)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None})
        plt.close(figure)
    svg = buffer.getvalue()
    out.append(
        re.sub(r"(width|height)=\"[\d.]+pt\" ", "", svg[svg.index("<svg") :], count=2).replace(_INK, "currentColor")
    )


def _dress(axes: "Axes", x: Axis, y: Axis) -> None:
    axes.set_xlabel(x.label, color=_INK)
    axes.set_ylabel(y.label, color=_INK)
    if x.counts:
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if x.limits:
        axes.set_xlim(*x.limits)
    if y.limits:
        axes.set_ylim(*y.limits)
    axes.tick_params(colors=_INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_INK)
