"""The options that several commands share, each described once."""

from typing import Annotated

import typer

from sagemaker_gitops.project.environments import Environment

Env = Annotated[Environment, typer.Option("--env", help="The environment whose settings and account are used.")]
Version = Annotated[int, typer.Option("--version", min=1, help="A version of the model registry.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the ledger.")]
Actor = Annotated[str | None, typer.Option("--actor", help="Who acts; GitHub's or AWS's word if not given.")]
Yes = Annotated[bool, typer.Option("--yes", help="Carry the plan out without asking.")]
Digest = Annotated[str | None, typer.Option("--fingerprint", help="Refuse to run unless the checkout determines this.")]
Parent = Annotated[int | None, typer.Option("--from", min=1, help="Continue from this registered version.")]
Data = Annotated[str | None, typer.Option("--data", help="A stored data version, instead of the checkout's data.")]
Verify = Annotated[bool, typer.Option("--verify", help="Read all data again, also what seems unchanged.")]
Champion = Annotated[
    int | None, typer.Option("--champion", min=1, help="The version to beat; the one that serves if not given.")
]
