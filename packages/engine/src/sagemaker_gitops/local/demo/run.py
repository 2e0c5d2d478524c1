"""The whole loop on this machine: two releases, three environments, an approval, a canary, drift, a rollback."""

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from sagemaker_gitops.errors import DemoFailed, NotApproved
from sagemaker_gitops.local.demo import cast, demo_report, upset
from sagemaker_gitops.local.demo.story import Step, Story
from sagemaker_gitops.local.demo.traffic import Traffic, ask, features, real_rows
from sagemaker_gitops.local.demo.way_back import WayBack, roll_back
from sagemaker_gitops.local.server.control import Running
from sagemaker_gitops.local.server.folder import Folder

# A bake of ten minutes is right for production and long for a demo: same code, shorter settings.
_QUICK = {
    "PIPELINE__AWS__POLL_SECONDS": "0.03",
    "PIPELINE__DEPLOY__BAKE_SECONDS": "1",
    "PIPELINE__DEPLOY__CHECK_SECONDS": "0.25",
    "PIPELINE__DEPLOY__MINIMUM_REQUESTS": "10",
}
_HYPERPARAMETERS = Path("model/config/hyperparameters.json")
_LEFT_OUT = shutil.ignore_patterns(".git", ".local", ".venv", ".*_cache", "__pycache__", "node_modules", "reports")
# The second release is trained with one hyperparameter a fifth higher.
_MORE = 1.2
_ROWS = 1000


def run(root: Path, state: Folder, running: Running) -> Path:
    """Play the loop against the running embedded AWS; return the path of its report."""
    folder, rows = state.root, real_rows(root, _ROWS)
    story = Story(
        checkout=_checkout(root, folder / "demo"),
        environ={**running.environment(), **_QUICK},
        cast=cast.read(root, running, state),
        console=Console(),
    )
    if story.cast and story.cast.elsewhere:
        cast.introduce(story.checkout)
        _git(story.checkout, "commit", "--quiet", "--all", "--message", "Let AWS trust this repository")
    _found(story, folder)
    client, endpoint = story.client("prod"), f"{story.project}-prod"
    with Traffic(client, endpoint, rows) as traffic:
        if not ask(client, endpoint, rows[0]).lost:
            traffic.begin()  # an earlier demo left its releases: their successor needs callers to prove itself on
        first = _release(story, "1st")
        _promote(story, first, unasked=True)
        traffic.begin()
        second = _better(story, traffic)
        begun = upset.begin(traffic, upset.upset(rows, features(root)))
        cold = _cold(story, folder, first)  # in staging, while prod's callers send what the monitor will judge
        drift = upset.find(story, "prod", traffic, begun)
        traffic.send(rows)
        warm = _back(story, traffic, folder, first)
    _judge(story, traffic, first)
    ways = (warm, cold)
    report = demo_report.write(root / "reports" / "demo.html", story, traffic, versions=(first, second), ways=ways)
    found = upset.keep(drift, report.parent)
    story.console.print(story.table())
    for way in ways:
        story.console.print(f"[bold]{way}[/]", highlight=False, soft_wrap=True)
    story.console.print(f"the monitor's page: {found}", highlight=False, soft_wrap=True)
    return report


def _found(story: Story, folder: Path) -> None:
    if story.cast and story.cast.elsewhere:  # the registry's stacks come first, by its own account
        story.tell("bootstrap", "bootstrap", "aws", "--env", "dev", "--yes", keys={})
    for env in ("dev", "staging", "prod"):
        story.tell(f"bootstrap {env}", "bootstrap", "aws", "--env", env, "--yes")
    story.tell("image", "local", "--state", str(folder), "image")


def _release(story: Story, which: str) -> int:
    """Bring the checkout's model from training to staging; return its version."""
    story.tell(f"train {which}", "train", "--env", "dev")
    story.tell(f"test {which}", "test", "--env", "dev")
    version = story.tell(f"register {which}", "register", "--env", "dev").outputs["version"]
    for env in ("dev", "staging"):
        _deploy(story, env, version)
    return int(version)


def _promote(story: Story, version: int, *, unasked: bool = False) -> None:
    """Take a version through the approval to prod; `unasked` shows first that nothing passes without it."""
    if not unasked or _deploy(story, "prod", str(version)).exit_code == NotApproved.exit_code:
        reason = "demo: gates are green, staging answers"
        story.tell("approve", "approve", "--env", "prod", "--version", str(version), "--reason", reason)
        _deploy(story, "prod", str(version))


def _deploy(story: Story, env: str, version: str) -> Step:
    step = story.tell(f"deploy {env}", "deploy", "--env", env, "--version", version, expect=(0, NotApproved.exit_code))
    if step.exit_code == 0:
        story.ask(env, real_rows(story.checkout, 1)[0])
    return step


def _better(story: Story, traffic: Traffic) -> int:
    with _commit(story, other(story.checkout / _HYPERPARAMETERS)):
        second = _release(story, "2nd")
        traffic.mark(f"canary v{second}")
        _promote(story, second)
        traffic.mark(f"v{second} promoted")
    return second


def _back(story: Story, traffic: Traffic, folder: Path, first: int) -> WayBack:
    """Roll prod back under its callers' eyes, while the former release stands by."""
    traffic.mark("rollback")
    way = roll_back(story, "prod", folder / "calls.jsonl", to=first)
    traffic.mark(f"v{first} serves")
    traffic.wait_for(50)
    story.ask("prod", real_rows(story.checkout, 1)[0])
    return way


def _cold(story: Story, folder: Path, first: int) -> WayBack:
    """Roll staging back after its standby was retired."""
    story.tell("clean staging", "clean", "--env", "staging", overrides={"PIPELINE__DEPLOY__STANDBY_HOURS": "0"})
    return roll_back(story, "staging", folder / "calls.jsonl", to=first)


def _judge(story: Story, traffic: Traffic, first: int) -> None:
    lost = [answer for answer in traffic.answers if answer.lost]
    if lost:
        raise DemoFailed(
            f"{len(lost)} of {len(traffic.answers)} requests were lost, the first with: {lost[0].error}",
            where="the traffic on prod",
            next_step="read .local/server.log; no deploy or rollback may lose a request",
        )
    last = traffic.answers[-1].version
    if last != str(first):
        raise DemoFailed(f"after the rollback version {last} answers, not {first}", where="prod")
    counts = Counter(answer.version for answer in traffic.answers)
    told = ", ".join(f"v{version}: {count}" for version, count in sorted(counts.items()))
    story.console.print(f"[green]✓[/] [bold]traffic[/] {len(traffic.answers)} requests, none lost ({told})")


def _checkout(root: Path, target: Path) -> Path:
    """Copy what makes a model, so that the demo's commits never touch the user's files."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(root, target, ignore=_LEFT_OUT)
    _git(target, "init", "--quiet")
    _git(target, "add", "--all")
    _git(target, "commit", "--quiet", "--message", "The project as it is")
    return target


def other(path: Path) -> dict[str, str]:
    """Raise the first number among the hyperparameters, so that another model is trained."""
    for name, value in json.loads(path.read_text()).items():
        with suppress(ValueError):
            number = float(value)
            more = number * _MORE or 1.0
            return {name: str(max(round(more), round(number) + 1)) if value.lstrip("-").isdigit() else f"{more:g}"}
    raise DemoFailed(
        "no hyperparameter is a number, so there is no second model to release",
        where=str(path),
        next_step="add one that train.py reads, a random seed for example",
    )


@contextmanager
def _commit(story: Story, change: Mapping[str, str]) -> Iterator[None]:
    """Commit other hyperparameters for a while, then revert the commit."""
    path = story.checkout / _HYPERPARAMETERS
    path.write_text(json.dumps(json.loads(path.read_text()) | dict(change), indent=2))
    _git(story.checkout, "commit", "--quiet", "--all", "--message", f"Set {', '.join(change)}")
    try:
        yield
    finally:
        _git(story.checkout, "revert", "--no-edit", "HEAD")


def _git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)  # noqa: S607
