"""The six ways to bring a release to traffic, each as the steps that it takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sagemaker_gitops.project.deploy_config import DeployConfig, StrategyName


@dataclass(frozen=True, kw_only=True)
class Step:
    """One target of a rollout: who answers how much, and what must hold before the next."""

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
    """List the steps back to the declared state: the serving release alone on the declared machines."""
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
