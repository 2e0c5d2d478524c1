"""Fairness between the groups of the protected attribute, where it is known."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np

from sagemaker_gitops.monitor.contract import Contract
from sagemaker_gitops.monitor.finding import Finding, Subject
from sagemaker_gitops.monitor.labelled import Labelled
from sagemaker_gitops.monitor.significance import normal_p_value
from sagemaker_gitops.project.monitor_config import Limits

# Rates over fewer rows say nothing about a group.
SMALLEST_GROUP = 30

# Group -> (rows, rows with the favourable answer).
Rates = Mapping[str, tuple[int, int]]
Group = tuple[str, tuple[int, int]]


def favourable_rates(groups: Mapping[str, list[int]]) -> Rates:
    """Return how often each group was answered favourably."""
    return {name: (rows, given) for name, (rows, given) in sorted(groups.items()) if rows >= SMALLEST_GROUP}


def deserved_rates(labelled: Mapping[str, Labelled], contract: Contract) -> Rates:
    """Return how often those of each group whose true label is favourable were answered so."""
    wanted = contract.favourable == contract.positive
    rates: dict[str, tuple[int, int]] = {}
    for group, answers in sorted(labelled.items()):
        deserving = answers.truth == wanted
        if group and deserving.sum() >= SMALLEST_GROUP:
            rates[group] = (int(deserving.sum()), int(np.count_nonzero(answers.predicted[deserving] == wanted)))
    return rates


def demographic_parity_difference(rates: Rates) -> float:
    """Return the largest gap between groups' rates of the favourable answer.

    Source: C. Dwork and others, Fairness Through Awareness, ITCS 2012.
    """
    shares = [_share(rate) for rate in rates.values()]
    return max(shares) - min(shares) if shares else 0.0


def disparate_impact_ratio(rates: Rates) -> float:
    """Return the smallest group's rate over the largest: the four-fifths rule, 29 CFR 1607.4 D."""
    shares = [_share(rate) for rate in rates.values()]
    highest = max(shares, default=0.0)
    return min(shares) / highest if highest else 1.0


def bias_findings(given: Rates, deserved: Rates, limits: Limits) -> Iterator[Finding]:
    """Compare all pairs of groups: disparate impact, and equal opportunity where truth is known.

    Equal opportunity: M. Hardt, E. Price, N. Srebro, NeurIPS 2016.
    """
    for pair in combinations(sorted(given.items(), key=lambda item: _share(item[1])), 2):
        yield _disparate_impact(*pair, limit=limits.disparate_impact)
    for pair in combinations(sorted(deserved.items(), key=lambda item: _share(item[1])), 2):
        yield _equal_opportunity(*pair, limit=limits.equal_opportunity)


def _disparate_impact(worse: Group, better: Group, *, limit: float) -> Finding:
    low, high = _adjusted(worse[1]), _adjusted(better[1])
    ratio = _share(worse[1]) / _share(better[1]) if better[1][1] else 1.0
    # The log of a ratio of rates is near normal: D. Katz and others, Biometrics 34(3), 1978.
    error = np.sqrt((1 - low) / (low * (worse[1][0] + 2)) + (1 - high) / (high * (better[1][0] + 2)))
    finding = _finding(
        "disparate_impact", (worse[0], better[0]), value=ratio, limit=limit, z=np.log(limit * high / low) / error
    )
    return replace(finding, material=ratio < limit)


def _equal_opportunity(worse: Group, better: Group, *, limit: float) -> Finding:
    gap = _share(better[1]) - _share(worse[1])
    variance = sum(_adjusted(rate) * (1 - _adjusted(rate)) / (rate[0] + 2) for _, rate in (worse, better))
    return _finding(
        "equal_opportunity", (worse[0], better[0]), value=gap, limit=limit, z=(gap - limit) / np.sqrt(variance)
    )


def _finding(name: str, groups: tuple[str, str], *, value: float, limit: float, z: float) -> Finding:
    words, (worse, better) = name.replace("_", " "), groups
    return Finding(
        subject=Subject.BIAS,
        feature="",
        check=name,
        metric=f"{name}/{worse}/{better}",
        value=value,
        limit=limit,
        p_value=normal_p_value(float(z)),
        material=value > limit,
        description=f"{words} of group {worse!r} against {better!r} is {value:.3f}; the limit is {limit:g}",
    )


def _share(rate: tuple[int, int]) -> float:
    return rate[1] / rate[0]


def _adjusted(rate: tuple[int, int]) -> float:
    return (rate[1] + 1) / (rate[0] + 2)
