"""What AWS refuses of the services that moto plays, where moto alone would say yes."""

import json
from collections.abc import Callable, Mapping
from re import fullmatch

from werkzeug.wrappers import Request

from sagemaker_gitops.local.cloudwatch.alarm_definition import check_alarm
from sagemaker_gitops.local.events.definitions import check_rule, check_targets
from sagemaker_gitops.local.iam import requests
from sagemaker_gitops.local.iam.policy import Access, Policy, Principal, judge_resource
from sagemaker_gitops.local.iam.web_identity import require_web_identity
from sagemaker_gitops.local.server import model
from sagemaker_gitops.local.server.clients import Api, Clients, api
from sagemaker_gitops.local.server.context import Document, Place, Refusal, unsupported
from sagemaker_gitops.local.server.object_lock import check_object_lock
from sagemaker_gitops.local.server.protocols import Signature

_CLOUDTRAIL = Principal(arn="cloudtrail.amazonaws.com", account="")
# A new account's concurrent executions, and how many of them no function may reserve.
_ACCOUNT_CONCURRENCY, _UNRESERVED = 10, 10
_ENCRYPTS = ("kms:DescribeKey", "kms:GenerateDataKey")


class MotoRules:
    """Holds a request against AWS's documentation before moto gets it."""

    def __init__(self, clients: Clients, stand_in: Callable[[str], str | None]) -> None:
        self._clients = clients
        self._stand_in = stand_in

    def check(self, request: Request, signed: Signature, place: Place) -> None:
        """Refuse what AWS refuses."""
        service = signed.service
        if not service and request.form.get("Action", "").startswith("AssumeRoleWith"):
            service = "sts"  # a web identity signs nothing: its token is what it shows
        if service == "sts":
            self._assume(*_asked(request, signed), place)
        if service == "s3":
            check_object_lock(api(self._clients, place), request, *_asked(request, signed))
        if rules := _RULES.get(service):
            operation, params = _asked(request, signed)
            if operation in rules:
                rules[operation](api(self._clients, place), params)

    def _assume(self, operation: str, params: Document, place: Place) -> None:
        if operation in {"GetCallerIdentity", "GetAccessKeyInfo"}:
            return
        if more := {name.split(".")[0] for name in params} - _ASSUMING.get(operation, frozenset()):
            raise unsupported(f"{', '.join(sorted(more))} of {operation}")
        services = api(self._clients, Place(account=params["RoleArn"].split(":")[4], region=place.region))
        if operation == "AssumeRoleWithWebIdentity":
            require_web_identity(services, params, self._stand_in)
        role = services.find("iam", "get_role", RoleName=params["RoleArn"].rpartition("/")[2])
        if role and int(params.get("DurationSeconds", 0)) > role["Role"].get("MaxSessionDuration", 3600):
            message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            raise Refusal("ValidationError", message)


def _asked(request: Request, signed: Signature) -> tuple[str, Document]:
    if signed.service != "lambda":
        return requests.asked(request, signed)
    described = model.rest_operation("lambda", request)
    return (described.name, model.rest_params(described, request, request.get_data())) if described else ("", {})


def _trail(services: Api, params: Document) -> None:
    """Require of the key that CloudTrail may encrypt and, under an S3 Bucket Key, decrypt the bucket's key.

    Source: CloudTrail User Guide, "Configure AWS KMS key policies for CloudTrail".
    """
    if not (key := params.get("KmsKeyId")):
        return
    place, name = services.place, str(params["Name"]).rpartition("/")[2]
    trail = f"arn:aws:cloudtrail:{place.region}:{place.account}:trail/{name}"
    metadata = services.call("kms", "describe_key", KeyId=key)["KeyMetadata"]
    found = services.call("kms", "get_key_policy", KeyId=metadata["KeyId"], PolicyName="default")["Policy"]
    policy = Policy(name="key policy", document=json.loads(found))
    needed = (*_ENCRYPTS, "kms:Decrypt") if _has_bucket_key(services, params) else _ENCRYPTS
    for action in needed:
        context = {"aws:SourceArn": (trail,), "aws:SourceAccount": (place.account,)}
        asked = Access(action=action, resource=metadata["Arn"], context=context)
        if judge_resource(policy, asked, _CLOUDTRAIL) != "allowed":
            raise Refusal(
                "InsufficientEncryptionPolicyException",
                f"Insufficient permissions to access S3 bucket {params.get('S3BucketName')} or KMS key {key}.",
            )


def _has_bucket_key(services: Api, params: Document) -> bool:
    bucket = params.get("S3BucketName")
    answer = services.find("s3", "get_bucket_encryption", Bucket=bucket) if bucket else None
    rules = (answer or {}).get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    return any(rule.get("BucketKeyEnabled") for rule in rules)


def _concurrency(services: Api, params: Document) -> None:
    """Keep some concurrency unreserved: all of it in a new account, which has no more.

    Source: Lambda Developer Guide, "Lambda quotas" and "Configuring reserved concurrency for a function".
    """
    name, wanted = str(params["FunctionName"]).rpartition(":")[2], int(params["ReservedConcurrentExecutions"])
    functions = services.every("lambda", "list_functions", "Functions")
    others = [item["FunctionName"] for item in functions if item["FunctionName"] != name]
    answers = (services.call("lambda", "get_function_concurrency", FunctionName=other) for other in others)
    reserved = sum(int(answer.get("ReservedConcurrentExecutions", 0)) for answer in answers)
    if _ACCOUNT_CONCURRENCY - reserved - wanted < _UNRESERVED:
        raise Refusal(
            "InvalidParameterValueException",
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{_UNRESERVED}].",
        )


# Session policies and tags would be ignored, and so would second factors.
_OF_EVERY_CALL = frozenset({"Action", "Version", "RoleArn", "RoleSessionName", "DurationSeconds"})
_ASSUMING = {
    "AssumeRole": _OF_EVERY_CALL | {"ExternalId"},
    "AssumeRoleWithWebIdentity": _OF_EVERY_CALL | {"WebIdentityToken"},
}
_NEVER_EVALUATED = ("PutAnomalyDetector", "PutCompositeAlarm", "PutInsightRule", "PutMetricStream")


def _unplayed(_: Api, params: Document) -> None:
    raise unsupported(f"what this asks of CloudWatch: {', '.join(sorted(params))}")


def _described(operation: str, params: Document) -> None:
    model.check(model.operation("cloudwatch", operation), params)


def _dashboard(_: Api, params: Document) -> None:
    if not fullmatch(r"[\w-]+", str(params.get("DashboardName"))):
        message = "The value for field DashboardName contains invalid characters: alphanumerics, - and _ are valid."
        raise Refusal("InvalidParameterValue", message)


_RULES: Mapping[str, Mapping[str, Callable[[Api, Document], None]]] = {
    "cloudtrail": {"CreateTrail": _trail, "UpdateTrail": _trail},
    "events": {
        "PutRule": lambda _, params: check_rule(params),
        "PutTargets": lambda _, params: check_targets(params),
    },
    "lambda": {"PutFunctionConcurrency": _concurrency},
    "monitoring": {
        "PutDashboard": _dashboard,
        "PutMetricAlarm": lambda _, params: check_alarm(params),
        "SetAlarmState": lambda _, params: _described("SetAlarmState", params),
        **dict.fromkeys(_NEVER_EVALUATED, _unplayed),
    },
}
