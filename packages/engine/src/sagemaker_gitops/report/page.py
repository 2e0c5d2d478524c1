"""One HTML page without scripts, fonts or links to elsewhere; readable on a phone, by day and by night."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --muted: #5c6675; --paper: #ffffff; --card: #f5f7fa;
  --line: #d9dfe7; --good: #0b7a4b; --bad: #b3261e; --accent: #1f5fbf; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --muted: #9aa6b5; --paper: #12161c; --card: #1b222b;
  --line: #323c48; --good: #4cc38a; --bad: #ff8a80; --accent: #7fb0ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; }
p { max-width: 46rem; } .lead { color: var(--muted); margin-top: 0; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--muted); font-weight: 600; font-size: .85rem; } .number { text-align: right; white-space: nowrap; }
code { font: .85em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; } td code { display: block; min-width: 14rem; }
td:last-child:not(.number) { min-width: 16rem; }
@media (max-width: 40rem) { td:last-child:not(.number), td code { min-width: 8rem; } th, td { padding-right: .5rem; } }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1rem; }
.plots + .scroll { margin-top: 1rem; }
figure { margin: 0; padding: .75rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
figure.wide { grid-column: 1 / -1; }
figure:only-child:not(.wide) { max-width: 34rem; }
figure svg { width: 100%; height: auto; display: block; color: var(--ink); }
figcaption { color: var(--muted); font-size: .875rem; margin-top: .5rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; padding: 0; }
.facts div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; }
.facts b { display: block; font-size: 1.25rem; } .facts span { color: var(--muted); font-size: .85rem; }
"""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and the HTML below it."""

    title: str
    body: str


def page(title: str, lead: str, sections: Iterable[Section]) -> str:
    """Assemble a whole page."""
    parts = [f"<h2>{html.escape(item.title)}</h2>\n{item.body}" for item in sections]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{html.escape(title)}</h1>\n<p class="lead">{html.escape(lead)}</p>\n'
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


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
