"""Which account, region and principal signed a request: what STS answers to its access key."""

import functools
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING

import regex
from werkzeug.test import Client, EnvironBuilder
from werkzeug.wrappers import Request

from sagemaker_gitops.local.server.clients import ACCOUNT_HEADER
from sagemaker_gitops.local.server.context import Caller, Place
from sagemaker_gitops.local.server.store import Store

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PLACE_KIND = "place"
"""Where something was called: the alarms of these places are evaluated."""

DEFAULT_REGION = "us-east-1"
_CREDENTIAL = regex.compile(r"Credential=(?P<key>[^/,\s]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
# What moto's STS says of a key that its IAM did not issue.
_UNKNOWN = ":user/moto"
_STS = "{https://sts.amazonaws.com/doc/2011-06-15/}"


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a request's Authorization header says."""

    access_key: str
    region: str
    service: str


def signature(request: Request) -> Signature:
    """Return the signature's scope; an unsigned request gets an empty service."""
    text = request.headers.get("Authorization", "") or request.args.get("X-Amz-Credential", "")
    found = _CREDENTIAL.search(text if text.startswith("AWS4") else f"Credential={text}")
    if not found:
        return Signature(access_key="", region=DEFAULT_REGION, service="")
    return Signature(access_key=found["key"], region=found["region"], service=found["service"].lower())


class Identity:
    """Asks the STS behind the plane who holds an access key. Signatures are not verified, as in moto."""

    def __init__(self, sts: "WSGIApplication", store: Store, default_account: str) -> None:
        self._client = Client(sts)
        self._default_account = default_account
        self._store = store
        self._whose = functools.lru_cache(maxsize=1024)(self._ask)

    def caller(self, request: Request) -> Caller:
        """Return who signed a request."""
        signed = signature(request)
        account, arn = self._whose(signed.access_key, request.headers.get(ACCOUNT_HEADER, ""))
        place = Place(account=account, region=signed.region)
        if self._store.find(place, PLACE_KIND, "") is None:
            self._store.put(place, PLACE_KIND, "", {})
        return Caller(place=place, arn=arn)

    def _ask(self, access_key: str, account: str) -> tuple[str, str]:
        found, arn = self._identified(access_key, account)
        if account or not arn.endswith(_UNKNOWN):
            return found, arn
        return self._default_account, f"arn:aws:sts::{self._default_account}{_UNKNOWN}"

    def _identified(self, access_key: str, account: str) -> tuple[str, str]:
        scope = f"{access_key or 'anonymous'}/20200101/{DEFAULT_REGION}/sts/aws4_request"
        headers = [("Authorization", f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")]
        if account:
            headers.append((ACCOUNT_HEADER, account))
        form = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}
        builder = EnvironBuilder(path="/", method="POST", data=form, headers=headers)
        answer = ET.fromstring(self._client.open(builder).get_data())  # noqa: S314 - moto's own answer
        return _text(answer, "Account"), _text(answer, "Arn")


def _text(answer: ET.Element, name: str) -> str:
    found = answer.find(f".//{_STS}{name}")
    return (found.text or "") if found is not None else ""
