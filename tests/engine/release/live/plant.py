"""A project on an embedded AWS of its own, with releases that behave well or badly, and callers."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from sagemaker_gitops.local.demo.traffic import Answer, Traffic, real_rows

QUICK = {
    "PIPELINE__AWS__POLL_SECONDS": "0.1",
    "PIPELINE__DEPLOY__BAKE_SECONDS": "2",
    "PIPELINE__DEPLOY__CHECK_SECONDS": "0.25",
    "PIPELINE__DEPLOY__MINIMUM_REQUESTS": "15",
    "PIPELINE__DEPLOY__TRAFFIC_WAIT_SECONDS": "20",
    "PIPELINE__DEPLOY__LEASE_SECONDS": "3",
    "PIPELINE__SERVING__SLA__P50_MS": "400",
    "PIPELINE__SERVING__SLA__P95_MS": "800",
}
ENDPOINT, GROUP, BUCKET = "loan-approval-prod", "loan-approval", "loan-approval-artifacts-111111111111"
IMAGE = "111111111111.dkr.ecr.eu-west-1.amazonaws.com/loan-approval-inference:0123456789abcdef"
HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one command answered."""

    exit_code: int
    document: Mapping[str, Any]
    stderr: str

    @property
    def outputs(self) -> Mapping[str, str]:
        """What a later job would be handed."""
        outputs: Mapping[str, str] = self.document["outputs"]
        return outputs

    @property
    def error(self) -> str:
        """What went wrong."""
        return json.dumps(self.document.get("error", {}))


@dataclass(frozen=True, kw_only=True)
class Plant:
    """A checkout, and the AWS that it runs on."""

    root: Path
    environ: Mapping[str, str]
    versions: dict[str, int] = field(default_factory=dict)

    def start(self, *words: str, **variables: str) -> "subprocess.Popen[str]":
        """Start `pipeline <words>`."""
        return self.spawn([sys.executable, "-m", "sagemaker_gitops", "--json", *words], **variables)

    def spawn(self, command: list[str], **variables: str) -> "subprocess.Popen[str]":
        """Start a command with the variables that point at this AWS."""
        surroundings = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PIPELINE__", "GITHUB_"))}
        return subprocess.Popen(
            command,
            cwd=self.root,
            env={**surroundings, **self.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, **variables: str) -> Told:
        """Run `pipeline <words>` to its end."""
        return finished(self.start(*words, **variables))

    def deploy(self, name: str, strategy: str = "canary", **variables: str) -> Told:
        """Deploy a release by the name that its behaviour was given."""
        return self.run(*self.deploy_words(name), PIPELINE__DEPLOY__STRATEGY=strategy, **variables)

    def deploy_words(self, name: str) -> tuple[str, ...]:
        """Say how to deploy a release."""
        return ("deploy", "--env", "prod", "--version", str(self.versions[name]), "--reason", name)

    def client(self, service: str) -> Any:
        """Look at the AWS from outside."""
        session = boto3.Session("local", "local", region_name="eu-west-1")
        where = self.environ["AWS_ENDPOINT_URL"]
        # A caller that retried would hide a lost request.
        once = Config(retries={"total_max_attempts": 1}, max_pool_connections=20)
        return session.client(service, endpoint_url=where, config=once)  # type: ignore[call-overload]

    def register(self, name: str, **behaviour: object) -> None:
        """Enter a release that behaves as told into the registry, approved."""
        content = {"model.json": json.dumps(behaviour | {"name": name}).encode(), "schema.json": self._schema()}
        archive = _archive(content)
        key = f"models/{name}.tar.gz"
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=archive)
        fingerprint = hashlib.sha256(name.encode()).hexdigest()
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/{key}", "Environment": {}}
        answer = self.client("sagemaker").create_model_package(
            ModelPackageGroupName=GROUP,
            ModelApprovalStatus="Approved",
            CustomerMetadataProperties={
                "fingerprint": fingerprint,
                "commit": fingerprint[:40],
                "data_version": "d" * 64,
                "model_sha256": hashlib.sha256(archive).hexdigest(),
                "gates": "passed",
            },
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["application/json"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )
        self.versions[name] = int(answer["ModelPackageArn"].rsplit("/", 1)[1])

    def weights(self) -> dict[str, float]:
        """Look at the endpoint's traffic from outside."""
        seen = self.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
        return {item["VariantName"]: item["CurrentWeight"] for item in seen["ProductionVariants"]}

    def entries(self) -> list[dict[str, Any]]:
        """Read the ledger, oldest first."""
        told = self.run("history", "--env", "prod", "--limit", "100000")
        entries: list[dict[str, Any]] = json.loads(told.outputs["entries"])
        return entries[::-1]

    @contextmanager
    def callers(self, clients: int = 3, pause: float = 0.01) -> Iterator["Callers"]:
        """Keep the endpoint busy meanwhile."""
        client, rows = self.client("sagemaker-runtime"), real_rows(self.root, 300)
        with Traffic(client, ENDPOINT, rows, clients=clients, pause=pause) as traffic:
            traffic.start()
            began = time.time()
            traffic.wait_for(20)
            assert traffic.answers, "the endpoint answers nobody"
            yield Callers(traffic=traffic, began=began)
            traffic.wait_for(20)

    def _schema(self) -> bytes:
        return (self.root / "model/config/schema.json").read_bytes()


@dataclass(frozen=True, kw_only=True)
class Callers:
    """Those who call the endpoint, and what they were answered."""

    traffic: Traffic
    began: float

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Every answer so far."""
        return self.traffic.answers

    @property
    def newest(self) -> Answer:
        """The answer to the request that was sent last; a slow one may arrive after it."""
        return max(self.answers, key=lambda answer: answer.moment)

    def between(self, start: float, end: float) -> list[Answer]:
        """Every answer to a request that was sent between two moments, in seconds since the epoch."""
        return [answer for answer in self.answers if start <= self.began + answer.moment <= end]

    def lost(self) -> list[str]:
        """List what was said to those who got no prediction."""
        return [answer.error for answer in self.answers if answer.lost]


def finished(process: "subprocess.Popen[str]") -> Told:
    """Wait for a command."""
    # Half of all calls throttled means minutes of backing off.
    stdout, stderr = process.communicate(timeout=600)
    lines = stdout.splitlines()
    return Told(exit_code=process.returncode, document=json.loads(lines[-1]) if lines else {}, stderr=stderr)


def _archive(content: Mapping[str, bytes]) -> bytes:
    files = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, data in {**content, "manifest.json": json.dumps({"files": files}).encode()}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()
