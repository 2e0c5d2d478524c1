"""What a table's columns seem to mean: a proposal for schema.json, each guess with its reason."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from sagemaker_gitops.errors import ConfigurationError, DataInvalid
from sagemaker_gitops.project.column_guess import (
    EVENT_TIME,
    MOST_CATEGORIES,
    Guess,
    counts_rows,
    few,
    guess_column,
    is_key,
    is_text,
)
from sagemaker_gitops.project.model_schema import ModelSchema
from sagemaker_gitops.project.table import Table, number

ROW = "row_id"
# More values than these are a number's, if they are numbers.
MOST_CLASSES = 20
# So many rows of each class leave some for both parts of the split.
FEWEST_OF_A_CLASS = 10
_ID_NAME = re.compile(r"(^|[^a-z])(id|key|uuid|index|rownames?|number|no|nr)$", re.IGNORECASE)
_YES = ("1", "1.0", "yes", "true", "y", "t", "positive", "pos")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the person who asks says; the rest is guessed."""

    target: str
    task: str | None = None
    positive: str | None = None
    id: str | None = None
    protected: str | None = None
    favourable: str | None = None


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """The table as it goes into data/, its schema, and every guess."""

    table: Table
    schema: ModelSchema
    guesses: tuple[Guess, ...]


def propose(table: Table, asked: Asked) -> Proposal:
    """Guess a schema."""
    for option in ("target", "id", "protected"):
        _require_column(table, getattr(asked, option), f"--{option}")
    answer, guesses = _target(table, asked)
    _require_favourable(table, asked, task=answer["task"])
    table, row_id, why = _identified(table, asked)
    guesses.append(Guess(column=row_id, taken_as="row id", why=why))
    if asked.protected:
        told = "as told: no feature, but the gates compare its groups"
        guesses.append(Guess(column=asked.protected, taken_as="protected attribute", why=told))
    around: dict[str, Any] = {"id": row_id, "protected": asked.protected, "favourable": asked.favourable}
    features: list[dict[str, Any]] = []
    for name in [name for name in table.columns if name not in {asked.target, row_id, asked.protected}]:
        feature, guess = guess_column(name, table.columns[name])
        if guess.taken_as == EVENT_TIME:
            around.setdefault("event_time", name)
        guesses.append(guess)
        features += [feature] if feature else []
    if not features:
        raise DataInvalid("no column is left as a feature", where=str(table.source), next_step="add columns that vary")
    document = {name: value for name, value in {**answer, **around}.items() if value is not None}
    schema = ModelSchema.model_validate({**document, "features": features})
    return Proposal(table=table, schema=schema, guesses=tuple(guesses))


def _require_column(table: Table, name: str | None, option: str) -> None:
    if name is not None and name not in table.columns:
        raise ConfigurationError(
            f"there is no column {name!r}",
            where=f"{option}; the columns of {table.source} are {', '.join(table.columns)}",
            next_step="name one of them",
        )


def _require_favourable(table: Table, asked: Asked, *, task: str) -> None:
    labels = sorted(set(table.columns[asked.target]))
    if asked.protected and task != "regression" and asked.favourable not in labels:
        raise ConfigurationError(
            f"fairness between the groups of {asked.protected} is measured on the favourable outcome",
            where="--favourable",
            next_step=f"name what a person hopes for: {', '.join(labels)}",
        )


def _target(table: Table, asked: Asked) -> tuple[dict[str, Any], list[Guess]]:
    cells = table.columns[asked.target]
    if missing := cells.count(""):
        first = cells.index("") + 1
        what = f"{missing} rows have no {asked.target}, the first is row {first}"
        raise DataInvalid(what, where=str(table.source), next_step="leave out rows whose outcome nobody knows")
    counts = Counter(cells)
    task = asked.task or _task(counts)
    kinds = {"binary": _binary, "multiclass": _multiclass, "regression": _regression}
    answer, why = kinds[task](counts, asked, table)
    return {**answer, "target": asked.target}, [Guess(column=asked.target, taken_as=f"target, {task}", why=why)]


def _task(counts: Counter[str]) -> str:
    numbers = [number(text) for text in counts]
    if None not in numbers and (len(counts) > MOST_CLASSES or not all(float(n or 0).is_integer() for n in numbers)):
        return "regression" if len(counts) > 2 else "binary"
    return "multiclass" if len(counts) > 2 else "binary"


def _binary(counts: Counter[str], asked: Asked, table: Table) -> tuple[dict[str, Any], str]:
    if len(counts) != 2:
        raise _no_task(table, asked, f"has {few(counts)} alone" if len(counts) < 3 else f"has {len(counts)} values")
    _require_rows(counts, asked, table)
    rare = min(sorted(counts, reverse=True), key=lambda text: counts[text])
    positive = asked.positive or next((text for text in counts if text.lower() in _YES), rare)
    if positive not in counts:
        raise ConfigurationError(
            f"{asked.target} is never {positive!r}", where="--positive", next_step=f"name one of {', '.join(counts)}"
        )
    negative = next(text for text in counts if text != positive)
    why = "as told" if asked.positive else "a yes" if positive.lower() in _YES else "the rarer one"
    told = f"two values; {positive!r} is the positive one ({why}), in {counts[positive]} of {table.rows} rows"
    return {"task": "binary", "positive": positive, "negative": negative}, told


def _multiclass(counts: Counter[str], asked: Asked, table: Table) -> tuple[dict[str, Any], str]:
    if not 2 < len(counts) <= MOST_CATEGORIES:
        raise _no_task(table, asked, f"has {len(counts)} different values")
    _require_rows(counts, asked, table)
    return {"task": "multiclass", "classes": sorted(counts)}, f"{len(counts)} values: {few(counts)}"


def _regression(counts: Counter[str], asked: Asked, table: Table) -> tuple[dict[str, Any], str]:
    if wrong := next((text for text in counts if number(text) is None), None):
        raise _no_task(table, asked, f"is {wrong!r} in {counts[wrong]} rows, which is no number")
    if len(counts) < 2:
        raise _no_task(table, asked, f"is {few(counts)} in every row")
    return {"task": "regression"}, f"numbers, {len(counts)} different ones"


def _require_rows(counts: Counter[str], asked: Asked, table: Table) -> None:
    if short := {text: count for text, count in counts.items() if count < FEWEST_OF_A_CLASS}:
        what = f"{asked.target} is {few(Counter(short))}; at least {FEWEST_OF_A_CLASS} rows of each value are needed"
        raise DataInvalid(what, where=str(table.source), next_step="bring more rows of it, or leave the value out")


def _no_task(table: Table, asked: Asked, what: str) -> DataInvalid:
    return DataInvalid(
        f"{asked.target} {what}: nothing can be learnt to predict",
        where=str(table.source),
        next_step="name another --target, or say --task binary, multiclass or regression",
    )


def _identified(table: Table, asked: Asked) -> tuple[Table, str, str]:
    """Find the column whose values name the rows; number them where none does."""
    if asked.id:
        if not is_key(table.columns[asked.id]):
            what = f"{asked.id} is missing in some rows, or the same in several"
            raise DataInvalid(what, where="--id", next_step="name a column that tells every row from the others")
        return table, asked.id, "as told"
    keys = [n for n, cells in table.columns.items() if n not in {asked.target, asked.protected} and is_key(cells)]
    named = [name for name in keys if _ID_NAME.search(name)] or [name for name in keys if is_text(table.columns[name])]
    counted = [name for name in keys if counts_rows(table.columns[name])]
    if named or counted:
        return table, (named or counted)[0], "a different value in every row: it decides which rows are held out"
    if ROW in table.columns:
        raise ConfigurationError(
            "no column tells every row from the others", where=str(table.source), next_step="name one with --id"
        )
    numbered = {ROW: tuple(str(place) for place in range(1, table.rows + 1)), **table.columns}
    why = "no column tells the rows apart, so they are numbered; a key of your own keeps a row on its side of the split"
    return replace(table, columns=numbered), ROW, why
