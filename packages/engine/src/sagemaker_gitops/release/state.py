"""What is seen and wanted of one endpoint: releases, variants, fleets and layouts."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict

TRANSIENT = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
BROKEN = frozenset({"Failed", "OutOfService", "UpdateRollbackFailed"})
# The one name that a fleet under AWS's guardrails keeps, whatever release it serves.
NATIVE_VARIANT = "serving"


class Release(BaseModel):
    """One registered model in one serving image, with all that an auditor asks of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    version: int
    fingerprint: str
    commit: str
    data_version: str
    package: str
    image: str
    model_data: str
    model_sha256: str
    # The name of the SageMaker Model resource; it tells which release a variant serves.
    model: str
    metrics: Mapping[str, str] = {}
    approval: str = ""

    @property
    def variant(self) -> str:
        """The name of this release's variant."""
        return f"v{self.version}-{self.fingerprint[:8]}"

    @property
    def tags(self) -> dict[str, str]:
        """What is written on the endpoint that this release serves."""
        return {"release": self.variant, "fingerprint": self.fingerprint, "commit": self.commit}

    def same_as(self, other: "Release | None") -> bool:
        """Tell whether both serve the same bytes."""
        return other is not None and self.model == other.model


class VariantView(Protocol):
    """A variant as AWS describes it."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def model(self) -> str: ...  # noqa: D102
    @property
    def weight(self) -> float: ...  # noqa: D102
    @property
    def instances(self) -> int: ...  # noqa: D102
    @property
    def instance_type(self) -> str: ...  # noqa: D102


class EndpointView(Protocol):
    """An endpoint as AWS describes it."""

    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def config(self) -> str: ...  # noqa: D102
    @property
    def failure(self) -> str: ...  # noqa: D102
    @property
    def production(self) -> Sequence[VariantView]: ...  # noqa: D102
    @property
    def shadow(self) -> Sequence[VariantView]: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class Placement:
    """One variant of a fleet: which model, on what machines, with which weight."""

    name: str
    model: str
    fingerprint: str
    weight: int
    instance_type: str
    instances: int

    @property
    def identity(self) -> tuple[str, str, str]:
        """What cannot change without a new fleet."""
        return self.name, self.model, self.instance_type


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The variants that an endpoint configuration holds."""

    production: tuple[Placement, ...]
    shadow: tuple[Placement, ...] = ()
    capture_percent: int = 100

    @property
    def weights(self) -> dict[str, int]:
        """The traffic of each variant, in percent."""
        return {item.name: item.weight for item in self.production}

    def digest(self) -> str:
        """Hash the content, so that equal layouts share one endpoint configuration."""
        content = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:12]


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """An endpoint at one moment."""

    status: str
    config: str
    failure: str
    production: tuple[VariantView, ...]
    shadow: tuple[VariantView, ...] = ()

    @classmethod
    def of(cls, view: EndpointView) -> "Fleet":
        """Copy what AWS described."""
        return cls(
            status=view.status,
            config=view.config,
            failure=view.failure,
            production=tuple(view.production),
            shadow=tuple(view.shadow),
        )

    @property
    def settled(self) -> bool:
        """Tell whether AWS has finished what it was asked."""
        return self.status not in TRANSIENT

    @property
    def broken(self) -> bool:
        """Tell whether only deleting helps: the service takes no other request."""
        return self.status in BROKEN

    @property
    def instances(self) -> int:
        """The size of the largest variant: what a champion was scaled to."""
        return max((item.instances for item in self.production), default=0)

    @property
    def percents(self) -> dict[str, float]:
        """The share of traffic of each production variant."""
        total = sum(item.weight for item in self.production)
        return {item.name: round(100 * item.weight / total, 3) if total else 0.0 for item in self.production}

    def variant_of(self, release: Release | None) -> VariantView | None:
        """Find the production variant that serves a release."""
        wanted = release.model if release else None
        return next((item for item in self.production if item.model == wanted), None)

    def percent(self, release: Release | None) -> float:
        """Tell which share of the callers a release answers."""
        variant = self.variant_of(release)
        return self.percents[variant.name] if variant else 0.0

    def holds(self, layout: Layout) -> bool:
        """Tell whether the fleet has exactly a layout's variants, whatever their weights."""
        return _identities(self.production) == {item.identity for item in layout.production} and _identities(
            self.shadow
        ) == {item.identity for item in layout.shadow}

    def sends(self, weights: Mapping[str, float]) -> bool:
        """Tell whether traffic is already split as asked."""
        return all(abs(self.percents.get(name, 0.0) - share) < 0.01 for name, share in weights.items())


def _identities(variants: Sequence[VariantView]) -> set[tuple[str, str, str]]:
    return {(item.name, item.model, item.instance_type) for item in variants}
