"""Report pages: one look, every value escaped, and nothing imported before a page is made."""

import subprocess
import sys
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from sagemaker_gitops.report import page, release
from sagemaker_gitops.report.page import Figure, render

TEMPLATES = sorted(path.name for path in (Path(page.__file__).parent / "templates").glob("*.html"))
HOSTILE = "<script>alert('x')</script> & \"more\""


def comparison(**values: object) -> str:
    """Make the page of a pull request."""
    given = {"title": "t", "lead": "l", "thresholds": [], "quality": [], "fairness": []}
    return render("comparison.html", **{**given, **values})


def test_every_page_extends_the_same_base() -> None:
    """A template is the base, a library of macros, or fills in the base."""
    frames = [name for name in TEMPLATES if _text(name).startswith('{% extends "base.html" %}')]

    assert sorted([*frames, "base.html", "parts.html"]) == TEMPLATES


def test_values_are_escaped_and_plots_are_not() -> None:
    """Text is text wherever it stands; only our own SVG is markup."""
    threshold = {"passed": False, "gate": HOSTILE, "name": HOSTILE, "value": 0.5, "limit": HOSTILE}

    text = comparison(
        title=HOSTILE, lead=HOSTILE, thresholds=[threshold], quality=[Figure(svg="<svg></svg>", caption=HOSTILE)]
    )

    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 7
    assert "<svg></svg>" in text


def test_page_without_a_value_is_an_error() -> None:
    """A forgotten value is never an empty place on a page."""
    with pytest.raises(UndefinedError, match="lead"):
        render("comparison.html", title="t", thresholds=[], quality=[])


def test_modules_of_pages_import_neither_jinja_nor_matplotlib() -> None:
    """A command that makes no page does not wait for either."""
    program = f"import sys, {release.__name__}; print([n for n in ('jinja2', 'matplotlib') if n in sys.modules])"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def _text(name: str) -> str:
    return (Path(page.__file__).parent / "templates" / name).read_text(encoding="utf-8")
