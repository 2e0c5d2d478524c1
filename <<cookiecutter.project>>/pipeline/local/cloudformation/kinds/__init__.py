"""The resource types that this plane applies; every other one is refused."""

from collections.abc import Mapping

from pipeline.local.cloudformation.kinds.dynamodb import Table
from pipeline.local.cloudformation.kinds.ecr import Repository
from pipeline.local.cloudformation.kinds.iam import Role
from pipeline.local.cloudformation.kinds.kind import Kind
from pipeline.local.cloudformation.kinds.kms import Alias, Key
from pipeline.local.cloudformation.kinds.s3 import Bucket, BucketPolicy
from pipeline.local.cloudformation.kinds.sagemaker import ModelPackageGroup

KINDS: Mapping[str, Kind] = {
    kind.type: kind
    for kind in (Alias(), Bucket(), BucketPolicy(), Key(), ModelPackageGroup(), Repository(), Role(), Table())
}
