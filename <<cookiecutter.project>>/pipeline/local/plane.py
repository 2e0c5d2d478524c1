"""Puts the parts together: the state, the operations, the door."""

import secrets

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from pipeline.local.alarms import Alarms
from pipeline.local.bucket_policies import BucketPolicies
from pipeline.local.builder import Builder
from pipeline.local.calls import Calls
from pipeline.local.capture import Capture
from pipeline.local.clients import Clients
from pipeline.local.clock import Clock
from pipeline.local.cloudformation.front import CloudFormationFront
from pipeline.local.cloudformation.plane import CloudFormation
from pipeline.local.containers import Containers, kill_leftovers
from pipeline.local.endpoint_configs import EndpointConfigs
from pipeline.local.endpoint_state import EndpointState
from pipeline.local.endpoints import Endpoints
from pipeline.local.events import Events
from pipeline.local.faults import Faults
from pipeline.local.flusher import Flusher
from pipeline.local.folder import Folder
from pipeline.local.fronts import ControlPlane, Handler, Runtime
from pipeline.local.gateway import Gateway
from pipeline.local.groups import Groups
from pipeline.local.hosting import Hosting
from pipeline.local.identity import Identity
from pipeline.local.images import Images
from pipeline.local.invocations import Invocations
from pipeline.local.invoke import Invoker
from pipeline.local.journal import Journal
from pipeline.local.logs import Logs
from pipeline.local.metrics import Metrics
from pipeline.local.models import Models
from pipeline.local.platform import Platform
from pipeline.local.registry import Registry
from pipeline.local.roles import Roles
from pipeline.local.rollout import Rollout
from pipeline.local.store import Store
from pipeline.local.tags import Tags
from pipeline.local.training import Training

_FLUSH_SECONDS = 0.4
_REVIVE_SECONDS = 0.5


class Plane:
    """One running local AWS."""

    def __init__(self, folder: Folder, *, endpoint_url: str, time_scale: float) -> None:
        folder.create()
        kill_leftovers(folder.processes)
        token = secrets.token_hex(16)
        clients = Clients(endpoint_url, token)
        self.platform = Platform(
            folder=folder,
            store=Store(folder.database),
            clock=Clock(time_scale),
            clients=clients,
            containers=Containers(folder.processes),
            events=Events(clients),
            faults=Faults(),
            images=Images(folder.images),
            logs=Logs(clients),
        )
        self.metrics = Metrics(folder.metrics)
        self.hosting = Hosting()
        self._calls = Calls(folder.calls)
        moto = DomainDispatcherApplication(create_backend_app)
        self._journal = Journal(moto, folder.journal)
        self._invocations = Invocations(self.metrics, Capture(clients))
        self._invoker = Invoker(self.hosting, self._invocations)
        handlers = self._operations(Roles(clients, endpoint_url))
        self.gateway = Gateway(
            [
                ControlPlane(handlers),
                Runtime(self._invoker),
                CloudFormationFront(CloudFormation(self.platform.store, clients)),
                BucketPolicies(self.platform.store, clients),
            ],
            moto=self._journal,
            identity=Identity(moto),
            faults=self.platform.faults,
            calls=self._calls,
            token=token,
        )
        self._flusher = Flusher([self._invocations.flush, self.platform.logs.flush], seconds=_FLUSH_SECONDS)
        self._reviver = Flusher([self.hosting.revive], seconds=_REVIVE_SECONDS)

    def _operations(self, roles: Roles) -> dict[str, Handler]:
        platform = self.platform
        tags = Tags(platform.store)
        groups = Groups(platform.store, tags)
        registry = Registry(platform, groups, tags)
        models = Models(platform, registry, roles, tags)
        configs = EndpointConfigs(platform.store, models, roles, tags)
        builder = Builder(platform, models, roles)
        state = EndpointState(platform, builder)
        alarms = Alarms(platform.clients)
        self._rollout = Rollout(platform, builder, self.hosting, state, alarms.tripped)
        self._endpoints = Endpoints(platform, configs, state, self._rollout, tags, alarms.require)
        self._training = Training(platform, roles, tags)
        parts = (self._training, groups, registry, models, configs, self._endpoints, tags)
        return {name: handler for part in parts for name, handler in part.operations().items()}

    def restore(self) -> None:
        """Bring back what a former server had: the other services first, then jobs and endpoints."""
        self._journal.replay()
        self._training.fail_interrupted()

    def start(self) -> None:
        """Begin to serve; needs the listener to run."""
        self._flusher.start()
        self._reviver.start()
        self._endpoints.restore()

    def close(self) -> None:
        """Write everything out and end every process."""
        self._reviver.close()
        self._rollout.close()
        self._invoker.close()
        self._flusher.close()
        self.platform.events.close()
        self.platform.containers.kill_all()
        self._calls.close()
        self.metrics.close()
        self.platform.store.close()
