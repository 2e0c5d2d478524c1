"""What an environment costs in a month, from its configuration and list prices, with every assumption named."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sagemaker_gitops.project.settings import Settings

HOURS_A_MONTH = 730
AS_OF = "of November 2026"
# On-demand list prices of SageMaker hosting in us-east-1, US dollars an hour, as of that date. Other
# regions and types differ: deploy.instance_price_per_hour in infra/config/<env>.json is used instead when set.
_HOSTING: Mapping[str, float] = {
    "ml.t2.medium": 0.056,
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m6i.large": 0.115,
    "ml.m6i.xlarge": 0.23,
    "ml.c5.large": 0.102,
    "ml.c5.xlarge": 0.204,
    "ml.c6i.large": 0.102,
    "ml.c6i.xlarge": 0.204,
}
# An instance of unknown price counts as this one, and the estimate says so.
_UNKNOWN = 0.23
_KEY_A_MONTH = 1.0
_ALARM_A_MONTH = 0.10
_DASHBOARD_A_MONTH = 3.0
_GIB_A_MONTH = 0.023
# Requests a second around the clock, and what one of them weighs once captured.
_REQUESTS_A_SECOND = 1.0
_CAPTURED_BYTES = 1500
_CAPTURE_DAYS = 90
_RETRAININGS_A_MONTH = 4
# An interface endpoint's address; a million requests through API Gateway; a million traces in X-Ray.
_ADDRESS_AN_HOUR = 0.01
_MILLION_HTTP_REQUESTS = 3.5
_MILLION_TRACES = 5.0
# A million read request units of Feature Store's online store: one record of up to 4 KB each.
_MILLION_FEATURE_READS = 0.25


@dataclass(frozen=True, kw_only=True)
class Item:
    """One line of the estimate, in US dollars a month."""

    name: str
    dollars: float
    assumption: str


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A month's cost of one environment."""

    items: tuple[Item, ...]

    @property
    def dollars(self) -> float:
        """The sum."""
        return sum(item.dollars for item in self.items)

    def table(self) -> str:
        """Write the estimate in Markdown."""
        rows = [f"| {item.name} | {item.dollars:.2f} | {item.assumption} |" for item in self.items]
        head = ["| a month | USD | assuming |", "|---|---:|---|"]
        return "\n".join([*head, *rows, f"| **sum** | **{self.dollars:.2f}** | list prices, no taxes, no discounts |"])


def estimate(settings: Settings, *, alarms: int) -> Estimate:
    """Estimate the month of an environment with so many alarms."""
    return Estimate(
        items=(
            *(_serving(settings), _standby(settings), _training(settings), _capture(settings)),
            *_entrances(settings),
            *_fixed(alarms),
        )
    )


def training_run(settings: Settings) -> Item:
    """Estimate one training job, were it to run as long as it may."""
    training = settings.training
    price, source = _price(settings, training.instance_type)
    hours = training.max_runtime_seconds / 3600
    return Item(
        name="training job",
        dollars=training.instance_count * price * hours,
        assumption=f"{training.instance_count} x {training.instance_type} for {hours:g} h, its limit ({source})",
    )


def _serving(settings: Settings) -> Item:
    count, kind = settings.serving.instance_count, settings.serving.instance_type
    price, source = _price(settings, kind)
    scaling = settings.serving.autoscaling
    growing = f", scaled to {scaling.maximum} at most under load" if scaling else ""
    return Item(
        name="serving",
        dollars=count * price * HOURS_A_MONTH,
        assumption=f"{count} x {kind} around the clock at {price:g} USD an hour ({source}){growing}",
    )


def _standby(settings: Settings) -> Item:
    count, kind, hours = settings.serving.instance_count, settings.serving.instance_type, settings.deploy.standby_hours
    price, _ = _price(settings, kind)
    return Item(
        name="standby",
        dollars=count * price * hours * _RETRAININGS_A_MONTH,
        assumption=f"the former fleet for {hours:g} h after each of {_RETRAININGS_A_MONTH} releases",
    )


def _training(settings: Settings) -> Item:
    run = training_run(settings)
    return Item(
        name="training",
        dollars=_RETRAININGS_A_MONTH * run.dollars,
        assumption=f"{_RETRAININGS_A_MONTH} jobs of {run.assumption}",
    )


def _capture(settings: Settings) -> Item:
    seconds = _CAPTURE_DAYS * 86_400
    share = settings.serving.capture_percent / 100
    gib = _REQUESTS_A_SECOND * seconds * share * _CAPTURED_BYTES / 2**30
    return Item(
        name="captured traffic",
        dollars=gib * _GIB_A_MONTH,
        assumption=f"{_REQUESTS_A_SECOND:g} request a second, kept {_CAPTURE_DAYS} days: {gib:.1f} GiB",
    )


def _entrances(settings: Settings) -> Iterator[Item]:
    requests = _REQUESTS_A_SECOND * HOURS_A_MONTH * 3600 / 1e6
    if private := settings.environment_file.private_endpoint:
        zones = len(private.subnets)
        yield Item(
            name="private endpoint",
            dollars=zones * _ADDRESS_AN_HOUR * HOURS_A_MONTH,
            assumption=f"{zones} subnets at {_ADDRESS_AN_HOUR} USD an hour, without the data that passes",
        )
    if settings.environment_file.http_front:
        yield Item(
            name="HTTP front",
            dollars=requests * (_MILLION_HTTP_REQUESTS + _MILLION_TRACES),
            assumption=f"{requests:.1f} million requests, each of them traced",
        )
    if settings.serving.features == "store":
        yield Item(
            name="feature store",
            dollars=_KEY_A_MONTH + requests * _MILLION_FEATURE_READS,
            assumption=f"a key, and {requests:.1f} million reads of one record; without writes and storage",
        )


def _fixed(alarms: int) -> tuple[Item, ...]:
    return (
        Item(name="key", dollars=_KEY_A_MONTH, assumption="one customer managed key"),
        Item(name="alarms", dollars=alarms * _ALARM_A_MONTH, assumption=f"{alarms} alarms"),
        Item(name="dashboard", dollars=_DASHBOARD_A_MONTH, assumption="one dashboard beyond the free three"),
    )


def _price(settings: Settings, kind: str) -> tuple[float, str]:
    if settings.deploy.instance_price_per_hour is not None:
        return settings.deploy.instance_price_per_hour, "deploy.instance_price_per_hour"
    if kind in _HOSTING:
        return _HOSTING[kind], "list price, us-east-1"
    return _UNKNOWN, "price unknown: set deploy.instance_price_per_hour"
