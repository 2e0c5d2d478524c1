"""What a variant has beside its machines: alarms, the scaling of the one that serves, and a mark on the dashboard."""

import re
from collections.abc import Sequence
from typing import Any

from sagemaker_gitops.aws.scaling import ScaleRequest
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.history import Promotion
from sagemaker_gitops.release.state import NATIVE_VARIANT, Fleet, Release
from sagemaker_gitops.stacks import infrastructure

# Every name that this pipeline gives to a variant; the endpoint's own alarms have none in theirs.
_VARIANT = rf"(?:v\d+-[0-9a-f]{{8}}|{NATIVE_VARIANT})"

# As many releases as a plot can name without hiding its curves.
_MARKED = 20


def expect(settings: Settings, aws: Aws, release: Release) -> None:
    """Have a release's alarms before it has callers: AWS's own guardrails ask for them by name."""
    native = settings.deploy.strategy == "native"
    aws.alarms.put(infrastructure.variant_alarms(settings, NATIVE_VARIANT if native else release.variant).values())


def furnish(settings: Settings, aws: Aws, fleet: Fleet | None, serving: Release | None) -> None:
    """Have alarms on exactly the variants that are there, and scale exactly the one that serves."""
    _alarms(settings, aws, fleet)
    _scaling(settings, aws, fleet, serving)


def draw(settings: Settings, aws: Aws, promotions: Sequence[Promotion]) -> str:
    """Show on the dashboard when which release came; return AWS's refusal, for what serves does not depend on it."""
    came = [(item.entry.finished, _mark(item)) for item in promotions[-_MARKED:]]
    return aws.dashboards.put(settings.endpoint_name, infrastructure.dashboard(settings, came))


def _mark(promotion: Promotion) -> str:
    back = "back to " if promotion.entry.action == "rollback" else ""
    return f"{back}v{promotion.release.version}"


def alarms(settings: Settings, fleet: Fleet | None) -> frozenset[str]:
    """Name the alarms that the variants of a fleet must have."""
    return frozenset(_definitions(settings, fleet))


def told(scale: ScaleRequest | None) -> str:
    """Say how a variant is scaled; nothing when it is not."""
    if scale is None:
        return ""
    return f"{scale.minimum} to {scale.maximum} instances for {scale.invocations_per_instance:g} requests a minute each"


def _definitions(settings: Settings, fleet: Fleet | None) -> dict[str, dict[str, Any]]:
    return {
        name: definition
        for variant in (fleet.production if fleet else ())
        for name, definition in infrastructure.variant_alarms(settings, variant.name).items()
    }


def _alarms(settings: Settings, aws: Aws, fleet: Fleet | None) -> None:
    wanted = _definitions(settings, fleet)
    aws.alarms.put(wanted.values())
    ours = re.compile(rf"{re.escape(settings.endpoint_name)}-{_VARIANT}-\w+")
    present = {name for name in aws.alarms.names(f"{settings.endpoint_name}-") if ours.fullmatch(name)}
    aws.alarms.delete(present - wanted.keys())


def _scaling(settings: Settings, aws: Aws, fleet: Fleet | None, serving: Release | None) -> None:
    endpoint, wanted = settings.endpoint_name, settings.serving.autoscaling
    variant = fleet.variant_of(serving) if fleet else None
    scaled = aws.scaling.of(endpoint)
    for name in scaled.keys() - ({variant.name} if variant and wanted else set()):
        aws.scaling.remove(endpoint, name)
    if fleet and variant and wanted:
        aws.scaling.put(endpoint, variant.name, wanted)
        # A standby kept its size while the other grew: the traffic that came back needs as many machines.
        needed = min(fleet.instances, wanted.maximum)
        if variant.instances < needed:
            aws.endpoints.resize(endpoint, {variant.name: needed})
