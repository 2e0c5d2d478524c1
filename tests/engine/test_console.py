"""Every command that a document prints is one that the command line takes."""

from pathlib import Path

import pytest
from sagemaker_gitops.project.environments import ENVIRONMENTS, Environment
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stacks import cost, infrastructure
from tests.engine.documents import commands, documents, parse, promised, steps
from tests.sample import ROOT


@pytest.mark.parametrize("path", documents(), ids=lambda path: "/".join(path.parts[-2:]))
def test_commands_in_documents_parse(path: Path) -> None:
    """Stage, options and their values are known, and nothing that is required is missing."""
    for words in commands(path.read_text()):
        try:
            parse(words)
        except (Exception, SystemExit) as err:  # noqa: BLE001  whatever it is, the document is wrong
            pytest.fail(f"{' '.join(words)}: {err!r}")


@pytest.mark.parametrize("words", [["depoly"], ["deploy", "--env", "dev"], ["train", "--evn", "dev"], ["local", "upp"]])
def test_wrong_command_does_not_parse(words: list[str]) -> None:
    """The check above can fail: an unknown word, a missing option, an unknown one."""
    with pytest.raises((Exception, SystemExit)):
        parse(words)


def test_promise_is_kept_or_broken() -> None:
    """An ellipsis stands for what differs; anything else is compared."""
    promise = promised("version **1** after … s\n…\nend\n")

    assert promise.fullmatch("version **1** after 1.2 s\na\nb\nend\n")
    assert not promise.fullmatch("version **2** after 1.2 s\nend\n")


def test_commands_are_found() -> None:
    """The tutorial holds commands at all."""
    assert len(list(commands((ROOT / "docs/tutorial.md").read_text()))) > 15


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_tutorial_tells_what_the_estimate_says(checkout: Path, env: Environment) -> None:
    """The costs that a newcomer reads are those of the configuration that comes with the project."""
    settings = Settings.load(checkout, env, {})
    estimate = cost.estimate(settings, alarms=len(infrastructure.alarms(settings)))
    rest = sum(item.dollars for item in estimate.items if item.name not in {"serving", "standby", "training"})

    told = (ROOT / "docs/tutorial.md").read_text()

    assert f"{estimate.dollars:.2f}" in told, f"{estimate.dollars:.2f}"
    assert f"{rest:.2f}" in told, f"{rest:.2f}"


def test_tutorial_counts_its_commands() -> None:
    """Fifteen different ones lead to prod; a second training and a refused deploy only show something."""
    text = (ROOT / "docs/tutorial.md").read_text()
    typed = [step.command for step in steps(text)]

    needed = set(typed[: typed.index("pipeline status")])

    assert len(needed) == 15
    assert "fifteen commands lead from a fresh project to prod" in text
