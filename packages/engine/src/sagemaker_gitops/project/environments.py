"""The words for a project's environments and images; the command line offers them without reading any file."""

from typing import Literal

Environment = Literal["dev", "staging", "prod"]
ImageKind = Literal["train", "inference"]
ENVIRONMENTS: tuple[Environment, ...] = ("dev", "staging", "prod")
