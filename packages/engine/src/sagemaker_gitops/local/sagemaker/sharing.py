"""The registry of one account, used from another: whatever the group's resource policy allows."""

import json

import regex

from sagemaker_gitops.local.iam.resource_policy import Access, allows
from sagemaker_gitops.local.server.context import Caller, Place
from sagemaker_gitops.local.server.refusal import Refusal
from sagemaker_gitops.local.server.store import Store

POLICY_KIND = "model-package-group-policy"

_ARN = regex.compile(
    r"arn:aws:sagemaker:(?P<region>[^:]+):(?P<account>\d{12}):model-package(?:-group)?/(?P<group>[^/]+)(?:/\d+)?"
)


def home(arn_or_name: str, default: Place) -> Place:
    """Return where a group or a version lives; a bare name lives where the caller is."""
    found = _ARN.fullmatch(arn_or_name)
    return Place(account=found["account"], region=found["region"]) if found else default


class Sharing:
    """Decides who may use the groups and versions of which account."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def owner(self, caller: Caller, arn_or_name: str, action: str) -> Place:
        """Return where a group or version lives; refuse a caller whom its policy does not let in."""
        place = home(arn_or_name, caller.place)
        if place.account != caller.place.account and not self._allowed(place, caller, arn_or_name, action):
            raise Refusal(
                "AccessDeniedException",
                f"User: {caller.arn} is not authorized to perform: sagemaker:{action} on resource: {arn_or_name} "
                f"because no resource-based policy allows the sagemaker:{action} action",
            )
        return place

    def _allowed(self, place: Place, caller: Caller, arn: str, action: str) -> bool:
        found = _ARN.fullmatch(arn)
        group = place.arn("model-package-group", found["group"]) if found else ""
        stored = self._store.find(place, POLICY_KIND, group)
        # Listing is granted on the versions, asked for with the group.
        resource = (
            arn.replace(":model-package-group/", ":model-package/") + "/*" if action == "ListModelPackages" else arn
        )
        access = Access(caller=caller, action=f"sagemaker:{action}", resource=resource)
        return stored is not None and allows(json.loads(stored["ResourcePolicy"]), access)
