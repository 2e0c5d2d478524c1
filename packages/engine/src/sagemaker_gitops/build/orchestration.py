"""The definition: train, test and register as steps, in SageMaker's JSON (schema version 2020-12-01)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sagemaker_gitops.build.orchestration_thresholds import Limit

TRAIN, TEST, REGISTER, REFUSE = "train", "test", "register", "refuse"
_CACHED_FOR = "P30D"
Document = dict[str, Any]


def render(*, training: Mapping[str, Any], package: Mapping[str, Any], limits: Sequence[Limit], commit: str) -> str:
    """Write the definition of one fingerprint.

    `training` is a request to CreateTrainingJob, `package` one to CreateModelPackage without the artefact's place.
    """
    instance = training["ResourceConfig"]["InstanceType"]
    return json.dumps(
        {
            "Version": "2020-12-01",
            "Metadata": {},
            "Parameters": [
                {"Name": "InstanceType", "Type": "String", "DefaultValue": instance},
                {"Name": "Commit", "Type": "String", "DefaultValue": commit},
            ],
            "Steps": [_train(training), _test(limits, _register(package))],
        },
        sort_keys=True,
    )


def _train(request: Mapping[str, Any]) -> Document:
    resources = {**request["ResourceConfig"], "InstanceType": {"Get": "Parameters.InstanceType"}}
    return {
        "Name": TRAIN,
        "Type": "Training",
        "Arguments": {**request, "ResourceConfig": resources},
        # The arguments follow from the fingerprint, so the same fingerprint finds the step that made it.
        "CacheConfig": {"Enabled": True, "ExpireAfter": _CACHED_FOR},
    }


def _test(limits: Sequence[Limit], register: Document) -> Document:
    return {
        "Name": TEST,
        "Type": "Condition",
        "Arguments": {
            "Conditions": [
                {
                    "Type": "GreaterThanOrEqualTo" if limit.least else "LessThanOrEqualTo",
                    "LeftValue": _metric(limit.metric),
                    "RightValue": limit.value,
                }
                for limit in limits
            ],
            "IfSteps": [register],
            "ElseSteps": [{"Name": REFUSE, "Type": "Fail", "Arguments": {"ErrorMessage": _reason(limits)}}],
        },
    }


def _register(package: Mapping[str, Any]) -> Document:
    (container,) = package["InferenceSpecification"]["Containers"]
    placed = {**container, "ModelDataUrl": {"Get": f"Steps.{TRAIN}.ModelArtifacts.S3ModelArtifacts"}}
    known = {
        **package["CustomerMetadataProperties"],
        "commit": {"Get": "Parameters.Commit"},
        "training_job": {"Get": f"Steps.{TRAIN}.TrainingJobName"},
        "pipeline_execution": {"Get": "Execution.PipelineExecutionId"},
    }
    inference = {**package["InferenceSpecification"], "Containers": [placed]}
    arguments = {**package, "InferenceSpecification": inference, "CustomerMetadataProperties": known}
    return {"Name": REGISTER, "Type": "RegisterModel", "Arguments": arguments}


def _reason(limits: Sequence[Limit]) -> Document:
    marks = [{"Std:Join": {"On": "", "Values": [f"{limit} and is ", _metric(limit.metric)]}} for limit in limits]
    return {"Std:Join": {"On": "; ", "Values": ["the model missed a threshold of model/config/baseline.json", *marks]}}


def _metric(name: str) -> Document:
    return {"Get": f"Steps.{TRAIN}.FinalMetricDataList['{name}'].Value"}
