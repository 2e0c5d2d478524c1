"""Tags of any SageMaker resource, kept by ARN."""

from collections.abc import Callable

from sagemaker_gitops.local.sagemaker.listing import paged
from sagemaker_gitops.local.server.context import Call, Document, Place
from sagemaker_gitops.local.server.refusal import invalid
from sagemaker_gitops.local.server.store import Store

KIND = "tags"
_LIMIT = 50


class Tags:
    """AddTags, ListTags, DeleteTags."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {"AddTags": self.add, "ListTags": self.list, "DeleteTags": self.delete}

    def of(self, place: Place, arn: str) -> dict[str, str]:
        """Return the tags of a resource."""
        return dict(self._store.find(place, KIND, arn) or {})

    def put(self, place: Place, arn: str, tags: list[dict[str, str]]) -> None:
        """Add tags to a resource."""
        merged = {**self.of(place, arn), **{t["Key"]: t["Value"] for t in tags}}
        if reserved := [k for k in merged if k.lower().startswith("aws:")]:
            raise invalid(f"Tag keys must not start with aws: {', '.join(reserved)}")
        if len(merged) > _LIMIT:
            raise invalid(f"A resource has at most {_LIMIT} tags.")
        if merged:
            self._store.put(place, KIND, arn, merged)

    def forget(self, place: Place, arn: str) -> None:
        """Drop the tags of a resource that is deleted."""
        self._store.remove(place, KIND, arn)

    def add(self, call: Call) -> Document:
        """AddTags."""
        arn = self._tagged(call)
        if ":model-package/" in arn and "/" in arn.split(":model-package/")[1]:
            raise invalid("Tags cannot be added to a versioned model package; tag its model package group.")
        self.put(call.place, arn, call.params["Tags"])
        return {"Tags": _shown(self.of(call.place, arn))}

    def list(self, call: Call) -> Document:
        """ListTags."""
        return paged("Tags", _shown(self.of(call.place, self._tagged(call))), call.params)

    def delete(self, call: Call) -> Document:
        """DeleteTags."""
        arn = self._tagged(call)
        left = {k: v for k, v in self.of(call.place, arn).items() if k not in call.params["TagKeys"]}
        self._store.put(call.place, KIND, arn, left)
        return {}

    def _tagged(self, call: Call) -> str:
        arn = str(call.params["ResourceArn"])
        kind, _, name = arn.rpartition(":")[2].partition("/")
        key = arn if kind == "model-package" else name
        if self._store.find(call.place, kind, key) is None:
            raise invalid(f"Resource {arn} does not exist.")
        return arn


def _shown(tags: dict[str, str]) -> list[Document]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
