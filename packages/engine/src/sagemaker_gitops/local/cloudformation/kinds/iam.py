"""IAM: roles, managed policies, the OIDC provider."""

from collections.abc import Mapping

from sagemaker_gitops.local.cloudformation.kinds.kind import Kind, present, text
from sagemaker_gitops.local.server.clients import Api, parse_document
from sagemaker_gitops.local.server.context import Document


class Role(Kind):
    """AWS::IAM::Role."""

    type = "AWS::IAM::Role"
    properties = frozenset(
        {
            "RoleName",
            "Description",
            "AssumeRolePolicyDocument",
            "MaxSessionDuration",
            "PermissionsBoundary",
            "Policies",
            "ManagedPolicyArns",
            "Tags",
        }
    )
    replacing = frozenset({"RoleName"})
    name = "RoleName"
    tagged = True

    def create(self, api: Api, properties: Document) -> str:
        """CreateRole, PutRolePolicy, AttachRolePolicy."""
        name = str(properties["RoleName"])
        api.call(
            "iam",
            "create_role",
            RoleName=name,
            AssumeRolePolicyDocument=text(properties["AssumeRolePolicyDocument"]),
            **present(properties, "Description", "MaxSessionDuration", "PermissionsBoundary", "Tags"),
        )
        self._policies(api, name, before={}, after=properties)
        return name

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """Change the trust, the limits, the policies, the boundary and the tags."""
        trust = text(after["AssumeRolePolicyDocument"])
        api.call("iam", "update_assume_role_policy", RoleName=identifier, PolicyDocument=trust)
        seconds = after.get("MaxSessionDuration", 3600)
        description = after.get("Description", "")
        api.call("iam", "update_role", RoleName=identifier, Description=description, MaxSessionDuration=seconds)
        if boundary := after.get("PermissionsBoundary"):
            api.call("iam", "put_role_permissions_boundary", RoleName=identifier, PermissionsBoundary=boundary)
        elif "PermissionsBoundary" in before:
            api.call("iam", "delete_role_permissions_boundary", RoleName=identifier)
        self._policies(api, identifier, before=before, after=after)
        if tags := after.get("Tags"):
            api.call("iam", "tag_role", RoleName=identifier, Tags=tags)

    def read(self, api: Api, identifier: str) -> Document | None:
        """GetRole and every policy of the role."""
        answer = api.find("iam", "get_role", RoleName=identifier)
        if answer is None:
            return None
        role = answer["Role"]
        attached = api.every("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=identifier)
        names = api.every("iam", "list_role_policies", "PolicyNames", RoleName=identifier)
        found = {
            **present(role, "RoleName", "Description", "MaxSessionDuration"),
            "AssumeRolePolicyDocument": parse_document(role["AssumeRolePolicyDocument"]),
            "PermissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            "Policies": [self._policy(api, identifier, str(name)) for name in names],
            "ManagedPolicyArns": [policy["PolicyArn"] for policy in attached],
            "Tags": api.call("iam", "list_role_tags", RoleName=identifier)["Tags"],
        }
        return present(found, *found)

    def delete(self, api: Api, identifier: str) -> None:
        """Detach and delete the policies, then the role."""
        current = self.read(api, identifier) or {}
        self._policies(api, identifier, before=current, after={})
        api.call("iam", "delete_role", RoleName=identifier)

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return the role's ARN."""
        role = api.call("iam", "get_role", RoleName=identifier)["Role"]
        return {"Arn": role["Arn"], "RoleId": role["RoleId"]}

    def _policy(self, api: Api, role: str, name: str) -> Document:
        answer = api.call("iam", "get_role_policy", RoleName=role, PolicyName=name)
        return {"PolicyName": name, "PolicyDocument": parse_document(answer["PolicyDocument"])}

    def _policies(self, api: Api, role: str, *, before: Document, after: Document) -> None:
        inline = {policy["PolicyName"]: policy["PolicyDocument"] for policy in after.get("Policies", [])}
        for name, document in inline.items():
            api.call("iam", "put_role_policy", RoleName=role, PolicyName=name, PolicyDocument=text(document))
        for policy in before.get("Policies", []):
            if policy["PolicyName"] not in inline:
                api.call("iam", "delete_role_policy", RoleName=role, PolicyName=policy["PolicyName"])
        old, new = set(before.get("ManagedPolicyArns", [])), set(after.get("ManagedPolicyArns", []))
        for arn in sorted(new - old):
            api.call("iam", "attach_role_policy", RoleName=role, PolicyArn=arn)
        for arn in sorted(old - new):
            api.call("iam", "detach_role_policy", RoleName=role, PolicyArn=arn)


class ManagedPolicy(Kind):
    """AWS::IAM::ManagedPolicy."""

    type = "AWS::IAM::ManagedPolicy"
    properties = frozenset({"ManagedPolicyName", "Description", "PolicyDocument"})
    replacing = frozenset({"ManagedPolicyName", "Description"})
    name = "ManagedPolicyName"

    def create(self, api: Api, properties: Document) -> str:
        """CreatePolicy."""
        document = text(properties["PolicyDocument"])
        more = present(properties, "Description")
        name = properties["ManagedPolicyName"]
        return str(api.call("iam", "create_policy", PolicyName=name, PolicyDocument=document, **more)["Policy"]["Arn"])

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """CreatePolicyVersion; IAM keeps five, so the older ones go."""
        self._forget_versions(api, identifier)
        document = text(after["PolicyDocument"])
        api.call("iam", "create_policy_version", PolicyArn=identifier, PolicyDocument=document, SetAsDefault=True)

    def read(self, api: Api, identifier: str) -> Document | None:
        """GetPolicy, GetPolicyVersion."""
        answer = api.find("iam", "get_policy", PolicyArn=identifier)
        if answer is None:
            return None
        policy = answer["Policy"]
        version = api.call("iam", "get_policy_version", PolicyArn=identifier, VersionId=policy["DefaultVersionId"])
        return {
            "ManagedPolicyName": policy["PolicyName"],
            "Description": policy.get("Description", ""),
            "PolicyDocument": parse_document(version["PolicyVersion"]["Document"]),
        }

    def delete(self, api: Api, identifier: str) -> None:
        """DeletePolicy, which refuses one that is attached."""
        self._forget_versions(api, identifier)
        api.call("iam", "delete_policy", PolicyArn=identifier)

    def find(self, api: Api, properties: Document) -> str | None:
        """Find the account's own policy by name."""
        arn = f"arn:aws:iam::{api.place.account}:policy/{properties['ManagedPolicyName']}"
        return arn if self.read(api, arn) is not None else None

    def _forget_versions(self, api: Api, arn: str) -> None:
        for version in api.every("iam", "list_policy_versions", "Versions", PolicyArn=arn):
            if not version["IsDefaultVersion"]:
                api.call("iam", "delete_policy_version", PolicyArn=arn, VersionId=version["VersionId"])


class OidcProvider(Kind):
    """AWS::IAM::OIDCProvider."""

    type = "AWS::IAM::OIDCProvider"
    properties = frozenset({"Url", "ClientIdList", "Tags"})
    replacing = frozenset({"Url"})
    tagged = True

    def create(self, api: Api, properties: Document) -> str:
        """CreateOpenIDConnectProvider."""
        more = present(properties, "Tags")
        clients = properties.get("ClientIdList", [])
        answer = api.call("iam", "create_open_id_connect_provider", Url=properties["Url"], ClientIDList=clients, **more)
        return str(answer["OpenIDConnectProviderArn"])

    def read(self, api: Api, identifier: str) -> Document | None:
        """GetOpenIDConnectProvider."""
        answer = api.find("iam", "get_open_id_connect_provider", OpenIDConnectProviderArn=identifier)
        if answer is None:
            return None
        return {
            "Url": f"https://{answer['Url'].removeprefix('https://')}",
            "ClientIdList": answer["ClientIDList"],
            "Tags": answer.get("Tags", []),
        }

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteOpenIDConnectProvider."""
        api.call("iam", "delete_open_id_connect_provider", OpenIDConnectProviderArn=identifier)

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return the provider's ARN."""
        return {"Arn": identifier}
