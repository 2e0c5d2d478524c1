"""Puts the parts together: the state, the operations, the door."""

import secrets
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from pipeline.local import services
from pipeline.local.alarms import Alarms
from pipeline.local.api_destinations import ApiDestinations
from pipeline.local.authorization.authorizer import Authorizer
from pipeline.local.autoscaling import AutoScaling
from pipeline.local.bucket_policies import BucketPolicies
from pipeline.local.calls import Calls
from pipeline.local.capture import Capture
from pipeline.local.clients import Clients
from pipeline.local.clock import Clock
from pipeline.local.cloudformation.front import CloudFormationFront
from pipeline.local.cloudformation.plane import CloudFormation
from pipeline.local.cloudwatch import CloudWatch
from pipeline.local.cloudwatch_fronts import CborCloudWatch, JsonCloudWatch
from pipeline.local.containers import Containers, kill_leftovers
from pipeline.local.event_front import EventBridge
from pipeline.local.event_targets import Targets
from pipeline.local.events import Events
from pipeline.local.faults import Faults
from pipeline.local.flusher import Flusher
from pipeline.local.folder import Folder
from pipeline.local.foundation import Foundation
from pipeline.local.fronts import ControlPlane, FeatureRuntime, Front, Runtime
from pipeline.local.functions import Functions
from pipeline.local.gateway import Gateway, Guards
from pipeline.local.hosting import Hosting
from pipeline.local.identity import Identity
from pipeline.local.images import Images
from pipeline.local.invocations import Invocations
from pipeline.local.invoke import Invoker
from pipeline.local.journal import Journal
from pipeline.local.logs import Logs
from pipeline.local.metrics import Metrics
from pipeline.local.roles import Roles
from pipeline.local.store import Store
from pipeline.local.switches import Switches

_FLUSH_SECONDS = 0.4
_WATCH_SECONDS = 0.25


class Plane:
    """One running local AWS."""

    def __init__(self, folder: Folder, *, endpoint_url: str, account: str, time_scale: float) -> None:
        folder.create()
        kill_leftovers(folder.processes)
        token = secrets.token_hex(16)
        clients = Clients(endpoint_url, token)
        store = Store(folder.database)
        self._calls = Calls(folder.calls)
        authorizer = Authorizer(store, clients)
        roles = Roles(clients, endpoint_url, authorizer, self._calls)
        clock, closing = Clock(time_scale), threading.Event()
        destinations = ApiDestinations(clients, clock, roles, closing)
        self._foundation = Foundation(
            folder=folder,
            store=store,
            clock=clock,
            clients=clients,
            containers=Containers(folder.processes),
            events=Events(Targets(clients, destinations)),
            faults=Faults(),
            images=Images(folder.images),
            logs=Logs(clients),
            closing=closing,
        )
        self._metrics = Metrics(folder.metrics)
        self._hosting = Hosting()
        self._switches = Switches(self._foundation.faults, self._hosting, destinations)
        moto = DomainDispatcherApplication(create_backend_app)
        self._journal = Journal(moto, folder.journal)
        self._invocations = Invocations(self._metrics, Capture(clients))
        self._invoker = Invoker(self._hosting, self._invocations)
        self._alarms = Alarms(
            self._foundation,
            self._metrics,
            flush=self._invocations.flush_metrics,
            changes=lambda: self._journal.changes("monitoring"),
        )
        self._functions = Functions(self._foundation, roles)
        self._services = services.wire(self._foundation, self._hosting, self._alarms, roles)
        guards = Guards(
            identity=Identity(moto, self._foundation.store, account),
            authorizer=authorizer,
            faults=self._foundation.faults,
            calls=self._calls,
        )
        self.gateway = Gateway(self._fronts(), moto=self._journal, guards=guards, token=token)
        flushes = [self._invocations.flush, self._foundation.logs.flush, self._services.history.flush]
        self._flusher = Flusher(flushes, seconds=_FLUSH_SECONDS)
        self._watcher = Flusher([self._hosting.revive, self._alarms.look], seconds=_WATCH_SECONDS)

    def restore(self) -> None:
        """Bring back what a former server had: the other services first, then jobs."""
        self._journal.replay()
        self._services.restore()

    def start(self) -> None:
        """Begin to serve, the endpoints of a former server too; needs the listener to run."""
        self._flusher.start()
        self._watcher.start()
        self._services.endpoints.restore()

    def close(self) -> None:
        """Write everything out and end every process."""
        self._foundation.closing.set()
        self._watcher.close()
        self._invoker.close()
        self._flusher.close()
        self._foundation.events.close()
        self._foundation.containers.kill_all()
        self._calls.close()
        self._metrics.close()
        self._foundation.store.close()

    def _fronts(self) -> list[Front]:
        foundation = self._foundation
        metrics = CloudWatch(self._metrics, self._invocations.flush_metrics).operations()
        return [
            ControlPlane(self._services.control),
            Runtime(self._invoker),
            FeatureRuntime(self._services.records),
            CborCloudWatch(metrics),
            JsonCloudWatch(metrics),
            EventBridge(foundation.events),
            self._functions,
            AutoScaling(foundation.store),
            self._switches,
            CloudFormationFront(CloudFormation(foundation.store, foundation.clients)),
            BucketPolicies(foundation.store, foundation.clients, self._journal),
        ]
