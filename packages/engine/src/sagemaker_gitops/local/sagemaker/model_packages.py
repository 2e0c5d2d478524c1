"""Model packages, the versions in the registry: registration, approval, metadata, model cards."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import jsonschema_rs

from sagemaker_gitops.local.sagemaker import transfer
from sagemaker_gitops.local.sagemaker.listing import Listing, Tags
from sagemaker_gitops.local.sagemaker.model_package_groups import PACKAGE_KIND, ModelPackageGroups, Sharing, home_of
from sagemaker_gitops.local.server.context import Call, Caller, Document, Place, invalid, now, unsupported
from sagemaker_gitops.local.server.service import SharedState

_SCHEMA = Path(__file__).with_name("modelcard.schema.json")


def check_model_card(params: Document) -> None:
    """Refuse a card that is no JSON, or breaks the schema; the message names the place."""
    text = params.get("ModelCard", {}).get("ModelCardContent")
    if text is None:
        return
    if "\n" in text:
        raise invalid("ModelCardContent must satisfy regular expression pattern: .*")
    try:
        content = json.loads(text)
    except ValueError as err:
        raise invalid(f"Model card content is not valid JSON: {err}") from err
    problem = next(iter(_validator().iter_errors(content)), None)
    if problem is not None:
        place = "/".join(map(str, problem.instance_path))
        raise invalid(f"Model card content is not valid at '{place}': {problem.message}")


@cache
def _validator() -> jsonschema_rs.Draft7Validator:
    return jsonschema_rs.Draft7Validator(json.loads(_SCHEMA.read_text(encoding="utf-8")))


KIND = PACKAGE_KIND
_LISTING = Listing(result="ModelPackageSummaryList", name="ModelPackageArn", descending=False)
_MERGED = frozenset({"ModelPackageArn", "CustomerMetadataProperties", "CustomerMetadataPropertiesToRemove"})
_METADATA_LIMIT = 50


class ModelPackages:
    """The model package operations."""

    def __init__(self, shared: SharedState, groups: ModelPackageGroups, sharing: Sharing, tags: Tags) -> None:
        self._shared = shared
        self._store = shared.store
        self._groups = groups
        self._sharing = sharing
        self._tags = tags

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {
            "CreateModelPackage": self.create,
            "DescribeModelPackage": self.describe,
            "ListModelPackages": self.list,
            "UpdateModelPackage": self.update,
            "DeleteModelPackage": self.delete,
        }

    def find(self, place: Place, arn: str) -> Document:
        """Return a version by its ARN, of whatever account."""
        package = self._store.find(home_of(arn, place), KIND, arn)
        if package is None:
            raise invalid(f"ModelPackage {arn} does not exist.")
        return package

    def shared(self, caller: Caller, arn: str, action: str) -> Document:
        """Return a version that the caller may use in this way."""
        return self.find(self._sharing.owner(caller, arn, action), arn)

    def create(self, call: Call) -> Document:
        """CreateModelPackage: the next version of a group."""
        place, params = call.place, call.params
        if "ModelPackageGroupName" not in params:
            raise unsupported("unversioned model packages (CreateModelPackage without ModelPackageGroupName)")
        if "ModelPackageName" in params:
            raise invalid("ModelPackageName and ModelPackageGroupName cannot both be present.")
        if params.get("Tags"):
            raise invalid("Tags are not allowed on a versioned model package; tag its model package group.")
        if existing := self._created_before(place, params.get("ClientToken")):
            return {"ModelPackageArn": existing}
        group = self._groups.find(place, params["ModelPackageGroupName"])["ModelPackageGroupName"]
        self._check_containers(place, params.get("InferenceSpecification", {}))
        _check_metadata(params.get("CustomerMetadataProperties", {}))
        check_model_card(params)
        version = self._groups.next_version(place, group)
        arn = place.arn(KIND, f"{group}/{version}")
        package = {**_fresh(call), "ModelPackageGroupName": group, "ModelPackageVersion": version}
        self._store.put(place, KIND, arn, {**package, "ModelPackageArn": arn})
        self._announce(place, arn)
        return {"ModelPackageArn": arn}

    def describe(self, call: Call) -> Document:
        """DescribeModelPackage."""
        return self.shared(call.caller, call.params["ModelPackageName"], "DescribeModelPackage")

    def list(self, call: Call) -> Document:
        """ListModelPackages."""
        params = call.params
        name = params.get("ModelPackageGroupName")
        place = self._sharing.owner(call.caller, name, "ListModelPackages") if name else call.place
        packages = self._store.all(place, KIND)
        if name:
            group = self._groups.find(place, name)["ModelPackageGroupName"]
            packages = [p for p in packages if p["ModelPackageGroupName"] == group]
        if status := params.get("ModelApprovalStatus"):
            packages = [p for p in packages if p["ModelApprovalStatus"] == status]
        return _LISTING.page(packages, params)

    def update(self, call: Call) -> Document:
        """UpdateModelPackage: metadata is merged, what is not named stays."""
        params = call.params
        arn = params["ModelPackageArn"]
        place = self._sharing.owner(call.caller, arn, "UpdateModelPackage")
        with self._store.lock:
            package = self.find(place, arn)
            merged = {**package.get("CustomerMetadataProperties", {}), **params.get("CustomerMetadataProperties", {})}
            for key in params.get("CustomerMetadataPropertiesToRemove", []):
                merged.pop(key, None)
            _check_metadata(merged)
            check_model_card(params)
            card = _updated_card(package.get("ModelCard", {}), params.get("ModelCard", {}))
            fields = {key: value for key, value in params.items() if key not in _MERGED} | {"ModelCard": card or None}
            self._store.change(
                place,
                KIND,
                arn,
                **{**fields, "CustomerMetadataProperties": merged or None},
                LastModifiedTime=now(),
                LastModifiedBy={"IamIdentity": {"Arn": call.caller.arn}},
            )
        self._announce(place, arn)
        return {"ModelPackageArn": arn}

    def delete(self, call: Call) -> Document:
        """DeleteModelPackage."""
        arn = self.find(call.place, call.params["ModelPackageName"])["ModelPackageArn"]
        self._store.remove(call.place, KIND, arn)
        self._tags.forget(call.place, arn)
        return {}

    def _created_before(self, place: Place, token: str | None) -> str | None:
        packages = self._store.all(place, KIND) if token else []
        return next((p["ModelPackageArn"] for p in packages if p.get("ClientToken") == token), None)

    def _check_containers(self, place: Place, specification: Document) -> None:
        for container in specification.get("Containers", []):
            self._shared.images.find(container["Image"])
            uri = container.get("ModelDataUrl")
            if uri and not transfer.exists(self._shared.clients.s3(place), uri):
                raise invalid(f"Could not find model data at {uri}.")

    def _announce(self, place: Place, arn: str) -> None:
        package = self.find(place, arn)
        names = ("ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn", "CreationTime")
        more = ("ModelPackageStatus", "ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties")
        detail = {name: package[name] for name in (*names, *more) if name in package}
        self._shared.events.state_change(
            place, "Model Package", arn, {"ModelPackageName": f"{package['ModelPackageGroupName']}", **detail}
        )


def _fresh(call: Call) -> Document:
    return {
        "ModelApprovalStatus": "PendingManualApproval",
        **call.params,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CreationTime": now(),
        "CreatedBy": {"IamIdentity": {"Arn": call.caller.arn}},
    }


def _updated_card(card: Document, changes: Document) -> Document:
    """Change a card's content or its status; one that is archived stays as it is.

    Source: SageMaker API Reference, UpdateModelCard and ModelPackageModelCard.
    """
    if card and changes and card.get("ModelCardStatus") == "Archived":
        raise invalid("Model Card is in Archived state")
    if card and {"ModelCardContent", "ModelCardStatus"} <= changes.keys():
        raise invalid("You cannot update both model card content and model card status in a single call.")
    return {**card, **changes}


def _check_metadata(properties: dict[str, str]) -> None:
    if len(properties) > _METADATA_LIMIT:
        raise invalid(f"A model package has at most {_METADATA_LIMIT} customer metadata properties.")
