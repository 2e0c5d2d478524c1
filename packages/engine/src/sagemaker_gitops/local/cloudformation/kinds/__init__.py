"""The resource types that this plane applies; every other one is refused."""

from collections.abc import Mapping

from sagemaker_gitops.local.cloudformation.kinds import (
    budgets,
    cloudtrail,
    cloudwatch,
    dynamodb,
    ecr,
    events,
    functions,
    iam,
    kms,
    logs,
    s3,
    sagemaker,
    sns,
    sqs,
)
from sagemaker_gitops.local.cloudformation.kinds.kind import Kind

KINDS: Mapping[str, Kind] = {
    kind.type: kind
    for kind in (
        budgets.Budget(),
        cloudtrail.Trail(),
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
        logs.LogGroup(),
        s3.Bucket(),
        s3.BucketPolicy(),
        sagemaker.FeatureGroup(),
        sagemaker.ModelPackageGroup(),
        sns.Topic(),
        sns.TopicPolicy(),
        sqs.Queue(),
        sqs.QueuePolicy(),
    )
}
