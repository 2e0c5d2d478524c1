"""Text from outside in Markdown of ours: it stays text, reaches nobody, and fits where it goes."""

import re

# GitHub reads these in rendered text, so that neither a backslash nor an entity stops them: only a character between.
_REACHES = re.compile(r"(?<=@)(?=\w)|(?<=#)(?=\d)|(?<=\bGH-)(?=\d)", re.IGNORECASE)
_LINKS = re.compile(r"(?<=http:)(?=//)|(?<=https:)(?=//)|(?<=ftp:)(?=//)|(?<=\bwww)(?=\.)", re.IGNORECASE)
_FENCED = re.compile(r"^(?P<fence>`{3,})[^\n]*\n(?:[\s\S]*?^(?P=fence)`*[ \t]*$|[\s\S]*\Z)", re.MULTILINE)
_UNSEEN = "\u200b"
# Only where they are markup, as terminals show the same text: `a < b`, `[0, 1]` and `class_weight` stay as they are.
_MARKUP = re.compile(
    r"[|`*\\~]|<(?=[A-Za-z/!?])|\](?=[(\[:])|\[(?=\^)|!(?=\[)|&(?=#?\w+;)|(?<!\w)_|_(?!\w)|^[#>=]|^[+-](?=\s)"
)


def inert(text: str) -> str:
    """Write a value from outside as one line that is no markup, link, mention or reference, and ends no cell."""
    line = _LINKS.sub(_UNSEEN, quiet(" ".join(text.split())))
    return _MARKUP.sub(lambda mark: f"\\{mark[0]}", line)


def quiet(document: str) -> str:
    """Take from a whole text what notifies people or leaves a mark at other issues."""
    done, quieted = 0, ""
    for block in _FENCED.finditer(document):  # of code GitHub reads nothing
        quieted += _REACHES.sub(_UNSEEN, document[done : block.start()]) + block[0]
        done = block.end()
    return quieted + _REACHES.sub(_UNSEEN, document[done:])


def code(text: str, language: str = "") -> str:
    """Fence text that may hold a fence itself."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def bounded(document: str, *, longest: int, rest: str) -> str:
    """Cut a text at a line's end, close what was open there, and say where the rest is."""
    if len(document) <= longest:
        return document
    room = longest - len(rest) - 200  # for what is closed
    kept = document[:room].rpartition("\n")[0] or document[:room]
    return f"{kept}\n{''.join(_open(kept))}\n**This is not all of it.** {rest}\n"


def _open(text: str) -> list[str]:
    fence = ""
    for mark in re.findall(r"^(`{3,})", text, re.MULTILINE):
        fence = "" if fence and len(mark) >= len(fence) else fence or mark
    details = text.count("<details>") - text.count("</details>")
    return [*([f"{fence}\n"] if fence else []), *["\n</details>\n"] * min(details, 10)]
