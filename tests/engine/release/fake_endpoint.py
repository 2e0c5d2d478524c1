"""One endpoint that keeps state and takes time, and refuses what AWS refuses."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sagemaker_gitops.aws.endpoint_shapes import Endpoint, EndpointConfig, Guardrail, Variant, VariantConfig
from sagemaker_gitops.aws.endpoints import Endpoints
from sagemaker_gitops.errors import AwsRefused
from sagemaker_gitops.release.lease import Clock

PROVISION_SECONDS = 30.0
SHIFT_SECONDS = 2.0
_MAX_LOOKS = 5_000


class Killed(BaseException):
    """The process was killed: no handler of the pipeline may see it."""


class FakeClock(Clock):
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, tzinfo=UTC)
        self._looks = 0

    def now(self) -> datetime:
        """Return the present moment; whoever looks for ever is caught."""
        self._looks += 1
        if self._looks > _MAX_LOOKS:
            raise AssertionError("this rollout does not end")
        return self.moment

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.moment += timedelta(seconds=max(seconds, 0.001))


class Killer:
    """Kills the process at the n-th change it makes, just before or just after AWS has taken it."""

    def __init__(self, at: int | None = None, *, before: bool = False) -> None:
        self.count = 0
        self._at = at
        self._before = before

    def around(self, change: Callable[[], None]) -> None:
        """Make a change, unless this is where the process dies."""
        self.count += 1
        dies = self.count == self._at
        if dies and self._before:
            raise Killed
        change()
        if dies:
            raise Killed


class FakeEndpoints(Endpoints):
    """One endpoint.

    `outcomes` says how the next updates end: "ok", "back" (AWS rolls back), "failed", or "mixed" and "out": the
    endpoint is left UpdateRollbackFailed with old and new variants in service, or OutOfService.
    """

    def __init__(self, clock: FakeClock, killer: Killer) -> None:
        self._clock = clock
        self.killer = killer
        self._view: Endpoint | None = None
        self._pending: tuple[datetime, Endpoint | None] | None = None
        self.outcomes: list[str] = []
        self.calls: list[str] = []
        self.labels: dict[str, str] = {}
        # Every split of traffic that callers ever saw.
        self.seen: list[dict[str, float]] = []

    def describe(self, endpoint: str) -> Endpoint | None:
        """Look at the endpoint at the present moment."""
        self._settle()
        if self._pending and self._view:
            return replace(self._view, status="Updating")
        if self._pending:
            return Endpoint(status="Creating", config="", production=())
        return self._view

    def create(self, endpoint: str, config: EndpointConfig) -> None:
        """Bring up an endpoint."""
        self._require(self._view is None and self._pending is None, "Cannot create already existing endpoint")
        self._start("create", config.name(endpoint), config)

    def update(self, endpoint: str, config: EndpointConfig, guardrail: Guardrail | None) -> None:
        """Replace the fleet."""
        view = self._updatable()
        same = {item.name for item in view.production} == {item.name for item in config.production}
        self._require(guardrail is None or same, "A deployment with DeploymentConfig requires the same variant names")
        self._start("update", config.name(endpoint), config)

    def shift(self, endpoint: str, weights: Mapping[str, int]) -> None:
        """Split traffic."""
        view = self._updatable()
        self._require(set(weights) <= {item.name for item in view.production}, "Could not find variant")
        production = tuple(replace(item, weight=weights.get(item.name, item.weight)) for item in view.production)
        self._change("shift", SHIFT_SECONDS, replace(view, production=production))

    def resize(self, endpoint: str, variant: str, count: int) -> None:
        """Change a number of instances."""
        view = self._updatable()
        self._require(variant in view.counts, "Could not find variant")
        production = tuple(replace(item, instances=count) if item.name == variant else item for item in view.production)
        self._change("resize", SHIFT_SECONDS, replace(view, production=production))

    def delete(self, endpoint: str) -> None:
        """Delete the endpoint."""
        self._settle()
        self._require(self._pending is None, "Cannot update in-progress endpoint")
        self._change("delete", SHIFT_SECONDS, None)

    def tag(self, endpoint: str, tags: Mapping[str, str]) -> None:
        """Write tags."""
        self.labels |= tags

    def tags(self, endpoint: str) -> dict[str, str]:
        """Read tags."""
        return self.labels

    @property
    def view(self) -> Endpoint | None:
        """The endpoint once everything has settled."""
        if self._pending:
            self._clock.moment = max(self._clock.moment, self._pending[0])
        self._settle()
        return self._view

    def put(self, view: Endpoint) -> None:
        """Change the endpoint behind the pipeline's back."""
        self._view = view

    def _start(self, change: str, name: str, config: EndpointConfig) -> None:
        one_to_one = len(config.production) == len(config.shadow) == 1
        self._require(not config.shadow or one_to_one, "exactly one production and one shadow variant")
        self._require(sum(item.weight for item in config.production) > 0, "no variant has a weight")
        names = [item.name for item in (*config.production, *config.shadow)]
        self._require(len(names) == len(set(names)), "Variant names must be unique")
        new = Endpoint(
            status="InService", config=name, production=_variants(config.production), shadow=_variants(config.shadow)
        )
        outcome = self.outcomes.pop(0) if self.outcomes else "ok"
        if outcome == "failed":
            new = Endpoint(status="Failed", config=name, production=(), failure="the container did not answer /ping")
        elif outcome == "mixed" and self._view:
            mix = {item.name: item for item in (*new.production, *self._view.production)}
            new = replace(
                self._view, status="UpdateRollbackFailed", production=tuple(mix.values()), failure="no capacity"
            )
        elif outcome == "out" and self._view:
            new = replace(self._view, status="OutOfService", failure="no capacity")
        elif outcome == "back" and self._view:
            new = replace(self._view, failure="an alarm rang")
        elif outcome == "back":
            new = Endpoint(status="Failed", config=name, production=(), failure="an alarm rang")
        self._change(change, PROVISION_SECONDS, new)

    def _change(self, name: str, seconds: float, new: Endpoint | None) -> None:
        def act() -> None:
            self.calls.append(name)
            self._pending = (self._clock.now() + timedelta(seconds=seconds), new)

        self.killer.around(act)

    def _settle(self) -> None:
        if self._pending and self._clock.now() >= self._pending[0]:
            self._view, self._pending = self._pending[1], None
            if self._view and self._view.status == "InService":
                self.seen.append({item.name: item.weight for item in self._view.production})

    def _updatable(self) -> Endpoint:
        self._settle()
        self._require(self._pending is None, "Cannot update in-progress endpoint")
        if self._view is None or self._view.status == "Failed":
            raise AwsRefused("the endpoint takes no update")
        return self._view

    def _require(self, condition: bool, message: str) -> None:
        if not condition:
            raise AwsRefused(message)


def _variants(items: Iterable[VariantConfig]) -> tuple[Variant, ...]:
    return tuple(
        Variant(
            name=item.name,
            model=item.model,
            weight=item.weight,
            instances=item.instances,
            instance_type=item.instance_type,
        )
        for item in items
    )
