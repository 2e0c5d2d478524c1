"""verify: ask an endpoint itself whether the release serves, keeps its contract and is fast enough."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sagemaker_gitops.aws.cloudwatch import Traffic
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import gates
from sagemaker_gitops.errors import Annotation, CandidateRejected, EndpointDrifted
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.lease import Clock
from sagemaker_gitops.release.ledger import Release
from sagemaker_gitops.release.session import release_of
from sagemaker_gitops.release.verification import ask, problems_of, rows_of
from sagemaker_gitops.stages.result import StageResult

_REQUESTS = 100
_LOAD_GATE = "model/tests/test_latency.py"
# CloudWatch shows what happened within a few minutes.
_PATIENCE = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which version must serve."""

    version: int
    progress: Callable[[str], None]
    clock: Clock = field(default_factory=Clock)


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Send requests, and refuse another release, a broken contract or a missed service level."""
    release = release_of(settings, aws.registry.describe(options.version))
    variant = _serving_variant(settings, aws, release)
    since = options.clock.now().replace(second=0, microsecond=0)  # CloudWatch keeps whole minutes
    options.progress(f"sending {_REQUESTS} requests to {settings.endpoint_name}")
    _require_answers(settings, aws, release, variant=variant)
    traffic = _measured(settings, aws, variant, since=since, options=options)
    _require_speed(settings, traffic)
    load = _load(settings, aws, options) if settings.serving.load_test else ""
    return StageResult(
        summary=f"### verify\nVersion **{release.version}** answers on `{settings.endpoint_name}` and keeps its "
        f"contract: p50 {traffic.p50_ms:.1f} ms, p95 {traffic.p95_ms:.1f} ms over {traffic.requests} requests.{load}",
        outputs={"p50_ms": f"{traffic.p50_ms:.3f}", "p95_ms": f"{traffic.p95_ms:.3f}"},
    )


def _load(settings: Settings, aws: Aws, options: Options) -> str:
    options.progress(f"loading {settings.endpoint_name} for its percentiles")
    with TemporaryDirectory() as scratch:
        # The gate reads a file; this one has the overrides of this run in it.
        (Path(scratch) / f"{settings.env}.json").write_text(settings.environment_file.model_dump_json())
        places = {
            "ENDPOINT_NAME": settings.endpoint_name,
            "ENVIRONMENT": settings.env,
            "CONFIG_DIR": scratch,
            "DATA_DIR": str(settings.root / "data"),
        }
        verdict = gates.run(settings.root, [settings.root / _LOAD_GATE], places | aws.surroundings())
    broken = [f"{failure.test}: {failure.message.splitlines()[0]}" for failure in verdict.failures]
    missed = [_measured_against(mark) for mark in verdict.marks if not mark.passed]
    if not verdict.passed:
        raise _too_slow(settings, broken + missed or ["no request was sent"])
    return "\nUnder load: " + "; ".join(_measured_against(mark) for mark in verdict.marks) + "."


def _measured_against(mark: gates.Mark) -> str:
    return f"{mark.name} {mark.value:.1f}, {mark.limit}"


def _serving_variant(settings: Settings, aws: Aws, release: Release) -> str:
    endpoint = aws.endpoints.describe(settings.endpoint_name)
    # Under AWS's guardrails a variant has one name, whatever it serves: only its model tells.
    variant = endpoint.variant_of(release.model) if endpoint else None
    if endpoint is None or variant is None or endpoint.percent_of(release.model) < 100:
        raise EndpointDrifted(
            f"version {release.version} does not serve 100 % of traffic: "
            f"{endpoint.percents if endpoint else 'there is no endpoint'}",
            where=f"endpoint {settings.endpoint_name}",
            next_step=f"pipeline history --env {settings.env} tells what happened",
        )
    return variant.name


def _require_answers(settings: Settings, aws: Aws, release: Release, *, variant: str) -> None:
    for row in rows_of(aws, release, _REQUESTS):
        answer = ask(aws, settings.endpoint_name, variant, [row])
        if problems := problems_of(answer, release, rows=1):
            raise CandidateRejected(
                "\n    ".join(problems),
                where=f"endpoint {settings.endpoint_name}, request {json.dumps(row)}",
                next_step=f'pipeline rollback --env {settings.env} --reason "verification failed"',
            )


def _measured(settings: Settings, aws: Aws, variant: str, *, since: datetime, options: Options) -> Traffic:
    deadline = options.clock.now() + _PATIENCE
    while True:
        now = options.clock.now()
        traffic = aws.metrics.traffic(settings.endpoint_name, variant, since=since, until=now)
        if traffic.requests >= _REQUESTS and traffic.p95_ms is not None:
            return traffic
        if now > deadline:
            raise EndpointDrifted(
                f"CloudWatch counted {traffic.requests} of {_REQUESTS} requests within {_PATIENCE}",
                where=f"metrics of {settings.endpoint_name}, variant {variant}",
                next_step="check the endpoint's metrics; without them no alarm rings either",
            )
        options.clock.sleep(settings.aws.poll_seconds)


def _require_speed(settings: Settings, traffic: Traffic) -> None:
    sla = settings.serving.sla
    levels = (("p50", traffic.p50_ms, sla.p50_ms), ("p95", traffic.p95_ms, sla.p95_ms))
    slow = [
        f"{name} is {value:.1f} ms, must be at most {most:g} ms"
        for name, value, most in levels
        if value and value > most
    ]
    if slow:
        raise _too_slow(settings, slow)


def _too_slow(settings: Settings, lines: list[str]) -> CandidateRejected:
    file = f"infra/config/{settings.env}.json"
    error = CandidateRejected(
        "the endpoint does not keep its service level: " + "; ".join(lines),
        where=f"{file}: serving.sla",
        next_step=f'pipeline rollback --env {settings.env} --reason "too slow"',
    )
    error.annotations = tuple(Annotation(message=line, file=file) for line in lines)
    return error
