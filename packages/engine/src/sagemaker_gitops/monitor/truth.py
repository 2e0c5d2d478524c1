"""Ground truth in Model Monitor's format: late, out of order, twice, or wrong; the newest word counts.

Source: SageMaker Developer Guide, "Ingest Ground Truth labels and merge them with predictions".
"""

import csv
from collections.abc import Iterable
from typing import Any

import msgspec

from sagemaker_gitops.monitor.contract import Contract
from sagemaker_gitops.monitor.events import UNREADABLE, Payload


class TruthMetadata(msgspec.Struct, gc=False):
    """Which call the truth is about: its inference id, or the event id that AWS gave it."""

    eventId: str  # noqa: N815


class TruthRecord(msgspec.Struct, gc=False):
    """One line of a ground truth file."""

    groundTruthData: Payload  # noqa: N815
    eventMetadata: TruthMetadata  # noqa: N815


class Known(msgspec.Struct, frozen=True, gc=False):
    """The true labels of one call's rows, and the groups that they belong to if told."""

    labels: tuple[bool, ...]
    groups: tuple[str, ...] = ()


class Truth(msgspec.Struct, kw_only=True):
    """What is known by now, by inference id."""

    known: dict[str, Known] = {}
    corrupt_lines: int = 0
    repeated: int = 0
    contradicted: int = 0


_DECODER = msgspec.json.Decoder(TruthRecord)


def read_truth(lines: Iterable[bytes], contract: Contract) -> Truth:
    """Read lines, older files first: a later line about the same call replaces an earlier one."""
    truth = Truth()
    for line in lines:
        try:
            record = _DECODER.decode(line)
            known = _known(record.groundTruthData, contract)
        except (*UNREADABLE, ValueError, KeyError, TypeError):
            truth.corrupt_lines += bool(line.strip())
        else:
            _remember(truth, record.eventMetadata.eventId, known)
    return truth


def _remember(truth: Truth, call: str, known: Known) -> None:
    before = truth.known.get(call)
    if before is not None:
        truth.repeated += 1
        truth.contradicted += before.labels != known.labels
    truth.known[call] = known


def _known(payload: Payload, contract: Contract) -> Known:
    if payload.form != "json":
        labels = [cell for row in csv.reader(payload.text().splitlines(), strict=True) for cell in row]
        return Known(tuple(_is_positive(label, contract) for label in labels))
    value = msgspec.json.decode(payload.text())
    rows: list[Any] = value if isinstance(value, list) else [value]
    labels = [row[contract.target] if isinstance(row, dict) else row for row in rows]
    groups = [row[contract.protected] for row in rows if isinstance(row, dict) and contract.protected in row]
    return Known(
        tuple(_is_positive(label, contract) for label in labels),
        tuple(map(str, groups)) if len(groups) == len(rows) else (),
    )


def _is_positive(label: object, contract: Contract) -> bool:
    match str(label).strip():
        case contract.positive | "1":
            return True
        case contract.negative | "0":
            return False
        case other:
            raise ValueError(f"{other!r} is neither {contract.positive!r} nor {contract.negative!r}")
