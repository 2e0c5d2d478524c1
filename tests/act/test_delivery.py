"""cd, rollback and operate really run: from a commit to prod and back, with credentials from tokens."""

import pytest

from act.issuer import Issuer
from act.runner import Host

pytestmark = pytest.mark.slow
CHAIN = ["Image", "Train", "Test", "Register", "Dev", "Staging", "Prod"]


def test_push_delivers_to_prod(host: Host, issuer: Issuer) -> None:
    """One push trains, gates, registers and releases to all three environments, in this order."""
    run = host.run("cd.yml", "push")

    assert run.code == 0, run.log[-4000:]
    assert set(run.jobs.values()) == {"success"}
    assert [claims["environment"] for claims in issuer.issued] == ["dev"] * 5 + ["staging", "prod"]
