"""Puts the parts together: the state, the operations, the door."""

import secrets
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from sagemaker_gitops.local.cloudformation.front import CloudFormationFront
from sagemaker_gitops.local.cloudformation.plane import CloudFormation
from sagemaker_gitops.local.cloudwatch.alarms import Alarms
from sagemaker_gitops.local.cloudwatch.fronts import CborCloudWatch, JsonCloudWatch
from sagemaker_gitops.local.cloudwatch.logs import Logs
from sagemaker_gitops.local.cloudwatch.metrics import Metrics
from sagemaker_gitops.local.cloudwatch.plane import CloudWatch
from sagemaker_gitops.local.events.api_destinations import ApiDestinations
from sagemaker_gitops.local.events.bus import Events
from sagemaker_gitops.local.events.event_front import EventBridge
from sagemaker_gitops.local.events.event_targets import Targets
from sagemaker_gitops.local.events.functions import Functions
from sagemaker_gitops.local.iam.authorizer import Authorizer
from sagemaker_gitops.local.iam.bucket_policies import BucketPolicies
from sagemaker_gitops.local.iam.identity import Identity
from sagemaker_gitops.local.iam.pass_role import Roles
from sagemaker_gitops.local.sagemaker import operations as services
from sagemaker_gitops.local.sagemaker.autoscaling import AutoScaling
from sagemaker_gitops.local.sagemaker.capture import Capture
from sagemaker_gitops.local.sagemaker.containers import Containers, kill_leftovers
from sagemaker_gitops.local.sagemaker.hosting import Hosting
from sagemaker_gitops.local.sagemaker.images import Images
from sagemaker_gitops.local.sagemaker.invocations import Invocations
from sagemaker_gitops.local.sagemaker.invoke import Invoker
from sagemaker_gitops.local.server.calls import Calls
from sagemaker_gitops.local.server.clients import Clients
from sagemaker_gitops.local.server.clock import Clock
from sagemaker_gitops.local.server.faults import Faults
from sagemaker_gitops.local.server.flusher import Flusher
from sagemaker_gitops.local.server.folder import Folder
from sagemaker_gitops.local.server.foundation import Foundation
from sagemaker_gitops.local.server.fronts import ControlPlane, FeatureRuntime, Front, Runtime
from sagemaker_gitops.local.server.gateway import Gateway, Guards
from sagemaker_gitops.local.server.journal import Journal
from sagemaker_gitops.local.server.moto_rules import MotoRules
from sagemaker_gitops.local.server.store import Store
from sagemaker_gitops.local.server.switches import Switches

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
            rules=MotoRules(clients),
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
