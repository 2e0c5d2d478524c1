"""SageMaker's parts, wired together."""

from dataclasses import dataclass

from pipeline.local.alarms import Alarms
from pipeline.local.builder import Builder
from pipeline.local.endpoint_configs import EndpointConfigs
from pipeline.local.endpoint_state import EndpointState
from pipeline.local.endpoints import Endpoints
from pipeline.local.feature_groups import FeatureGroups
from pipeline.local.feature_history import FeatureHistory
from pipeline.local.feature_records import FeatureRecords
from pipeline.local.foundation import Foundation
from pipeline.local.fronts import Handler
from pipeline.local.group_policies import GroupPolicies
from pipeline.local.groups import Groups
from pipeline.local.hosting import Hosting
from pipeline.local.models import Models
from pipeline.local.pipelines import Pipelines
from pipeline.local.processing import Processing
from pipeline.local.registry import Registry
from pipeline.local.roles import Roles
from pipeline.local.rollout import Rollout
from pipeline.local.search import Search
from pipeline.local.sharing import Sharing
from pipeline.local.tags import Tags
from pipeline.local.traffic_shift import Shifter
from pipeline.local.training import Training
from pipeline.local.tuning import Tuning


@dataclass(frozen=True, kw_only=True)
class Services:
    """What answers SageMaker's control plane and Feature Store's runtime."""

    control: dict[str, Handler]
    records: dict[str, Handler]
    history: FeatureHistory
    training: Training
    processing: Processing
    tuning: Tuning
    pipelines: Pipelines
    endpoints: Endpoints

    def restore(self) -> None:
        """Take up what a former server left."""
        self.training.fail_interrupted()
        self.processing.fail_interrupted()
        self.tuning.fail_interrupted()
        self.pipelines.fail_interrupted()


def wire(foundation: Foundation, hosting: Hosting, alarms: Alarms, roles: Roles) -> Services:
    """Create every part, each with those that it asks."""
    store, tags = foundation.store, Tags(foundation.store)
    sharing, features = Sharing(store), FeatureGroups(foundation, tags, roles)
    history = FeatureHistory(foundation.clients, roles)
    groups = Groups(store, sharing, tags)
    registry = Registry(foundation, groups, sharing, tags)
    models = Models(foundation, registry, roles, tags)
    configs = EndpointConfigs(store, models, roles, tags)
    builder = Builder(foundation, models, roles)
    state = EndpointState(foundation)
    shifter = Shifter(foundation.clock, hosting, alarms.tripped, foundation.closing)
    rollout = Rollout(foundation.clock, builder, hosting, state, shifter)
    endpoints = Endpoints(foundation, configs, state, rollout, tags, alarms.require)
    training, processing = Training(foundation, roles, tags), Processing(foundation, roles, tags)
    tuning = Tuning(foundation, training, tags)
    registry_parts = (groups, GroupPolicies(store, groups), registry, Search(store, tags), tags)
    parts = (training, processing, tuning, *registry_parts, models, configs, endpoints, features)
    control = {name: handler for part in parts for name, handler in part.operations().items()}
    pipelines = Pipelines(foundation, roles, tags, control)
    return Services(
        control={**control, **pipelines.operations()},
        records=FeatureRecords(store, features, history).operations(),
        history=history,
        training=training,
        processing=processing,
        tuning=tuning,
        pipelines=pipelines,
        endpoints=endpoints,
    )
