"""The search of a tuning job: values drawn from ranges, at random or over a whole grid."""

import itertools
import math
import random
from collections.abc import Iterator

from sagemaker_gitops.local.server.context import Document
from sagemaker_gitops.local.server.refusal import invalid, unsupported

Values = dict[str, str]


def drawn(config: Document) -> Iterator[Values]:
    """Yield the hyperparameters of one training job after the other."""
    strategy, ranges = config["Strategy"], config.get("ParameterRanges", {})
    if strategy == "Random":
        # Without a seed of the caller's own AWS draws another one each time.
        dice = random.Random(config.get("RandomSeed"))  # noqa: S311 - a search, not a secret
        while True:
            yield _random(ranges, dice)
    yield from _grid(ranges)


def check(config: Document) -> None:
    """Refuse what AWS refuses, and loudly what is not searched here."""
    if config["Strategy"] not in {"Random", "Grid"}:
        raise unsupported(f"the search strategy {config['Strategy']}; it really searches Random and Grid")
    for beyond in ("StrategyConfig", "TuningJobCompletionCriteria"):
        if beyond in config:
            raise unsupported(f"HyperParameterTuningJobConfig.{beyond}")
    ranges = config.get("ParameterRanges", {})
    if ranges.get("AutoParameters") or not any(ranges.values()):
        raise unsupported("a search without ParameterRanges")
    for item in (*ranges.get("IntegerParameterRanges", []), *ranges.get("ContinuousParameterRanges", [])):
        _check_range(item)
    numeric = [*ranges.get("IntegerParameterRanges", []), *ranges.get("ContinuousParameterRanges", [])]
    if config["Strategy"] == "Grid" and numeric:
        raise invalid("Grid search only supports categorical hyperparameters.")


def size(config: Document) -> int:
    """Count the training jobs that a search is allowed, or a grid has."""
    most = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    if config["Strategy"] == "Grid":
        return sum(1 for _ in _grid(config["ParameterRanges"]))
    if most is None:
        raise invalid("MaxNumberOfTrainingJobs must be specified for this strategy.")
    return int(most)


def _check_range(item: Document) -> None:
    low, high = float(item["MinValue"]), float(item["MaxValue"])
    if low > high:
        raise invalid(f"The min value of {item['Name']} must not be greater than its max value.")
    scale = item.get("ScalingType", "Auto")
    if scale == "Logarithmic" and low <= 0:
        raise invalid(f"Logarithmic scaling of {item['Name']} needs a range above 0.")
    if scale == "ReverseLogarithmic" and not 0 <= low <= high < 1:
        raise invalid(f"ReverseLogarithmic scaling of {item['Name']} needs a range within 0 and 1.")


def _random(ranges: Document, dice: random.Random) -> Values:
    values = {item["Name"]: str(round(_between(item, dice))) for item in ranges.get("IntegerParameterRanges", [])}
    values |= {item["Name"]: repr(_between(item, dice)) for item in ranges.get("ContinuousParameterRanges", [])}
    return values | {item["Name"]: dice.choice(item["Values"]) for item in ranges.get("CategoricalParameterRanges", [])}


def _between(item: Document, dice: random.Random) -> float:
    low, high = float(item["MinValue"]), float(item["MaxValue"])
    scale = item.get("ScalingType", "Auto")
    if scale == "Logarithmic":
        found = math.exp(dice.uniform(math.log(low), math.log(high)))
    elif scale == "ReverseLogarithmic":
        found = 1 - math.exp(dice.uniform(math.log(1 - high), math.log(1 - low)))
    else:
        found = dice.uniform(low, high)
    return min(max(found, low), high)


def _grid(ranges: Document) -> Iterator[Values]:
    items = ranges.get("CategoricalParameterRanges", [])
    for values in itertools.product(*(item["Values"] for item in items)):
        yield dict(zip((item["Name"] for item in items), values, strict=True))
