"""The ledger and the lease on DynamoDB and S3 as moto has them: conditions, transactions, Object Lock."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
import botocore.exceptions
import pytest
from moto import mock_aws
from sagemaker_gitops.aws.lease import Held, Lease
from sagemaker_gitops.aws.ledger import Copy, Ledger, Record
from sagemaker_gitops.aws.pointers import Active, Pointers
from sagemaker_gitops.client.resolver import Active as Resolved
from sagemaker_gitops.client.resolver import Resolver
from sagemaker_gitops.errors import LeaseLost, LedgerConflict
from sagemaker_gitops.release.ledger import verify
from sagemaker_gitops.release.writer import Author, LedgerWriter, NewEntry
from tests.engine.release.fake_endpoint import FakeClock
from tests.engine.release.rig import release

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

ENDPOINT = "loans-prod"
BUCKET = "loans-ledger"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put moto in the place of AWS."""
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


@pytest.fixture
def dynamodb(aws: None, monkeypatch: pytest.MonkeyPatch) -> "DynamoDBClient":
    """Make the three tables as infra/lib/delivery.yml does."""
    client = boto3.client("dynamodb", region_name="eu-west-1")
    client.create_table(
        TableName="ledger",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "environment", "AttributeType": "S"},
            {"AttributeName": "sequence", "AttributeType": "N"},
        ],
        KeySchema=[
            {"AttributeName": "environment", "KeyType": "HASH"},
            {"AttributeName": "sequence", "KeyType": "RANGE"},
        ],
    )
    client.create_table(
        TableName="lease",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "endpoint", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "endpoint", "KeyType": "HASH"}],
    )
    client.create_table(
        TableName="active",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "endpoint", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "endpoint", "KeyType": "HASH"}],
    )
    _one_at_a_time(client, monkeypatch)
    return client


def _one_at_a_time(client: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each call done before the next: moto looks at a condition and writes in two steps, DynamoDB in one."""
    lock, call = threading.Lock(), client._make_api_call  # type: ignore[attr-defined]

    def alone(operation: str, request: dict[str, object]) -> object:
        with lock:
            return call(operation, request)

    monkeypatch.setattr(client, "_make_api_call", alone)


@pytest.fixture
def s3(aws: None) -> "S3Client":
    """Make the bucket as infra/lib/storage.yml does."""
    client = boto3.client("s3", region_name="eu-west-1")
    client.create_bucket(
        Bucket=BUCKET,
        ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
    )
    return client


@pytest.fixture
def ledger(dynamodb: "DynamoDBClient", s3: "S3Client") -> Ledger:
    """Open the ledger of prod."""
    return Ledger(dynamodb, s3, environment="prod", table="ledger", bucket=BUCKET, lease_table="lease")


@pytest.fixture
def lease(dynamodb: "DynamoDBClient") -> Lease:
    """Open the leases."""
    return Lease(dynamodb, table="lease")


def filled(ledger: Ledger, lease: Lease, entries: int = 3) -> None:
    """Write some entries under the lease."""
    write(ledger, lease.acquire(ENDPOINT, "tester", now=0, seconds=60), entries)


def write(ledger: Ledger, held: Held | None, entries: int) -> None:
    """Write some entries; without a lease they are notes."""
    clock = FakeClock()
    clock.moment = datetime.now(UTC)
    journal = LedgerWriter(
        ledger, clock, environment="prod", author=Author(actor="tester"), lease=held, retention_days=1
    )
    for number in range(entries):
        journal.write(NewEntry(action="drill", outcome="succeeded", release=release(1), reason=f"number {number}"))


def problems(ledger: Ledger) -> list[str]:
    """Verify the ledger as `verify-ledger` does."""
    records = [Record(sequence=item.sequence, text=item.text) for item in ledger.records()]
    copies = [Copy(**vars(item)) for item in ledger.copies()]
    return verify("prod", records, copies)


def test_lease_has_one_winner_of_many(lease: Lease) -> None:
    """Of sixteen that want it at the same moment one gets it."""
    with ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda n: lease.acquire(ENDPOINT, f"owner {n}", now=100, seconds=60), range(16)))

    assert sum(item is not None for item in got) == 1


def test_lease_is_taken_when_expired_and_its_number_grows(lease: Lease) -> None:
    """Expiry frees it, and the new holder's number fences the old one off."""
    first = lease.acquire(ENDPOINT, "first", now=100, seconds=60)
    assert first is not None
    assert lease.acquire(ENDPOINT, "second", now=159, seconds=60) is None

    second = lease.acquire(ENDPOINT, "second", now=161, seconds=60)

    assert second is not None
    assert second.token == first.token + 1
    with pytest.raises(LeaseLost, match="second took this endpoint over"):
        lease.renew(ENDPOINT, first.token, now=162, seconds=60)


def test_takeover_asks_nobody(lease: Lease) -> None:
    """A rollback takes a lease that is alive."""
    first = lease.acquire(ENDPOINT, "deploy", now=100, seconds=60)
    assert first is not None

    second = lease.take_over(ENDPOINT, "rollback", now=101, seconds=60)

    assert (second.owner, second.token) == ("rollback", first.token + 1)
    lease.release(ENDPOINT, first.token)
    assert lease.acquire(ENDPOINT, "deploy", now=102, seconds=60) is None


def test_returned_lease_is_free(lease: Lease) -> None:
    """Whoever is done does not make others wait."""
    first = lease.acquire(ENDPOINT, "first", now=100, seconds=60)
    assert first is not None

    lease.release(ENDPOINT, first.token)

    assert lease.acquire(ENDPOINT, "second", now=101, seconds=60) is not None


def test_entry_is_not_written_under_a_lost_lease(ledger: Ledger, lease: Lease) -> None:
    """The lease is checked in the same transaction that writes: a late writer writes nothing."""
    held = lease.acquire(ENDPOINT, "deploy", now=100, seconds=60)
    lease.take_over(ENDPOINT, "rollback", now=101, seconds=60)

    with pytest.raises(LeaseLost):
        ledger.append(1, "{}", fence=held)

    assert ledger.records() == []


def test_entry_never_replaces_another(ledger: Ledger, lease: Lease) -> None:
    """A place in the ledger is taken once and for ever."""
    filled(ledger, lease, 1)
    held = lease.holder(ENDPOINT)

    with pytest.raises(LedgerConflict, match="entry 1"):
        ledger.append(1, "{}", fence=held)


def test_concurrent_notes_leave_no_gap(ledger: Ledger) -> None:
    """Several writers without a lease share the ledger, entry after entry."""
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: write(ledger, None, 2), range(3)))

    assert [item.sequence for item in ledger.records()] == [1, 2, 3, 4, 5, 6]
    assert problems(ledger) == []


def test_copy_is_locked_against_everybody(ledger: Ledger, lease: Lease, s3: "S3Client") -> None:
    """A locked copy can neither be deleted nor shortened in its retention, and trying leaves a trace."""
    filled(ledger, lease)
    key = "ledger/prod/00000002.json"
    version = s3.list_object_versions(Bucket=BUCKET, Prefix=key)["Versions"][0]["VersionId"]

    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=BUCKET, Key=key, VersionId=version, BypassGovernanceRetention=True)
    s3.delete_object(Bucket=BUCKET, Key=key)

    assert problems(ledger) == ["entry 2: somebody put a delete marker over the locked copy"]


def test_overwritten_copy_is_found_and_the_first_one_counts(ledger: Ledger, lease: Lease, s3: "S3Client") -> None:
    """A new version over a locked copy changes nothing but that it is seen."""
    filled(ledger, lease)

    s3.put_object(Bucket=BUCKET, Key="ledger/prod/00000001.json", Body=b"{}")

    assert problems(ledger) == ["entry 1: the locked copy was overwritten 1 times"]


def test_altered_table_is_found(ledger: Ledger, lease: Lease, dynamodb: "DynamoDBClient") -> None:
    """Whoever can write the table cannot hide that they did."""
    filled(ledger, lease)
    record = ledger.records()[1]

    dynamodb.put_item(
        TableName="ledger",
        Item={
            "environment": {"S": "prod"},
            "sequence": {"N": "2"},
            "entry": {"S": record.text.replace("number 1", "number 9")},
        },
    )

    assert problems(ledger) == [
        "entry 2 was altered: its content does not give its hash",
        "entry 2: table and locked copy differ",
    ]


def test_missing_newest_copy_is_made_up_for(ledger: Ledger, lease: Lease) -> None:
    """A writer that died between table and bucket is completed by the next one."""
    filled(ledger, lease, 1)
    entry = ledger.records()[0].text
    ledger.append(2, entry, fence=None)
    assert [item.sequence for item in ledger.copies()] == [1]

    ledger.lock(2, entry, until=datetime.now(UTC) + timedelta(days=1))
    ledger.lock(2, "something else", until=datetime.now(UTC) + timedelta(days=1))

    assert [item.text for item in ledger.copies()] == [entry, entry]


def active(version: int, sequence: int) -> Active:
    """Say that a version serves since an entry of the ledger."""
    item = release(version)
    return Active(
        version=version,
        variant=item.variant,
        fingerprint=item.fingerprint,
        commit=item.commit,
        sequence=sequence,
        since=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(("fence", "sequence", "wins"), [(3, 9, False), (4, 9, False), (4, 10, True), (5, 1, True)])
def test_pointer_only_moves_forward(dynamodb: "DynamoDBClient", fence: int, sequence: int, *, wins: bool) -> None:
    """An older lease loses, and so does an older entry of the same lease; its own once more changes nothing."""
    pointers = Pointers(dynamodb, table="active")
    assert pointers.publish(ENDPOINT, active(2, 10), fence=4)

    written = pointers.publish(ENDPOINT, active(1, sequence), fence=fence)

    pointed = pointers.read(ENDPOINT)
    assert pointed is not None
    assert (written, pointed.variant) == (wins, release(1 if wins else 2).variant)


def test_of_racing_writers_the_latest_lease_is_what_remains(dynamodb: "DynamoDBClient") -> None:
    """Sixteen holders, one after the other, whose writes arrive at the same moment in any order."""
    pointers = Pointers(dynamodb, table="active")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: pointers.publish(ENDPOINT, active(n % 9 + 1, n), fence=n), range(1, 17)))

    pointed = pointers.read(ENDPOINT)
    assert pointed is not None
    assert (pointed.fence, pointed.variant) == (16, release(16 % 9 + 1).variant)


def test_callers_read_what_releases_write(dynamodb: "DynamoDBClient") -> None:
    """The resolver that applications copy understands the item to the last member."""
    Pointers(dynamodb, table="active").publish(ENDPOINT, active(2, 10), fence=4)

    resolved = Resolver(dynamodb, table="active", endpoint=ENDPOINT).active()

    assert resolved == Resolved(
        version=2,
        variant=release(2).variant,
        fingerprint=release(2).fingerprint,
        commit=release(2).commit,
        since="2026-01-01T00:00:00Z",
        fence=4,
        sequence=10,
    )
