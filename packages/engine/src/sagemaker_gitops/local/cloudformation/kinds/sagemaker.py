"""SageMaker: the model package group, and the feature group."""

from collections.abc import Mapping

from sagemaker_gitops.local.cloudformation.kinds.kind import Kind, present, text
from sagemaker_gitops.local.server.clients import Api, parse_document
from sagemaker_gitops.local.server.context import Document, unsupported

_NAME, _DESCRIPTION, _POLICY = "ModelPackageGroupName", "ModelPackageGroupDescription", "ModelPackageGroupPolicy"


class ModelPackageGroup(Kind):
    """AWS::SageMaker::ModelPackageGroup."""

    type = "AWS::SageMaker::ModelPackageGroup"
    properties = frozenset({_NAME, _DESCRIPTION, _POLICY, "Tags"})
    replacing = frozenset({_NAME, _DESCRIPTION})
    name = _NAME
    tagged = True

    def create(self, api: Api, properties: Document) -> str:
        """CreateModelPackageGroup, PutModelPackageGroupPolicy."""
        answer = api.call("sagemaker", "create_model_package_group", **present(properties, _NAME, _DESCRIPTION, "Tags"))
        self._share(api, properties[_NAME], properties)
        return str(answer["ModelPackageGroupArn"])

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """Change the policy and the tags."""
        self._share(api, after[_NAME], after)
        if _POLICY in before and _POLICY not in after:
            api.call("sagemaker", "delete_model_package_group_policy", **{_NAME: after[_NAME]})
        if tags := after.get("Tags"):
            api.call("sagemaker", "add_tags", ResourceArn=identifier, Tags=tags)

    def read(self, api: Api, identifier: str) -> Document | None:
        """DescribeModelPackageGroup, GetModelPackageGroupPolicy, ListTags."""
        name = identifier.rsplit("/", 1)[-1]
        answer = api.find("sagemaker", "describe_model_package_group", **{_NAME: name})
        if answer is None:
            return None
        found = present(answer, _NAME, _DESCRIPTION)
        if policy := api.find("sagemaker", "get_model_package_group_policy", **{_NAME: name}):
            found[_POLICY] = parse_document(policy["ResourcePolicy"])
        found["Tags"] = api.call("sagemaker", "list_tags", ResourceArn=answer["ModelPackageGroupArn"])["Tags"]
        return found

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteModelPackageGroup, which refuses a group with versions."""
        api.call("sagemaker", "delete_model_package_group", **{_NAME: identifier.rsplit("/", 1)[-1]})

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return the group's ARN."""
        return {"ModelPackageGroupArn": identifier}

    def find(self, api: Api, properties: Document) -> str | None:
        """Find the group by name; its identifier is its ARN."""
        answer = api.find("sagemaker", "describe_model_package_group", **{_NAME: properties[_NAME]})
        return str(answer["ModelPackageGroupArn"]) if answer else None

    def _share(self, api: Api, name: str, properties: Document) -> None:
        if policy := properties.get(_POLICY):
            api.call("sagemaker", "put_model_package_group_policy", **{_NAME: name}, ResourcePolicy=text(policy))


class FeatureGroup(Kind):
    """AWS::SageMaker::FeatureGroup."""

    type = "AWS::SageMaker::FeatureGroup"
    properties = frozenset(
        {
            "Description",
            "EventTimeFeatureName",
            "FeatureDefinitions",
            "FeatureGroupName",
            "OfflineStoreConfig",
            "OnlineStoreConfig",
            "RecordIdentifierFeatureName",
            "RoleArn",
            "Tags",
        }
    )
    # Features may be added in place on AWS; here another definition is another name.
    replacing = properties
    name = "FeatureGroupName"
    tagged = True

    def create(self, api: Api, properties: Document) -> str:
        """CreateFeatureGroup."""
        api.call("sagemaker", "create_feature_group", **properties)
        return str(properties["FeatureGroupName"])

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """Adopt a group that is as declared; no property of one that is there changes in place."""
        found = self.read(api, identifier) or {}
        if self.differences({name: value for name, value in after.items() if name != "Tags"}, found):
            raise unsupported(f"a change of feature group {identifier}")

    def read(self, api: Api, identifier: str) -> Document | None:
        """DescribeFeatureGroup, ListTags."""
        answer = api.find("sagemaker", "describe_feature_group", FeatureGroupName=identifier)
        if answer is None:
            return None
        found = present(answer, *(self.properties - {"Tags"}))
        if offline := found.get("OfflineStoreConfig"):
            storage = {key: value for key, value in offline["S3StorageConfig"].items() if key != "ResolvedOutputS3Uri"}
            found["OfflineStoreConfig"] = {**offline, "S3StorageConfig": storage}
        found["Tags"] = api.call("sagemaker", "list_tags", ResourceArn=answer["FeatureGroupArn"])["Tags"]
        return found

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteFeatureGroup, its online records included; what is in S3 stays."""
        api.call("sagemaker", "delete_feature_group", FeatureGroupName=identifier)
