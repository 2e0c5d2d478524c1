"""HTML pages from the templates beside this module: one look, and every value escaped."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A plot as SVG and its caption; a wide one takes the page's whole width."""

    svg: str
    caption: str
    wide: bool = False


def render(template: str, /, **values: object) -> str:
    """Fill in a template; each extends `base.html`, which needs a `title` and a `lead`."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> "Environment":
    # Only a command that makes a page waits for this import.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    return Environment(
        loader=PackageLoader("sagemaker_gitops.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and the HTML below it."""

    title: str
    body: str


def page(title: str, lead: str, sections: Iterable[Section]) -> str:
    """Assemble a whole page."""
    return render("sections.html", title=title, lead=lead, sections=list(sections))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = ()) -> str:
    """Lay out rows of cells that are HTML already; `numbers` are the columns aligned right."""
    top = "".join(_cell(html.escape(cell), i in numbers, kind="th") for i, cell in enumerate(head))
    body = "".join(f"<tr>{''.join(_cell(cell, i in numbers) for i, cell in enumerate(row))}</tr>\n" for row in rows)
    return f'<div class="scroll"><table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>'


def facts(values: Iterable[tuple[str, str]]) -> str:
    """Show a few figures large, each with what it is."""
    cells = [f"<div><b>{html.escape(value)}</b><span>{html.escape(name)}</span></div>" for name, value in values]
    return f'<div class="facts">{"".join(cells)}</div>'


def figure(svg: str, caption: str, *, wide: bool = False) -> str:
    """Frame a plot."""
    return f"<figure{' class=wide' if wide else ''}>{svg}<figcaption>{html.escape(caption)}</figcaption></figure>"


def figures(items: Iterable[str]) -> str:
    """Put plots side by side where there is room."""
    return f'<div class="plots">{"".join(items)}</div>'


def code(text: str) -> str:
    """Set text as code."""
    return f"<code>{html.escape(text)}</code>"


def word(text: str, *, good: bool) -> str:
    """Colour a verdict; the word itself carries the meaning."""
    return f'<span class="{"good" if good else "bad"}">{html.escape(text)}</span>'


def _cell(content: str, number: bool, *, kind: str = "td") -> str:  # noqa: FBT001  positional in a comprehension
    return f'<{kind} class="number">{content}</{kind}>' if number else f"<{kind}>{content}</{kind}>"
