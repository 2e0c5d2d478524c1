"""Declared against actual: what an endpoint should be, and where it is something else. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sagemaker_gitops.aws.endpoint_shapes import Endpoint, Variant
from sagemaker_gitops.release.ledger import Release

Fix = Literal["weights", "fleet", "size", "tags", "sync", "pointer", "none"]


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What the ledger and the configuration say."""

    serving: Release | None
    # The models of every release that the ledger knows: one of them at weight 0 is a standby.
    known: frozenset[str]
    instance_type: str
    # A variant has at least so many instances, and a standby at most the most that autoscaling gives.
    instances: int
    most_instances: int = 0
    capture_percent: int
    # How the serving variant is scaled, in words; empty means that it keeps its size.
    scaling: str = ""
    # The alarms on the variants that are there.
    alarms: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Actual:
    """What AWS says."""

    endpoint: Endpoint | None
    tags: Mapping[str, str] = field(default_factory=dict)
    alarms: Mapping[str, str] = field(default_factory=dict)
    scaling: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that is not as declared, and what would fix it."""

    what: str
    declared: str
    actual: str
    fix: Fix


def differences(declared: Declared, actual: Actual, *, expected_alarms: tuple[str, ...] = ()) -> list[Difference]:
    """List everything that is not as declared, the gravest first."""
    serving, endpoint = declared.serving, actual.endpoint
    if serving is None:
        return list(_undeclared(endpoint))
    if endpoint is None:
        return [Difference(what="endpoint", declared=f"serves {serving.variant}", actual="is gone", fix="fleet")]
    if endpoint.broken:
        return [Difference(what="endpoint", declared="InService", actual=endpoint.status, fix="fleet")]
    return [
        *_variants(declared, serving, endpoint),
        *_capture(declared, endpoint),
        *_tags(serving, actual),
        *_scaling(declared, serving, endpoint, actual),
        *_alarms(declared, actual, expected_alarms),
    ]


def _undeclared(endpoint: Endpoint | None) -> Iterator[Difference]:
    if endpoint is not None:
        yield Difference(what="endpoint", declared="none", actual=f"serves {', '.join(endpoint.percents)}", fix="none")


def _variants(declared: Declared, serving: Release, endpoint: Endpoint) -> Iterator[Difference]:
    variant = endpoint.variant_of(serving.model)
    if variant is None:
        yield Difference(
            what="model",
            declared=serving.model,
            actual=", ".join(item.model or "unknown" for item in endpoint.production),
            fix="fleet",
        )
        return
    if endpoint.percent_of(serving.model) != 100:
        actual = ", ".join(f"{name} {share:g} %" for name, share in endpoint.percents.items())
        yield Difference(what="weights", declared=f"{variant.name} 100 %", actual=actual, fix="weights")
    yield from _instances(declared, variant)
    yield from _standbys(declared, serving, endpoint)
    yield from _strangers(declared, endpoint)


def _instances(declared: Declared, variant: Variant) -> Iterator[Difference]:
    if variant.instance_type != declared.instance_type:
        yield Difference(
            what=f"instance type of {variant.name}",
            declared=declared.instance_type,
            actual=variant.instance_type or "unknown",
            fix="fleet",
        )
    # Autoscaling may add instances; fewer than declared is never right.
    if variant.instances < declared.instances:
        yield Difference(
            what=f"instances of {variant.name}",
            declared=f"at least {declared.instances}",
            actual=str(variant.instances),
            fix="size",
        )


def _standbys(declared: Declared, serving: Release, endpoint: Endpoint) -> Iterator[Difference]:
    fewest, most = declared.instances, max(declared.instances, declared.most_instances)
    for item in endpoint.production:
        if item.model in declared.known - {serving.model} and not fewest <= item.instances <= most:
            asked = str(fewest) if fewest == most else f"{fewest} to {most}"
            yield Difference(what=f"instances of {item.name}", declared=asked, actual=str(item.instances), fix="size")


def _strangers(declared: Declared, endpoint: Endpoint) -> Iterator[Difference]:
    for item in endpoint.variants:
        if item.model not in declared.known:
            yield Difference(
                what=f"variant {item.name}", declared="none", actual=f"runs {item.model or 'unknown'}", fix="fleet"
            )


def _capture(declared: Declared, endpoint: Endpoint) -> Iterator[Difference]:
    if endpoint.capture_percent != declared.capture_percent:
        yield Difference(
            what="data capture",
            declared=f"{declared.capture_percent} %",
            actual=f"{endpoint.capture_percent} %",
            fix="fleet",
        )


def _tags(serving: Release, actual: Actual) -> Iterator[Difference]:
    for name, value in serving.tags.items():
        if value and actual.tags.get(name) != value:
            yield Difference(what=f"tag {name}", declared=value, actual=actual.tags.get(name, "missing"), fix="tags")


def _scaling(declared: Declared, serving: Release, endpoint: Endpoint, actual: Actual) -> Iterator[Difference]:
    variant = endpoint.variant_of(serving.model)
    expected = {variant.name: declared.scaling} if variant and declared.scaling else {}
    for name in sorted({*expected, *actual.scaling}):
        asked, found = expected.get(name, "none"), actual.scaling.get(name, "none")
        if asked != found:
            yield Difference(what=f"autoscaling of {name}", declared=asked, actual=found, fix="sync")


def _alarms(declared: Declared, actual: Actual, expected: tuple[str, ...]) -> Iterator[Difference]:
    for name in sorted({*declared.alarms, *expected} - actual.alarms.keys()):
        fix: Fix = "sync" if name in declared.alarms else "none"
        yield Difference(what=f"alarm {name}", declared="exists", actual="missing", fix=fix)
