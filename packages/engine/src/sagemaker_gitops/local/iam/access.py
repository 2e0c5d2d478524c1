"""What a call asks IAM for."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Access:
    """One action on one resource, with the values that conditions look at."""

    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """Return the account in the resource's ARN; S3's have none, and "*" neither."""
        parts = self.resource.split(":")
        return parts[4] if len(parts) > 5 else ""

    def within(self, context: Mapping[str, tuple[str, ...]]) -> "Access":
        """Return the same access with more context."""
        return Access(action=self.action, resource=self.resource, context={**context, **self.context})
