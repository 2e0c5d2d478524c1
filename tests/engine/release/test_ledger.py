"""The ledger: what was done to it shows."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from sagemaker_gitops.aws.ledger import Copy, Record
from sagemaker_gitops.errors import LedgerBroken
from sagemaker_gitops.release.ledger import parse, read, verify
from sagemaker_gitops.release.state import find, fold
from tests.engine.release.rig import Rig, release

Lines = list[Record]


@pytest.fixture(scope="module")
def rig() -> Rig:
    """Return a ledger of three releases."""
    rig = Rig()
    for version in (1, 2, 3):
        rig.run(version)
    return rig


def lines(rig: Rig) -> Lines:
    """Copy the table."""
    return list(rig.aws.ledger.records())


def forged(text: str) -> str:
    """Alter an entry and give it a hash that fits its new content."""
    return parse(text).model_copy(update={"actor": "nobody"}).sealed().text()


def test_untouched_ledger_is_intact(rig: Rig) -> None:
    """Nothing is found where nothing was done."""
    assert verify("prod", lines(rig), rig.aws.ledger.copies()) == []


TAMPERINGS: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "altered": (
        lambda t: [*t[:4], replace(t[4], text=t[4].text.replace('"tester"', '"nobody"')), *t[5:]],
        "entry 5 was altered",
    ),
    "altered with a fitting hash": (
        lambda t: [*t[:4], replace(t[4], text=forged(t[4].text)), *t[5:]],
        "entry 6 does not follow entry 5",
    ),
    "newest altered with a fitting hash": (
        lambda t: [*t[:-1], replace(t[-1], text=forged(t[-1].text))],
        "table and locked copy differ",
    ),
    "removed": (lambda t: [*t[:4], *t[5:]], "entry 5 is missing"),
    "removed at the end": (lambda t: t[:-2], "has a locked copy but is gone"),
    "removed and renumbered": (
        lambda t: [*t[:4], *(replace(item, sequence=item.sequence - 1) for item in t[5:])],
        "entry 5 says that it is prod 6",
    ),
    "reordered": (
        lambda t: [*t[:4], replace(t[4], text=t[5].text), replace(t[5], text=t[4].text), *t[6:]],
        "entry 5 says that it is prod 6",
    ),
    "garbage": (lambda t: [*t[:4], replace(t[4], text="{}"), *t[5:]], "entry 5: not a ledger entry"),
    "emptied": (lambda t: [], "entry 1 has a locked copy but is gone"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_with_the_table_is_found(rig: Rig, name: str) -> None:
    """Altered, removed, reordered or forged with care: each is found and named."""
    tamper, told = TAMPERINGS[name]

    problems = verify("prod", tamper(lines(rig)), rig.aws.ledger.copies())

    assert any(told in problem for problem in problems)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"versions": 2}, "overwritten 1 times"),
        ({"locked": False}, "not under a COMPLIANCE lock"),
        ({"deleted": True}, "delete marker"),
        ({"text": "{}"}, "table and locked copy differ"),
    ],
)
def test_tampering_with_a_copy_is_found(rig: Rig, change: dict[str, object], told: str) -> None:
    """The copies are watched as closely as the table."""
    copies: list[Copy] = rig.aws.ledger.copies()
    copies[3] = Copy(**{**vars(copies[3]), **change})

    problems = verify("prod", lines(rig), copies)

    assert problems == [problem for problem in problems if problem.startswith("entry 4")]
    assert any(told in problem for problem in problems)


def test_removed_copy_is_found_and_the_newest_may_be_on_its_way(rig: Rig) -> None:
    """Only the last entry can lack its copy, because only its writer can have died before writing it."""
    copies = rig.aws.ledger.copies()

    assert verify("prod", lines(rig), copies[:-1]) == []
    assert verify("prod", lines(rig), copies[1:]) == ["entry 1 has no locked copy"]


def test_ledger_of_another_environment_is_no_substitute(rig: Rig) -> None:
    """An intact chain of staging does not pass for that of prod."""
    assert "entry 1 says that it is prod 1: it was moved" in verify("staging", lines(rig), rig.aws.ledger.copies())


def test_unreadable_entry_stops_every_release(rig: Rig) -> None:
    """Nothing is released on a ledger that cannot be read."""
    broken = Rig()
    broken.run(1)
    broken.aws.ledger.lines[2] = json.dumps({"sequence": 2})

    with pytest.raises(LedgerBroken, match="entry 2"):
        read(broken.aws.ledger)


def test_previous_is_what_the_serving_release_replaced(rig: Rig) -> None:
    """After 1, 2, 3 the way back leads to 2."""
    state = fold(rig.entries)

    assert release(3).same_as(state.serving)
    assert release(2).same_as(state.previous)


def test_rollback_twice_goes_further_back_instead_of_forward_again() -> None:
    """The release that was rolled back from is never the previous one."""
    rig = Rig()
    for version in (1, 2, 3):
        rig.run(version)

    rig.run(2, "rollback")

    assert release(2).same_as(rig.state.serving)
    assert release(1).same_as(rig.state.previous)


def test_release_that_came_back_after_a_rollback_has_its_place_again() -> None:
    """Rolled back from and deployed again, a release is followed back by what it then replaced."""
    rig = Rig()
    for version in (1, 2):
        rig.run(version)
    rig.run(1, "rollback")

    rig.run(2)

    assert release(1).same_as(rig.state.previous)


@pytest.mark.parametrize("wanted", ["2", release(2).commit, release(2).commit[:7]])
def test_release_is_found_by_version_and_by_commit(rig: Rig, wanted: str) -> None:
    """A version number or the beginning of a commit names a release that served."""
    assert [item.version for item in find(rig.entries, wanted)] == [2] if wanted == "2" else find(rig.entries, wanted)
