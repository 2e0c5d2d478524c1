"""What every List operation shares: filters, order, pages."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from sagemaker_gitops.local.server.context import Document
from sagemaker_gitops.local.server.refusal import invalid


@dataclass(frozen=True, kw_only=True)
class Listing:
    """How one kind of resource is listed."""

    result: str
    name: str
    status: str = ""
    descending: bool = True
    sort_keys: tuple[tuple[str, str], ...] = ()

    def page(self, documents: Sequence[Document], params: Document) -> Document:
        """Return one page of the documents that pass the request's filters."""
        order = params.get("SortOrder", "Descending" if self.descending else "Ascending")
        key = self._sort_key(params.get("SortBy", "CreationTime"))
        kept = sorted((d for d in documents if self._passes(d, params)), key=lambda d: d.get(key) or 0)
        return paged(self.result, kept[::-1] if order == "Descending" else kept, params)

    def _sort_key(self, sort_by: str) -> str:
        named = {"Name": self.name, "Status": self.status, **dict(self.sort_keys)}
        return named.get(sort_by, sort_by)

    def _passes(self, document: Document, params: Document) -> bool:
        wanted = params.get("StatusEquals")
        return (
            params.get("NameContains", "").lower() in str(document.get(self.name, "")).lower()
            and wanted in {None, document.get(self.status)}
            and _within(document, params, "CreationTime")
            and _within(document, params, "LastModifiedTime")
        )


def paged(result: str, items: Sequence[Document], params: Document) -> Document:
    """Return the page of a list that the request's token and size ask for."""
    start = _offset(params.get("NextToken"))
    end = start + params.get("MaxResults", 100)
    token = base64.b64encode(str(end).encode()).decode() if end < len(items) else None
    return {result: list(items[start:end]), "NextToken": token}


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError):
        raise invalid("Invalid NextToken.") from None


def _within(document: Document, params: Document, field: str) -> bool:
    moment = document.get(field) or 0.0
    after, before = params.get(f"{field}After"), params.get(f"{field}Before")
    return (after is None or moment >= float(after)) and (before is None or moment <= float(before))
