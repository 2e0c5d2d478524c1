"""The configuration of an environment as the plan and the limits of one rollout."""

from sagemaker_gitops.project.deploy_config import DeployConfig
from sagemaker_gitops.release.checks import Limits
from sagemaker_gitops.release.machine import RolloutKind
from sagemaker_gitops.release.strategies import Plan, plan_deploy, plan_repair, plan_rollback


def plan_of(config: DeployConfig, *, kind: RolloutKind, first: bool) -> Plan:
    """List the steps of a deploy, a rollback or a repair."""
    if kind == "rollback":
        return plan_rollback(config)
    if kind in {"repair", "clean"}:
        return plan_repair(config)
    return plan_deploy(config, first=first)


def limits_of(config: DeployConfig, *, p50_ms: float, p95_ms: float, capture_percent: int) -> Limits:
    """Take the limits from the configuration, and the latencies from the service level."""
    checks = config.checks
    return Limits(
        minimum_requests=config.minimum_requests,
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        max_error_rate=checks.max_error_rate,
        max_rejected_increase=checks.max_rejected_increase,
        max_prediction_shift=checks.max_prediction_shift,
        max_confidence_distance=checks.max_confidence_distance,
        minimum_agreement=checks.minimum_agreement,
        capture_percent=capture_percent,
    )
