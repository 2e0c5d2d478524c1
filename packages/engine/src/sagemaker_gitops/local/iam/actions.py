"""Which actions on which resources a call needs (AWS's service authorization reference)."""

from collections.abc import Callable, Iterator, Mapping

from sagemaker_gitops.local.iam.policy import Access
from sagemaker_gitops.local.server.context import Document, Place, unsupported

_SAGEMAKER_SERVICE = "sagemaker.amazonaws.com"
# SageMaker's operations that need the action of their own name on one resource: its kind and the parameter
# that names it.
_NAMED: Mapping[str, tuple[str, str]] = {
    "CreatePipeline": ("pipeline", "PipelineName"),
    "DescribePipeline": ("pipeline", "PipelineName"),
    "StartPipelineExecution": ("pipeline", "PipelineName"),
    "UpdatePipeline": ("pipeline", "PipelineName"),
    "CreateHyperParameterTuningJob": ("hyper-parameter-tuning-job", "HyperParameterTuningJobName"),
    "DescribeHyperParameterTuningJob": ("hyper-parameter-tuning-job", "HyperParameterTuningJobName"),
    "ListTrainingJobsForHyperParameterTuningJob": ("hyper-parameter-tuning-job", "HyperParameterTuningJobName"),
    "StopHyperParameterTuningJob": ("hyper-parameter-tuning-job", "HyperParameterTuningJobName"),
    "CreateEndpointConfig": ("endpoint-config", "EndpointConfigName"),
    "CreateModel": ("model", "ModelName"),
    "CreateProcessingJob": ("processing-job", "ProcessingJobName"),
    "CreateTrainingJob": ("training-job", "TrainingJobName"),
    "DeleteEndpoint": ("endpoint", "EndpointName"),
    "DeleteEndpointConfig": ("endpoint-config", "EndpointConfigName"),
    "DeleteModel": ("model", "ModelName"),
    "DescribeEndpoint": ("endpoint", "EndpointName"),
    "DescribeEndpointConfig": ("endpoint-config", "EndpointConfigName"),
    "DescribeModel": ("model", "ModelName"),
    "DescribeFeatureGroup": ("feature-group", "FeatureGroupName"),
    "DescribeModelPackageGroup": ("model-package-group", "ModelPackageGroupName"),
    "DescribeProcessingJob": ("processing-job", "ProcessingJobName"),
    "DescribeTrainingJob": ("training-job", "TrainingJobName"),
    "StopProcessingJob": ("processing-job", "ProcessingJobName"),
    "StopTrainingJob": ("training-job", "TrainingJobName"),
    "UpdateEndpointWeightsAndCapacities": ("endpoint", "EndpointName"),
}
_CONFIGURED = frozenset({"CreateEndpoint", "UpdateEndpoint"})
_BY_ARN: Mapping[str, str] = {
    "DeleteModelPackage": "ModelPackageName",
    "DescribeModelPackage": "ModelPackageName",
    "DescribePipelineExecution": "PipelineExecutionArn",
    "ListPipelineExecutionSteps": "PipelineExecutionArn",
    "StopPipelineExecution": "PipelineExecutionArn",
    "UpdateModelPackage": "ModelPackageArn",
    "AddTags": "ResourceArn",
    "ListTags": "ResourceArn",
}
# Without resource-level permission.
_LISTS = frozenset(
    {
        "ListEndpointConfigs",
        "ListEndpoints",
        "ListHyperParameterTuningJobs",
        "ListModelPackageGroups",
        "ListModels",
        "ListProcessingJobs",
        "ListTrainingJobs",
        "Search",
    }
)
_ALARMS = frozenset({"DeleteAlarms", "DescribeAlarms", "PutMetricAlarm", "SetAlarmState"})
_SCALER = "sagemaker.application-autoscaling.amazonaws.com"
_SCALER_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
_TABLE_ITEMS: Mapping[str, str] = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}


def needed(service: str, operation: str, params: Document, place: Place) -> list[Access]:
    """Return what a call needs; refuse a call whose needs are not known."""
    if service not in _SERVICES:
        raise unsupported(f"the authorization of {service} for roles")
    return list(_SERVICES[service](operation, params, place))


def _sagemaker(operation: str, params: Document, place: Place) -> Iterator[Access]:
    action = f"sagemaker:{operation}"
    if operation in _NAMED:
        kind, name = _NAMED[operation]
        yield from _created(action, place.arn(kind, params[name]), params)
    elif operation in _CONFIGURED:
        yield from _created(action, place.arn("endpoint", params["EndpointName"]), params)
        yield Access(action=action, resource=place.arn("endpoint-config", params["EndpointConfigName"]))
    elif operation in _BY_ARN:
        yield Access(action=action, resource=params[_BY_ARN[operation]], context=_approval(params))
    elif operation in _LISTS:
        yield Access(action=action, resource="*")
    elif operation == "CreateModelPackage":
        group = params["ModelPackageGroupName"]
        yield Access(action=action, resource=place.arn("model-package", f"{group}/1"), context=_approval(params))
    elif operation == "ListModelPackages":
        group = str(params["ModelPackageGroupName"])
        yield Access(action=action, resource=_group_versions(group, place))
    else:
        raise unsupported(f"the authorization of {operation} of SageMaker for roles")


def _created(action: str, resource: str, params: Document) -> Iterator[Access]:
    yield Access(action=action, resource=resource)
    if params.get("Tags"):
        yield Access(action="sagemaker:AddTags", resource=resource)
    inner = params.get("TrainingJobDefinition", {}).get("RoleArn")
    if role := params.get("RoleArn") or params.get("ExecutionRoleArn") or inner:
        yield Access(action="iam:PassRole", resource=role, context={"iam:PassedToService": (_SAGEMAKER_SERVICE,)})
    for container in (params.get("PrimaryContainer", {}), *params.get("Containers", [])):
        if package := container.get("ModelPackageName"):
            yield Access(action="sagemaker:DescribeModelPackage", resource=package)
            # Another account's package is shared by naming CreateModel in its group's policy.
            shared = Access(action=action, resource=package)
            if shared.account not in {"", resource.split(":")[4]}:
                yield shared


def _approval(params: Document) -> Mapping[str, tuple[str, ...]]:
    status = params.get("ModelApprovalStatus")
    return {"sagemaker:ModelApprovalStatus": (status,)} if status else {}


def _group_versions(group: str, place: Place) -> str:
    # A group of another account is named by its ARN.
    arn = group if group.startswith("arn:") else place.arn("model-package-group", group)
    return arn.replace(":model-package-group/", ":model-package/") + "/*"


def _runtime(operation: str, params: Document, place: Place) -> Iterator[Access]:
    yield Access(action=f"sagemaker:{operation}", resource=place.arn("endpoint", params["EndpointName"]))


def _features(operation: str, params: Document, place: Place) -> Iterator[Access]:
    named = params.get("Identifiers", [params])
    for group in dict.fromkeys(item["FeatureGroupName"].rsplit("/", 1)[-1] for item in named):
        yield Access(action=f"sagemaker:{operation}", resource=place.arn("feature-group", group))


def _dynamodb(operation: str, params: Document, place: Place) -> Iterator[Access]:
    if operation == "TransactWriteItems":
        for item in params["TransactItems"]:
            ((kind, one),) = item.items()
            yield Access(action=_TABLE_ITEMS[kind], resource=_table(one["TableName"], place))
    else:
        yield Access(action=f"dynamodb:{operation}", resource=_table(params["TableName"], place))


def _table(name: str, place: Place) -> str:
    return f"arn:aws:dynamodb:{place.region}:{place.account}:table/{name}"


def _ecr(operation: str, params: Document, place: Place) -> Iterator[Access]:
    account, name = params.get("registryId", place.account), params.get("repositoryName")
    resource = f"arn:aws:ecr:{place.region}:{account}:repository/{name}" if name else "*"
    yield Access(action=f"ecr:{operation}", resource=resource)


def _cloudwatch(operation: str, params: Document, place: Place) -> Iterator[Access]:
    action = f"cloudwatch:{operation}"
    if operation in _ALARMS:
        for name in params.get("AlarmNames") or [params.get("AlarmName", "*")]:
            yield Access(action=action, resource=_alarm(name, place))
        return
    if operation == "PutDashboard":
        yield Access(action=action, resource=f"arn:aws:cloudwatch::{place.account}:dashboard/{params['DashboardName']}")
        return
    namespace = params.get("Namespace")
    context = {"cloudwatch:namespace": (namespace,)} if namespace else {}
    yield Access(action=action, resource="*", context=context)


def _alarm(name: str, place: Place) -> str:
    return f"arn:aws:cloudwatch:{place.region}:{place.account}:alarm:{name}"


def _autoscaling(operation: str, params: Document, place: Place) -> Iterator[Access]:
    action = f"application-autoscaling:{operation}"
    if operation.startswith("Describe"):
        yield Access(action=action, resource="*")
        return
    context = {
        "application-autoscaling:service-namespace": (params["ServiceNamespace"],),
        "application-autoscaling:scalable-dimension": (params["ScalableDimension"],),
    }
    # AWS names a target by an id of its own making, which nobody knows before it is registered.
    target = f"arn:aws:application-autoscaling:{place.region}:{place.account}:scalable-target/0123"
    yield Access(action=action, resource=target, context=context)
    if operation == "RegisterScalableTarget":
        yield Access(
            action="iam:CreateServiceLinkedRole",
            resource=f"arn:aws:iam::{place.account}:role/aws-service-role/{_SCALER}/{_SCALER_ROLE}",
            context={"iam:AWSServiceName": (_SCALER,)},
        )
    # A policy's alarms are created, and go with its target, in the caller's name.
    wanted = {"PutScalingPolicy": "cloudwatch:PutMetricAlarm", "DeregisterScalableTarget": "cloudwatch:DeleteAlarms"}
    if operation in wanted:
        yield Access(action=wanted[operation], resource=_alarm(f"TargetTracking-{params['ResourceId']}-High", place))


def _events(operation: str, params: Document, place: Place) -> Iterator[Access]:
    if operation != "PutEvents":
        raise unsupported(f"the authorization of {operation} of EventBridge for roles")
    for entry in params["Entries"]:
        bus = entry.get("EventBusName", "default").rsplit("/", 1)[-1]
        resource = f"arn:aws:events:{place.region}:{place.account}:event-bus/{bus}"
        yield Access(action="events:PutEvents", resource=resource, context={"events:source": (entry["Source"],)})


def _logs(operation: str, params: Document, place: Place) -> Iterator[Access]:
    group = f"arn:aws:logs:{place.region}:{place.account}:log-group:{params['logGroupName']}"
    stream = f":log-stream:{params['logStreamName']}" if "logStreamName" in params else ":*"
    yield Access(action=f"logs:{operation}", resource=group + stream)


def _sts(operation: str, params: Document, _place: Place) -> Iterator[Access]:
    # GetCallerIdentity needs no permission at all.
    if operation != "GetCallerIdentity":
        keys = {"sts:ExternalId": "ExternalId", "sts:RoleSessionName": "RoleSessionName"}
        context = {key: (str(params[name]),) for key, name in keys.items() if name in params}
        yield Access(action=f"sts:{operation}", resource=params.get("RoleArn", "*"), context=context)


def _s3(operation: str, params: Document, _place: Place) -> Iterator[Access]:
    bucket = f"arn:aws:s3:::{params['Bucket']}"
    resource = f"{bucket}/{params['Key']}" if "Key" in params else bucket
    prefix = params.get("Prefix")
    yield Access(action=f"s3:{operation}", resource=resource, context={"s3:prefix": (prefix,)} if prefix else {})
    if params.get("ObjectLockMode"):
        yield Access(action="s3:PutObjectRetention", resource=resource)
    if params.get("BypassGovernanceRetention"):
        yield Access(action="s3:BypassGovernanceRetention", resource=resource)


_SERVICES: Mapping[str, Callable[[str, Document, Place], Iterator[Access]]] = {
    "application-autoscaling": _autoscaling,
    "cloudwatch": _cloudwatch,
    "dynamodb": _dynamodb,
    "ecr": _ecr,
    "events": _events,
    "logs": _logs,
    "monitoring": _cloudwatch,
    "s3": _s3,
    "sagemaker": _sagemaker,
    "sagemaker-featurestore-runtime": _features,
    "sagemaker-runtime": _runtime,
    "sts": _sts,
}
