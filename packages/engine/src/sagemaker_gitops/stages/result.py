"""What a stage returns; `runner` writes it for GitHub, CodeBuild or a terminal."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sagemaker_gitops.errors import Annotation


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """The outputs that later stages need, a Markdown summary for people, and annotations."""

    summary: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    annotations: tuple[Annotation, ...] = ()
