"""The way back when GitHub is down: all traffic to the last known good release, by moving weights alone.

The code of the Lambda function of response.yml. It needs nothing but AWS: it reads the ledger, moves weights
if and only if the former release is on standby, and writes into the ledger what it did or refused.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import ClientError

Document = dict[str, Any]

GENESIS = "0" * 64
_TEXTS = ("strategy", "approver", "run")
_OPENING = ("deploy", "rollback", "repair", "clean")
# The one variant of a fleet under AWS's own guardrails.
_NATIVE = "serving"
# Together less than the function's own timeout, and than the lease.
_POLL_SECONDS, _POLLS, _LEASE_SECONDS = 1, 240, 300


class Refused(Exception):
    """A rule that speaks against moving traffic."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the ledger says; releases and entries as it spells them, ends of rollouts oldest first."""

    serving: Document | None
    previous: Document | None
    opened: Document | None
    ends: Sequence[Document]
    head: Document | None

    @property
    def tries(self) -> bool:
        """Tell whether a candidate is being tried, beside what served before."""
        return self.opened is not None and self.opened["action"] != "rollback"


def handler(event: Document, _context: object) -> Document:
    """Give the traffic back, or say why not. An operator's event may say {"reason": …, "take_over": true}."""
    actor, reason = _told(event)
    place = Place(os.environ, actor=actor)
    # In this order: what a holder who has just let go wrote down is then read.
    owner = place.holder()
    standing = place.standing()
    try:
        alarm = str(event.get("detail", {}).get("alarmName", ""))
        _require_to_serve(standing, alarm.removeprefix(f"{os.environ['ENDPOINT']}-").rpartition("-")[0])
        if owner and event.get("take_over") is not True:
            raise Refused(f"{owner} is changing the endpoint, and watches it")
        return _respond(place, standing, reason)
    except Refused as why:
        place.write(standing, action="refuse", outcome="refused", reason=f"response: {why} ({reason})")
        return {"changed": False, "reason": str(why)}


def _told(event: Document) -> tuple[str, str]:
    """Name who asks, and why."""
    detail = event.get("detail", {})
    if event.get("source") == "pipeline.monitor":
        return "response to the monitor", str(detail.get("reason", ""))
    if event.get("source") == "aws.cloudwatch":
        return f"response to alarm {detail.get('alarmName', '')}", str(detail.get("state", {}).get("reason", ""))
    return "response to an operator", str(event.get("reason") or "no reason was given")


def _require_to_serve(standing: Standing, suspect: str) -> None:
    """Refuse an alarm of a variant that callers do not depend on; without an alarm there is no suspect."""
    serving = standing.opened["release"] if standing.opened and standing.tries else standing.serving
    if suspect and serving and suspect not in (variant(serving), _NATIVE):
        raise Refused(f"{variant(serving)} serves, and the alarm is about another variant")


def _respond(place: "Place", standing: Standing, reason: str) -> Document:
    release = target(standing, place)
    before = place.weights()
    if variant(release) not in before:
        raise Refused(_not_there(release, before))
    fence = place.take_over()
    after = {name: 100.0 if name == variant(release) else 0.0 for name in before}
    if standing.opened and standing.tries:
        place.shift(after)
        line = {name: standing.opened[name] for name in ("action", "release", "strategy")}
        place.write(standing, outcome="rolled_back", reason=reason, **line, **{"from": before, "to": after})
    else:
        place.point(_roll_back(place, standing, release, before, after, reason=reason), fence)
    place.release(fence)
    return {"changed": True, "serves": variant(release), "before": before, "after": after}


def _not_there(release: Document, weights: Mapping[str, float]) -> str:
    cold = "`pipeline rollback` brings up a new fleet"
    if _NATIVE in weights:
        return f"deploy.strategy native keeps no standby, so there are no weights to move: {cold}"
    return f"{variant(release)} is not on standby: {cold}"


def target(standing: Standing, limits: "Limits") -> Document:
    """Choose the last known good release, or refuse by the monitor's rules."""
    if standing.opened and not standing.tries:
        begun: Document = standing.opened["release"]
        return begun
    # While a candidate is being tried, what came before it is the one that serves.
    release = standing.serving if standing.tries else standing.previous
    last = next((end["action"] for end in reversed(standing.ends) if end["outcome"] == "promoted"), "")
    if release is None or (last == "rollback" and not standing.tries):
        raise Refused("there is no earlier release that is known to be good")
    backs = [end for end in standing.ends if end["action"] == "rollback" or end["outcome"] == "rolled_back"]
    times = [datetime.fromisoformat(end["finished"]) for end in backs]
    today = [moment for moment in times if limits.now - moment < timedelta(days=1)]
    if len(today) >= limits.maximum_per_day:
        raise Refused(f"{len(today)} in the last 24 hours; {limits.maximum_per_day} are allowed")
    if times and limits.now - times[-1] < limits.cooldown:
        raise Refused(f"the last one was at {times[-1]:%Y-%m-%d %H:%M}; it cools down")
    return release


def _roll_back(
    place: "Place", standing: Standing, release: Document, before: Document, after: Document, *, reason: str
) -> Document:
    """Open a rollback, move the weights, close it, and return its end: `rollback` continues one that dies between."""
    line = {"action": "rollback", "release": release, "from": before, "strategy": "all_at_once", "reason": reason}
    if standing.opened is None:
        standing = replace(standing, head=place.write(standing, outcome="started", **line))
    place.shift(after)
    place.tag(release)
    return place.write(standing, outcome="promoted", to=after, **line)


def fold(entries: Sequence[Document]) -> Standing:
    """Read the ledger as `pipeline history` does."""
    opened: Document | None = None
    ends: list[Document] = []
    line: list[Document] = []
    serving: Document | None = None
    for entry in entries:
        if entry["action"] not in _OPENING or entry["release"] is None:
            continue
        opened = entry if entry["outcome"] == "started" else None
        if opened:
            continue
        if entry["outcome"] in ("promoted", "rolled_back"):
            ends.append(entry)
        if entry["outcome"] == "promoted":
            serving = entry["release"]
            _follow(line, entry)
    previous = line[-2] if len(line) > 1 else None
    return Standing(serving=serving, previous=previous, opened=opened, ends=ends, head=entries[-1] if entries else None)


def _follow(line: list[Document], entry: Document) -> None:
    """Keep the line of releases, each replaced by the next; a rollback cuts it."""
    models = [release["model"] for release in line]
    model = entry["release"]["model"]
    if entry["action"] == "rollback" and model in models:
        del line[models.index(model) :]
    elif models and models[-1] == model:
        return
    line.append(entry["release"])


def variant(release: Document) -> str:
    """Name the variant of a release."""
    return f"v{release['version']}-{release['fingerprint'][:8]}"


def sealed(entry: Document) -> str:
    """Write an entry as the ledger keeps it: canonical JSON with the hash over everything else."""
    texts = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
    return texts.encode({**entry, "hash": hashlib.sha256(texts.encode(entry).encode()).hexdigest()})


class Limits:
    """How often traffic may be given back, as of now."""

    def __init__(self, environ: Mapping[str, str], *, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)
        self.cooldown = timedelta(minutes=int(environ["COOLDOWN_MINUTES"]))
        self.maximum_per_day = int(environ["MAXIMUM_PER_DAY"])


class Place(Limits):
    """One environment: its endpoint, its ledger and its lease."""

    def __init__(self, environ: Mapping[str, str], *, actor: str) -> None:
        super().__init__(environ)
        self._environment, self._endpoint = environ["ENVIRONMENT"], environ["ENDPOINT"]
        self._table, self._bucket = environ["LEDGER_TABLE"], environ["LEDGER_BUCKET"]
        self._retention = timedelta(days=int(environ["LEDGER_DAYS"]))
        self._lease: Document = {"TableName": environ["LEASE_TABLE"], "Key": {"endpoint": {"S": self._endpoint}}}
        self._actor, self._active, self._fence = actor, environ["ACTIVE_TABLE"], "0"
        self._sagemaker = boto3.client("sagemaker")
        self._dynamodb = boto3.client("dynamodb")
        self._s3 = boto3.client("s3")

    def standing(self) -> Standing:
        """Read the ledger."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="environment = :environment",
            ExpressionAttributeValues={":environment": {"S": self._environment}},
            ConsistentRead=True,
        )
        return fold([json.loads(item["entry"]["S"]) for page in pages for item in page["Items"]])

    def holder(self) -> str:
        """Name who holds the lease, if anybody alive does."""
        item = self._dynamodb.get_item(**self._lease, ConsistentRead=True).get("Item")
        self._fence = item["fence"]["N"] if item and "fence" in item else "0"
        return item["holder"]["S"] if item and float(item["expires"]["N"]) > time.time() else ""

    def take_over(self) -> str:
        """Take the lease, unless somebody took it since it was looked at; return the number that fences others off."""
        expires = {"N": str(int(time.time()) + _LEASE_SECONDS)}
        values = {":owner": {"S": self._actor}, ":expires": expires, ":one": {"N": "1"}, ":seen": {"N": self._fence}}
        try:
            answer = self._dynamodb.update_item(
                **self._lease,
                UpdateExpression="SET holder = :owner, expires = :expires ADD fence :one",
                ConditionExpression="attribute_not_exists(fence) OR fence = :seen",
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
            )
        except ClientError as err:
            if err.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise Refused("somebody else has just begun to change the endpoint") from err
        return str(answer["Attributes"]["fence"]["N"])

    def release(self, fence: str) -> None:
        """Give the lease back."""
        self._dynamodb.update_item(
            **self._lease,
            UpdateExpression="SET expires = :zero",
            ConditionExpression="fence = :fence",
            ExpressionAttributeValues={":zero": {"N": "0"}, ":fence": {"N": fence}},
        )

    def weights(self) -> dict[str, float]:
        """Return the share of traffic of each variant, in percent; an endpoint in motion has none to tell."""
        described = self._sagemaker.describe_endpoint(EndpointName=self._endpoint)
        if described["EndpointStatus"] != "InService":
            raise Refused(f"the endpoint is {described['EndpointStatus']}")
        variants = described["ProductionVariants"]
        total = sum(item["CurrentWeight"] for item in variants) or 1.0
        return {item["VariantName"]: round(100 * item["CurrentWeight"] / total, 3) for item in variants}

    def shift(self, weights: Mapping[str, float]) -> None:
        """Move the weights, and wait until AWS has done so."""
        self._sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=self._endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": name, "DesiredWeight": weights[name]} for name in weights],
        )
        self._sagemaker.get_waiter("endpoint_in_service").wait(
            EndpointName=self._endpoint, WaiterConfig={"Delay": _POLL_SECONDS, "MaxAttempts": _POLLS}
        )
        if (now := self.weights()) != weights:
            raise RuntimeError(f"AWS was asked for {weights}, but the endpoint serves by {now}")

    def tag(self, release: Document) -> None:
        """Write down on the endpoint what it serves."""
        arn = self._sagemaker.describe_endpoint(EndpointName=self._endpoint)["EndpointArn"]
        tags = {"release": variant(release), "fingerprint": release["fingerprint"], "commit": release["commit"]}
        self._sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": key, "Value": tags[key]} for key in tags])

    def point(self, entry: Document, fence: str) -> None:
        """Tell callers what serves; reconcile does it where this fails."""
        release, numbers = entry["release"], {"fence": {"N": fence}, "sequence": {"N": str(entry["sequence"])}}
        told = {"variant": variant(release), "since": entry["finished"]}
        told |= {name: release[name] for name in ("fingerprint", "commit")}
        item = {"endpoint": {"S": self._endpoint}, "version": {"N": str(release["version"])}, **numbers}
        try:
            self._dynamodb.put_item(
                TableName=self._active,
                Item={**item, **{name: {"S": text} for name, text in told.items()}},
                ConditionExpression="attribute_not_exists(fence) OR fence < :fence",
                ExpressionAttributeValues={":fence": {"N": fence}},
            )
        except ClientError as err:
            print(f"callers were not told of {variant(release)}: {err}")  # noqa: T201  Lambda's log

    def write(self, standing: Standing, **line: Any) -> Document:
        """Append an entry to the ledger, copy it under lock, and return it."""
        now = datetime.now(UTC).replace(microsecond=0)
        moment = now.isoformat().replace("+00:00", "Z")
        blank: Document = {"release": None, "from": {}, "to": {}, "step": None, **dict.fromkeys(_TEXTS, "")}
        head = standing.head or {"sequence": 0, "hash": GENESIS}
        entry = {**blank, **line, "environment": self._environment, "sequence": head["sequence"] + 1}
        entry |= {"actor": self._actor, "started": moment, "finished": moment, "previous": head["hash"]}
        text = sealed(entry)
        key = {"environment": {"S": self._environment}, "sequence": {"N": str(entry["sequence"])}}
        self._dynamodb.put_item(
            TableName=self._table,
            Item={**key, "entry": {"S": text}},
            ConditionExpression="attribute_not_exists(entry)",
        )
        self._s3.put_object(
            Bucket=self._bucket,
            Key=f"ledger/{self._environment}/{entry['sequence']:08d}.json",
            Body=text.encode(),
            ContentType="application/json",
            ChecksumAlgorithm="SHA256",
            IfNoneMatch="*",
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=now + self._retention,
        )
        written: Document = json.loads(text)
        return written
