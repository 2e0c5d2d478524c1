"""What a service of the embedded AWS is, and what all services share."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.cloudwatch.logs import Logs
from sagemaker_gitops.local.events.bus import Events
from sagemaker_gitops.local.sagemaker.containers import Containers
from sagemaker_gitops.local.sagemaker.images import Images
from sagemaker_gitops.local.server.clients import Clients
from sagemaker_gitops.local.server.context import Call, Caller, Clock, Document
from sagemaker_gitops.local.server.faults import Faults
from sagemaker_gitops.local.server.folder import Folder
from sagemaker_gitops.local.server.persistence import Store
from sagemaker_gitops.local.server.protocols import Signature


@dataclass(frozen=True, kw_only=True)
class SharedState:
    """The state, the clock, and the ways to the other services; `closing` is set at shutdown."""

    folder: Folder
    store: Store
    clock: Clock
    clients: Clients
    containers: Containers
    events: Events
    faults: Faults
    images: Images
    logs: Logs
    closing: threading.Event


Handler = Callable[[Call], Document]


class Service(Protocol):
    """One service that the embedded AWS answers itself."""

    name: str

    def operation(self, request: Request, signed: Signature, /) -> str | None:
        """Return the operation asked for, or None when the request is for another service."""

    def params(self, request: Request, operation: str) -> Document:
        """Return the request's checked parameters."""

    def answer(self, caller: Caller, operation: str, params: Document, /) -> Response:
        """Carry out the operation."""
