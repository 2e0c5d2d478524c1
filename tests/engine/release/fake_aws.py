"""What a stage touches of AWS, in memory: a registry, an endpoint that takes time, a ledger, alarms and scaling."""

import hashlib
import io
import json
import tarfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from sagemaker_gitops.aws.captures import Captures, Event
from sagemaker_gitops.aws.cloudwatch import Alarms, Dashboards, Metrics, Traffic
from sagemaker_gitops.aws.endpoints import Container, Models
from sagemaker_gitops.aws.registry import APPROVED, RegisteredModel, Registry, Status
from sagemaker_gitops.aws.scaling import Scale, Scaling
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.aws.storage import Storage
from sagemaker_gitops.project.config import Project, read_environment
from sagemaker_gitops.project.environments import Environment
from sagemaker_gitops.project.settings import Settings
from tests.engine.conftest import PROJECT
from tests.engine.release.fake_endpoint import FakeClock, FakeEndpoints, Killer
from tests.engine.release.fake_stores import FakeInvocations, FakeLeases, FakeLedger, FakePointers
from tests.sample import ROOT

SCHEMA = {"features": [{"name": "income", "type": "number", "minimum": 0, "maximum": 100}]}
FINGERPRINTS = {version: f"{version:064x}"[::-1] for version in range(1, 10)}
IMAGE = "111111111111.dkr.ecr.eu-west-1.amazonaws.com/loan-approval-inference:0123456789abcdef"


def settings_of(env: Environment = "staging", /, **overrides: str) -> Settings:
    """Read an environment's own configuration, with one row of verification and whatever a test changes."""
    environ = {"PIPELINE__DEPLOY__VERIFY_ROWS": "1", **{f"PIPELINE__{key}": value for key, value in overrides.items()}}
    return Settings(
        root=ROOT,
        env=env,
        project_file=Project.model_validate(PROJECT),
        environment_file=read_environment(ROOT / "infra/config", env, environ),
    )


class FakeRegistry(Registry):
    """Nine versions that passed their gates and are approved."""

    def __init__(self) -> None:
        self.models = {version: registered(version) for version in FINGERPRINTS}

    def describe(self, version: int) -> RegisteredModel:
        """Read a version."""
        return self.models[version]

    def decide(self, version: int, *, status: Status, reason: str, card: str = "") -> RegisteredModel:
        """Approve or reject a version."""
        self.models[version] = replace(self.models[version], status=status, approval=reason)
        return self.models[version]

    def fail_gates(self, version: int) -> None:
        """Say that a version did not pass."""
        model = self.models[version]
        self.models[version] = replace(model, metadata={**model.metadata, "gates": "failed"})


class FakeAlarms(Alarms):
    """Alarms by name."""

    def __init__(self) -> None:
        self.defined: dict[str, Mapping[str, Any]] = {}

    def names(self, prefix: str) -> list[str]:
        """List alarms."""
        return [name for name in self.defined if name.startswith(prefix)]

    def put(self, definitions: Iterable[Mapping[str, Any]]) -> None:
        """Define alarms."""
        self.defined |= {item["AlarmName"]: item for item in definitions}

    def delete(self, names: Collection[str]) -> None:
        """Delete alarms."""
        for name in names:
            del self.defined[name]


class FakeDashboards(Dashboards):
    """What a dashboard shows, by its name."""

    def __init__(self) -> None:
        self.bodies: dict[str, str] = {}
        self.refusal = ""

    def put(self, name: str, body: str) -> str:
        """Replace what it shows, unless that is refused."""
        if not self.refusal:
            self.bodies[name] = body
        return self.refusal


class FakeScaling(Scaling):
    """Scalable targets by variant."""

    def __init__(self) -> None:
        self.targets: dict[str, Scale] = {}

    def of(self, endpoint: str) -> dict[str, Scale]:
        """Read them."""
        return dict(self.targets)

    def put(self, endpoint: str, variant: str, scale: Scale) -> None:
        """Scale a variant."""
        self.targets[variant] = scale

    def remove(self, endpoint: str, variant: str) -> None:
        """Let a variant go."""
        self.targets.pop(variant, None)


class FakeStorage(Storage):
    """Every artefact is the same one."""

    def __init__(self) -> None:
        pass

    def download(self, uri: str, target: Path, *, sha256: str) -> None:
        """Write the artefact to a file."""
        content = json.dumps(SCHEMA).encode()
        manifest = {"files": {"schema.json": hashlib.sha256(content).hexdigest()}}
        with tarfile.open(target, mode="w:gz") as archive:
            for name, data in {"schema.json": content, "manifest.json": json.dumps(manifest).encode()}.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))


class FakeModels(Models):
    """SageMaker's Model resources."""

    def __init__(self) -> None:
        pass

    def ensure(self, name: str, container: Container, *, role: str) -> None:
        """Create a model unless it exists."""


class FakeMetrics(Metrics):
    """CloudWatch's counts of a variant that few call, and the states of alarms."""

    def __init__(self, alarms: FakeAlarms) -> None:
        self._alarms = alarms

    def traffic(self, endpoint: str, variant: str, *, since: datetime, until: datetime) -> Traffic:
        """Count requests."""
        return Traffic(requests=200, errors=0, rejected=0, p50_ms=1, p95_ms=2)

    def alarms(self, prefix: str) -> dict[str, str]:
        """Read states."""
        return dict.fromkeys(self._alarms.names(prefix), "OK")


class FakeCaptures(Captures):
    """No captured request."""

    def __init__(self) -> None:
        pass

    def events(self, endpoint: str, variant: str, *, since: datetime, until: datetime, limit: int) -> list[Event]:
        """Read events."""
        return []


class FakeAws:
    """The services of one environment."""

    def __init__(self, settings: Settings) -> None:
        self.clock = FakeClock()
        self.registry = FakeRegistry()
        self.endpoints = FakeEndpoints(self.clock, Killer())
        self.lease = FakeLeases()
        self.ledger = FakeLedger(self.lease, Killer())
        self.pointers = FakePointers(Killer())
        self.alarms, self.scaling, self.dashboards = FakeAlarms(), FakeScaling(), FakeDashboards()
        self.metrics, self.captures = FakeMetrics(self.alarms), FakeCaptures()
        self.storage, self.models = FakeStorage(), FakeModels()
        names = {f"loan-approval-{settings.env}-v{n}-01234567": fingerprint for n, fingerprint in FINGERPRINTS.items()}
        self.invocations = FakeInvocations(self.endpoints, names)

    @property
    def services(self) -> Aws:
        """The same, as a stage takes it."""
        return cast("Aws", self)

    @property
    def weights(self) -> dict[int, float]:
        """Each version's traffic in percent, once everything has settled."""
        view = self.endpoints.view
        return {_version(item.model): item.weight for item in view.production} if view else {}

    @property
    def sizes(self) -> dict[int, int]:
        """How many instances each version has, once everything has settled."""
        view = self.endpoints.view
        return {_version(item.model): item.instances for item in view.production} if view else {}


def variant_of(version: int) -> str:
    """Name a version's variant."""
    return f"v{version}-{FINGERPRINTS[version][:8]}"


def _version(model: str) -> int:
    return int(model.rsplit("-", 2)[1].removeprefix("v"))


def registered(version: int) -> RegisteredModel:
    """Make a version that passed its gates and is approved."""
    return RegisteredModel(
        version=version,
        arn=f"arn:aws:sagemaker:eu-west-1:111111111111:model-package/loan-approval/{version}",
        status=APPROVED,
        image=IMAGE,
        model_data=f"s3://loan-approval-artifacts-111111111111/models/{version}.tar.gz",
        metadata={
            "fingerprint": FINGERPRINTS[version],
            "commit": f"{version}abcdef{version:033d}",
            "data_version": "d" * 64,
            "model_sha256": "a" * 64,
            "gates": "passed",
        },
        approval="risk: reviewed",
    )
