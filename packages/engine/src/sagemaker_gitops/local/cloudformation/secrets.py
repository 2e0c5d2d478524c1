"""Dynamic references: {{resolve:secretsmanager:NAME:SecretString:KEY}} in a property, read when it is applied.

Source: AWS CloudFormation User Guide, "Get a secret or secret value from Secrets Manager".
"""

import json
import re

from sagemaker_gitops.local.cloudformation.template import refused
from sagemaker_gitops.local.server.api import Api
from sagemaker_gitops.local.server.context import Document
from sagemaker_gitops.local.server.refusal import unsupported

_REFERENCE = re.compile(r"\{\{resolve:([\w-]+):([^}]+)\}\}")


def revealed(api: Api, properties: Document) -> Document:
    """Put secrets in the place of references to them; what a stack keeps is the reference."""
    return {name: _value(api, value) for name, value in properties.items()}


def _value(api: Api, value: object) -> object:
    if isinstance(value, dict):
        return revealed(api, value)
    if isinstance(value, list):
        return [_value(api, item) for item in value]
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: _secret(api, found[1], found[2]), value)
    return value


def _secret(api: Api, service: str, reference: str) -> str:
    name, kind, key, *more = (*reference.split(":"), "", "")
    if service != "secretsmanager" or kind != "SecretString" or any(more):
        raise unsupported(f"the reference {service}:{reference}")
    found = api.find("secretsmanager", "get_secret_value", SecretId=name)
    if found is None:
        raise refused("Secrets Manager can't find the specified secret.")
    text = str(found["SecretString"])
    return str(json.loads(text)[key]) if key else text
