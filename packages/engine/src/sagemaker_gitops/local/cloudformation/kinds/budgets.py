"""AWS Budgets: a budget with its notifications."""

import hashlib
import json

from sagemaker_gitops.local.cloudformation.kinds.kind import Kind, present
from sagemaker_gitops.local.server.api import Api
from sagemaker_gitops.local.server.context import Document
from sagemaker_gitops.local.server.refusal import unsupported

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
