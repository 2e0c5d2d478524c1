"""Refuse answers that AWS or GitHub would refuse later.

Cookiecutter renders this file and runs the copy. Jinja stays inside one string literal, so that
the file is also plain Python: imported by tests, linted and typed as it stands. `tojson` writes
quotes of either kind and angle brackets as escapes, so no answer can end the literal.
"""

import json
import re
import sys
from collections.abc import Mapping
from typing import TypedDict

RENDERED = r"""<<cookiecutter|tojson>>"""


class Question(TypedDict):
    """What cookiecutter.json says about one question: an answer that passes, and text by pattern."""

    example: str
    rules: dict[str, str]


def complaints(answers: Mapping[str, str], questions: Mapping[str, Question]) -> list[str]:
    """Name every refused answer with its value, the rule and an example."""
    return [
        f"{name}: {answers[name]!r} breaks the rule that it {rule}. Example: {question['example']}"
        for name, question in questions.items()
        for pattern, rule in question["rules"].items()
        if not re.fullmatch(pattern, answers[name])
    ]


def main() -> None:
    """Exit with every complaint, or silently."""
    context = json.loads(RENDERED)
    found = complaints(context, context["_rules"])
    if found:
        sys.exit("\n".join(["No project was made:", *(f"  - {line}" for line in found)]))


if __name__ == "__main__":
    main()
