"""What a change of infra/config costs, as Markdown for its reviewers."""

from collections.abc import Iterator
from pathlib import Path

from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.project.environments import ENVIRONMENTS, Environment
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stacks import cost

_NOTE = (
    f"List prices {cost.AS_OF}, without taxes and discounts; each environment's assumptions: `pipeline bootstrap aws`."
)


def markdown(before: Path, after: Path) -> str:
    """Compare the month of each environment in the checkout at `before` with that at `after`."""
    rows = [row for env in ENVIRONMENTS for row in _changes(env, _month(before, env), _month(after, env))]
    if not rows:
        return "### Cost a month\n\nUnchanged.\n"
    table = ["| environment | what | before, USD | after, USD | change |", "|---|---|---:|---:|---:|", *rows]
    return "### Cost a month\n\n" + "\n".join(table) + f"\n\n{_NOTE}\n"


def _changes(env: Environment, old: dict[str, float], new: dict[str, float]) -> Iterator[str]:
    for name in {**old, **new}:
        was, will = old.get(name, 0.0), new.get(name, 0.0)
        if round(was, 2) != round(will, 2):
            yield f"| {env} | {name} | {was:.2f} | {will:.2f} | {will - was:+.2f} |"


def _month(root: Path, env: Environment) -> dict[str, float]:
    try:
        settings = Settings.load(root, env, {})
    except ConfigurationError:
        return {}  # another version's configuration: everything is new
    # The number of alarms follows from the release, not from a change.
    return {item.name: item.dollars for item in cost.estimate(settings, alarms=0).items}
