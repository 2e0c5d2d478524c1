"""A model's input by id, from Feature Store's online store: what training saw, without the caller knowing it.

reader = FeatureReader(boto3.client("sagemaker"), boto3.client("sagemaker-featurestore-runtime"), group="…")
body = json.dumps({"instances": reader.instances(["1", "2"])})
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

# BatchGetRecord's limit, and how often what it could not do is asked again.
_BATCH = 100
_TRIES = 5

Value = float | int | str | None
_READ: Mapping[str, Callable[[str], Value]] = {"Fractional": float, "Integral": int, "String": str}
# What the model takes for a missing value: training reads an absent category as the empty string.
_ABSENT: Mapping[str, Value] = {"String": ""}


class Control(Protocol):
    """boto3's SageMaker client."""

    @property
    def describe_feature_group(self) -> Callable[..., Any]: ...  # noqa: D102


class Runtime(Protocol):
    """boto3's client of Feature Store's runtime."""

    @property
    def batch_get_record(self) -> Callable[..., Any]: ...  # noqa: D102


class FeaturesMissing(LookupError):
    """The store has no record of some ids."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(f"no features for {', '.join(ids)}")
        self.ids = tuple(ids)


class FeaturesUnread(Exception):
    """The store has not answered for some ids, which it may have."""


class FeatureReader:
    """One feature group, described once."""

    def __init__(
        self, control: Control, runtime: Runtime, *, group: str, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._runtime = runtime
        self._group = group
        self._pause = pause
        self._types = _types(control, group)

    def instances(self, ids: Sequence[str]) -> list[dict[str, Value]]:
        """Return one instance an id, in the order of the ids; FeaturesMissing names those that have none."""
        found: dict[str, Mapping[str, str]] = {}
        wanted = list(dict.fromkeys(ids))
        for start in range(0, len(wanted), _BATCH):
            found |= dict(self._read(wanted[start : start + _BATCH]))
        if missing := [item for item in wanted if item not in found]:
            raise FeaturesMissing(missing)
        return [self._instance(found[item]) for item in ids]

    def _read(self, ids: Sequence[str]) -> Iterator[tuple[str, Mapping[str, str]]]:
        left, pause = list(ids), 0.05
        for _ in range(_TRIES):
            request = [{"FeatureGroupName": self._group, "RecordIdentifiersValueAsString": left}]
            answer = self._runtime.batch_get_record(Identifiers=request)
            for item in answer["Records"]:
                values = {one["FeatureName"]: one["ValueAsString"] for one in item["Record"]}
                yield item["RecordIdentifierValueAsString"], values
            if answer.get("Errors"):
                raise FeaturesUnread(answer["Errors"][0]["ErrorMessage"])
            unread = answer.get("UnprocessedIdentifiers", [])
            left = [one for item in unread for one in item["RecordIdentifiersValueAsString"]]
            if not left:
                return
            self._pause(pause)
            pause *= 2
        raise FeaturesUnread(f"{self._group} left {len(left)} ids unread {_TRIES} times")

    def _instance(self, values: Mapping[str, str]) -> dict[str, Value]:
        return {
            name: _READ[kind](values[name]) if name in values else _ABSENT.get(kind)
            for name, kind in self._types.items()
        }


def _types(control: Control, group: str) -> dict[str, str]:
    """Read the model's inputs in their order: every feature but the id and the time."""
    types: dict[str, str] = {}
    token: dict[str, str] = {}
    while True:
        page = control.describe_feature_group(FeatureGroupName=group, **token)
        types |= {item["FeatureName"]: item["FeatureType"] for item in page["FeatureDefinitions"]}
        if not page.get("NextToken"):
            around = {page["RecordIdentifierFeatureName"], page["EventTimeFeatureName"]}
            return {name: kind for name, kind in types.items() if name not in around}
        token = {"NextToken": page["NextToken"]}
