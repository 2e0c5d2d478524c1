"""SageMaker's parts, wired together."""

from dataclasses import dataclass

from sagemaker_gitops.local.cloudwatch.alarms import Alarms
from sagemaker_gitops.local.iam.pass_role import Roles
from sagemaker_gitops.local.sagemaker.builder import Builder
from sagemaker_gitops.local.sagemaker.endpoint_configs import EndpointConfigs
from sagemaker_gitops.local.sagemaker.endpoint_state import EndpointState
from sagemaker_gitops.local.sagemaker.endpoints import Endpoints
from sagemaker_gitops.local.sagemaker.feature_groups import FeatureGroups
from sagemaker_gitops.local.sagemaker.feature_history import FeatureHistory
from sagemaker_gitops.local.sagemaker.feature_records import FeatureRecords
from sagemaker_gitops.local.sagemaker.group_policies import GroupPolicies
from sagemaker_gitops.local.sagemaker.groups import Groups
from sagemaker_gitops.local.sagemaker.hosting import Hosting
from sagemaker_gitops.local.sagemaker.models import Models
from sagemaker_gitops.local.sagemaker.pipelines import Pipelines
from sagemaker_gitops.local.sagemaker.processing import Processing
from sagemaker_gitops.local.sagemaker.registry import Registry
from sagemaker_gitops.local.sagemaker.rollout import Rollout
from sagemaker_gitops.local.sagemaker.search import Search
from sagemaker_gitops.local.sagemaker.sharing import Sharing
from sagemaker_gitops.local.sagemaker.tags import Tags
from sagemaker_gitops.local.sagemaker.traffic_shift import Shifter
from sagemaker_gitops.local.sagemaker.training import Training
from sagemaker_gitops.local.sagemaker.tuning import Tuning
from sagemaker_gitops.local.server.foundation import Foundation
from sagemaker_gitops.local.server.fronts import Handler


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
