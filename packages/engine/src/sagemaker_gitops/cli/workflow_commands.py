"""Workflow commands: what GitHub does because of a line that a step prints, wherever its text came from."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from sagemaker_gitops.errors import Annotation

# GitHub shows so many remarks of a level in a step, and drops the others without a word.
MOST_OF_A_LEVEL = 10
# GitHub's runner looks for `::` where a line begins, behind any white space, and for `##[` anywhere.
_COMMAND = re.compile(r"(^|[\r\n])([\s\ufeff]*):(?=:)")
_FORMER = re.compile(r"##(?=\[)")


def inert(text: str) -> str:
    """Write text so that no line of it is a command."""
    return _FORMER.sub("## ", _COMMAND.sub(r"\1\2: ", text))


def remarks(found: Sequence[Annotation]) -> Iterator[str]:
    """Write remarks as commands, as many as GitHub shows; what it would drop is counted in the last."""
    for level, group in groupby(sorted(found, key=lambda item: item.level), key=lambda item: item.level):
        items = list(group)
        shown = items if len(items) <= MOST_OF_A_LEVEL else items[: MOST_OF_A_LEVEL - 1]
        yield from map(_remark, shown)
        if left := len(items) - len(shown):
            yield _remark(Annotation(message=f"{left} more stand in this step's log", file=items[-1].file, level=level))


def _remark(item: Annotation) -> str:
    place = f"file={_escaped(item.file, also=',:')},line={item.line}"
    return f"::{item.level} {place}::{_escaped(item.message)}"


def _escaped(text: str, also: str = "") -> str:
    codes = {"%": "%25", "\r": "%0D", "\n": "%0A", ",": "%2C", ":": "%3A"}
    # What is left of a former command is one anywhere in a line.
    return _FORMER.sub("## ", "".join(codes[char] if char in "%\r\n" + also else char for char in text))
