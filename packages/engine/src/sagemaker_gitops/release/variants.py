"""What goes with a variant: its alarms, the scaling of the one that serves, and its line on the dashboard."""

import re
from collections.abc import Sequence
from typing import Any

from sagemaker_gitops.aws.endpoint_shapes import Endpoint
from sagemaker_gitops.aws.scaling import Scale
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.ledger import Release
from sagemaker_gitops.release.state import Promotion
from sagemaker_gitops.release.strategies import NATIVE_VARIANT
from sagemaker_gitops.stacks import infrastructure

# Every name that this pipeline gives to a variant; the endpoint's own alarms have none in theirs.
_VARIANT = rf"(?:v\d+-[0-9a-f]{{8}}|{NATIVE_VARIANT})"

# As many releases as a plot can name without hiding its curves.
_MOST_RELEASES = 20


def put_alarms(settings: Settings, aws: Aws, release: Release) -> None:
    """Create a release's alarms before it has traffic: AWS's guardrails ask for them by name."""
    native = settings.deploy.strategy == "native"
    aws.alarms.put(infrastructure.variant_alarms(settings, NATIVE_VARIANT if native else release.variant).values())


def sync_alarms_and_scaling(settings: Settings, aws: Aws, endpoint: Endpoint | None, serving: Release | None) -> None:
    """Have alarms on exactly the variants that are there, and scale exactly the one that serves."""
    _sync_alarms(settings, aws, endpoint)
    _sync_scaling(settings, aws, endpoint, serving)


def missing_instances(settings: Settings, endpoint: Endpoint | None, serving: Release | None) -> dict[str, int]:
    """Say how many instances the serving variant must have, if it has fewer."""
    scale = declared_scaling(settings)
    variant = endpoint.variant_of(serving.model) if endpoint and serving else None
    if endpoint is None or variant is None or scale is None:
        return {}
    # A standby kept its size while the other grew: the traffic that came back needs as many instances.
    needed = min(endpoint.instances, scale.maximum)
    return {variant.name: needed} if variant.instances < needed else {}


def update_dashboard(settings: Settings, aws: Aws, promotions: Sequence[Promotion]) -> str:
    """Show on the dashboard when which release came; return AWS's refusal, for what serves does not depend on it."""
    came = [(item.entry.finished, _label(item)) for item in promotions[-_MOST_RELEASES:]]
    return aws.dashboards.put(settings.endpoint_name, infrastructure.dashboard(settings, came))


def _label(promotion: Promotion) -> str:
    back = "back to " if promotion.entry.action == "rollback" else ""
    return f"{back}v{promotion.release.version}"


def alarm_names(settings: Settings, endpoint: Endpoint | None) -> frozenset[str]:
    """Name the alarms that the variants of an endpoint must have."""
    return frozenset(_definitions(settings, endpoint))


def declared_scaling(settings: Settings) -> Scale | None:
    """Return how the configuration scales the serving variant; None when it keeps its size."""
    declared = settings.serving.autoscaling
    if declared is None:
        return None
    return Scale(
        minimum=declared.minimum,
        maximum=declared.maximum,
        invocations_per_instance=declared.invocations_per_instance,
    )


def describe_scaling(scale: Scale | None) -> str:
    """Say how a variant is scaled; empty when it is not."""
    if scale is None:
        return ""
    return f"{scale.minimum} to {scale.maximum} instances for {scale.invocations_per_instance:g} requests a minute each"


def _definitions(settings: Settings, endpoint: Endpoint | None) -> dict[str, dict[str, Any]]:
    return {
        name: definition
        for variant in (endpoint.production if endpoint else ())
        for name, definition in infrastructure.variant_alarms(settings, variant.name).items()
    }


def _sync_alarms(settings: Settings, aws: Aws, endpoint: Endpoint | None) -> None:
    definitions = _definitions(settings, endpoint)
    aws.alarms.put(definitions.values())
    ours = re.compile(rf"{re.escape(settings.endpoint_name)}-{_VARIANT}-\w+")
    present = {name for name in aws.alarms.names(f"{settings.endpoint_name}-") if ours.fullmatch(name)}
    aws.alarms.delete(present - definitions.keys())


def _sync_scaling(settings: Settings, aws: Aws, endpoint: Endpoint | None, serving: Release | None) -> None:
    name, scale = settings.endpoint_name, declared_scaling(settings)
    variant = endpoint.variant_of(serving.model) if endpoint and serving else None
    for scaled in aws.scaling.of(name).keys() - ({variant.name} if variant and scale else set()):
        aws.scaling.remove(name, scaled)
    if variant and scale:
        aws.scaling.put(name, variant.name, scale)
