"""What a caller remembers of the release that serves: for how long, and who reads it anew."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sagemaker_gitops.client.resolver import Freshness, Resolver, Unresolved


class Clock:
    """Time that a test lets pass."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Read the clock."""
        return self.now


class Table:
    """DynamoDB with one item; it can be slow, and out of order."""

    def __init__(self) -> None:
        self.version, self.fence = 1, 1
        self.reads: list[Mapping[str, Any]] = []
        self.failure: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def get_item(self, **request: Any) -> Mapping[str, Any]:
        """Answer as boto3 does."""
        self.reads.append(request)
        self.gate.wait(5)
        if self.failure:
            raise self.failure
        if not self.version:
            return {}
        texts = {"variant": f"v{self.version}-abc", "fingerprint": "abc", "commit": "c0ffee", "since": "2026-01-01"}
        numbers = {"version": self.version, "fence": self.fence, "sequence": 7}
        return {
            "Item": {key: {"S": text} for key, text in texts.items()}
            | {key: {"N": str(number)} for key, number in numbers.items()}
        }


@pytest.fixture
def table() -> Table:
    """Version 1 serves."""
    return Table()


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


def resolver(table: Table, clock: Clock, **freshness: Any) -> Resolver:
    """Resolve on a table, for five seconds unless a test says otherwise."""
    return Resolver(table, table="t", endpoint="e", freshness=Freshness(**freshness), clock=clock)


def test_answer_counts_for_its_time_and_not_longer(table: Table, clock: Clock) -> None:
    """A rollback is not seen within the time to live, and seen at its end."""
    callers = resolver(table, clock)
    assert callers.active().version == 1
    table.version, table.fence = 2, 2

    clock.now += 4.999
    before = callers.active().version
    clock.now += 0.001

    assert (before, callers.active().version, len(table.reads)) == (1, 2, 2)


def test_time_to_live_begins_before_the_read(clock: Clock) -> None:
    """A slow answer is as old as its question, so that nobody learns later than promised."""

    class Slow(Table):
        def get_item(self, **request: Any) -> Mapping[str, Any]:
            answer = super().get_item(**request)
            clock.now += 3
            return answer

    table = Slow()
    callers = resolver(table, clock)
    callers.active()

    clock.now += 2
    callers.active()

    assert len(table.reads) == 2


def test_one_thread_reads_for_all(table: Table, clock: Clock) -> None:
    """Of 32 threads that find an expired answer one asks; all get what it is told."""
    callers = resolver(table, clock)
    callers.active()
    table.version, table.fence = 2, 2
    clock.now += 60
    table.gate.clear()

    with ThreadPoolExecutor(32) as pool:
        asked = [pool.submit(callers.active) for _ in range(32)]
        table.gate.set()
        versions = {answer.result().version for answer in asked}

    assert versions == {2}
    assert len(table.reads) == 2


def test_last_answer_stands_in_while_nobody_answers(table: Table, clock: Clock) -> None:
    """An outage of the table stops no caller, is asked about once a second, and has an end."""
    callers = resolver(table, clock, stale_seconds=60)
    callers.active()
    table.failure = ConnectionError("no route")
    clock.now += 5

    assert [callers.active().version for _ in range(10)] == [1] * 10
    assert len(table.reads) == 2
    clock.now += 60
    with pytest.raises(Unresolved, match="no route"):
        callers.active()


def test_first_question_needs_an_answer(table: Table, clock: Clock) -> None:
    """Where nothing was released, or nothing answers, there is nothing to stand in."""
    table.version = 0

    with pytest.raises(Unresolved, match="nothing was released yet"):
        resolver(table, clock).active()


def test_late_read_does_not_turn_time_back(table: Table, clock: Clock) -> None:
    """An eventually consistent read of an older holder's item is not believed."""
    table.version, table.fence = 2, 2
    callers = resolver(table, clock, consistent=False)
    callers.active()
    table.version, table.fence = 1, 1

    clock.now += 5

    assert callers.active().version == 2
    assert [request["ConsistentRead"] for request in table.reads] == [False, False]
