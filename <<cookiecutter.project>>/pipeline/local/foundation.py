"""What every part of the plane shares."""

import threading
from dataclasses import dataclass

from pipeline.local.clients import Clients
from pipeline.local.clock import Clock
from pipeline.local.containers import Containers
from pipeline.local.events import Events
from pipeline.local.faults import Faults
from pipeline.local.folder import Folder
from pipeline.local.images import Images
from pipeline.local.logs import Logs
from pipeline.local.store import Store


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
