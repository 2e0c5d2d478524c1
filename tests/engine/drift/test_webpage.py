"""The monitor's page: what people see of a window, and of those before it."""

from collections.abc import Sequence
from datetime import timedelta

from sagemaker_gitops.monitor.publish import Judged
from sagemaker_gitops.monitor.record import Record, Served, rows_by_release, violation_rows
from sagemaker_gitops.monitor.verdict import evaluate
from sagemaker_gitops.monitor.webpage import webpage
from sagemaker_gitops.project.monitor_config import MonitorConfig
from tests.engine.drift.worlds import END, FINGERPRINT, RELEASE, World, events, read

FORMER = "ffee0011"


def judged(world: World, *, past: Sequence[Record] = ()) -> Judged:
    """Judge a window whose payments rose."""
    sample = world.sample(600, seed=1)
    tally = read(world, [events(sample.changed(pirat=sample.rows["pirat"] * 1.3))])
    verdict = evaluate(world.baseline, tally, MonitorConfig())
    record = Record(
        time=END,
        start=END - timedelta(hours=24),
        end=END,
        endpoint="loan-approval-prod",
        release=Served(version=3, fingerprint=FINGERPRINT),
        outcome=verdict.outcome,
        reason=verdict.reason,
        rows=tally.reading.rows,
        releases=rows_by_release(tally),
        psi={name: distance.psi for name, distance in verdict.distances.items()},
        violations=violation_rows(verdict),
    )
    return Judged(baseline=world.baseline, tally=tally, verdict=verdict, record=record, past=past)


def before(days: int, version: int, mark: str, **quality: float) -> Record:
    """Write down an earlier window."""
    end = END - timedelta(days=days)
    return Record(
        time=end,
        start=end - timedelta(hours=24),
        end=end,
        endpoint="loan-approval-prod",
        release=Served(version=version, fingerprint=mark + "0" * 56),
        outcome="ok",
        reason="nothing is violated",
        rows=500,
        releases={mark: 500},
        psi={"pirat": 0.01, "chist": 0.02},
        quality=quality,
    )


def test_first_window_has_nothing_to_compare_with(world: World) -> None:
    """Features and answers are plotted, and no trend of one point."""
    html = webpage(judged(world))

    assert html.count("<svg") == 1 + len(world.baseline.contract.names)
    assert f"v3 {RELEASE}: 600" in html


def test_trend_names_the_release_that_served_each_window(world: World) -> None:
    """By its version, in the table, beside the bars, and where the features' curves change hands."""
    past = [before(3, 2, FORMER), before(2, 2, FORMER), before(1, 3, RELEASE)]

    html = webpage(judged(world, past=past))

    trend = html[html.index("Earlier windows") :]
    assert trend.count("<svg") == 2
    assert f"v2 {FORMER}: 500" in trend
    assert f"v3 {RELEASE}: 500" in trend
    # Once at the line that marks its first window, once in the legend of the bars.
    assert trend.count(f">v3 {RELEASE}</text>") == 2
    assert trend.count(f">v2 {FORMER}</text>") == 1


def test_quality_is_plotted_once_it_has_a_course(world: World) -> None:
    """Two windows with ground truth make a curve, one does not."""
    one = [before(2, 3, RELEASE, accuracy=0.9), before(1, 3, RELEASE)]
    two = [before(2, 3, RELEASE, accuracy=0.9), before(1, 3, RELEASE, accuracy=0.8)]

    plots = [webpage(judged(world, past=past)).count("<svg") for past in (one, two)]

    assert plots[1] - plots[0] == 1
