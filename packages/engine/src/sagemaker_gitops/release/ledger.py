"""The ledger's entries: every change of what serves, in a chain in which a missing or altered entry shows."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sagemaker_gitops.aws.ledger import Copy, Ledger, Record
from sagemaker_gitops.errors import LedgerBroken

GENESIS = "0" * 64

EntryAction = Literal["deploy", "rollback", "repair", "step", "abort", "refuse", "clean", "drill", "monitor"]
# The monitor moves nothing itself: it decides, or withholds what its policy names.
Outcome = Literal["started", "succeeded", "promoted", "rolled_back", "failed", "refused", "decided", "withheld"]


class Release(BaseModel):
    """One registered model in one serving image, with all that an auditor asks of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    version: int
    fingerprint: str
    commit: str
    data_version: str
    package: str
    image: str
    model_data: str
    model_sha256: str
    # The name of the SageMaker Model resource; it tells which release a variant serves.
    model: str
    metrics: Mapping[str, str] = {}
    approval: str = ""

    @property
    def variant(self) -> str:
        """The name of this release's variant."""
        return f"v{self.version}-{self.fingerprint[:8]}"

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the endpoint that this release serves."""
        return {"release": self.variant, "fingerprint": self.fingerprint, "commit": self.commit}

    def same_as(self, other: "Release | None") -> bool:
        """Tell whether both serve the same bytes."""
        return other is not None and self.model == other.model


class Entry(BaseModel):
    """One entry of the ledger. Traffic is in percent by variant; times are UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: str
    sequence: int = Field(ge=1)
    action: EntryAction
    outcome: Outcome
    release: Release | None = None
    before: Mapping[str, float] = Field(default={}, alias="from", serialization_alias="from")
    after: Mapping[str, float] = Field(default={}, alias="to", serialization_alias="to")
    step: int | None = None
    strategy: str = ""
    actor: str
    approver: str = ""
    run: str = ""
    reason: str = ""
    started: datetime
    finished: datetime
    previous: str
    hash: str = ""

    def sealed(self) -> "Entry":
        """Return the entry with the hash over everything else in it."""
        return self.model_copy(update={"hash": self.digest()})

    def digest(self) -> str:
        """Hash the entry's content, the hash of its predecessor included."""
        return hashlib.sha256(self.text(exclude={"hash"}).encode()).hexdigest()

    def text(self, exclude: set[str] | None = None) -> str:
        """Write the entry as canonical JSON: sorted keys, no spaces."""
        content = self.model_dump(mode="json", by_alias=True, exclude=exclude)
        return json.dumps(content, sort_keys=True, separators=(",", ":"))


def parse(text: str) -> Entry:
    """Read a stored entry; ValueError says why it is none."""
    try:
        return Entry.model_validate_json(text)
    except ValidationError as err:
        raise ValueError(f"not a ledger entry: {err.error_count()} fields are wrong") from err


def read(ledger: Ledger) -> list[Entry]:
    """Read the whole ledger; LedgerBroken when an entry cannot be read."""
    entries: list[Entry] = []
    for record in ledger.records():
        try:
            entries.append(parse(record.text))
        except ValueError as err:
            raise LedgerBroken(
                f"entry {record.sequence}: {err}",
                where="the ledger's table",
                next_step="run `pipeline verify-ledger`; release nothing before it is understood",
            ) from err
    return entries


def verify(environment: str, records: Sequence[Record], copies: Iterable[Copy]) -> list[str]:
    """List everything that shows alteration, removal, insertion or reordering; empty means intact."""
    return [*_verify_chain(environment, records), *_verify_copies(records, copies)]


def _verify_chain(environment: str, records: Sequence[Record]) -> list[str]:
    problems: list[str] = []
    previous = GENESIS
    for expected, record in enumerate(records, start=1):
        if record.sequence != expected:
            problems.append(f"entry {expected} is missing: entry {record.sequence} stands in its place")
            return problems
        try:
            entry = parse(record.text)
        except ValueError as err:
            problems.append(f"entry {expected}: {err}")
            return problems
        problems += _verify_entry(entry, environment, sequence=expected, previous=previous)
        previous = entry.hash
    return problems


def _verify_entry(entry: Entry, environment: str, *, sequence: int, previous: str) -> list[str]:
    problems = []
    if (entry.environment, entry.sequence) != (environment, sequence):
        problems.append(f"entry {sequence} says that it is {entry.environment} {entry.sequence}: it was moved")
    if entry.hash != entry.digest():
        problems.append(f"entry {sequence} was altered: its content does not give its hash")
    if entry.previous != previous:
        problems.append(f"entry {sequence} does not follow entry {sequence - 1}: the chain is broken here")
    return problems


def _verify_copies(records: Sequence[Record], copies: Iterable[Copy]) -> list[str]:
    by_sequence = {copy.sequence: copy for copy in copies}
    texts = {record.sequence: record.text for record in records}
    gone = sorted(by_sequence.keys() - texts)
    problems = [f"entry {sequence} has a locked copy but is gone from the table" for sequence in gone]
    for sequence, text in texts.items():
        copy = by_sequence.get(sequence)
        if copy is not None:
            problems += _verify_copy(copy, text)
        elif sequence != len(records):
            # The newest may lack its copy: its writer died, and the next one will make up for it.
            problems.append(f"entry {sequence} has no locked copy")
    return problems


def _verify_copy(copy: Copy, text: str) -> list[str]:
    problems = []
    if copy.deleted:
        problems.append(f"entry {copy.sequence}: somebody put a delete marker over the locked copy")
    if copy.versions > 1:
        problems.append(f"entry {copy.sequence}: the locked copy was overwritten {copy.versions - 1} times")
    if not copy.locked:
        problems.append(f"entry {copy.sequence}: the copy is not under a COMPLIANCE lock")
    if copy.text != text:
        problems.append(f"entry {copy.sequence}: table and locked copy differ")
    return problems
