"""schema.json: what a row of the model's input means."""

from typing import Literal

import msgspec

from sagemaker_gitops.errors import MonitorBroken


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """One column of the model's input."""

    name: str
    type: Literal["number", "category"]
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] = ()
    missing: str | None = None
    unknown: str | None = None


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """The features in the order of a CSV request, and the columns around them; a regression has no classes."""

    target: str
    id: str
    features: tuple[Feature, ...]
    task: Literal["classification", "regression"] = "classification"
    positive: str = ""
    negative: str = ""
    favourable: str = ""
    protected: str = ""
    threshold: float = 0.5

    def __post_init__(self) -> None:
        """Require of a classifier what its answers are judged by."""
        absent = [name for name in ("positive", "negative", "favourable", "protected") if not getattr(self, name)]
        if self.task == "classification" and absent:
            raise ValueError(f"a classification needs {', '.join(absent)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all features, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def numbers(self) -> tuple[Feature, ...]:
        """The numeric features, in order."""
        return tuple(feature for feature in self.features if feature.type == "number")

    @property
    def categories(self) -> tuple[Feature, ...]:
        """The categorical features, in order."""
        return tuple(feature for feature in self.features if feature.type == "category")

    @property
    def carried(self) -> tuple[str, str]:
        """Columns that a caller may send along; the model never sees them."""
        return self.id, self.protected


def parse_contract(content: bytes, *, where: str) -> Contract:
    """Read schema.json; `where` names it in errors."""
    try:
        return msgspec.json.decode(content, type=Contract)
    except (msgspec.DecodeError, UnicodeDecodeError) as err:
        raise MonitorBroken(
            f"the model's schema cannot be read: {err}",
            where=where,
            next_step="train the release again; model/train writes schema.json into the artefact",
        ) from err
