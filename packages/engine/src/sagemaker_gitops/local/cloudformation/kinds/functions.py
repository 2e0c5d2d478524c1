"""Lambda: functions, and who may call them."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping

from sagemaker_gitops.local.cloudformation.kinds.kind import Kind, present
from sagemaker_gitops.local.server.clients import Api
from sagemaker_gitops.local.server.context import Document, unsupported

_CONFIGURATION = ("Description", "Runtime", "Handler", "Role", "Timeout", "MemorySize", "Environment")
# A zip file's clock starts here, so that the same code is the same bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Function(Kind):
    """AWS::Lambda::Function, its code written in the template. The service answers a link to the code, not the code."""

    type = "AWS::Lambda::Function"
    properties = frozenset({"FunctionName", "Code", "ReservedConcurrentExecutions", "Tags", *_CONFIGURATION})
    replacing = frozenset({"FunctionName"})
    name = "FunctionName"
    tagged = True
    hidden = frozenset({"Code"})

    def create(self, api: Api, properties: Document) -> str:
        """CreateFunction, PutFunctionConcurrency."""
        name = str(properties["FunctionName"])
        tags, code = _tags(properties), {"ZipFile": _zipped(properties)}
        configuration = present(properties, *_CONFIGURATION)
        api.call("lambda", "create_function", FunctionName=name, Code=code, Tags=tags, **configuration)
        self._reserve(api, properties)
        return name

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """UpdateFunctionCode, UpdateFunctionConfiguration, PutFunctionConcurrency, TagResource."""
        api.call("lambda", "update_function_code", FunctionName=identifier, ZipFile=_zipped(after))
        configuration = present(after, *_CONFIGURATION)
        api.call("lambda", "update_function_configuration", FunctionName=identifier, **configuration)
        self._reserve(api, after)
        api.call("lambda", "tag_resource", Resource=self.attributes(api, identifier)["Arn"], Tags=_tags(after))

    def read(self, api: Api, identifier: str) -> Document | None:
        """GetFunction."""
        answer = api.find("lambda", "get_function", FunctionName=identifier)
        if answer is None:
            return None
        found = present(answer["Configuration"], "FunctionName", *_CONFIGURATION)
        reserved = answer.get("Concurrency", {}).get("ReservedConcurrentExecutions")
        tags = [{"Key": key, "Value": value} for key, value in answer.get("Tags", {}).items()]
        return {**found, "ReservedConcurrentExecutions": reserved, "Tags": tags}

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteFunction."""
        api.call("lambda", "delete_function", FunctionName=identifier)

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return the function's ARN."""
        return {"Arn": api.call("lambda", "get_function", FunctionName=identifier)["Configuration"]["FunctionArn"]}

    def _reserve(self, api: Api, properties: Document) -> None:
        if reserved := properties.get("ReservedConcurrentExecutions"):
            name = properties["FunctionName"]
            api.call("lambda", "put_function_concurrency", FunctionName=name, ReservedConcurrentExecutions=reserved)


class Permission(Kind):
    """AWS::Lambda::Permission: one statement of a function's policy."""

    type = "AWS::Lambda::Permission"
    properties = frozenset({"FunctionName", "Action", "Principal", "SourceArn", "SourceAccount"})
    replacing = properties

    def create(self, api: Api, properties: Document) -> str:
        """AddPermission."""
        statement = hashlib.sha256(json.dumps(properties, sort_keys=True).encode()).hexdigest()[:16]
        api.call("lambda", "add_permission", StatementId=statement, **properties)
        return f"{properties['FunctionName']}|{statement}"

    def read(self, api: Api, identifier: str) -> Document | None:
        """GetPolicy."""
        name, _, wanted = identifier.partition("|")
        answer = api.find("lambda", "get_policy", FunctionName=name)
        statements = json.loads(answer["Policy"])["Statement"] if answer else []
        found = next((item for item in statements if item["Sid"] == wanted), None)
        return _declared(name, found) if found else None

    def delete(self, api: Api, identifier: str) -> None:
        """RemovePermission."""
        name, _, statement = identifier.partition("|")
        api.call("lambda", "remove_permission", FunctionName=name, StatementId=statement)


def _declared(name: str, statement: Document) -> Document:
    condition = statement.get("Condition", {})
    arn = condition.get("ArnLike", {}).get("AWS:SourceArn")
    account = condition.get("StringEquals", {}).get("AWS:SourceAccount")
    found = {"SourceArn": arn, "SourceAccount": account, "Principal": statement["Principal"]["Service"]}
    return {"FunctionName": name, "Action": statement["Action"], **present(found, *found)}


def _zipped(properties: Document) -> bytes:
    code = properties["Code"]
    if set(code) != {"ZipFile"}:
        raise unsupported(f"Code of {', '.join(sorted(code))} of a function")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        # CloudFormation names the file so, whatever the handler.
        archive.writestr(zipfile.ZipInfo("index.py", _EPOCH), code["ZipFile"])
    return target.getvalue()


def _tags(properties: Document) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
