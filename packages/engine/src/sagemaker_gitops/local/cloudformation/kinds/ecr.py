"""ECR: image repositories."""

from collections.abc import Mapping

from sagemaker_gitops.local.cloudformation.kinds.kind import Kind, lowered, raised, text
from sagemaker_gitops.local.server.clients import Api, parse_document
from sagemaker_gitops.local.server.context import Document


class Repository(Kind):
    """AWS::ECR::Repository."""

    type = "AWS::ECR::Repository"
    properties = frozenset(
        {
            "RepositoryName",
            "ImageTagMutability",
            "ImageScanningConfiguration",
            "EncryptionConfiguration",
            "LifecyclePolicy",
            "RepositoryPolicyText",
            "Tags",
        }
    )
    replacing = frozenset({"RepositoryName", "EncryptionConfiguration"})
    name = "RepositoryName"
    tagged = True

    def create(self, api: Api, properties: Document) -> str:
        """CreateRepository, PutLifecyclePolicy, SetRepositoryPolicy."""
        settings = {
            key[:1].lower() + key[1:]: lowered(properties[key])
            for key in ("ImageTagMutability", "ImageScanningConfiguration", "EncryptionConfiguration")
            if key in properties
        }
        name = str(properties["RepositoryName"])
        tags = properties.get("Tags", [])
        api.call("ecr", "create_repository", repositoryName=name, tags=tags, **settings)
        self._policies(api, name, properties)
        return name

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """PutImageTagMutability, PutImageScanningConfiguration, the policies and the tags."""
        mutability = after.get("ImageTagMutability", "MUTABLE")
        api.call("ecr", "put_image_tag_mutability", repositoryName=identifier, imageTagMutability=mutability)
        scanning = lowered(after.get("ImageScanningConfiguration", {"ScanOnPush": False}))
        api.call(
            "ecr", "put_image_scanning_configuration", repositoryName=identifier, imageScanningConfiguration=scanning
        )
        for name, clear in (
            ("LifecyclePolicy", "delete_lifecycle_policy"),
            ("RepositoryPolicyText", "delete_repository_policy"),
        ):
            if name in before and name not in after:
                api.call("ecr", clear, repositoryName=identifier)
        self._policies(api, identifier, after)
        api.call("ecr", "tag_resource", resourceArn=self._arn(api, identifier), tags=after.get("Tags", []))

    def read(self, api: Api, identifier: str) -> Document | None:
        """DescribeRepositories and the two policies."""
        answer = api.find("ecr", "describe_repositories", repositoryNames=[identifier])
        if answer is None:
            return None
        repository = answer["repositories"][0]
        scanning, encryption = repository["imageScanningConfiguration"], repository["encryptionConfiguration"]
        found: Document = {
            "RepositoryName": identifier,
            "ImageTagMutability": repository["imageTagMutability"],
            "ImageScanningConfiguration": raised(scanning),
            "EncryptionConfiguration": raised(encryption),
            "Tags": api.call("ecr", "list_tags_for_resource", resourceArn=repository["repositoryArn"])["tags"],
        }
        if policy := api.find("ecr", "get_lifecycle_policy", repositoryName=identifier):
            found["LifecyclePolicy"] = {"LifecyclePolicyText": policy["lifecyclePolicyText"]}
        if policy := api.find("ecr", "get_repository_policy", repositoryName=identifier):
            found["RepositoryPolicyText"] = parse_document(policy["policyText"])
        return found

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteRepository, which refuses a repository with images."""
        api.call("ecr", "delete_repository", repositoryName=identifier)

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return the repository's ARN and URI."""
        repository = api.call("ecr", "describe_repositories", repositoryNames=[identifier])["repositories"][0]
        return {"Arn": repository["repositoryArn"], "RepositoryUri": repository["repositoryUri"]}

    def _arn(self, api: Api, name: str) -> str:
        return f"arn:aws:ecr:{api.place.region}:{api.place.account}:repository/{name}"

    def _policies(self, api: Api, name: str, properties: Document) -> None:
        if policy := properties.get("LifecyclePolicy"):
            rules = policy["LifecyclePolicyText"]
            api.call("ecr", "put_lifecycle_policy", repositoryName=name, lifecyclePolicyText=rules)
        if policy := properties.get("RepositoryPolicyText"):
            api.call("ecr", "set_repository_policy", repositoryName=name, policyText=text(policy))
