"""The resource types that the embedded AWS applies; every other one is refused."""

from collections.abc import Mapping

from sagemaker_gitops.local.cloudformation.kinds import (
    cloudwatch,
    dynamodb,
    ecr,
    events,
    functions,
    governance,
    iam,
    kms,
    messaging,
    s3,
    sagemaker,
)
from sagemaker_gitops.local.cloudformation.kinds.kind import Kind

KINDS: Mapping[str, Kind] = {
    kind.type: kind
    for kind in (
        governance.Budget(),
        governance.Trail(),
        cloudwatch.Alarm(),
        cloudwatch.Dashboard(),
        dynamodb.Table(),
        ecr.Repository(),
        events.ApiDestination(),
        events.Connection(),
        events.Rule(),
        functions.Function(),
        functions.Permission(),
        iam.ManagedPolicy(),
        iam.OidcProvider(),
        iam.Role(),
        kms.Alias(),
        kms.Key(),
        cloudwatch.LogGroup(),
        s3.Bucket(),
        s3.BucketPolicy(),
        sagemaker.FeatureGroup(),
        sagemaker.ModelPackageGroup(),
        messaging.Topic(),
        messaging.TopicPolicy(),
        messaging.Queue(),
        messaging.QueuePolicy(),
    )
}
