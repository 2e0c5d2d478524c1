"""What a stage returns; `runner` writes it for GitHub, CodeBuild or a terminal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A remark tied to a file, shown where a reviewer reads that file."""

    message: str
    file: str
    line: int = 1
    level: Literal["notice", "warning", "error"] = "error"


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """The outputs that later stages need, a Markdown summary for people, and annotations."""

    summary: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    annotations: tuple[Annotation, ...] = ()
