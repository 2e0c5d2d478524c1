"""What goes with a variant: its alarms come and go with it, and the one that serves is scaled."""

import json
import re
from dataclasses import replace

import pytest
from sagemaker_gitops.aws.endpoint_shapes import EndpointConfig, Guardrail
from sagemaker_gitops.aws.invocations import Answer
from sagemaker_gitops.aws.scaling import Scale
from sagemaker_gitops.errors import CandidateRejected, ConfigurationError, EndpointDrifted
from sagemaker_gitops.local.cloudformation.template import parse_template
from sagemaker_gitops.local.events.patterns import matches_pattern
from sagemaker_gitops.project.deploy_config import DeployConfig, Native, StrategyName
from sagemaker_gitops.release import variants
from sagemaker_gitops.stages import verify
from tests.engine.release.fake_aws import FakeAws, settings_of, variant_of
from tests.engine.stages.staged import Endpoint, deployed, with_deploy
from tests.sample import ROOT

KINDS = ("errors", "latency", "overhead")
SCALED = {
    "SERVING__AUTOSCALING__MINIMUM": "2",
    "SERVING__AUTOSCALING__MAXIMUM": "8",
    "SERVING__AUTOSCALING__INVOCATIONS_PER_INSTANCE": "6000",
    "SERVING__INSTANCE_COUNT": "2",
}
SCALE = Scale(minimum=2, maximum=8, invocations_per_instance=6000)


def alarms_of(*versions: int) -> set[str]:
    """Name the alarms of versions."""
    return {f"loan-approval-staging-{variant_of(version)}-{kind}" for version in versions for kind in KINDS}


def resize(endpoint: Endpoint, *, version: int, instances: int) -> None:
    """Have somebody, or Application Auto Scaling, change a variant's size."""
    view = endpoint.aws.endpoints.view
    assert view is not None
    production = tuple(
        replace(item, instances=instances) if f"-v{version}-" in item.model else item for item in view.production
    )
    endpoint.aws.endpoints.put(replace(view, production=production))


def test_each_variant_has_its_alarms_and_a_gone_one_has_none() -> None:
    """Champion and standby are watched; a standby that made room takes its alarms with it."""
    endpoint = deployed(settings_of(), 1, 2)
    assert set(endpoint.aws.alarms.defined) == alarms_of(1, 2)

    endpoint.deploy(3)

    assert set(endpoint.aws.alarms.defined) == alarms_of(2, 3)


def test_cleaned_standby_takes_its_alarms_along() -> None:
    """What is no longer there cannot ring."""
    endpoint = deployed(settings_of(), 1, 2)

    endpoint.clean_at_once()

    assert set(endpoint.aws.alarms.defined) == alarms_of(2)


def test_alarm_pages_and_watches_its_own_variant() -> None:
    """Somebody is told through the environment's topic, about this variant and by the service level."""
    endpoint = deployed(settings_of(), 1)

    latency = endpoint.aws.alarms.defined[f"loan-approval-staging-{variant_of(1)}-latency"]

    assert latency["AlarmActions"] == ["arn:aws:sns:eu-west-1:111111111111:loan-approval-page-staging"]
    assert {"Name": "VariantName", "Value": variant_of(1)} in latency["Dimensions"]
    assert latency["Threshold"] == endpoint.settings.serving.sla.p95_ms * 1000


def test_alarms_are_there_before_the_candidate_has_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS refuses a guardrail whose alarms do not exist, and a canary without alarms is watched by nobody."""
    endpoint = deployed(settings_of(), 1)
    update = endpoint.aws.endpoints.update
    found: set[str] = set()

    def watched(name: str, config: EndpointConfig, guardrail: Guardrail | None) -> None:
        found.update(endpoint.aws.alarms.defined)
        update(name, config, guardrail)

    monkeypatch.setattr(endpoint.aws.endpoints, "update", watched)
    endpoint.deploy(2)

    assert alarms_of(2) <= found


@pytest.mark.parametrize(("stack", "rule"), [("dispatch", "AlarmDispatches"), ("response", "AlarmResponds")])
def test_alarm_of_a_variant_starts_the_rules_that_roll_back(stack: str, rule: str) -> None:
    """What EventBridge is told to look for is what a release's alarms are called; overhead is nobody's fault."""
    pattern = parse_template((ROOT / f"infra/lib/{stack}.yml").read_text()).resources[rule].properties["EventPattern"]
    named = json.loads(
        json.dumps([{"wildcard": item["wildcard"]["Fn::Sub"]} for item in pattern["detail"]["alarmName"]])
        .replace("${Project}", "loan-approval")
        .replace("${Scope}", "staging")
    )

    ringing = {name for name in alarms_of(1) if matches_pattern({"alarmName": named}, {"alarmName": name})}

    assert {name.rpartition("-")[2] for name in ringing} == {"errors", "latency"}


def test_dashboard_marks_what_came_when() -> None:
    """Every plot over time shows each release and each way back, the newest last."""
    endpoint = deployed(settings_of(), 1, 2)
    endpoint.rollback()

    body = json.loads(endpoint.aws.dashboards.bodies["loan-approval-staging"])

    marks = [widget["properties"]["annotations"]["vertical"] for widget in body["widgets"]]
    assert all([mark["label"] for mark in one] == ["v1", "v2", "back to v1"] for one in marks)
    assert [mark["value"] for mark in marks[0]] == sorted(mark["value"] for mark in marks[0])


def test_release_does_not_depend_on_the_dashboard() -> None:
    """One that cannot be drawn is told, and the release serves."""
    settings = settings_of()
    endpoint = Endpoint(settings=settings, aws=FakeAws(settings))
    endpoint.aws.dashboards.refusal = "AccessDenied"

    told = endpoint.deploy(1)

    assert told.outputs["changed"] == "true"
    assert endpoint.aws.weights == {1: 100}


def test_alarms_that_are_not_ours_stay() -> None:
    """The endpoint's own alarms, and another endpoint's with a longer name, are not a variant's."""
    others = {name: {"AlarmName": name} for name in ("loan-approval-staging-drift", "loan-approval-staging-x-errors")}
    endpoint = deployed(settings_of(), 1)
    endpoint.aws.alarms.defined |= others

    endpoint.deploy(2)
    endpoint.clean_at_once()

    assert set(endpoint.aws.alarms.defined) == alarms_of(2) | set(others)


def test_first_release_that_is_rolled_back_leaves_no_alarm() -> None:
    """Where no variant remains, no alarm does."""
    settings = settings_of()
    endpoint = Endpoint(settings=settings, aws=FakeAws(settings))
    endpoint.aws.invocations.answer = Answer(status=500, body="boom", attributes={})

    with pytest.raises(CandidateRejected):
        endpoint.deploy(1)

    assert endpoint.aws.alarms.defined == {}


def test_endpoint_that_is_gone_leaves_neither_alarm_nor_scaling() -> None:
    """What teardown asks for once it has deleted the endpoint."""
    endpoint = deployed(settings_of("staging", **SCALED), 1, 2)

    variants.sync_alarms_and_scaling(endpoint.settings, endpoint.aws.services, None, None)

    assert (endpoint.aws.alarms.defined, endpoint.aws.scaling.targets) == ({}, {})


def test_missing_alarm_is_reported_and_put_back() -> None:
    """Reconcile names the alarm that somebody deleted; apply restores it and writes that down."""
    endpoint = deployed(settings_of(), 1)
    name = f"loan-approval-staging-{variant_of(1)}-errors"
    endpoint.aws.alarms.delete([name])

    with pytest.raises(EndpointDrifted, match=re.escape(f"alarm {name}: declared exists, is missing")):
        endpoint.reconcile()
    endpoint.reconcile(apply=True)

    assert set(endpoint.aws.alarms.defined) == alarms_of(1)
    assert (endpoint.entries[-1].action, endpoint.entries[-1].outcome) == ("repair", "succeeded")
    assert endpoint.reconcile().outputs["differences"] == "0"


def test_serving_variant_alone_is_scaled() -> None:
    """Scaling moves with the traffic; a standby keeps its size."""
    endpoint = deployed(settings_of(**SCALED), 1)
    assert endpoint.aws.scaling.targets == {variant_of(1): SCALE}

    endpoint.deploy(2)

    assert endpoint.aws.scaling.targets == {variant_of(2): SCALE}
    endpoint.rollback()
    assert endpoint.aws.scaling.targets == {variant_of(1): SCALE}


def test_traffic_that_comes_back_finds_as_many_machines() -> None:
    """The champion grew under load while the standby kept its size: after the rollback it grows to the same."""
    endpoint = deployed(settings_of("staging", **SCALED), 1, 2)
    resize(endpoint, version=2, instances=7)

    endpoint.rollback()

    assert endpoint.aws.sizes == {1: 7, 2: 7}
    assert endpoint.aws.endpoints.calls[-2:] == ["shift", "resize"]


@pytest.mark.parametrize("strategy", ["blue_green", "native"])
def test_serving_variant_is_verified_under_its_own_name(strategy: StrategyName) -> None:
    """Under AWS's guardrails it is not called after its release, and answers all the same."""
    deploy_config = DeployConfig(strategy=strategy, native=Native(alarms=("serving-errors",)), verify_rows=1)
    endpoint = deployed(with_deploy(settings_of("dev"), deploy_config), 1)
    options = verify.Options(version=1, progress=print, clock=endpoint.aws.clock)

    told = verify.run(endpoint.settings, endpoint.aws.services, options)

    assert told.outputs["p95_ms"] == "2.000"


@pytest.mark.parametrize("strategy", ["blue_green", "native"])
def test_fleet_that_is_too_small_is_grown_again(strategy: str) -> None:
    """Whatever the strategy calls the variant that serves."""
    native = DeployConfig(strategy="native", native=Native(alarms=("serving-errors",)), verify_rows=1)
    settings = settings_of("staging", SERVING__INSTANCE_COUNT="3")
    endpoint = deployed(with_deploy(settings, native) if strategy == "native" else settings, 1)
    resize(endpoint, version=1, instances=1)

    with pytest.raises(EndpointDrifted, match=r"instances of .*: declared at least 3, is 1"):
        endpoint.reconcile()
    endpoint.reconcile(apply=True)

    assert endpoint.aws.sizes == {1: 3}


def test_without_the_setting_nothing_is_scaled() -> None:
    """Taking the setting away takes the scaling away with the next release."""
    endpoint = deployed(settings_of(), 1)
    endpoint.aws.scaling.put("loan-approval-staging", variant_of(1), SCALE)

    endpoint.deploy(2)

    assert endpoint.aws.scaling.targets == {}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({}, "is none"),
        ({variant_of(1): Scale(minimum=1, maximum=9, invocations_per_instance=6000)}, "is 1 to 9 instances"),
    ],
    ids=["gone", "other bounds"],
)
def test_other_scaling_than_declared_is_reported_and_repaired(found: dict[str, Scale], told: str) -> None:
    """What somebody changed by hand is told with what was declared, and put right."""
    endpoint = deployed(settings_of(**SCALED), 1)
    endpoint.aws.scaling.targets = dict(found)

    with pytest.raises(EndpointDrifted, match=f"declared 2 to 8 instances for 6000 requests a minute each, {told}"):
        endpoint.reconcile()
    endpoint.reconcile(apply=True)

    assert endpoint.aws.scaling.targets == {variant_of(1): SCALE}


def test_undeclared_scaling_is_reported() -> None:
    """A variant that somebody scales by hand is not what the repository says."""
    endpoint = deployed(settings_of(), 1)
    endpoint.aws.scaling.put("loan-approval-staging", variant_of(1), SCALE)

    with pytest.raises(EndpointDrifted, match=r"autoscaling of v1-\w+: declared none"):
        endpoint.reconcile()


def test_bounds_that_exclude_the_first_size_are_refused() -> None:
    """A fleet starts within its own bounds."""
    with pytest.raises(ConfigurationError, match=r"instance_count = 1 must lie between autoscaling\.minimum = 2"):
        settings_of(**{**SCALED, "SERVING__INSTANCE_COUNT": "1"})
