"""Declared against actual: what an endpoint should be, and where it is something else. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sagemaker_gitops.release.state import Fleet, Release, VariantView

Remedy = Literal["weights", "fleet", "size", "tags", "furnish", "pointer", "none"]


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What the ledger and the configuration say."""

    serving: Release | None
    # The models of every release that the ledger knows: one of them at weight 0 is a standby.
    known: frozenset[str]
    instance_type: str
    instances: int
    capture_percent: int
    # How the serving variant is scaled, in words; empty means that it keeps its size.
    scaling: str = ""
    # The alarms on the variants that are there.
    alarms: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Actual:
    """What AWS says."""

    fleet: Fleet | None
    capture_percent: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    alarms: Mapping[str, str] = field(default_factory=dict)
    scaling: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that is not as declared, and what would mend it."""

    what: str
    declared: str
    actual: str
    remedy: Remedy


def differences(declared: Declared, actual: Actual, *, expected_alarms: tuple[str, ...] = ()) -> list[Difference]:
    """List everything that is not as declared, the gravest first."""
    serving, fleet = declared.serving, actual.fleet
    if serving is None:
        return list(_undeclared(fleet))
    if fleet is None:
        return [Difference(what="endpoint", declared=f"serves {serving.variant}", actual="is gone", remedy="fleet")]
    if fleet.broken:
        return [Difference(what="endpoint", declared="InService", actual=fleet.status, remedy="fleet")]
    return [
        *_variants(declared, serving, fleet),
        *_capture(declared, actual),
        *_tags(serving, actual),
        *_scaling(declared, serving, fleet, actual),
        *_alarms(declared, actual, expected_alarms),
    ]


def _undeclared(fleet: Fleet | None) -> Iterator[Difference]:
    if fleet is not None:
        yield Difference(what="endpoint", declared="none", actual=f"serves {', '.join(fleet.percents)}", remedy="none")


def _variants(declared: Declared, serving: Release, fleet: Fleet) -> Iterator[Difference]:
    variant = fleet.variant_of(serving)
    if variant is None:
        yield Difference(
            what="model",
            declared=serving.model,
            actual=", ".join(item.model or "unknown" for item in fleet.production),
            remedy="fleet",
        )
        return
    if fleet.percent(serving) != 100:
        actual = ", ".join(f"{name} {share:g} %" for name, share in fleet.percents.items())
        yield Difference(what="weights", declared=f"{variant.name} 100 %", actual=actual, remedy="weights")
    yield from _machines(declared, variant)
    yield from _strangers(declared, fleet)


def _machines(declared: Declared, variant: VariantView) -> Iterator[Difference]:
    if variant.instance_type != declared.instance_type:
        yield Difference(
            what=f"instance type of {variant.name}",
            declared=declared.instance_type,
            actual=variant.instance_type or "unknown",
            remedy="fleet",
        )
    # Autoscaling may add instances; fewer than declared is never right.
    if variant.instances < declared.instances:
        yield Difference(
            what=f"instances of {variant.name}",
            declared=f"at least {declared.instances}",
            actual=str(variant.instances),
            remedy="size",
        )


def _strangers(declared: Declared, fleet: Fleet) -> Iterator[Difference]:
    for item in (*fleet.production, *fleet.shadow):
        if item.model not in declared.known:
            yield Difference(
                what=f"variant {item.name}", declared="none", actual=f"runs {item.model or 'unknown'}", remedy="fleet"
            )


def _capture(declared: Declared, actual: Actual) -> Iterator[Difference]:
    if actual.capture_percent != declared.capture_percent:
        yield Difference(
            what="data capture",
            declared=f"{declared.capture_percent} %",
            actual=f"{actual.capture_percent} %",
            remedy="fleet",
        )


def _tags(serving: Release, actual: Actual) -> Iterator[Difference]:
    for name, value in serving.tags.items():
        if value and actual.tags.get(name) != value:
            yield Difference(what=f"tag {name}", declared=value, actual=actual.tags.get(name, "missing"), remedy="tags")


def _scaling(declared: Declared, serving: Release, fleet: Fleet, actual: Actual) -> Iterator[Difference]:
    variant = fleet.variant_of(serving)
    wanted = {variant.name: declared.scaling} if variant and declared.scaling else {}
    for name in sorted({*wanted, *actual.scaling}):
        asked, found = wanted.get(name, "none"), actual.scaling.get(name, "none")
        if asked != found:
            yield Difference(what=f"autoscaling of {name}", declared=asked, actual=found, remedy="furnish")


def _alarms(declared: Declared, actual: Actual, expected: tuple[str, ...]) -> Iterator[Difference]:
    for name in sorted({*declared.alarms, *expected} - actual.alarms.keys()):
        remedy: Remedy = "furnish" if name in declared.alarms else "none"
        yield Difference(what=f"alarm {name}", declared="exists", actual="missing", remedy=remedy)
