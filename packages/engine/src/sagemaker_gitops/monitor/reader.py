"""One pass over captures: events in, a tally out. Nothing that a capture holds can make it raise."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import compress
from typing import TypeVar

from msgspec import UNSET

from sagemaker_gitops.monitor.answers import (
    Answer,
    AnswerReader,
    Call,
    CallReader,
    Truth,
    count_groups,
    count_scores,
    labelled_rows,
)
from sagemaker_gitops.monitor.baseline import Baseline
from sagemaker_gitops.monitor.columns import Cell, count_cells, count_column
from sagemaker_gitops.monitor.events import VERIFICATION_PREFIX, Event, Span, blocks, decode_events, decode_named_events
from sagemaker_gitops.monitor.requests import Batch, Requests, Table
from sagemaker_gitops.monitor.tally import Labelled, Tally, added, empty_tally, join_labelled, merged_names
from sagemaker_gitops.monitor.window import Window

T = TypeVar("T")

# Looked for in whole blocks first: most hold no call of a deploy.
_OWN_CALL = VERIFICATION_PREFIX.encode()


class CaptureReader:
    """Counts the captures of a window against the baseline of `release`.

    A release is named by the first eight characters of its fingerprint, as variants are.
    Inputs of all releases count; answers only those of the release that the baseline belongs to.
    """

    def __init__(self, baseline: Baseline, *, window: Window, release: str, truth: Truth | None = None) -> None:
        self._baseline = baseline
        self._tally = empty_tally(baseline)
        self._truth = truth or Truth()
        self._requests = Requests(baseline.contract)
        self._answers = AnswerReader(baseline.contract)
        self._calls = CallReader(baseline, self._truth)
        self._since, self._start, self._end = window.bounds
        self._release = release
        self._labelled: list[dict[str, Labelled]] = []
        self._hours: dict[str, bool] = {}

    def read(self, name: str, chunks: Iterable[bytes], *, variant: str) -> None:
        """Count one capture file; one that breaks off counts as far as it went."""
        reading = self._tally.reading
        reading.files += 1
        try:
            for block in chunks if isinstance(chunks, Span) else blocks(chunks):
                events, corrupt = self._events(block)
                reading.corrupt_lines += corrupt
                self._count(events, variant)
        except OSError as err:
            reading.unreadable_files[name] = f"{type(err).__name__}: {err}"

    def finish(self) -> Tally:
        """Return everything that was counted."""
        self._tally.labelled = join_labelled([self._tally.labelled, *self._labelled])
        self._labelled = []
        self._tally.reading.truth = self._truth.lines
        return self._tally

    def _events(self, block: bytes) -> tuple[Sequence[Event], int]:
        if _OWN_CALL not in block:
            # Only ground truth needs to know which call is which.
            return decode_named_events(block) if self._truth.known else decode_events(block)
        named, corrupt = decode_named_events(block)
        return [event for event in named if not event.eventMetadata.is_own], corrupt

    def _count(self, events: Sequence[Event], variant: str) -> None:
        times = [event.eventMetadata.inferenceTime for event in events]
        first, last = min(times, default=""), max(times, default="")
        # What sorts between two times of one hour is of that hour.
        same = first[:13] == last[:13]
        hours: Sequence[str] = [first[:13]] * len(times) if same else [time[:13] for time in times]
        different = set(hours)
        valid = self._valid(different)
        if len(valid) < len(different) or not self._start <= first <= last < self._end:
            events, hours = self._sorted_out(events, valid, variant)
        if events:
            self._count_current(events, hours, variant)

    def _valid(self, hours: set[str]) -> set[str]:
        for hour in hours - self._hours.keys():
            self._hours[hour] = _is_hour(hour)
        return {hour for hour in hours if self._hours[hour]}

    def _sorted_out(
        self, events: Sequence[Event], valid: set[str], variant: str
    ) -> tuple[Sequence[Event], Sequence[str]]:
        """Count what has no date, judge what is from before the window, and return what lies in it."""
        dated = [event for event in events if event.time[:13] in valid]
        self._tally.reading.corrupt_lines += len(events) - len(dated)
        late = [event for event in dated if self._since <= event.time < self._start]
        if late and self._truth.known:
            batch, answers = self._decode(late)
            self._detail(late, batch, answers, variant)
        current = [event for event in dated if self._start <= event.time < self._end]
        return current, [event.time[:13] for event in current]

    def _decode(self, events: Sequence[Event]) -> tuple[Batch, list[Answer]]:
        batch = self._requests.decode([event.captureData.endpointInput for event in events])
        return batch, self._answers.read([event.captureData.endpointOutput for event in events])

    def _count_current(self, events: Sequence[Event], hours: Sequence[str], variant: str) -> None:
        batch, answers = self._decode(events)
        reading = self._tally.reading
        reading.events += len(events)
        reading.unanswered += [answer.predictions for answer in answers].count([])
        for table in batch.tables:
            self._count_table(table)
        releases = _releases(answers, variant)
        for (hour, release), rows in _added_up(hours, releases, batch.lengths()).items():
            reading.hours[hour] = added(reading.hours.get(hour, {}), {release: rows})
        count_scores(self._own(answers, releases), self._tally.scores, self._baseline)
        if self._truth.known or batch.has_groups:
            calls = self._detail(events, batch, answers, variant)
            count_groups(calls, self._tally.scores, favourable=self._baseline.contract.favourable)

    def _own(self, items: Iterable[T], releases: Sequence[str]) -> list[T]:
        if set(releases) == {self._release}:
            return list(items)
        return list(compress(items, map(self._release.__eq__, releases)))

    def _detail(self, events: Sequence[Event], batch: Batch, answers: Sequence[Answer], variant: str) -> list[Call]:
        """Look at each call of the own release, and keep the answers whose truth is known."""
        every = zip(events, answers, batch.rows(), strict=True)
        calls = [self._calls.read(*one) for one in self._own(every, _releases(answers, variant))]
        if found := labelled_rows(calls, positive=self._baseline.contract.positive):
            self._labelled.append(found)
        return calls

    def _count_table(self, table: Table) -> None:
        reading = self._tally.reading
        reading.rows += sum(table.lengths)
        reading.undecodable += table.undecodable
        reading.extra_columns = merged_names(reading.extra_columns, Counter(table.extra))
        for name, column in (table.columns or {}).items():
            count_column(name, column, self._tally, self._baseline)
        columns: list[tuple[Cell, ...]] = list(zip(*table.rows, strict=True))
        for feature, cells in zip(self._baseline.contract.features, columns, strict=False):
            if not table.complete and (absent := cells.count(UNSET)):
                reading.absent_columns = added(reading.absent_columns, {feature.name: absent})
            count_cells(feature.name, cells, self._tally, self._baseline, textual=table.textual)


def _releases(answers: Iterable[Answer], variant: str) -> list[str]:
    """Name the release that gave each answer: by its fingerprint, or by the variant's name."""
    otherwise = variant.rpartition("-")[2]
    given = [answer.fingerprint for answer in answers]
    names = {fingerprint: (fingerprint or otherwise)[:8] for fingerprint in set(given)}
    if len(names) == 1:
        return list(names.values()) * len(given)
    return [names[fingerprint] for fingerprint in given]


def _added_up(hours: Sequence[str], releases: Sequence[str], amounts: Sequence[int]) -> dict[tuple[str, str], int]:
    if len(set(hours)) == len(set(releases)) == 1:
        return {(hours[0], releases[0]): sum(amounts)}
    # Few of them differ, so the loop is over those.
    sums: dict[tuple[str, str], int] = {}
    for (hour, release, amount), count in Counter(zip(hours, releases, amounts, strict=True)).items():
        sums[hour, release] = sums.get((hour, release), 0) + amount * count
    return sums


def _is_hour(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC)
    except ValueError:
        return False
    return True
