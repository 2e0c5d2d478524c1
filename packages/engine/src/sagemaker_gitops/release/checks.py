"""A candidate against its champion on live traffic: errors, latency, predictions, confidence. Pure."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median, stdev

from sagemaker_gitops.aws.cloudwatch import Traffic
from sagemaker_gitops.project.deploy_config import DeployConfig

# Two-sided 0.1 %: the chance that sampling noise alone rolls a good candidate back.
_Z_NOISE = 3.29
_KS_NOISE = 1.949


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a variant predicted: how often each label with each row's probability, or each row's value.

    The probability is that of the positive label where there are two labels, and of the one given where there are more.
    `missing` counts the requests without predictions, by cause.
    """

    requests: int = 0
    labels: Mapping[str, int] = field(default_factory=dict)
    probabilities: Sequence[float] = ()
    values: Sequence[float] = ()
    missing: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """The number of predictions; a request may ask for many."""
        return sum(self.labels.values()) + len(self.values)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How often a shadow and its champion predicted the same for the same row."""

    rows: int = 0
    equal: int = 0

    @property
    def rate(self) -> float:
        """The fraction of rows with one and the same label, or with values that are as good as one."""
        return self.equal / self.rows if self.rows else 0.0


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything measured since a step began."""

    candidate: Traffic = field(default_factory=Traffic)
    champion: Traffic = field(default_factory=Traffic)
    candidate_answers: Answers = Answers()
    champion_answers: Answers = Answers()
    agreement: Agreement | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Where each comparison turns into a breach."""

    minimum_requests: int
    p50_ms: float
    p95_ms: float
    max_error_rate: float
    max_rejected_increase: float
    max_prediction_shift: float
    max_confidence_distance: float
    minimum_agreement: float
    capture_percent: int = 100

    @property
    def minimum_captured(self) -> int:
        """The requests that must be captured before predictions are compared."""
        return math.ceil(self.minimum_requests * self.capture_percent / 100)


def limits_of(config: DeployConfig, *, p50_ms: float, p95_ms: float, capture_percent: int) -> Limits:
    """Take the limits from the configuration, and the latencies from the service level."""
    checks = config.checks
    return Limits(
        minimum_requests=config.minimum_requests,
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        max_error_rate=checks.max_error_rate,
        max_rejected_increase=checks.max_rejected_increase,
        max_prediction_shift=checks.max_prediction_shift,
        max_confidence_distance=checks.max_confidence_distance,
        minimum_agreement=checks.minimum_agreement,
        capture_percent=capture_percent,
    )


def breaches(evidence: Evidence, limits: Limits) -> list[str]:
    """List every limit that the evidence breaks, each with what was measured."""
    return [
        *_errors(evidence, limits),
        *_latency(evidence.candidate, limits),
        *_missing(evidence, limits),
        *_predictions(evidence, limits),
        *_disagreement(evidence.agreement, limits),
    ]


def enough_traffic(evidence: Evidence, limits: Limits) -> bool:
    """Tell whether the candidate has served enough requests to be judged at all."""
    if evidence.candidate.requests < limits.minimum_requests:
        return False
    if evidence.agreement is not None:
        return evidence.agreement.rows >= limits.minimum_captured
    return evidence.candidate_answers.requests >= limits.minimum_captured


def ks_distance(left: Sequence[float], right: Sequence[float]) -> float:
    """Return the largest gap between two empirical distributions (Kolmogorov and Smirnov)."""
    first, second = sorted(left), sorted(right)
    gaps = (
        abs(bisect_right(first, value) / len(first) - bisect_right(second, value) / len(second))
        for value in [*first, *second]
    )
    return max(gaps, default=0.0)


def _errors(evidence: Evidence, limits: Limits) -> Iterator[str]:
    candidate, champion = evidence.candidate, evidence.champion
    # Measured against the minimum as well: three errors of three requests cannot become 1 % of 100.
    expected = max(candidate.requests, limits.minimum_requests)
    if candidate.errors > limits.max_error_rate * expected:
        yield (
            f"error rate: {candidate.errors} of {candidate.requests} requests failed, "
            f"at most {limits.max_error_rate:.1%} may"
        )
    rejected = candidate.rejected / expected
    usual = champion.rejected / champion.requests if champion.requests else 0.0
    noise = _Z_NOISE * _standard_error(usual, expected, champion.requests or expected)
    if rejected > usual + limits.max_rejected_increase + noise:
        yield (
            f"refused requests: {candidate.rejected} of {candidate.requests}, the champion refuses {usual:.1%}, "
            f"at most {limits.max_rejected_increase:.1%} more may be"
        )


def _latency(candidate: Traffic, limits: Limits) -> Iterator[str]:
    if candidate.requests < limits.minimum_requests:
        return
    for name, value, limit in (
        ("p50", candidate.p50_ms, limits.p50_ms),
        ("p95", candidate.p95_ms, limits.p95_ms),
    ):
        if value is not None and value > limit:
            yield f"latency: {name} is {value:.1f} ms, the service level is {limit:g} ms"


def _missing(evidence: Evidence, limits: Limits) -> Iterator[str]:
    """Compare how often no prediction can be read, as refusals are compared: callers may be to blame for some."""
    new, old = evidence.candidate_answers, evidence.champion_answers
    lacking, usual = sum(new.missing.values()), sum(old.missing.values()) / old.requests if old.requests else 0.0
    expected = max(new.requests, limits.minimum_captured, 1)
    noise = _Z_NOISE * _standard_error(usual, expected, old.requests or expected)
    if lacking / expected > usual + limits.max_rejected_increase + noise:
        causes = ", ".join(f"{count} {cause}" for cause, count in sorted(new.missing.items()))
        yield (
            f"answers: {lacking} of {new.requests} captured requests have no prediction ({causes}), the champion "
            f"leaves {usual:.1%} without, at most {limits.max_rejected_increase:.1%} more may be"
        )


def _predictions(evidence: Evidence, limits: Limits) -> Iterator[str]:
    new, old = evidence.candidate_answers, evidence.champion_answers
    if new.requests < max(1, limits.minimum_captured) or not new.rows or not old.rows:
        return
    for label in sorted({*new.labels, *old.labels}):
        now, before = new.labels.get(label, 0) / new.rows, old.labels.get(label, 0) / old.rows
        noise = _Z_NOISE * _standard_error((now + before) / 2, new.rows, old.rows)
        if abs(now - before) > limits.max_prediction_shift + noise:
            yield (
                f'predictions: "{label}" is {now:.1%} of answers, the champion says it in {before:.1%}, '
                f"a shift of {limits.max_prediction_shift:.1%} is allowed"
            )
    yield from _distribution("confidence", new.probabilities, old.probabilities, limits)
    yield from _mean_value(new.values, old.values, limits)
    yield from _distribution("values", new.values, old.values, limits)


def _mean_value(new: Sequence[float], old: Sequence[float], limits: Limits) -> Iterator[str]:
    """Compare the mean values in standard deviations of the champion's, so that no unit has limits of its own."""
    if len(new) < 2 or len(old) < 2:
        return
    now, before, spread = fmean(new), fmean(old), stdev(old)
    unit = spread or abs(before) or 1.0
    noise = _Z_NOISE * math.hypot(stdev(new) / math.sqrt(len(new)), spread / math.sqrt(len(old))) / unit
    shift = abs(now - before) / unit
    if shift > limits.max_prediction_shift + noise:
        yield (
            f"values: the mean is {now:.4g}, the champion's {before:.4g}, {shift:.2f} standard deviations apart "
            f"(medians {median(new):.4g} and {median(old):.4g}), {limits.max_prediction_shift:.2f} are allowed"
        )


def _distribution(name: str, new: Sequence[float], old: Sequence[float], limits: Limits) -> Iterator[str]:
    if not new or not old:
        return
    distance = ks_distance(new, old)
    noise = _KS_NOISE * math.sqrt((len(new) + len(old)) / (len(new) * len(old)))
    if distance > limits.max_confidence_distance + noise:
        yield (
            f"{name}: the distributions are {distance:.2f} apart (Kolmogorov-Smirnov), "
            f"{limits.max_confidence_distance:.2f} is allowed"
        )


def _disagreement(agreement: Agreement | None, limits: Limits) -> Iterator[str]:
    if agreement is None or agreement.rows < max(1, limits.minimum_captured):
        return
    noise = _Z_NOISE * math.sqrt(limits.minimum_agreement * (1 - limits.minimum_agreement) / agreement.rows)
    if agreement.rate < limits.minimum_agreement - noise:
        yield (
            f"agreement: candidate and champion say the same on {agreement.rate:.1%} of {agreement.rows} rows, "
            f"at least {limits.minimum_agreement:.1%} is asked"
        )


def _standard_error(rate: float, first: int, second: int) -> float:
    return math.sqrt(rate * (1 - rate) * (1 / first + 1 / second))
