"""Telling callers what serves, once the ledger says so. A cache: nothing here may stop a release."""

from collections.abc import Callable

from sagemaker_gitops.errors import AwsRefused, CredentialsMissing, PermissionMissing
from sagemaker_gitops.release.history import Standing
from sagemaker_gitops.release.ports import LeaseView, PointedView, Pointers


class Pointer:
    """The pen of one holder of the lease: writes which release serves, and never reads it."""

    def __init__(self, pointers: Pointers, lease: LeaseView, progress: Callable[[str], None]) -> None:
        self._pointers = pointers
        self._lease = lease
        self._progress = progress

    def follow(self, standing: Standing) -> None:
        """Point at the release that the ledger says must serve."""
        if standing.active is None:
            return
        try:
            written = self._pointers.publish(self._lease.endpoint, standing.active, fence=self._lease.token)
        except (AwsRefused, CredentialsMissing, PermissionMissing) as err:
            self._progress(f"callers were not told of {standing.active.variant}, reconcile will: {err.what}")
            return
        if not written:
            self._progress("callers were told by a later holder of the lease; nothing was written here")


def misled(standing: Standing, told: PointedView | None) -> str:
    """Say what callers are told instead of what the ledger says; empty when it is the same."""
    active = standing.active
    if active is None:
        return ""
    if told is None:
        return "nothing"
    # The ledger was read a moment before: a release that ended since then is ahead of it.
    same = (told.variant, told.fingerprint) == (active.variant, active.fingerprint)
    return "" if same or told.sequence > standing.sequence else told.variant
