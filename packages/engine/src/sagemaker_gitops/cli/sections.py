"""The list of commands that `--help` prints: in the order of their use, not of the alphabet."""

from typing import Any

from typer.core import TyperGroup

SECTIONS = {
    "Make a model": ("image", "train", "test", "register", "approve", "tune", "orchestrate", "features"),
    "Release it": ("needed", "deploy", "verify", "rollback", "clean", "drill"),
    "See what is": ("status", "history", "card", "who-served", "explain", "verify-ledger"),
    "Watch it": ("monitor", "reconcile", "retrain", "challenge", "page"),
    "Set it up, and down": ("bootstrap", "doctor", "teardown"),
    "Work on it": ("model", "local", "lint", "schema", "data", "upgrade"),
    "In a pull request": ("plan", "champion", "rehearse", "preflight", "supersede"),
}

_COMPLETION = frozenset({"install_completion", "show_completion"})


class Group(TyperGroup):
    """A group of commands whose help is quick."""

    def get_help_option(self, ctx: Any) -> Any:
        """Read an absent --help as False: for typer's own None it imports pydantic, which no help needs."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option


class Sections(Group):
    """A group of commands whose help teaches: what belongs together stands together."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Leave out typer's own options for completion: they know no program of two words, as `python -m` is."""
        return [param for param in super().get_params(ctx) if param.name not in _COMPLETION]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, section by section; one that no section names comes last."""
        named = {name for names in SECTIONS.values() for name in names}
        rest = tuple(name for name in self.list_commands(ctx) if name not in named)
        widest = max(map(len, (*named, *rest)))
        for title, names in {**SECTIONS, "Other": rest}.items():
            listed = [(name.ljust(widest), command) for name in names if (command := self.get_command(ctx, name))]
            if listed:
                with formatter.section(title):
                    formatter.write_dl([(name, command.get_short_help_str(200)) for name, command in listed])
