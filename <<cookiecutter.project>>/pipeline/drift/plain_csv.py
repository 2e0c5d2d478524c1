"""The commonest captures, one unquoted CSV row a request, as Arrow columns; everything else goes another way.

Splitting at commas is right only where no field can hold one: without a quote, a blank or a line break inside.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from pipeline.drift.contract import Contract

# Fewer rows than this are faster without.
_WORTH_ROWS = 500
_UNSAFE = ('"', " ", "\r", "\t", "'")


def read_plain(texts: Sequence[str], contract: Contract) -> dict[str, Any] | None:
    """Return a block's columns by name, or None where the csv module has to look at each row."""
    joined = "".join(texts)
    if len(texts) < _WORTH_ROWS or any(mark in joined for mark in _UNSAFE):
        return None
    ends = [text[-1:] for text in texts if len(text) > 1]
    if joined.count("\n") != len(texts) or ends.count("\n") != len(texts):
        return None
    return _read(joined, contract) if _is_installed() else None


@cache
def _is_installed() -> bool:
    # The serving image, in which a processing job runs, has no pyarrow; there rows are read one by one.
    try:
        import pyarrow.csv  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


def _read(joined: str, contract: Contract) -> dict[str, Any] | None:
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import csv  # noqa: PLC0415

    kinds = {
        f.name: pa.float64() if f.type == "number" else pa.dictionary(pa.int32(), pa.string())
        for f in contract.features
    }
    content = joined.encode(errors="surrogatepass")
    try:
        table = csv.read_csv(
            pa.BufferReader(content),
            read_options=csv.ReadOptions(column_names=list(kinds), use_threads=False, block_size=len(content) + 1),
            parse_options=csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(column_types=kinds, null_values=[""], strings_can_be_null=True),
        )
    except pa.ArrowException:
        return None
    columns = {name: table.column(name).chunk(0) for name in kinds}
    return None if _is_odd(columns, contract) else columns


def _is_odd(columns: dict[str, Any], contract: Contract) -> bool:
    """Tell whether a line is a header, or a number not finite: Arrow reads "inf", and would call it a number."""
    import pyarrow.compute as pc  # noqa: PLC0415

    first = columns[contract.names[0]]
    if contract.features[0].type == "category" and set(first.dictionary.to_pylist()) & {
        *contract.names,
        *filter(None, contract.carried),
    }:
        return True
    return any(pc.any(pc.invert(pc.is_finite(columns[f.name]))).as_py() for f in contract.numbers)
