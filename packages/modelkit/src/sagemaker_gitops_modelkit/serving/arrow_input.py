"""application/vnd.apache.arrow.stream: a table of features, validated column by column."""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from sagemaker_gitops_modelkit.cells import read_category
from sagemaker_gitops_modelkit.serving.arrow_metadata import Field, Malformed
from sagemaker_gitops_modelkit.serving.arrow_stream import SCALARS, TEXTS, Numbers, Stream, TooManyRows
from sagemaker_gitops_modelkit.serving.arrow_text import Array, Mask, Texts
from sagemaker_gitops_modelkit.serving.batch import Batch
from sagemaker_gitops_modelkit.serving.explain import SHOWN, Explainer, expectation
from sagemaker_gitops_modelkit.serving.problem import FieldError, invalid, malformed, too_large
from sagemaker_gitops_modelkit.serving.schema import FLOAT32_MAX, MAX_TEXT, UNSEEN, Feature, Schema


class _Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A feature's column: as it came, as the model takes it, and which rows miss a value or hold a wrong one."""

    feature: Feature
    values: Array
    cells: Array
    missing: Mask
    wrong: Mask


class ArrowInput:
    """Decodes and validates Arrow streams; null is a missing value."""

    def __init__(self, schema: Schema, *, max_rows: int) -> None:
        self._features = {feature.name: feature for feature in schema.features}
        self._max_rows = max_rows
        self._explainer = Explainer(schema, strict=True)

    def decode(self, body: bytes) -> Batch:
        """Return the body's rows as a batch, or raise the problem that lists what is wrong."""
        try:
            stream = Stream(body)
            self._check_fields(stream.fields)
            rows, columns = stream.columns(self._features, max_rows=self._max_rows)
        except Malformed as error:
            raise malformed(f"not a readable Arrow stream: {error}") from error
        except TooManyRows as error:
            raise too_large(f"more than {self._max_rows} rows; send them in several requests") from error
        if not rows:
            raise malformed("expected at least one row")
        return _validated([_judged(feature, columns.get(name), rows) for name, feature in self._features.items()])

    def _check_fields(self, fields: Sequence[Field]) -> None:
        errors = list(self._explainer.name_errors([field.name for field in fields]))
        if errors := errors or list(self._type_errors(fields)):
            raise invalid(errors)

    def _type_errors(self, fields: Sequence[Field]) -> Iterator[FieldError]:
        for field in fields:
            feature = self._features.get(field.name)
            if not _fits(field, feature):
                wanted = expectation(feature) if feature else "single values"
                kind = f"dictionary of {field.type}" if field.codes else field.type
                yield FieldError(field=field.name, detail=f"is a column of type {kind}; expected {wanted}")


def _fits(field: Field, feature: Feature | None) -> bool:
    """Tell whether a column's type can hold the feature, or single values where the model never sees it."""
    if field.codes or field.type in TEXTS:
        return field.type in TEXTS and (feature is None or not feature.is_number)
    if feature is None:
        return field.type in SCALARS
    return field.type == "null" or (feature.is_number and field.number is not None)


def _judged(feature: Feature, column: Numbers | Texts | None, rows: int) -> _Judged:
    if isinstance(column, Numbers):
        return _judged_numbers(feature, column)
    column = column or Texts(codes=np.full(rows, -1), values=())
    if feature.is_number:  # a column of nothing has no type
        everywhere = np.ones(rows, np.bool_)
        absent = np.full(rows, np.nan)
        return _Judged(feature=feature, values=absent, cells=absent, missing=everywhere, wrong=~everywhere)
    return _judged_texts(feature, column)


def _judged_numbers(feature: Feature, column: Numbers) -> _Judged:
    # A float32's limits are those of its own precision: 0.3 as float32 is a little more than 0.3.
    exact = np.float32 if column.values.dtype.kind == "f" and column.values.itemsize < 8 else np.float64
    values = column.values.astype(exact)
    lowest = exact(-FLOAT32_MAX if feature.minimum is None else feature.minimum)
    highest = exact(FLOAT32_MAX if feature.maximum is None else feature.maximum)
    # A NaN is neither below nor above anything.
    wrong = column.valid & ~((values >= lowest) & (values <= highest))
    values[~column.valid] = np.nan
    return _Judged(feature=feature, values=values, cells=values, missing=~column.valid, wrong=wrong)


def _judged_texts(feature: Feature, column: Texts) -> _Judged:
    found = [read_category(text, feature.categories, optional=feature.is_optional) for text in column.values]
    known: dict[str | None, float] = {text: place for place, text in enumerate(feature.categories)}
    known[None] = feature.missing_place
    # A text that was cut is longer than any category, whatever stands before the cut.
    fits = [
        category in known or (feature.unknown == "ignore" and len(text) <= MAX_TEXT)
        for text, category in zip(column.values, found, strict=True)
    ]
    texts = np.array([*column.values, None], dtype=object)
    places = np.array([*(known.get(category, UNSEEN) for category in found), feature.missing_place], np.float32)
    nothing = np.array([*(category is None for category in found), True], np.bool_)
    wrong = ~np.array([*fits, True], np.bool_)[column.codes]
    return _Judged(
        feature=feature,
        values=texts[column.codes],
        cells=places[column.codes],
        missing=nothing[column.codes],
        wrong=wrong,
    )


def _validated(columns: Sequence[_Judged]) -> Batch:
    bad = np.array([column.wrong | (column.missing & (not column.feature.is_optional)) for column in columns])
    if bad.any():
        raise invalid(_errors(columns, bad))
    return np.column_stack([column.cells for column in columns]).astype(np.float32)


def _errors(columns: Sequence[_Judged], bad: Mask) -> Iterator[FieldError]:
    """Name the bad cells row by row, as the other media types do."""
    for row, place in np.argwhere(bad.T):
        column = columns[place]
        wanted = expectation(column.feature)
        if column.missing[row]:
            detail = f"is missing; expected {wanted}"
        else:
            detail = f"{_shown(column.values[row])} is not {wanted}"
        yield FieldError(row=int(row), field=column.feature.name, detail=detail)


def _shown(value: object) -> str:
    """Write a cell as JSON does, where JSON can."""
    text = msgspec.json.encode(value).decode() if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
