"""Rows of the data set as records of a feature group. A missing value is left out, as the store wants it."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from sagemaker_gitops_modelkit.cells import read_number

from sagemaker_gitops.errors import DataInvalid
from sagemaker_gitops.project.features import Definition

Record = Mapping[str, str]


def rows(files: Iterable[Path], definition: Definition) -> Iterator[dict[str, str]]:
    """Read the rows of CSV files, one after the other, as training reads them; what is missing is left out."""
    for path in files:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True, skipinitialspace=True)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            for row in reader:
                found = {name: definition.meaning(name, text) for name, text in row.items() if isinstance(text, str)}
                yield {name: text for name, text in found.items() if text is not None}


def records(data: Iterable[Mapping[str, str]], definition: Definition, *, moment: datetime) -> list[Record]:
    """Turn rows into records; `moment` is the time of rows that tell none."""
    found: dict[tuple[str, str], Record] = {}
    for number, row in enumerate(data, start=1):
        record = _record(row, definition, moment=moment, number=number)
        key = (record[definition.id], record[definition.event_time])
        if key in found:
            raise _wrong(f"{definition.id} {key[0]!r} has two rows of the same time {key[1]}", number)
        found[key] = record
    return list(found.values())


def _record(row: Mapping[str, str], definition: Definition, *, moment: datetime, number: int) -> Record:
    if definition.id not in row:
        raise _wrong(f"{definition.id} is missing", number)
    if definition.timed and definition.event_time not in row:
        raise _wrong(f"{definition.event_time} is missing", number)
    time = parse_time(row[definition.event_time], row=number) if definition.timed else moment
    texts = {name: row[name] for name in definition.features if name in row}
    numbers = {name: _number(texts[name], name, number) for name in texts if definition.features[name] != "String"}
    return {definition.id: row[definition.id], definition.event_time: format_time(time), **texts, **numbers}


def _number(text: str, name: str, row: int) -> str:
    try:
        value = read_number(text)
    except ValueError as err:
        raise _wrong(f"{name} is not a finite number, but {text!r}", row) from err
    # The shortest text of exactly this double, whatever the file wrote.
    return repr(value)


def parse_time(text: str, *, row: int = 0) -> datetime:
    """Read an ISO-8601 time; one without an offset is UTC."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as err:
        raise _wrong(f"{text!r} is no ISO-8601 time such as 2026-01-31T12:00:00Z", row) from err
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


def format_time(time: datetime) -> str:
    """Write a time as Feature Store takes it: yyyy-MM-dd'T'HH:mm:ssZ, with milliseconds where there are some."""
    text = time.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    return f"{text.removesuffix('.000')}Z"


def _wrong(what: str, row: int) -> DataInvalid:
    return DataInvalid(
        what,
        where=f"data row {row}" if row else "a time",
        next_step="correct it, or model/config/schema.json; `pipeline schema` checks the whole data set",
    )
