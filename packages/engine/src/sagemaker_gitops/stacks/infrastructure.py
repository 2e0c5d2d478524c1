"""Which stacks make up the project's AWS, in which order, and with which parameters."""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.project import features as definition
from sagemaker_gitops.project.config import read_environment
from sagemaker_gitops.project.environments import ENVIRONMENTS
from sagemaker_gitops.project.regions import absent
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stacks import cost, observability

Scope = Literal["account", "shared", "dev", "staging", "prod"]


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One stack: a template of infra/lib, applied to one account.

    Scope "account" is what an account has once, "shared" what the registry's account keeps for all environments.
    """

    name: str
    concern: str
    account: str
    scope: Scope
    template: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


# In the order of creation: keys before what they encrypt, boundaries before the roles that they bound.
_ACCOUNT = ("audit", "access")
_SHARED = ("storage", "access", "registry", "delivery")
_ENVIRONMENT = ("storage", "access", "delivery", "observability", "response", "cost")
# What an environment has only where its configuration says so.
_CHOSEN = ("dispatch", "network", "front", "features")
# What an environment does without in a region that has not its resources, and what else then helps.
_DISPENSABLE: Mapping[str, str] = {
    "cost": "nobody is warned of costs; make a budget in the console of Billing, which belongs to no region",
}
_INSTEAD: Mapping[str, str] = {
    "dispatch": "empty monitor.policy.dispatch_secret, and start workflows from what pages you",
    "features": "set serving.features to request",
}
_CHOICES = ("Orchestrated", "MlflowApp", "MlflowServer")
_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "access": ("Project", "Scope", "RegistryAccount", "SubjectPrefix", "Operations", "TuningPrefix", *_CHOICES),
    "audit": ("Project",),
    "cost": ("Project", "Scope", "MonthlyBudget"),
    "delivery": ("Project", "Scope", "RegistryAccount", "Orchestrated"),
    "dispatch": ("Project", "Scope", "Repository", "DispatchSecret", "Unattended"),
    "features": ("Project", "Scope", "FeatureGroup", "RecordIdentifier", "EventTime"),
    "front": ("Project", "Scope", "RequestsPerSecond", "Burst"),
    "network": ("Project", "Scope", "Vpc", "Subnets", "Callers"),
    "observability": ("Project", "Scope"),
    "registry": ("Project", "Accounts", "ProductionAccount"),
    "response": ("Project", "Scope", "LedgerDays", "CooldownMinutes", "MaximumPerDay", "Unattended"),
    "storage": ("Project", "Scope", "Accounts", "LedgerDays"),
}
# A budget warns above the estimate, not at it.
_BUDGET_MARGIN = 1.25
_TYPE = re.compile(r"^    Type: (AWS::\w+::\w+)", re.MULTILINE)
_DEPLOYMENT_MARK = "\n  Deployment:\n"
_GROUP_MARK = "\n  Group:\n"
_COLUMNS_MARK = "[{FeatureName: id, FeatureType: String}]"
_CODE_MARK = '"Here bootstrap puts infra/lib/respond.py."'
_MARK = "  # Here bootstrap puts the alarms of monitoring/alarms.\n"


def stacks(settings: Settings) -> tuple[Stack, ...]:
    """Return every stack that the environment needs and its region has, in the order in which they are made."""
    needed = _needed(settings)
    for stack in needed:
        if (missing := _absent(settings, stack)) and stack.concern not in _DISPENSABLE:
            raise ConfigurationError(
                f"CloudFormation has no {' and no '.join(missing)} in {settings.region}",
                where=f"stack {stack.name}",
                next_step=_INSTEAD.get(stack.concern, "choose another region in infra/config/project.json"),
            )
    return tuple(stack for stack in needed if not _absent(settings, stack))


def left_out(settings: Settings) -> tuple[str, ...]:
    """Say which stacks the environment does without in its region, and what that means."""
    return tuple(
        f"stack {stack.name} is left out, for {settings.region} has no {' and no '.join(missing)}: "
        f"{_DISPENSABLE[stack.concern]}"
        for stack in _needed(settings)
        if (missing := _absent(settings, stack)) and stack.concern in _DISPENSABLE
    )


def _absent(settings: Settings, stack: Stack) -> list[str]:
    return sorted({name for name in _TYPE.findall(stack.template) if absent(name, settings.region)})


def _needed(settings: Settings) -> tuple[Stack, ...]:
    accounts = dict.fromkeys((settings.registry_account, settings.account))
    shared = settings.registry_account
    # Without a subject there is nobody to trust, and CloudFormation makes no stack without a resource.
    once = _ACCOUNT if settings.project_file.github.subject_prefix else ("audit",)
    return (
        *(_stack(settings, concern, scope="account", account=account) for account in accounts for concern in once),
        *(_stack(settings, concern, scope="shared", account=shared) for concern in _SHARED),
        *(_stack(settings, concern, scope=settings.env, account=settings.account) for concern in _wanted(settings)),
    )


def switched_off(settings: Settings) -> tuple[str, ...]:
    """Name the stacks of the environment that its configuration does not ask for."""
    return tuple(f"{settings.project}-{name}-{settings.env}" for name in _CHOSEN if name not in _wanted(settings))


def _wanted(settings: Settings) -> tuple[str, ...]:
    asked = {
        "dispatch": settings.monitor.policy.dispatch_secret,
        "network": settings.environment_file.private_endpoint,
        "front": settings.environment_file.http_front,
        "features": settings.serving.features == "store",
    }
    return (*_ENVIRONMENT, *(concern for concern in _CHOSEN if asked[concern]))


def alarms(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the alarms on the environment's endpoint, by their files' names."""
    return observability.alarms(settings.root, "endpoint", _filled(settings))


def variant_alarms(settings: Settings, variant: str) -> dict[str, dict[str, Any]]:
    """Return the alarms on one variant of the environment's endpoint, by the names that they bear in CloudWatch."""
    page = [f"arn:aws:sns:{settings.region}:{settings.account}:{settings.project}-page-{settings.env}"]
    rendered = observability.alarms(settings.root, "variant", {**_filled(settings), "VariantName": variant})
    return {item["AlarmName"]: {**item, "AlarmActions": page, "OKActions": page} for item in rendered.values()}


def dashboard(settings: Settings, releases: Sequence[tuple[datetime, str]]) -> str:
    """Return the body of the environment's dashboard, with the releases that came, oldest first."""
    return observability.dashboard(settings.root, _filled(settings), releases)


def _stack(settings: Settings, concern: str, *, scope: Scope, account: str) -> Stack:
    values = _values(settings, scope)
    return Stack(
        name=f"{settings.project}-{concern}-{scope}",
        concern=concern,
        account=account,
        scope=scope,
        template=_template(settings, concern),
        # What only an environment decides keeps its default in the stacks that all environments share.
        parameters={name: values[name] for name in _PARAMETERS[concern] if name in values},
        tags={"project": settings.project, "environment": scope, "concern": concern},
    )


def _values(settings: Settings, scope: Scope) -> dict[str, str]:
    accounts = (str(getattr(settings.project_file.accounts, name)) for name in ENVIRONMENTS)
    shared = {
        "Project": settings.project,
        "Scope": scope,
        "Accounts": ",".join(dict.fromkeys((*accounts, settings.registry_account))),
        "RegistryAccount": settings.registry_account,
        "ProductionAccount": settings.project_file.accounts.prod,
        "SubjectPrefix": settings.project_file.github.subject_prefix,
        "Repository": f"{settings.project_file.github.owner}/{settings.project_file.github.repository}",
    }
    if scope == "shared":
        return {**shared, "TuningPrefix": settings.tuning_prefix, **_chosen_by_dev(settings)}
    return {**shared, **_own_values(settings)} if scope in ENVIRONMENTS else shared


def _chosen_by_dev(settings: Settings) -> dict[str, str]:
    # Only dev trains, whichever environment's stacks are made.
    dev = read_environment(settings.root / "infra" / "config", "dev", {})
    tracking = dev.experiments.tracking if dev.experiments else ""
    kinds = {"MlflowApp": ":mlflow-app/", "MlflowServer": ":mlflow-tracking-server/"}
    places = {name: tracking for name, word in kinds.items() if word in tracking}
    return {"Orchestrated": str(dev.orchestration).lower(), **places}


def _own_values(settings: Settings) -> dict[str, str]:
    budget = cost.estimate(settings, alarms=len(alarms(settings))).dollars * _BUDGET_MARGIN
    return {
        "MonthlyBudget": str(math.ceil(budget)),
        "LedgerDays": str(settings.deploy.ledger_retention_days),
        "CooldownMinutes": str(settings.monitor.policy.cooldown_minutes),
        "MaximumPerDay": str(settings.monitor.policy.maximum_per_day),
        "Unattended": str(settings.monitor.policy.unattended).lower(),
        "DispatchSecret": settings.monitor.policy.dispatch_secret,
        **_entrances(settings),
        **_features(settings),
        # Production's own environment waits for reviewers; unattended work has one beside it.
        "Operations": "prod-operations" if settings.env == "prod" else settings.env,
    }


def _entrances(settings: Settings) -> dict[str, str]:
    private, front = settings.environment_file.private_endpoint, settings.environment_file.http_front
    inside = {"Vpc": private.vpc, "Subnets": ",".join(private.subnets), "Callers": private.callers} if private else {}
    outside = {"RequestsPerSecond": str(front.requests_per_second), "Burst": str(front.burst)} if front else {}
    return {**inside, **outside}


def _features(settings: Settings) -> dict[str, str]:
    if settings.serving.features != "store":
        return {}
    wanted = definition.read(settings.root)
    group = wanted.group(settings.endpoint_name)
    return {"FeatureGroup": group, "RecordIdentifier": wanted.id, "EventTime": wanted.event_time}


def _template(settings: Settings, concern: str) -> str:
    path = settings.root / "infra" / "lib" / f"{concern}.yml"
    text = _read(path)
    if concern == "response":
        code = json.dumps(_read(path.with_name("respond.py")))
        return _at(_CODE_MARK, text, path).replace(_CODE_MARK, code)
    if concern == "front":
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        named = _at(_DEPLOYMENT_MARK, text, path).replace(_DEPLOYMENT_MARK, f"\n  Deployment{digest}:\n")
        return named.replace("!Ref Deployment\n", f"!Ref Deployment{digest}\n")
    if concern == "features":
        wanted = definition.read(settings.root)
        named = _at(_GROUP_MARK, text, path).replace(_GROUP_MARK, f"\n  Group{wanted.digest}:\n")
        return _at(_COLUMNS_MARK, named, path).replace(_COLUMNS_MARK, json.dumps(wanted.members()))
    if concern != "observability":
        return text
    # JSON is YAML: each resource is one more line of the template.
    resources = {f"Alarm{name.title().replace('-', '')}": _alarm(one) for name, one in alarms(settings).items()}
    return _at(_MARK, text, path).replace(
        _MARK, "".join(f"  {name}: {json.dumps(item)}\n" for name, item in resources.items())
    )


def _at(mark: str, text: str, path: Path) -> str:
    if mark not in text:
        raise ConfigurationError("the place to fill in is missing", where=str(path), next_step=f"restore {mark!r}")
    return text


def _alarm(parameters: Mapping[str, Any]) -> dict[str, Any]:
    page = [{"Ref": "Page"}]
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": {**parameters, "AlarmActions": page, "OKActions": page}}


def _filled(settings: Settings) -> dict[str, str | float]:
    return {
        "EndpointName": settings.endpoint_name,
        "P95LatencyMicroseconds": settings.serving.sla.p95_ms * 1000,
        "Region": settings.region,
        "Runbook": "docs/operate.md",
    }


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError as err:
        raise ConfigurationError(
            "a stack's template is missing", where=str(path), next_step="restore the file from git"
        ) from err
