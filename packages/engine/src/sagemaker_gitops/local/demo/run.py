"""The demo: two releases through three environments, an approval, a canary, drift, and two rollbacks."""

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from sagemaker_gitops.errors import DemoFailed, NotApproved
from sagemaker_gitops.local.demo import drift, report
from sagemaker_gitops.local.demo.rollback import Rollback, roll_back
from sagemaker_gitops.local.demo.scenario import Scenario, Step, read_accounts
from sagemaker_gitops.local.demo.traffic import Traffic, features, real_rows, send_row
from sagemaker_gitops.local.server.folder import Folder
from sagemaker_gitops.local.server.process import Running

# A bake of ten minutes is right for production and long for a demo: same code, shorter settings.
_QUICK = {
    "PIPELINE__AWS__POLL_SECONDS": "0.03",
    "PIPELINE__DEPLOY__BAKE_SECONDS": "1",
    "PIPELINE__DEPLOY__CHECK_SECONDS": "0.25",
    "PIPELINE__DEPLOY__MINIMUM_REQUESTS": "10",
}
_HYPERPARAMETERS = Path("model/config/hyperparameters.json")
_NOT_COPIED = shutil.ignore_patterns(".git", ".local", ".venv", ".*_cache", "__pycache__", "node_modules", "reports")
# The second release is trained with one hyperparameter a fifth higher.
_INCREASE = 1.2
_ROWS = 1000
# So many of the latest requests say how busy this machine is.
_RECENT = 100


def run(root: Path, state: Folder, running: Running) -> Path:
    """Run the scenario against the running embedded AWS; return the path of its report."""
    folder, rows = state.root, real_rows(root, _ROWS)
    scenario = Scenario(
        checkout=_checkout(root, folder / "demo"),
        environ={**running.environment(), **_QUICK},
        accounts=read_accounts(root, running, state),
        console=Console(),
    )
    if scenario.accounts and scenario.accounts.several:
        _add_github_subject(scenario.checkout)
        _git(scenario.checkout, "commit", "--quiet", "--all", "--message", "Let AWS trust this repository")
    _bootstrap(scenario, folder)
    client, endpoint = scenario.client("prod"), f"{scenario.project}-prod"
    with Traffic(client, endpoint, rows) as traffic:
        if not send_row(client, endpoint, rows[0]).lost:
            traffic.start()  # an earlier demo's release serves: its successor's canary needs requests
        first = _release(scenario, "1st")
        _promote(scenario, traffic, first, before_approval=True)
        traffic.start()
        second = _release_second(scenario, traffic)
        start = drift.start_drift(traffic, drift.drifted_rows(rows, features(root)))
        cold = _roll_back_staging(scenario, folder, first)  # meanwhile prod's clients send what the monitor will check
        monitored = drift.detect_drift(scenario, "prod", traffic, start)
        traffic.send(rows)
        warm = _roll_back_prod(scenario, traffic, folder, first)
    _check_traffic(scenario, traffic, first)
    return _show(root / "reports" / "demo.html", scenario, traffic, (first, second), (warm, cold), monitored)


def _show(
    path: Path,
    scenario: Scenario,
    traffic: Traffic,
    versions: tuple[int, int],
    rollbacks: tuple[Rollback, Rollback],
    monitored: Path,
) -> Path:
    """Write the report, and print what happened."""
    report.write(path, scenario, traffic, versions=versions, rollbacks=rollbacks)
    found = drift.copy_report(monitored, path.parent)
    scenario.console.print(scenario.table())
    for rollback in rollbacks:
        scenario.console.print(f"[bold]{rollback}[/]", highlight=False, soft_wrap=True)
    scenario.console.print(f"the monitor's page: {found}", highlight=False, soft_wrap=True)
    return path


def _add_github_subject(checkout: Path) -> None:
    """Give a checkout that no GitHub repository is known for an example of one: without it the stacks make no roles."""
    path = checkout / "infra/config/project.json"
    config = json.loads(path.read_text())
    github = config["github"]
    github["subject_prefix"] = github.get("subject_prefix") or f"repo:{github['owner']}@1/{github['repository']}@2"
    path.write_text(json.dumps(config, indent=2))


def _bootstrap(scenario: Scenario, folder: Path) -> None:
    if scenario.accounts and scenario.accounts.several:  # the registry's stacks come first, by its own account
        scenario.run_step("bootstrap", "bootstrap", "aws", "--env", "dev", "--yes", keys={})
    for env in ("dev", "staging", "prod"):
        scenario.run_step(f"bootstrap {env}", "bootstrap", "aws", "--env", env, "--yes")
    scenario.run_step("image", "local", "--state", str(folder), "image")


def _release(scenario: Scenario, which: str) -> int:
    """Bring the checkout's model from training to staging; return its version."""
    scenario.run_step(f"train {which}", "train", "--env", "dev")
    scenario.run_step(f"test {which}", "test", "--env", "dev")
    version = scenario.run_step(f"register {which}", "register", "--env", "dev").outputs["version"]
    for env in ("dev", "staging"):
        _deploy(scenario, env, version)
    return int(version)


def _promote(scenario: Scenario, traffic: Traffic, version: int, *, before_approval: bool = False) -> None:
    """Take a version through the approval to prod; `before_approval` shows first that nothing passes without it."""
    if not before_approval or _deploy(scenario, "prod", str(version)).exit_code == NotApproved.exit_code:
        reason = "demo: gates are green, staging answers"
        scenario.run_step("approve", "approve", "--env", "prod", "--version", str(version), "--reason", reason)
        _deploy(scenario, "prod", str(version), overrides=service_level(scenario, traffic))


def _deploy(scenario: Scenario, env: str, version: str, *, overrides: Mapping[str, str] | None = None) -> Step:
    step = scenario.run_step(
        f"deploy {env}",
        *("deploy", "--env", env, "--version", version),
        expect=(0, NotApproved.exit_code),
        overrides=overrides,
    )
    if step.exit_code == 0:
        scenario.invoke(env, real_rows(scenario.checkout, 1)[0])
    return step


def service_level(scenario: Scenario, traffic: Traffic) -> Mapping[str, str]:
    """Widen prod's service level where this machine is busy: it is meant for AWS's instances, which are not.

    The limits become ten times the median that the clients measure now, if that is more.
    """
    level = json.loads((scenario.checkout / "infra/config/prod.json").read_text())["serving"]["sla"]
    factor = max(1.0, 10_000 * traffic.median_seconds(_RECENT) / level["p50_ms"])
    return {
        f"PIPELINE__SERVING__SLA__{key.upper()}": f"{factor * level[key]:g}" for key in ("p50_ms", "p95_ms", "p99_ms")
    }


def _release_second(scenario: Scenario, traffic: Traffic) -> int:
    with _commit(scenario, changed_hyperparameter(scenario.checkout / _HYPERPARAMETERS)):
        second = _release(scenario, "2nd")
        traffic.record_event(f"canary v{second}")
        _promote(scenario, traffic, second)
        traffic.record_event(f"v{second} promoted")
    return second


def _roll_back_prod(scenario: Scenario, traffic: Traffic, folder: Path, first: int) -> Rollback:
    """Roll prod back while clients send requests and the former release is on standby."""
    traffic.record_event("rollback")
    rollback = roll_back(scenario, "prod", folder / "calls.jsonl", to=first)
    traffic.record_event(f"v{first} serves")
    traffic.wait_for(50)
    scenario.invoke("prod", real_rows(scenario.checkout, 1)[0])
    return rollback


def _roll_back_staging(scenario: Scenario, folder: Path, first: int) -> Rollback:
    """Roll staging back after its standby was retired."""
    scenario.run_step("clean staging", "clean", "--env", "staging", overrides={"PIPELINE__DEPLOY__STANDBY_HOURS": "0"})
    return roll_back(scenario, "staging", folder / "calls.jsonl", to=first)


def _check_traffic(scenario: Scenario, traffic: Traffic, first: int) -> None:
    lost = [answer for answer in traffic.answers if answer.lost]
    if lost:
        raise DemoFailed(
            f"{len(lost)} of {len(traffic.answers)} requests were lost, the first with: {lost[0].error}",
            where="the traffic on prod",
            next_step="read .local/server.log; no deploy or rollback may lose a request",
        )
    last = traffic.answers[-1].version
    if last != str(first):
        raise DemoFailed(f"after the rollback version {last} serves, not {first}", where="prod")
    counts = Counter(answer.version for answer in traffic.answers)
    shown = ", ".join(f"v{version}: {count}" for version, count in sorted(counts.items()))
    scenario.console.print(f"[green]✓[/] [bold]traffic[/] {len(traffic.answers)} requests, none lost ({shown})")


def _checkout(root: Path, target: Path) -> Path:
    """Copy what makes a model, so that the demo's commits never touch the user's files."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(root, target, ignore=_NOT_COPIED)
    _git(target, "init", "--quiet")
    _git(target, "add", "--all")
    _git(target, "commit", "--quiet", "--message", "The project as it is")
    return target


def changed_hyperparameter(path: Path) -> dict[str, str]:
    """Raise the first number among the hyperparameters, so that another model is trained."""
    for name, value in json.loads(path.read_text()).items():
        with suppress(ValueError):
            number = float(value)
            more = number * _INCREASE or 1.0
            return {name: str(max(round(more), round(number) + 1)) if value.lstrip("-").isdigit() else f"{more:g}"}
    raise DemoFailed(
        "no hyperparameter is a number, so there is no second model to release",
        where=str(path),
        next_step="add one that train.py reads, a random seed for example",
    )


@contextmanager
def _commit(scenario: Scenario, change: Mapping[str, str]) -> Iterator[None]:
    """Commit other hyperparameters for a while, then revert the commit."""
    path = scenario.checkout / _HYPERPARAMETERS
    path.write_text(json.dumps(json.loads(path.read_text()) | dict(change), indent=2))
    _git(scenario.checkout, "commit", "--quiet", "--all", "--message", f"Set {', '.join(change)}")
    try:
        yield
    finally:
        _git(scenario.checkout, "revert", "--no-edit", "HEAD")


def _git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)  # noqa: S607
