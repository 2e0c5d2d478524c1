"""Draws the project's docs/architecture.svg: `python docs/architecture.py`.

The icons are AWS's own, as the package `diagrams` ships them, made smaller.
"""

import base64
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path

HERE = Path(__file__).parent
PICTURE = HERE.parent / "<<cookiecutter.project>>/docs/architecture.svg"
WIDTH, HEIGHT = 1200, 660
COLUMNS = {"train": 190, "test": 340, "register": 490, "dev": 640, "staging": 790, "prod": 1060}
STAGE_Y, AWS_Y, WATCH_Y = 125, 320, 535


@dataclass(frozen=True, kw_only=True)
class Node:
    """A picture with two lines below it, its middle at x and y."""

    x: int
    y: int
    icon: str
    name: str
    what: str


NODES = (
    Node(x=190, y=AWS_Y, icon="training", name="Training job", what="exports ONNX"),
    Node(x=340, y=AWS_Y, icon="s3", name="Artefacts, data", what="named by hash"),
    Node(x=490, y=AWS_Y, icon="registry", name="Model registry", what="version, approval"),
    Node(x=640, y=AWS_Y, icon="endpoint", name="Endpoint dev", what="all at once"),
    Node(x=790, y=AWS_Y, icon="endpoint", name="Endpoint staging", what="blue/green"),
    Node(x=1060, y=AWS_Y, icon="endpoint", name="Endpoint prod", what="canary, warm standby"),
    Node(x=190, y=WATCH_Y, icon="iam", name="Roles by OIDC", what="no lasting key"),
    Node(x=340, y=WATCH_Y, icon="dynamodb", name="Ledger, lease", what="chained, locked copy"),
    Node(x=600, y=WATCH_Y, icon="eventbridge", name="Event", what="page, retrain, roll back"),
    Node(x=830, y=WATCH_Y, icon="cloudwatch", name="Monitor, alarms", what="drift, quality, bias"),
    Node(x=1060, y=WATCH_Y, icon="s3", name="Captured traffic", what="asked and answered"),
)
# Straight lines, from and to.
ARROWS = (
    *(((COLUMNS[name], STAGE_Y + 24), (COLUMNS[name], AWS_Y - 44)) for name in ("train", "register")),
    *(((COLUMNS[name], STAGE_Y + 24), (COLUMNS[name], AWS_Y - 44)) for name in ("dev", "staging", "prod")),
    ((COLUMNS["test"], AWS_Y - 44), (COLUMNS["test"], STAGE_Y + 24)),
    ((1060, AWS_Y + 78), (1060, WATCH_Y - 44)),
    ((1020, WATCH_Y), (874, WATCH_Y)),
    ((790, WATCH_Y), (644, WATCH_Y)),
)
STYLE = """
text { font: 14px system-ui, sans-serif; fill: #1c2430; text-anchor: middle; }
.head { font-weight: 600; font-size: 16px; } .small { font-size: 12.5px; fill: #5c6675; } .left { text-anchor: start; }
.band { fill: #f5f7fa; stroke: #d9dfe7; } .stage { fill: #ffffff; stroke: #1f5fbf; stroke-width: 1.5; }
.gate { fill: #fff7e6; stroke: #b26a00; stroke-width: 1.5; }
.arrow { stroke: #5c6675; stroke-width: 1.6; fill: none; marker-end: url(#tip); }
"""


TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0 8 4 0 8z" fill="#5c6675"/></marker></defs>'
)


def draw() -> str:
    """Return the whole picture."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 30 {WIDTH} {HEIGHT - 30}" role="img">',
        "<title>From a commit to prod and back: GitHub runs the stages, AWS trains, serves and watches</title>",
        f"<style>{STYLE}</style>",
        TIP,
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *_bands(),
        *_stages(),
        *(_line(start, end) for start, end in ARROWS),
        _path(f"M600 {WATCH_Y - 44} V{AWS_Y + 110} H930 V{AWS_Y} H{COLUMNS['prod'] - 40}"),
        *(_node(node) for node in NODES),
        *_words(),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _bands() -> list[str]:
    github = f'<rect class="band" x="110" y="50" width="1070" height="{STAGE_Y - 8}" rx="10"/>'
    aws = f'<rect class="band" x="110" y="{AWS_Y - 92}" width="1070" height="{HEIGHT - AWS_Y + 72}" rx="10"/>'
    return [
        github,
        f'<text class="head left" x="126" y="{74}">GitHub Actions: pipeline &lt;stage&gt;</text>',
        aws,
        f'<text class="head left" x="126" y="{AWS_Y - 68}">AWS</text>',
    ]


def _stages() -> list[str]:
    parts = []
    for name, x in COLUMNS.items():
        kind = "gate" if name == "test" else "stage"
        parts.append(f'<rect class="{kind}" x="{x - 54}" y="{STAGE_Y - 24}" width="108" height="48" rx="8"/>')
        parts.append(f'<text class="head" x="{x}" y="{STAGE_Y + 5}">{name}</text>')
    parts.append(f'<rect class="gate" x="{925 - 56}" y="{STAGE_Y - 24}" width="112" height="48" rx="24"/>')
    parts.append(f'<text class="head" x="925" y="{STAGE_Y - 2}">approval</text>')
    parts.append(f'<text class="small" x="925" y="{STAGE_Y + 15}">reviewers</text>')
    edges = [*[x for name, x in COLUMNS.items() if name != "prod"], 925, COLUMNS["prod"]]
    for left, right in pairwise(edges):
        parts.append(_line((left + 56, STAGE_Y), (right - 58, STAGE_Y)))
    parts.append(f'<text class="head" x="55" y="{STAGE_Y - 4}">commit</text>')
    parts.append(f'<text class="small" x="55" y="{STAGE_Y + 14}">fingerprint</text>')
    parts.append(_line((92, STAGE_Y), (132, STAGE_Y)))
    return parts


def _words() -> list[str]:
    return [
        f'<text class="small" x="265" y="{STAGE_Y + 42}">found, or trained</text>',
        f'<text class="small" x="415" y="{STAGE_Y + 42}">gates block</text>',
        f'<text class="small" x="760" y="{AWS_Y + 126}">rollback: weights, seconds</text>',
    ]


def _node(node: Node) -> str:
    image = base64.b64encode((HERE / f"icons/{node.icon}.png").read_bytes()).decode()
    return (
        f'<image x="{node.x - 32}" y="{node.y - 36}" width="64" height="64" href="data:image/png;base64,{image}"/>'
        f'<text class="head" x="{node.x}" y="{node.y + 48}">{escape(node.name)}</text>'
        f'<text class="small" x="{node.x}" y="{node.y + 66}">{escape(node.what)}</text>'
    )


def _line(start: tuple[int, int], end: tuple[int, int]) -> str:
    return _path(f"M{start[0]} {start[1]} L{end[0]} {end[1]}")


def _path(data: str) -> str:
    return f'<path class="arrow" d="{data}"/>'


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
