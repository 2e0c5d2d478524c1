"""One pass over captures: events in, a tally out. Nothing that a capture holds can make it raise."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec import UNSET

from pipeline.drift.answers import Call, CallReader, count_scores, labelled_rows
from pipeline.drift.baseline import Baseline
from pipeline.drift.cells import to_categories, to_numbers
from pipeline.drift.events import Event, blocks, decode_events
from pipeline.drift.labelled import Labelled, join_labelled
from pipeline.drift.payloads import Cell, Requests, Table
from pipeline.drift.tally import Tally, added, empty_tally, merged_names
from pipeline.drift.truth import Truth


@dataclass(frozen=True, kw_only=True)
class Window:
    """From when, to when; and since when answers may still be judged by late ground truth."""

    start: datetime
    end: datetime
    labels_since: datetime

    @property
    def bounds(self) -> tuple[str, str, str]:
        """`labels_since`, `start` and `end` as captures write time."""
        moments = (self.labels_since, self.start, self.end)
        since, start, end = (moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") for moment in moments)
        return since, start, end


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
            for block in blocks(chunks):
                events, corrupt = decode_events(block)
                reading.corrupt_lines += corrupt
                self._count(events, variant)
        except OSError as err:
            reading.unreadable_files[name] = f"{type(err).__name__}: {err}"

    def finish(self) -> Tally:
        """Return everything that was counted."""
        self._tally.labelled = join_labelled([self._tally.labelled, *self._labelled])
        self._labelled = []
        return self._tally

    def _count(self, events: Sequence[Event], variant: str) -> None:
        dated = [event for event in events if self._is_dated(event)]
        self._tally.reading.corrupt_lines += len(events) - len(dated)
        current = [event for event in dated if self._start <= event.time < self._end]
        late = [event for event in dated if self._since <= event.time < self._start]
        if late and self._truth.known:
            self._label(self._decode(late, variant)[0])
        if current:
            self._count_current(current, variant)

    def _is_dated(self, event: Event) -> bool:
        hour = event.time[:13]
        if hour not in self._hours:
            self._hours[hour] = _is_hour(hour)
        return self._hours[hour]

    def _count_current(self, events: Sequence[Event], variant: str) -> None:
        calls, tables = self._decode(events, variant)
        reading = self._tally.reading
        reading.events += len(events)
        reading.unanswered += sum(not call.predictions for call in calls)
        for table in tables:
            self._count_table(table)
        served = Counter[tuple[str, str]]()
        for call in calls:
            served[call.hour, call.release] += call.rows
        for (hour, release), rows in served.items():
            reading.hours[hour] = added(reading.hours.get(hour, {}), {release: rows})
        count_scores(self._own(calls), self._tally.scores, self._baseline)
        self._label(calls)

    def _own(self, calls: Sequence[Call]) -> list[Call]:
        return [call for call in calls if call.release == self._release]

    def _label(self, calls: Sequence[Call]) -> None:
        if found := labelled_rows(self._own(calls), positive=self._baseline.contract.positive):
            self._labelled.append(found)

    def _decode(self, events: Sequence[Event], variant: str) -> tuple[list[Call], tuple[Table, Table]]:
        """Decode requests in bulk, then pair every event with its own rows."""
        payloads = [event.captureData.endpointInput for event in events]
        as_json = self._requests.json_table([p for p in payloads if p is not None and p.is_json])
        as_csv = self._requests.csv_table([p for p in payloads if p is not None and not p.is_json])
        pieces = {True: as_json.by_request(), False: as_csv.by_request()}
        calls = []
        for event, payload in zip(events, payloads, strict=True):
            rows = next(pieces[payload.is_json]) if payload else ()
            calls.append(self._calls.read(event, rows, variant=variant))
        return calls, (as_json, as_csv)

    def _count_table(self, table: Table) -> None:
        reading = self._tally.reading
        reading.rows += len(table.rows)
        reading.undecodable += table.undecodable
        reading.extra_columns = merged_names(reading.extra_columns, Counter(table.extra))
        columns: list[tuple[Cell, ...]] = list(zip(*table.rows, strict=True))
        for feature, cells in zip(self._baseline.contract.features, columns, strict=False):
            if not table.complete and (absent := cells.count(UNSET)):
                reading.absent_columns = added(reading.absent_columns, {feature.name: absent})
            self._count_cells(feature.name, cells, textual=table.textual)

    def _count_cells(self, name: str, cells: Sequence[Cell], *, textual: bool) -> None:
        if number := self._tally.numbers.get(name):
            values, invalid = to_numbers(cells, textual=textual)
            number.add(values, self._baseline.numbers[name])
            number.invalid += invalid
        else:
            category = self._tally.categories[name]
            found, missing, invalid = to_categories(cells)
            category.add(found, self._baseline.categories[name])
            category.missing += missing
            category.invalid += invalid


def _is_hour(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC)
    except ValueError:
        return False
    return True
