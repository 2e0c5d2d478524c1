"""Governance: budgets with their notifications, and CloudTrail's trails."""

import hashlib
import json
from collections.abc import Mapping

from sagemaker_gitops.local.cloudformation.kinds.kind import Kind, present
from sagemaker_gitops.local.server.clients import Api
from sagemaker_gitops.local.server.context import Document, unsupported

_NOTIFICATIONS = "NotificationsWithSubscribers"
_BUDGET = frozenset({"BudgetName", "BudgetType", "TimeUnit", "BudgetLimit", "CostFilters"})


class Budget(Kind):
    """AWS::Budgets::Budget. Its identifier tells two versions of its notifications apart."""

    type = "AWS::Budgets::Budget"
    properties = frozenset({"Budget", _NOTIFICATIONS})
    replacing = frozenset({_NOTIFICATIONS})
    # Moto does not answer DescribeSubscribersForNotification.
    hidden = frozenset({_NOTIFICATIONS})

    def create(self, api: Api, properties: Document) -> str:
        """CreateBudget."""
        budget = properties["Budget"]
        if unknown := sorted(set(budget) - _BUDGET):
            raise unsupported(f"{', '.join(unknown)} of a budget")
        notifications = properties.get(_NOTIFICATIONS, [])
        account = api.place.account
        api.call(
            "budgets",
            "create_budget",
            AccountId=account,
            Budget=_spelled(budget),
            NotificationsWithSubscribers=notifications,
        )
        digest = hashlib.sha256(json.dumps(notifications, sort_keys=True).encode()).hexdigest()
        return f"{budget['BudgetName']}|{digest[:8]}"

    def read(self, api: Api, identifier: str) -> Document | None:
        """DescribeBudget."""
        name = identifier.split("|", maxsplit=1)[0]
        answer = api.find("budgets", "describe_budget", AccountId=api.place.account, BudgetName=name)
        return None if answer is None else {"Budget": present(answer["Budget"], *_BUDGET)}

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """Delete and create anew: moto has no UpdateBudget."""
        self.delete(api, identifier)
        self.create(api, after)

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteBudget."""
        name = identifier.split("|", maxsplit=1)[0]
        api.call("budgets", "delete_budget", AccountId=api.place.account, BudgetName=name)


def _spelled(budget: Document) -> Document:
    limit = budget["BudgetLimit"]
    return {**budget, "BudgetLimit": {"Amount": str(limit["Amount"]), "Unit": limit["Unit"]}}


# CloudFormation's names, and those of CreateTrail and GetTrail.
_SETTINGS = {
    "S3BucketName": "S3BucketName",
    "KMSKeyId": "KmsKeyId",
    "IsMultiRegionTrail": "IsMultiRegionTrail",
    "IncludeGlobalServiceEvents": "IncludeGlobalServiceEvents",
    "EnableLogFileValidation": "EnableLogFileValidation",
}


class Trail(Kind):
    """AWS::CloudTrail::Trail."""

    type = "AWS::CloudTrail::Trail"
    properties = frozenset({"TrailName", "IsLogging", "EventSelectors", "Tags", *_SETTINGS})
    replacing = frozenset({"TrailName"})
    name = "TrailName"
    tagged = True

    def create(self, api: Api, properties: Document) -> str:
        """CreateTrail, PutEventSelectors, StartLogging."""
        name = str(properties["TrailName"])
        api.call("cloudtrail", "create_trail", Name=name, TagsList=properties.get("Tags", []), **_settings(properties))
        self._watch(api, name, properties)
        return name

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """UpdateTrail, PutEventSelectors, StartLogging, AddTags."""
        api.call("cloudtrail", "update_trail", Name=identifier, **_settings(after))
        self._watch(api, identifier, after)
        arn = self.attributes(api, identifier)["Arn"]
        api.call("cloudtrail", "add_tags", ResourceId=arn, TagsList=after.get("Tags", []))

    def read(self, api: Api, identifier: str) -> Document | None:
        """GetTrail, GetTrailStatus, GetEventSelectors, ListTags."""
        answer = api.find("cloudtrail", "get_trail", Name=identifier)
        if answer is None:
            return None
        trail = answer["Trail"]
        found = {name: trail.get(theirs) for name, theirs in _SETTINGS.items() if name != "EnableLogFileValidation"}
        listed = api.call("cloudtrail", "list_tags", ResourceIdList=[trail["TrailARN"]])["ResourceTagList"]
        selectors = api.call("cloudtrail", "get_event_selectors", TrailName=identifier).get("EventSelectors", [])
        return {
            "TrailName": identifier,
            **present(found, *found),
            "EnableLogFileValidation": trail["LogFileValidationEnabled"],
            "IsLogging": api.call("cloudtrail", "get_trail_status", Name=identifier)["IsLogging"],
            "EventSelectors": [present(item, *item) for item in selectors],
            "Tags": [tag for item in listed for tag in item["TagsList"]],
        }

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteTrail."""
        api.call("cloudtrail", "delete_trail", Name=identifier)

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return the trail's ARN."""
        return {"Arn": api.call("cloudtrail", "get_trail", Name=identifier)["Trail"]["TrailARN"]}

    def _watch(self, api: Api, name: str, properties: Document) -> None:
        if selectors := properties.get("EventSelectors"):
            api.call("cloudtrail", "put_event_selectors", TrailName=name, EventSelectors=selectors)
        api.call("cloudtrail", "start_logging" if properties["IsLogging"] else "stop_logging", Name=name)


def _settings(properties: Document) -> Document:
    return {theirs: properties[name] for name, theirs in _SETTINGS.items() if name in properties}
