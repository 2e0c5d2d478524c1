"""The one way to change an endpoint: hold its lease and have its ledger open."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sagemaker_gitops.aws.endpoint_shapes import Endpoint, EndpointConfig, Guardrail
from sagemaker_gitops.aws.endpoints import Container
from sagemaker_gitops.aws.lease import Held
from sagemaker_gitops.aws.registry import RegisteredModel
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import AwsRefused, CredentialsMissing, EndpointUnrecovered, PermissionMissing
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release import variants
from sagemaker_gitops.release.lease import Clock, HeldLease, Progress, acquire
from sagemaker_gitops.release.ledger import Release
from sagemaker_gitops.release.state import LedgerState
from sagemaker_gitops.release.writer import Author, LedgerWriter

# AWS may show the state before a change for a moment after it accepted the change.
_REACTION_LOOKS = 10


def release_of(settings: Settings, model: RegisteredModel) -> Release:
    """Describe a registered version as something that an endpoint can serve."""
    tag = model.image.rsplit(":", 1)[-1]
    return Release(
        version=model.version,
        fingerprint=model.fingerprint,
        commit=model.commit,
        data_version=model.data_version,
        package=model.arn,
        image=model.image,
        model_data=model.model_data,
        model_sha256=model.model_sha256,
        # The environment is part of the name: a model carries its environment's role.
        model=f"{settings.project}-{settings.env}-v{model.version}-{tag[:8]}",
        metrics={key: value for key, value in model.metadata.items() if key.startswith("metric_")},
        approval=model.approval,
    )


def serves(state: LedgerState, endpoint: Endpoint | None, release: Release) -> bool:
    """Tell whether a release answers every caller, by the ledger and by the endpoint, and nothing is under way."""
    if endpoint is None or state.rollout is not None or not release.same_as(state.serving):
        return False
    return endpoint.settled and endpoint.percent_of(release.model) == 100


@dataclass(frozen=True, kw_only=True)
class ReleaseSession:
    """One endpoint with its lease held and its ledger open."""

    settings: Settings
    aws: Aws
    clock: Clock
    ledger: LedgerWriter
    lease: HeldLease
    progress: Progress

    @property
    def state(self) -> LedgerState:
        """What the ledger says now."""
        return self.ledger.state

    @property
    def name(self) -> str:
        """The name of the endpoint."""
        return self.settings.endpoint_name

    def describe(self) -> Endpoint | None:
        """Look at the endpoint; None when there is none."""
        return self.aws.endpoints.describe(self.name)

    def prepare(self, release: Release) -> None:
        """Have the release's SageMaker Model, and its alarms before it has traffic."""
        environment = {
            "MODEL_VERSION": str(release.version),
            "MODEL_FINGERPRINT": release.fingerprint,
            "MODEL_COMMIT": release.commit,
            "MODEL_DATA_VERSION": release.data_version,
            "MODEL_VARIANT": release.variant,
        }
        container = Container(
            environment={key: value for key, value in environment.items() if value},
            image=release.image,
            model_data=release.model_data,
            # Where an approval is required AWS checks it as well: it refuses a package that has none.
            package=release.package if self.settings.approval.required else "",
        )
        self.aws.models.ensure(release.model, container, role=self.settings.inference_role_arn)
        variants.put_alarms(self.settings, self.aws, release)

    def sync_alarms_and_scaling(self) -> None:
        """Have alarms on exactly the variants that are there, scale the one that serves, and update the dashboard."""
        self.settle()
        endpoint, serving = self.describe(), self.state.serving
        variants.sync_alarms_and_scaling(self.settings, self.aws, endpoint, serving)
        for name, count in variants.missing_instances(self.settings, endpoint, serving).items():
            self.resize(name, count)
        if refusal := variants.update_dashboard(self.settings, self.aws, self.state.promotions):
            self.progress(f"the dashboard does not show this release: {refusal}")

    def publish(self) -> None:
        """Write where callers read which release serves. It is a cache: nothing here stops a release."""
        active = self.state.active
        if active is None:
            return
        try:
            written = self.aws.pointers.publish(self.name, active, fence=self.lease.token)
        except (AwsRefused, CredentialsMissing, PermissionMissing) as err:
            self.progress(f"callers were not told of {active.variant}, reconcile will: {err.what}")
            return
        if not written:
            self.progress("callers were told by a later holder of the lease; nothing was written here")

    def provision(self, config: EndpointConfig, guardrail: Guardrail | None) -> None:
        """Bring up a fleet of this configuration, beside the present one if there is one."""
        name = config.name(self.name)
        self._announce(f"AWS brings up {', '.join(item.name for item in config.variants)} ({name})")
        if self.describe() is None:
            self.aws.endpoints.create(self.name, config)
        else:
            self.aws.endpoints.update(self.name, config, guardrail)
        self._settle(lambda endpoint: endpoint is not None and endpoint.config == name)

    def shift(self, weights: Mapping[str, int]) -> None:
        """Split traffic by these weights, in percent."""
        self._announce("traffic: " + ", ".join(f"{name} {share} %" for name, share in weights.items()))
        self.aws.endpoints.shift(self.name, weights)
        self._settle(lambda endpoint: endpoint is not None and endpoint.splits(weights))

    def resize(self, variant: str, count: int) -> None:
        """Set the number of instances of a variant; AWS changes the capacity of one at a time."""
        self.aws.endpoints.resize(self.name, variant, count)
        self._settle(lambda endpoint: endpoint is not None and endpoint.counts.get(variant) == count)

    def settle(self) -> None:
        """Wait for a change that was asked before: AWS takes no other meanwhile."""
        self._settle(lambda _: True)

    def remove(self) -> None:
        """Delete the endpoint."""
        self._announce("AWS deletes the endpoint")
        self.aws.endpoints.delete(self.name)
        self._settle(lambda endpoint: endpoint is None)

    def _announce(self, change: str) -> None:
        # A takeover is noticed here at the latest; what is written down is fenced by the ledger itself.
        self.lease.renew()
        self.progress(change)

    def _settle(self, reached: Callable[[Endpoint | None], bool]) -> None:
        """Wait until AWS has reacted and is done; what came of it is for others to judge."""
        config, looks = self.settings.deploy, 0
        timeout = max(config.provision_timeout_seconds, config.native.timeout_seconds)
        deadline = self.clock.now().timestamp() + timeout
        while self.clock.now().timestamp() < deadline:
            endpoint = self.describe()
            if endpoint is not None and not endpoint.settled:
                looks = _REACTION_LOOKS
            elif reached(endpoint) or looks >= _REACTION_LOOKS:
                return
            looks += 1
            status = endpoint.status if endpoint else "there is no endpoint"
            self.lease.wait(self.settings.aws.poll_seconds, f"AWS says {status}")
        raise EndpointUnrecovered(
            f"AWS has not finished a change within {timeout:g} s",
            where=f"endpoint {self.name}",
            next_step="read the endpoint's events in the console; the same command continues where this one stopped",
        )


def open_ledger(settings: Settings, aws: Aws, author: Author, *, clock: Clock | None = None) -> LedgerWriter:
    """Open the ledger without a lease, for notes that change nothing."""
    return _writer(settings, aws, author, clock or Clock(), held=None)


@contextmanager
def open_session(
    settings: Settings, aws: Aws, author: Author, *, progress: Progress, clock: Clock, take_over: bool = False
) -> Iterator[ReleaseSession]:
    """Hold the endpoint's lease and open its ledger; `take_over` takes the lease from whoever holds it."""
    endpoint, seconds = settings.endpoint_name, settings.deploy.lease_seconds
    # A re-run of one workflow run is the same owner.
    owner = f"{author.actor} ({author.run or f'{socket.gethostname()}:{os.getpid()}'})"
    if take_over:
        held = aws.lease.take_over(endpoint, owner, now=clock.now().timestamp(), seconds=seconds)
    else:
        held = acquire(aws.lease, clock, endpoint=endpoint, owner=owner, seconds=seconds, progress=progress)
    try:
        yield ReleaseSession(
            settings=settings,
            aws=aws,
            clock=clock,
            ledger=_writer(settings, aws, author, clock, held=held),
            lease=HeldLease(aws.lease, clock, held, seconds=seconds, progress=progress),
            progress=progress,
        )
    finally:
        aws.lease.release(endpoint, held.token)


def _writer(settings: Settings, aws: Aws, author: Author, clock: Clock, *, held: Held | None) -> LedgerWriter:
    return LedgerWriter(
        aws.ledger,
        clock,
        environment=settings.env,
        author=author,
        lease=held,
        retention_days=settings.deploy.ledger_retention_days,
    )
