"""Whether a service of AWS may publish to a topic: by the topic's policy, and by that of the key that encrypts it."""

import json
from collections.abc import Iterator, Mapping

from sagemaker_gitops.local.iam.policy import Access, Policy, Principal, judge_resource
from sagemaker_gitops.local.server.clients import Api
from sagemaker_gitops.local.server.context import Refusal

_ENCRYPTS = ("kms:GenerateDataKey", "kms:Decrypt")


def require_to_publish(
    services: Api, topic: str, service: str, *, context: Mapping[str, tuple[str, ...]] | None = None
) -> None:
    """Refuse a service that a topic, or its key, does not let in; `context` is what the service sends with its calls.

    EventBridge sends nothing: it knows no conditions in a topic's policy, and neither aws:SourceAccount nor
    aws:SourceArn in the key's. What remains there is the encryption context, which is the topic's own.
    Sources: EventBridge User Guide, "Amazon SNS permissions"; SNS Developer Guide, "Configuring AWS KMS permissions".
    """
    attributes = services.call("sns", "get_topic_attributes", TopicArn=topic)["Attributes"]
    publish = Access(action="sns:Publish", resource=topic, context=context or {})
    _require(Policy(name="topic policy", document=json.loads(attributes["Policy"])), publish, service)
    if key := attributes.get("KmsMasterKeyId"):
        sent = {**(context or {}), "kms:EncryptionContext:aws:sns:topicArn": (topic,)}
        require_key(services, key, service, context=sent)


def require_key(services: Api, key: str, service: str, *, context: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse a service whose messages a key does not encrypt."""
    metadata = services.call("kms", "describe_key", KeyId=key)["KeyMetadata"]
    text = services.call("kms", "get_key_policy", KeyId=metadata["KeyId"], PolicyName="default")["Policy"]
    policy = Policy(name="key policy", document=json.loads(text))
    for access in _uses(metadata["Arn"], context):
        _require(policy, access, service)


def _uses(arn: str, context: Mapping[str, tuple[str, ...]]) -> Iterator[Access]:
    yield from (Access(action=action, resource=arn, context=context) for action in _ENCRYPTS)


def _require(policy: Policy, access: Access, service: str) -> None:
    if judge_resource(policy, access, Principal(arn=service, account="")) != "allowed":
        raise Refusal(
            "AuthorizationError",
            f"{service} is not authorized to perform: {access.action} on resource: {access.resource}: {policy.name}",
            status=403,
        )
