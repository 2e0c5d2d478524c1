"""The rules of one rollout: the steps of its strategy, and what stays the same during all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sagemaker_gitops.aws.endpoint_shapes import Guardrail
from sagemaker_gitops.project.deploy_config import DeployConfig, StrategyName
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.checks import Limits, limits_of
from sagemaker_gitops.release.state import RolloutKind

# The one name that a variant under AWS's guardrails keeps, whatever release it serves.
NATIVE_VARIANT = "serving"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One target of a rollout: how much traffic goes where, and what must hold before the next."""

    name: str
    percent: int
    mirrored: bool = False
    alone: bool = False
    native: bool = False
    verify: bool = False
    bake_seconds: float = 0
    minimum_requests: int = 0

    @property
    def watched(self) -> bool:
        """Tell whether live traffic is measured in this step."""
        return self.bake_seconds > 0 or self.minimum_requests > 0


Plan = tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What stays the same during a rollout."""

    plan: Plan
    limits: Limits
    instance_type: str
    instances: int
    poll_seconds: float
    check_seconds: float
    traffic_wait_seconds: float
    mirror_percent: int
    capture_percent: int
    guardrail: Guardrail | None


def rules_of(settings: Settings, *, kind: RolloutKind, first: bool, strategy: str) -> Rules:
    """Read the rules of a rollout from the configuration, under the strategy that the rollout began under."""
    config, serving = settings.deploy.model_copy(update={"strategy": strategy}), settings.serving
    return Rules(
        plan=plan_of(config, kind=kind, first=first),
        limits=limits_of(
            config, p50_ms=serving.sla.p50_ms, p95_ms=serving.sla.p95_ms, capture_percent=serving.capture_percent
        ),
        instance_type=serving.instance_type,
        instances=serving.instance_count,
        poll_seconds=settings.aws.poll_seconds,
        check_seconds=config.check_seconds,
        traffic_wait_seconds=config.traffic_wait_seconds,
        mirror_percent=config.mirror_percent,
        capture_percent=serving.capture_percent,
        guardrail=_guardrail(config, settings.endpoint_name),
    )


def plan_of(config: DeployConfig, *, kind: RolloutKind, first: bool) -> Plan:
    """List the steps of a deploy, a rollback or a repair."""
    if kind == "rollback":
        return plan_rollback(config)
    if kind in {"repair", "clean"}:
        return plan_repair(config)
    return plan_deploy(config, first=first)


def longest_seconds(config: DeployConfig, plan: Plan) -> float:
    """Add up how long a plan may take: each new fleet, and every bake with its wait for traffic."""
    if any(step.native for step in plan):
        return config.native.timeout_seconds
    watched = sum(step.bake_seconds + config.traffic_wait_seconds for step in plan if step.watched)
    fleets = 1 + sum(step.mirrored for step in plan)
    return fleets * config.provision_timeout_seconds + watched


_PROVISION = Step(name="provision at weight 0", percent=0, verify=True)
_SWITCH = Step(name="all traffic", percent=100)


def plan_deploy(config: DeployConfig, *, first: bool) -> Plan:
    """List the steps of a deploy; the first release of an endpoint has nobody to share with."""
    if first:
        native = config.strategy == "native"
        return (Step(name="first release", percent=100, alone=True, native=native, verify=True),)
    return _STRATEGIES[config.strategy](config)


def plan_rollback(config: DeployConfig) -> Plan:
    """List the steps back to an earlier release: provision it if it is gone, verify it, switch."""
    if config.strategy == "native":
        return (Step(name="replace the fleet", percent=100, alone=True, native=True, verify=True),)
    return (_PROVISION, _SWITCH)


def plan_repair(config: DeployConfig) -> Plan:
    """List the steps back to the declared state: the serving release alone on the declared instances."""
    native = config.strategy == "native"
    return (Step(name="declared fleet", percent=100, alone=True, native=native, verify=True),)


def _all_at_once(config: DeployConfig) -> Plan:
    return (Step(name="all traffic", percent=100, verify=True, alone=config.standby_hours == 0),)


def _blue_green(config: DeployConfig) -> Plan:
    return (_PROVISION, Step(name="switch", percent=100, bake_seconds=config.bake_seconds))


def _canary(config: DeployConfig) -> Plan:
    return (_PROVISION, _share(config, config.canary_percent), _SWITCH)


def _linear(config: DeployConfig) -> Plan:
    shares = range(config.linear_step_percent, 100, config.linear_step_percent)
    return (_PROVISION, *(_share(config, share) for share in shares), _SWITCH)


def _shadow(config: DeployConfig) -> Plan:
    mirror = Step(
        name=f"mirror {config.mirror_percent} %",
        percent=0,
        mirrored=True,
        bake_seconds=config.bake_seconds,
        minimum_requests=config.minimum_requests,
    )
    return (mirror, _PROVISION, _SWITCH)


def _native(config: DeployConfig) -> Plan:
    name = f"guardrail {config.native.routing}"
    return (Step(name=name, percent=100, alone=True, native=True, verify=True),)


def _guardrail(config: DeployConfig, endpoint: str) -> Guardrail | None:
    if config.strategy != "native":
        return None
    percent = config.linear_step_percent if config.native.routing == "linear" else config.canary_percent
    return Guardrail(
        routing=config.native.routing,
        percent=percent,
        wait_seconds=int(config.bake_seconds),
        termination_wait_seconds=int(config.native.termination_wait_seconds),
        timeout_seconds=config.native.timeout_seconds,
        # Alarms belong to one endpoint; the configuration names them without it.
        alarms=tuple(f"{endpoint}-{name}" for name in config.native.alarms),
    )


def _share(config: DeployConfig, percent: int) -> Step:
    return Step(
        name=f"{percent} % of traffic",
        percent=percent,
        bake_seconds=config.bake_seconds,
        minimum_requests=config.minimum_requests,
    )


_STRATEGIES: Mapping[StrategyName, Callable[[DeployConfig], Plan]] = {
    "all_at_once": _all_at_once,
    "blue_green": _blue_green,
    "canary": _canary,
    "linear": _linear,
    "shadow": _shadow,
    "native": _native,
}
