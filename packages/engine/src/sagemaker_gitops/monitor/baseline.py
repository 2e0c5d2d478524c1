"""A release's baseline: its schema and the statistics that training wrote beside the model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
from sagemaker_gitops_modelkit.cells import Columns

from sagemaker_gitops.errors import MonitorBroken
from sagemaker_gitops.monitor.bins import Bins, choose_bins, expand
from sagemaker_gitops.monitor.statistics import Counts, Values

FILES = ("schema.json", "statistics.json", "constraints.json", "metrics.json")
# What a model scores that does not decide between two classes.
_NO_SCORES = {"scores": {"edges": [0, 1], "negative": [0], "positive": [0]}, "groups": {}}


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
    """The features in the order of a CSV request, and the columns around them."""

    target: str
    id: str
    features: tuple[Feature, ...]
    task: Literal["binary", "multiclass", "regression"] = "binary"
    positive: str = ""
    negative: str = ""
    favourable: str = ""
    protected: str = ""
    threshold: float = 0.5

    def __post_init__(self) -> None:
        """Require of a binary task what its answers are judged by; a protected attribute only with its outcome."""
        needed = ("positive", "negative", *(("favourable",) if self.protected else ()))
        absent = [name for name in needed if not getattr(self, name)]
        if self.task == "binary" and absent:
            raise ValueError(f"a binary task needs {', '.join(absent)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all features, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def text_columns(self) -> Columns:
        """What a CSV body's columns are called, as the server has it."""
        numbers = frozenset(feature.name for feature in self.numbers)
        return Columns(names=self.names, numbers=numbers, around=frozenset(filter(None, self.carried)))

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


@dataclass(frozen=True, kw_only=True)
class NumberBaseline:
    """How a numeric feature was distributed in training."""

    feature: Feature
    bins: Bins
    counts: Counts
    completeness: float
    low: float
    high: float
    deviation: float


@dataclass(frozen=True, kw_only=True)
class CategoryBaseline:
    """How often each category occurred in training; `categories` are those that the schema allows."""

    feature: Feature
    categories: tuple[str, ...]
    counts: Counts
    completeness: float


@dataclass(frozen=True, kw_only=True)
class ScoreBaseline:
    """What the release answered on its test split: probabilities by bin and class, and its quality.

    A model that scores no classes has one empty bin.
    """

    edges: Values
    negative: Counts
    positive: Counts
    labelled_positive: int
    rows: int
    quality: Mapping[str, float]

    @property
    def counts(self) -> Counts:
        """All answers by bin of their probability."""
        return self.negative + self.positive


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """Everything that a window is compared against."""

    contract: Contract
    numbers: Mapping[str, NumberBaseline]
    categories: Mapping[str, CategoryBaseline]
    scores: ScoreBaseline


def read_baseline(files: Mapping[str, bytes], *, where: str) -> Baseline:
    """Read the four files; `where` names their folder in errors."""
    missing = [name for name in FILES if name not in files]
    if missing:
        raise _broken(f"the baseline lacks {', '.join(missing)}", where)
    contract = parse_contract(files["schema.json"], where=f"{where}/schema.json")
    try:
        statistics = _by_name(files["statistics.json"])
        constraints = _by_name(files["constraints.json"])
        return Baseline(
            contract=contract,
            numbers={f.name: _number(f, statistics[f.name], constraints[f.name]) for f in contract.numbers},
            categories={f.name: _category(f, statistics[f.name], constraints[f.name]) for f in contract.categories},
            scores=_scores(msgspec.json.decode(files["metrics.json"]), contract),
        )
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError, IndexError) as err:
        raise _broken(f"the baseline cannot be read: {type(err).__name__}: {err}", where) from err


def _broken(what: str, where: str) -> MonitorBroken:
    return MonitorBroken(what, where=where, next_step="train the release again; model/train writes these files")


def _by_name(content: bytes) -> dict[str, dict[str, Any]]:
    return {feature["name"]: feature for feature in msgspec.json.decode(content)["features"]}


def _number(feature: Feature, statistics: dict[str, Any], constraints: dict[str, Any]) -> NumberBaseline:
    described = statistics["numerical_statistics"]
    values, weights = expand(described["distribution"]["kll"]["sketch"]["data"])
    bins = choose_bins(values, weights)
    counts = np.bincount(np.searchsorted(bins.edges, values), weights=weights, minlength=len(bins))
    return NumberBaseline(
        feature=feature,
        bins=bins,
        counts=counts.astype(np.int64),
        completeness=float(constraints["completeness"]),
        low=float(described["min"]),
        high=float(described["max"]),
        deviation=float(described["std_dev"]),
    )


def _category(feature: Feature, statistics: dict[str, Any], constraints: dict[str, Any]) -> CategoryBaseline:
    described = statistics["string_statistics"]["distribution"]["categorical"]["buckets"]
    seen = {str(bucket["value"]): int(bucket["count"]) for bucket in described}
    categories = tuple(constraints["string_constraints"]["domains"])
    return CategoryBaseline(
        feature=feature,
        categories=categories,
        counts=np.array([seen.get(category, 0) for category in categories], dtype=np.int64),
        completeness=float(constraints["completeness"]),
    )


def _scores(metrics: dict[str, Any], contract: Contract) -> ScoreBaseline:
    if contract.task != "binary":
        metrics = metrics | _NO_SCORES
    scores, groups = metrics["scores"], metrics["groups"].values()
    # Releases from before models without a protected attribute told it by their groups alone.
    positive = metrics.get("labelled_positive", sum(group["n"] * group["selection_rate"] for group in groups))
    negative_counts, positive_counts = (np.array(scores[name], dtype=np.int64) for name in ("negative", "positive"))
    return ScoreBaseline(
        edges=np.array(scores["edges"], dtype=np.float64),
        negative=negative_counts,
        positive=positive_counts,
        labelled_positive=round(positive),
        rows=int(negative_counts.sum() + positive_counts.sum()),
        quality={name: float(value) for name, value in metrics["overall"].items()},
    )
