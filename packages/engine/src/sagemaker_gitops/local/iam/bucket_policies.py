"""Bucket policies, kept beside moto: it would deny every request that a Deny matches but for its condition."""

import json

from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.server.clients import ACCOUNT_HEADER, Clients
from sagemaker_gitops.local.server.context import Caller, Document, Place, Refusal
from sagemaker_gitops.local.server.persistence import PersistentMoto, Store
from sagemaker_gitops.local.server.protocols import Signature

KIND = "bucket-policy"
_OPERATIONS = {"GET": "GetBucketPolicy", "PUT": "PutBucketPolicy", "DELETE": "DeleteBucketPolicy"}


class BucketPolicies:
    """The policy sub-resource of S3's buckets. Moto gets the permissions, the embedded AWS the whole policy."""

    name = "s3"

    def __init__(self, store: Store, clients: Clients, moto: PersistentMoto) -> None:
        self._store = store
        self._clients = clients
        self._moto = moto

    def operation(self, request: Request, signed: Signature) -> str | None:
        """Return the operation of a request for /<bucket>?policy."""
        if signed.service != self.name or "policy" not in request.args or request.path.strip("/").count("/"):
            return None
        return _OPERATIONS.get(request.method)

    def params(self, request: Request, operation: str) -> Document:
        """Return the bucket and, for a PUT, the policy."""
        policy = {"Policy": request.get_data(as_text=True)} if operation == "PutBucketPolicy" else {}
        return {"Bucket": request.path.strip("/"), **policy}

    def answer(self, caller: Caller, operation: str, params: Document) -> Response:
        """Carry out the operation on a bucket of the caller's."""
        bucket, place = params["Bucket"], caller.place
        owned = self._clients.s3(place).list_buckets()["Buckets"]
        if bucket not in {item["Name"] for item in owned}:
            raise Refusal("NoSuchBucket", f"The specified bucket does not exist: {bucket}", status=404)
        if operation == "GetBucketPolicy":
            return Response(self._get(place, bucket), content_type="application/json")
        if operation == "PutBucketPolicy":
            return self._put(place, bucket, params["Policy"])
        self._store.remove(place, KIND, bucket)
        return self._moto.call(_request(place, bucket, "DELETE"))

    def _get(self, place: Place, bucket: str) -> str:
        if found := self._store.find(place, KIND, bucket):
            return str(found["Policy"])
        raise Refusal("NoSuchBucketPolicy", "The bucket policy does not exist", status=404)

    def _put(self, place: Place, bucket: str, policy: str) -> Response:
        try:
            document = json.loads(policy)
            allowing = [item for item in document["Statement"] if item["Effect"] == "Allow"]
        except (ValueError, KeyError, TypeError):
            raise Refusal("MalformedPolicy", "This policy contains invalid Json or misses an element") from None
        permissions = json.dumps({**document, "Statement": allowing})
        response = self._moto.call(_request(place, bucket, "PUT", permissions))
        if response.status_code < 400:
            self._store.put(place, KIND, bucket, {"Policy": policy})
        return response


def _request(place: Place, bucket: str, method: str, body: str = "") -> Request:
    scope = f"internal/20200101/{place.region}/s3/aws4_request"
    headers = [
        ("Authorization", f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
        (ACCOUNT_HEADER, place.account),
    ]
    builder = EnvironBuilder(path=f"/{bucket}", query_string="policy", method=method, data=body, headers=headers)
    return Request(builder.get_environ())
