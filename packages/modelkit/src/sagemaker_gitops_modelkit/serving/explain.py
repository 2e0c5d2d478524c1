"""The slow path of decoding: name everything that is wrong with rows that the fast path refused.

It judges each cell with the library and the type that the fast path uses, so the two cannot disagree.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from sagemaker_gitops_modelkit.serving.problem import FieldError
from sagemaker_gitops_modelkit.serving.schema import Feature, Scalar, Schema

SHOWN = 60

# One cell as JSON text; None is an empty CSV cell or an absent key.
Cell = msgspec.Raw | bytes | None
# A row by field name, or the reason why it is no row at all.
Row = Mapping[str, Cell] | str


class Explainer:
    """Finds the errors of rows; `strict=False` reads numbers from strings, as CSV needs it."""

    def __init__(self, schema: Schema, *, strict: bool) -> None:
        self._schema = schema
        self._carried = schema.carried
        self._known = {*schema.names, *schema.carried}
        self._scalar = msgspec.json.Decoder(Scalar)
        self._decoders = [
            (feature, msgspec.json.Decoder(feature.value_type, strict=strict)) for feature in schema.features
        ]

    def name_errors(self, names: Sequence[str]) -> Iterator[FieldError]:
        """Yield what is wrong with a table's column names."""
        for name, count in Counter(names).items():
            if name not in self._known:
                yield FieldError(field=name[:SHOWN], detail="is not a feature of this model")
            elif count > 1:
                yield FieldError(field=name, detail=f"names {count} columns")
        for feature, _ in self._decoders:
            if feature.name not in names and not feature.is_optional:
                yield FieldError(field=feature.name, detail=f"is missing; expected {expectation(feature)}")

    def errors(self, rows: Iterable[Row]) -> Iterator[FieldError]:
        """Yield every error of every row."""
        for number, row in enumerate(rows):
            if isinstance(row, str):
                yield FieldError(row=number, detail=row)
            else:
                yield from self._row_errors(row, number)

    def _row_errors(self, row: Mapping[str, Cell], number: int) -> Iterator[FieldError]:
        for name in row.keys() - self._known:
            yield FieldError(row=number, field=name[:SHOWN], detail="is not a feature of this model")
        for name in self._carried:
            cell = row.get(name)
            if cell is not None and not _accepts(self._scalar, cell):
                yield FieldError(row=number, field=name, detail=f"{_shown(cell)} is not a single value")
        for feature, decoder in self._decoders:
            cell = row.get(feature.name)
            if cell is None and not feature.is_optional:
                detail = f"is missing; expected {expectation(feature)}"
                yield FieldError(row=number, field=feature.name, detail=detail)
            elif cell is not None and not _accepts(decoder, cell):
                detail = f"{_shown(cell)} is not {expectation(feature)}"
                yield FieldError(row=number, field=feature.name, detail=detail)


def expectation(feature: Feature) -> str:
    """Say in words which values the feature takes."""
    if not feature.is_number:
        return "a string" if feature.unknown == "ignore" else f"one of {', '.join(feature.categories)}"
    lowest, highest = feature.minimum, feature.maximum
    if lowest is not None and highest is not None:
        return f"a number from {lowest:g} to {highest:g}"
    if lowest is not None:
        return f"a finite number of at least {lowest:g}"
    return "a finite number" if highest is None else f"a finite number of at most {highest:g}"


def _accepts(decoder: msgspec.json.Decoder[object], cell: msgspec.Raw | bytes) -> bool:
    try:
        decoder.decode(cell)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _shown(cell: msgspec.Raw | bytes) -> str:
    text = bytes(memoryview(cell)[: SHOWN * 4]).decode(errors="replace")
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
