"""monitor: compare captured traffic with the serving release's baseline; one of four outcomes, each published."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from sagemaker_gitops.aws.monitoring import Gauge
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import artifact
from sagemaker_gitops.errors import (
    ArtifactCorrupt,
    DataInsufficient,
    DriftFound,
    ModelMissing,
    MonitorBroken,
    PipelineError,
)
from sagemaker_gitops.monitor import publish
from sagemaker_gitops.monitor.baseline import FILES, Baseline, read_baseline
from sagemaker_gitops.monitor.job import Watch, read_captures, record_decisions, schedule_model_monitor
from sagemaker_gitops.monitor.policy import Decision, Situation, decide
from sagemaker_gitops.monitor.publish import CONTENT_TYPES, RECORD, REPORT, SUMMARY, Judged, documents
from sagemaker_gitops.monitor.record import (
    Record,
    Served,
    load_records,
    past_reactions,
    rows_by_release,
    violation_rows,
)
from sagemaker_gitops.monitor.tally import Tally
from sagemaker_gitops.monitor.verdict import Outcome, Verdict, evaluate
from sagemaker_gitops.monitor.window import Window, parse_window
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.ledger import Release, parse
from sagemaker_gitops.release.state import LedgerState, fold
from sagemaker_gitops.release.writer import Author
from sagemaker_gitops.stages.result import StageResult

Engine = Literal["own", "model-monitor"]

# How many earlier runs the trend shows and the cool-down looks back on.
_REMEMBERED = 60
_FAULTS = (MonitorBroken, ModelMissing, ArtifactCorrupt)
_ERRORS: Mapping[Outcome, type[PipelineError]] = {
    Outcome.DRIFT: DriftFound,
    Outcome.INSUFFICIENT: DataInsufficient,
    Outcome.BROKEN: MonitorBroken,
}
_NEXT = {
    Outcome.DRIFT: "read the report; docs/operate.md says what each check means and what to do",
    Outcome.INSUFFICIENT: "wait for traffic, or look at a longer --window",
    Outcome.BROKEN: "read the report; docs/operate.md says what can break the monitor",
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which window and as of when; None takes the environment's length, and now.

    `baseline` is a folder to compare with instead of the release's own files, `rows` a Parquet file or
    folder to judge instead of captured traffic; `folder` receives a copy of the report. The engine
    "model-monitor" leaves the watching to AWS's own schedules.
    """

    progress: Callable[[str], None]
    actor: str = "monitor"
    run: str = ""
    window: str | None = None
    now: datetime | None = None
    baseline: Path | None = None
    rows: Path | None = None
    engine: Engine = "own"
    folder: Path = Path("reports/monitor")


@dataclass(frozen=True, kw_only=True)
class _Run:
    settings: Settings
    aws: Aws
    options: Options
    window: Window
    time: datetime

    @property
    def prefix(self) -> str:
        """Where this run's files are kept in the capture bucket."""
        return f"{self.history}{self.time:%Y/%m/%d/%H%M%S}/"

    @property
    def author(self) -> Author:
        """Who decides."""
        return Author(actor=self.options.actor, run=self.options.run)

    @property
    def history(self) -> str:
        """Where all runs' files are kept."""
        return f"monitoring/{self.settings.endpoint_name}/"


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Judge the window and publish metrics, an event and a report; every outcome but ok is an error."""
    now = options.now or datetime.now(UTC)
    window = parse_window(
        options.window or f"{settings.monitor.window_hours}h",
        now=now,
        label_lookback=timedelta(hours=settings.monitor.label_lookback_hours),
    )
    one = _Run(settings=settings, aws=aws, options=options, window=window, time=now)
    try:
        state, release = _state(one)
        files = _baseline_files(one, release)
        if options.engine == "model-monitor":
            return _schedule(_watch(one, files, release))
        baseline = read_baseline(files, where=str(options.baseline or release.model_data))
        tally = _read(one, files, baseline, release)
    except _FAULTS as err:
        _announce_fault(one, err)
        raise
    verdict = evaluate(baseline, tally, settings.monitor, until=None if options.rows else window.end)
    past = load_records(aws.monitoring.reports(one.history, name=RECORD, newest=_REMEMBERED))
    decisions = _decisions(one, state, verdict, past)
    entry = _record(one, release, verdict, tally, decisions)
    return _conclude(one, release, Judged(baseline=baseline, tally=tally, verdict=verdict, record=entry, past=past))


def _state(one: _Run) -> tuple[LedgerState, Release]:
    state = fold(parse(line.text) for line in one.aws.ledger.records())
    if state.serving is None:
        raise MonitorBroken(
            "no release serves, so there is no baseline to compare with",
            where=f"ledger {one.settings.ledger_table}",
            next_step=f"run `pipeline deploy --env {one.settings.env}` first",
        )
    return state, state.serving


def _baseline_files(one: _Run, release: Release) -> dict[str, bytes]:
    if one.options.baseline:
        return _files(one.options.baseline)
    with TemporaryDirectory() as scratch:
        archive = Path(scratch) / "model.tar.gz"
        one.aws.storage.download(release.model_data, archive, sha256=release.model_sha256)
        return _files(artifact.unpack(archive, Path(scratch) / "model"))


def _files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES if (folder / name).is_file()}


def _read(one: _Run, files: Mapping[str, bytes], baseline: Baseline, release: Release) -> Tally:
    if one.options.rows:
        # pyarrow takes 0.2 s to import, which only a run over a table should wait for.
        from sagemaker_gitops.monitor.tables import read_tables  # noqa: PLC0415

        return read_tables(one.options.rows, baseline)
    return read_captures(_watch(one, files, release), baseline.contract, one.options.progress)


def _watch(one: _Run, files: Mapping[str, bytes], release: Release) -> Watch:
    return Watch(settings=one.settings, aws=one.aws, release=release, files=files, window=one.window, time=one.time)


def _schedule(watch: Watch) -> StageResult:
    how = "is created" if schedule_model_monitor(watch) else "now compares"
    return StageResult(
        summary=f"### monitor\nModel Monitor's schedule of `{watch.settings.endpoint_name}` {how} with the baseline of "
        f"v{watch.release.version}; it runs every hour.",
        outputs={"engine": "model-monitor"},
    )


def _decisions(one: _Run, state: LedgerState, verdict: Verdict, past: Iterable[Record]) -> tuple[Decision, ...]:
    # A release that was rolled back to is the last known good one: below it nothing is known.
    at_the_bottom = state.promotions[-1].entry.action == "rollback"
    earlier = None if at_the_bottom or state.previous is None else state.previous.variant
    situation = Situation(now=one.time, fallback=earlier, past=past_reactions(past))
    return decide(verdict.outcome, verdict.subjects, one.settings.monitor.policy, situation)


def _record(one: _Run, release: Release, verdict: Verdict, tally: Tally, decisions: tuple[Decision, ...]) -> Record:
    quality = vars(verdict.quality) if verdict.quality else {}
    return Record(
        time=one.time,
        start=one.window.start,
        end=one.window.end,
        endpoint=one.settings.endpoint_name,
        release=Served(version=release.version, fingerprint=release.fingerprint),
        outcome=verdict.outcome,
        reason=verdict.reason,
        rows=tally.reading.rows,
        releases=rows_by_release(tally),
        psi={name: distance.psi for name, distance in verdict.distances.items()},
        quality={name: value for name, value in quality.items() if value is not None},
        violations=violation_rows(verdict),
        decisions=decisions,
    )


def _conclude(one: _Run, release: Release, judged: Judged) -> StageResult:
    metrics = [
        *publish.outcome_metrics(judged.verdict.outcome),
        *publish.window_metrics(judged.baseline, judged.tally, judged.verdict),
    ]
    report = _publish(one, judged)
    _send(one, metrics, judged.record, report=report)
    record_decisions(one.settings, one.aws, one.author, judged.record, release=release, report=report)
    summary = (one.options.folder / SUMMARY).read_text()
    outcome = judged.verdict.outcome
    if error := _ERRORS.get(outcome):
        failure = error(judged.verdict.reason, where=report, next_step=_NEXT[outcome])
        failure.summary = summary
        raise failure
    return StageResult(summary=summary, outputs={"outcome": outcome.value, "report": report})


def _publish(one: _Run, judged: Judged) -> str:
    """Keep the run's files beside the captures, and a copy where the caller can pick it up."""
    report = one.aws.monitoring.uri(f"{one.prefix}{REPORT}")
    one.options.folder.mkdir(parents=True, exist_ok=True)
    for name, content in documents(judged, report=report).items():
        (one.options.folder / name).write_bytes(content)
        one.aws.monitoring.put_report(one.prefix + name, content, content_type=CONTENT_TYPES[Path(name).suffix])
    return report


def _send(one: _Run, metrics: Iterable[publish.Metric], entry: Record, *, report: str) -> None:
    endpoint = {"EndpointName": one.settings.endpoint_name}
    values = [
        Gauge(name=name, value=value, dimensions={**endpoint, **({"Feature": feature} if feature else {})})
        for name, value, feature in metrics
    ]
    one.aws.monitoring.put_metrics(publish.NAMESPACE, values, time=one.time)
    detail = publish.event_detail(entry, environment=one.settings.env, report=report)
    one.aws.monitoring.put_event(publish.SOURCE, publish.DETAIL_TYPE, detail)


def _announce_fault(one: _Run, err: PipelineError) -> None:
    """Publish that the monitor is broken before the error ends the run: without it no alarm would go off."""
    situation = Situation(now=one.time, fallback=None, past=())
    entry = Record(
        time=one.time,
        start=one.window.start,
        end=one.window.end,
        endpoint=one.settings.endpoint_name,
        release=Served(version=0, fingerprint=""),
        outcome=Outcome.BROKEN,
        reason=err.what,
        rows=0,
        releases={},
        decisions=decide(Outcome.BROKEN, frozenset(), one.settings.monitor.policy, situation),
    )
    _send(one, publish.outcome_metrics(Outcome.BROKEN), entry, report="")
    record_decisions(one.settings, one.aws, one.author, entry)
