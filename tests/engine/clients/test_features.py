"""Requests made of ids: in order, in batches that AWS takes, and never half."""

from collections.abc import Mapping
from typing import Any

import pytest
from sagemaker_gitops.client.features import FeatureReader, FeaturesMissing, FeaturesUnread

TYPES = {"id": "String", "when": "String", "income": "Fractional", "children": "Integral", "city": "String"}


class Store:
    """A feature group of two pages, of which each call may leave ids unread."""

    def __init__(self, *, leaves: int = 0, errors: bool = False) -> None:
        self.asked: list[list[str]] = []
        self._leaves = leaves
        self._errors = errors

    def describe_feature_group(self, **request: Any) -> Mapping[str, Any]:
        """Describe it, three members a page."""
        members = [{"FeatureName": name, "FeatureType": kind} for name, kind in TYPES.items()]
        page, token = (members[3:], "") if request.get("NextToken") else (members[:3], "more")
        around = {"RecordIdentifierFeatureName": "id", "EventTimeFeatureName": "when"}
        return {**around, "FeatureDefinitions": page, "NextToken": token}

    def batch_get_record(self, **request: Any) -> Mapping[str, Any]:
        """Answer in any order, for everybody but `nobody`."""
        ids = request["Identifiers"][0]["RecordIdentifiersValueAsString"]
        self.asked.append(ids)
        done, left = (ids[: -self._leaves], ids[-self._leaves :]) if self._leaves else (ids, [])
        self._leaves = max(self._leaves - 1, 0)
        records = [
            {"FeatureGroupName": "g", "RecordIdentifierValueAsString": one, "Record": _record(one)}
            for one in reversed(done)
            if one != "nobody"
        ]
        unread = [{"FeatureGroupName": "g", "RecordIdentifiersValueAsString": left}] if left else []
        errors = [{"ErrorMessage": "it is on fire"}] if self._errors else []
        return {"Records": records, "UnprocessedIdentifiers": unread, "Errors": errors}


def _record(one: str) -> list[dict[str, str]]:
    values = {"id": one, "when": "1", "income": f"{one}.5", "children": "2", "city": "x"}
    kept = values if one != "13" else {"id": one, "when": "1"}
    return [{"FeatureName": name, "ValueAsString": text} for name, text in kept.items()]


def reader(store: Store) -> FeatureReader:
    """Read a store without waiting."""
    return FeatureReader(store, store, group="g", pause=lambda _: None)


def test_instances_come_in_the_order_of_the_ids() -> None:
    """Typed, without id and time; an id that comes twice is read once."""
    store = Store()

    found = reader(store).instances(["2", "1", "2"])

    assert found == [{"income": float(f"{one}.5"), "children": 2, "city": "x"} for one in (2, 1, 2)]
    assert store.asked == [["2", "1"]]


def test_absent_values_are_what_training_reads() -> None:
    """A number that is missing is null, a category the empty string."""
    assert reader(Store()).instances(["13"]) == [{"income": None, "children": None, "city": ""}]


def test_many_ids_are_asked_for_in_hundreds() -> None:
    """More than BatchGetRecord takes at once."""
    store = Store()

    found = reader(store).instances([str(number) for number in range(250)])

    assert [len(ids) for ids in store.asked] == [100, 100, 50]
    assert found[249]["income"] == 249.5


def test_what_was_left_unread_is_asked_for_again() -> None:
    """As long as AWS says that it did not get to it; then the caller is told, and gets no half."""
    patient, hopeless = Store(leaves=3), Store(leaves=9)

    assert len(reader(patient).instances([str(number) for number in range(20)])) == 20
    assert [len(ids) for ids in patient.asked] == [20, 3, 2, 1]
    with pytest.raises(FeaturesUnread, match="ids unread 5 times"):
        reader(hopeless).instances([str(number) for number in range(20)])
    with pytest.raises(FeaturesUnread, match="it is on fire"):
        reader(Store(errors=True)).instances(["1"])


def test_unknown_ids_are_all_named() -> None:
    """Nobody gets an answer about somebody else."""
    with pytest.raises(FeaturesMissing, match="no features for nobody") as caught:
        reader(Store()).instances(["1", "nobody", "2"])

    assert caught.value.ids == ("nobody",)
