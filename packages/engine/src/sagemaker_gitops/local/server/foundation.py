"""What every part of the plane shares."""

import threading
from dataclasses import dataclass

from sagemaker_gitops.local.cloudwatch.logs import Logs
from sagemaker_gitops.local.events.bus import Events
from sagemaker_gitops.local.sagemaker.containers import Containers
from sagemaker_gitops.local.sagemaker.images import Images
from sagemaker_gitops.local.server.clients import Clients
from sagemaker_gitops.local.server.clock import Clock
from sagemaker_gitops.local.server.faults import Faults
from sagemaker_gitops.local.server.folder import Folder
from sagemaker_gitops.local.server.store import Store


@dataclass(frozen=True, kw_only=True)
class Foundation:
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
