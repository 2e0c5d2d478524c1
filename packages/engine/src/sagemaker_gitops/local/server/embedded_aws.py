"""Puts the services together, and writes in the background what requests leave behind."""

import logging
import secrets
import threading
from collections.abc import Callable, Sequence

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from sagemaker_gitops.local.cloudformation.api import CloudFormationApi
from sagemaker_gitops.local.cloudformation.operations import CloudFormation
from sagemaker_gitops.local.cloudwatch.alarms import Alarms
from sagemaker_gitops.local.cloudwatch.logs import Logs
from sagemaker_gitops.local.cloudwatch.metric_api import CborCloudWatch, CloudWatch, JsonCloudWatch
from sagemaker_gitops.local.cloudwatch.metrics import Metrics
from sagemaker_gitops.local.events.api_destinations import ApiDestinations
from sagemaker_gitops.local.events.bus import EventBridge, Events
from sagemaker_gitops.local.events.functions import Functions
from sagemaker_gitops.local.events.targets import Targets
from sagemaker_gitops.local.iam.authorizer import Authorizer
from sagemaker_gitops.local.iam.bucket_policies import BucketPolicies
from sagemaker_gitops.local.iam.execution_roles import Roles
from sagemaker_gitops.local.iam.requests import Identity
from sagemaker_gitops.local.sagemaker import api as sagemaker
from sagemaker_gitops.local.sagemaker.api import ControlPlane, FeatureRuntime, Runtime
from sagemaker_gitops.local.sagemaker.autoscaling import AutoScaling
from sagemaker_gitops.local.sagemaker.containers import Containers, kill_leftovers
from sagemaker_gitops.local.sagemaker.fleet import Hosting
from sagemaker_gitops.local.sagemaker.images import Images
from sagemaker_gitops.local.sagemaker.invocations import Capture, Invocations
from sagemaker_gitops.local.sagemaker.invoke import Invoker
from sagemaker_gitops.local.server.calls import Calls
from sagemaker_gitops.local.server.clients import Clients
from sagemaker_gitops.local.server.context import Clock
from sagemaker_gitops.local.server.control_api import ControlApi
from sagemaker_gitops.local.server.faults import Faults
from sagemaker_gitops.local.server.folder import Folder
from sagemaker_gitops.local.server.gateway import Gateway, Middleware
from sagemaker_gitops.local.server.moto_rules import MotoRules
from sagemaker_gitops.local.server.persistence import PersistentMoto, Store
from sagemaker_gitops.local.server.service import Service, SharedState

_LOG = logging.getLogger(__name__)


class PeriodicTasks:
    """Calls some functions at a fixed interval, and once more at the end."""

    def __init__(self, flushes: Sequence[Callable[[], None]], *, seconds: float) -> None:
        self._flushes = flushes
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="periodic tasks")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Flush a last time and stop."""
        self._stop.set()
        self._thread.join(10)
        self._flush()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self._flush()

    def _flush(self) -> None:
        for flush in self._flushes:
            try:
                flush()
            except Exception:  # noqa: BLE001 - one lost batch must not end the writing
                _LOG.exception("flush")


_FLUSH_SECONDS = 0.4
_WATCH_SECONDS = 0.25


class EmbeddedAws:
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
        self._metrics = Metrics(folder.metrics)
        self._shared = SharedState(
            folder=folder,
            store=store,
            clock=clock,
            clients=clients,
            containers=Containers(folder.processes),
            events=Events(Targets(clients, destinations, self._metrics)),
            faults=Faults(),
            images=Images(folder.images),
            logs=Logs(clients),
            closing=closing,
        )
        self._hosting = Hosting()
        self._switches = ControlApi(self._shared.faults, self._hosting, destinations, clients)
        moto = DomainDispatcherApplication(create_backend_app)
        self._journal = PersistentMoto(moto, folder.journal)
        self._invocations = Invocations(self._metrics, Capture(clients))
        self._invoker = Invoker(self._hosting, self._invocations)
        self._alarms = Alarms(
            self._shared,
            self._metrics,
            flush=self._invocations.flush_metrics,
            changes=lambda: self._journal.changes("monitoring"),
        )
        self._functions = Functions(self._shared, roles)
        self._sagemaker = sagemaker.create_services(self._shared, self._hosting, self._alarms, roles)
        middleware = Middleware(
            identity=Identity(moto, self._shared.store, account),
            authorizer=authorizer,
            rules=MotoRules(clients, destinations.stand_in_of),
            faults=self._shared.faults,
            calls=self._calls,
        )
        self.gateway = Gateway(self._all_services(), moto=self._journal, middleware=middleware, token=token)
        flushes = [self._invocations.flush, self._shared.logs.flush, self._sagemaker.history.flush]
        self._writer = PeriodicTasks(flushes, seconds=_FLUSH_SECONDS)
        self._watcher = PeriodicTasks([self._hosting.restart_dead, self._alarms.look], seconds=_WATCH_SECONDS)

    def restore(self) -> None:
        """Bring back what a former server had: the other services first, then jobs."""
        self._journal.replay()
        self._sagemaker.restore()

    def start(self) -> None:
        """Begin to serve, the endpoints of a former server too; needs the listener to run."""
        self._writer.start()
        self._watcher.start()
        self._sagemaker.endpoints.restore()

    def close(self) -> None:
        """Write everything out and end every process."""
        self._shared.closing.set()
        self._watcher.close()
        self._invoker.close()
        self._writer.close()
        self._shared.events.close()
        self._shared.containers.kill_all()
        self._calls.close()
        self._metrics.close()
        self._shared.store.close()

    def _all_services(self) -> list[Service]:
        shared = self._shared
        metrics = CloudWatch(self._metrics, self._invocations.flush_metrics).operations()
        return [
            ControlPlane(self._sagemaker.control),
            Runtime(self._invoker),
            FeatureRuntime(self._sagemaker.records),
            CborCloudWatch(metrics),
            JsonCloudWatch(metrics),
            EventBridge(shared.events),
            self._functions,
            AutoScaling(shared.store),
            self._switches,
            CloudFormationApi(CloudFormation(shared.store, shared.clients)),
            BucketPolicies(shared.store, shared.clients, self._journal),
        ]
