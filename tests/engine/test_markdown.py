"""Markdown: text from outside stays text, calls nobody, and fits."""

import re

import pytest
from sagemaker_gitops.report.markdown import bounded, code, inert, quiet

REACHES = re.compile(r"@\w|#\d|\bGH-\d", re.IGNORECASE)


@pytest.mark.parametrize(
    "text",
    ["@example-bank/everyone", "ada@octocat", "closes #12", "example-bank/other#3", "GH-7", "&#64;octocat", "**@a**"],
)
def test_name_from_outside_calls_nobody(text: str) -> None:
    """A column or a commit may be called like a person or an issue; neither hears of it."""
    assert not REACHES.search(inert(text))


@pytest.mark.parametrize(
    "text",
    [
        "a | b",
        "`code`",
        "<img src=x>",
        "<!-- hidden",
        "[click](javascript:x)",
        "![x](y)",
        "[a]: b",
        "# heading",
        "> quote",
        "- item",
        "_emphasis_",
        "~~gone~~",
        "two\nlines",
        "\\| not a cell",
    ],
)
def test_name_from_outside_is_no_markup(text: str) -> None:
    """It ends no cell and starts nothing, and what GitHub shows is what it was."""
    written = inert(text)

    assert written != text
    assert "\n" not in written
    assert re.sub(r"\\([^a-z\s])", r"\1", written) == " ".join(text.split())


@pytest.mark.parametrize("text", ["https://evil.example/x", "HTTP://evil.example", "www.evil.example"])
def test_address_from_outside_is_no_link(text: str) -> None:
    """GitHub makes links of bare addresses; these stay text."""
    assert not re.search(r"https?://|www\.", inert(text), re.IGNORECASE)


@pytest.mark.parametrize("text", ["class_weight", "a < b", "[0, 1]", "s3://bucket/model.tar.gz", "x & y", "-0.25"])
def test_harmless_name_stays_readable_on_a_terminal(text: str) -> None:
    """The same summary is read in a terminal, so nothing is escaped without need."""
    assert inert(text) == text


def test_colours_of_a_plot_survive_quieting() -> None:
    """Code calls nobody on GitHub, and a changed plot would not be drawn."""
    plot = '```mermaid\n%%{init: "#0072b2"}%%\n```'

    assert quiet(f"by @octocat\n{plot}\nfixes #1") == f"by @\u200boctocat\n{plot}\nfixes #\u200b1"


def test_code_cannot_leave_its_fence() -> None:
    """A diff may hold a fence of its own."""
    assert code("+```\n+@octocat", "diff") == "````diff\n+```\n+@octocat\n````"


def test_long_text_is_cut_at_a_line_and_closed() -> None:
    """What was open is closed, so that the pointer to the rest is readable."""
    text = "<details>\n\n```diff\n" + "+ a line\n" * 1000

    cut = bounded(text, longest=2000, rest="It is in the artifact.")

    assert len(cut) <= 2000
    assert cut.endswith("+ a line\n```\n\n</details>\n\n**This is not all of it.** It is in the artifact.\n")


def test_short_text_is_left_alone() -> None:
    """Nothing is added to what fits."""
    assert bounded("fine\n", longest=10, rest="elsewhere") == "fine\n"
