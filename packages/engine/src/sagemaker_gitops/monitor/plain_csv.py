"""CSV captures as Arrow columns, a block at once: where every quote, blank and line break is in its place.

What such text means is beyond doubt, so Arrow reads it as the csv module would. Everything else goes to that module.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from sagemaker_gitops.monitor.baseline import Contract
from sagemaker_gitops.monitor.columns import floats

# Fewer rows than this are faster without.
_WORTH_ROWS = 500
_QUOTE, _COMMA, _NEWLINE, _RETURN, _BLANK = b'",\n\r '

Places = npt.NDArray[np.intp]
_NOWHERE: Places = np.array([], np.intp)


@dataclass(frozen=True, kw_only=True)
class Plain:
    """Arrow columns by feature, and the number of rows of each request."""

    columns: dict[str, Any]
    lengths: list[int]


def read_plain(texts: Sequence[str], contract: Contract) -> Plain | None:
    """Return a block's columns, or None where the csv module has to look at each request."""
    content = "".join(texts).encode(errors="surrogatepass")
    if len(content) < _WORTH_ROWS or not _is_installed():
        return None
    octets, sizes = np.frombuffer(content, np.uint8), _sizes(texts, content)
    ends = np.cumsum(sizes) - 1
    if not sizes.all() or (octets[ends] != _NEWLINE).any():
        return read_plain([text if text.endswith("\n") else f"{text}\n" for text in texts], contract)
    lengths = _rows_each(content, ends)
    if lengths is None or lengths.sum() < _WORTH_ROWS:
        return None
    columns = _read(content, contract)
    return Plain(columns=columns, lengths=lengths.tolist()) if columns else None


@cache
def _is_installed() -> bool:
    # The serving image, in which a processing job runs, has no pyarrow; there rows are read one by one.
    try:
        import pyarrow.csv  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


def _sizes(texts: Sequence[str], content: bytes) -> Places:
    """Say how many bytes each text has."""
    sizes = map(len, texts) if content.isascii() else (len(text.encode(errors="surrogatepass")) for text in texts)
    return np.fromiter(sizes, np.intp, len(texts))


def _rows_each(content: bytes, ends: Places) -> Places | None:
    """Count the rows of each text, or return None where a character stands where the csv module has its own rules."""
    octets = np.frombuffer(content, np.uint8)

    def places(character: int) -> Places:
        # Most are absent, which `in` finds sooner.
        return np.flatnonzero(octets == character) if character in content else _NOWHERE

    quotes = places(_QUOTE)

    def outside(found: Places) -> Places:
        return found[np.searchsorted(quotes, found) % 2 == 0] if len(quotes) else found

    breaks, returns, blanks = outside(places(_NEWLINE)), places(_RETURN), outside(places(_BLANK))
    # The byte before the first one is the last one: a newline too.
    starts = octets[breaks - len(octets) + 1]
    in_place = (
        _enclose(quotes, octets)
        and len(outside(returns)) == len(returns)
        and (octets[returns + 1] == _NEWLINE).all()
        and not _among(starts, _NEWLINE, _RETURN).any()
        and not _among(octets[blanks - 1], _COMMA, _NEWLINE).any()
    )
    until = np.searchsorted(breaks, ends)
    # Every text has to end with a row, or an open quote would swallow the next one.
    if not in_place or until[-1] >= len(breaks) or (breaks[until] != ends).any():
        return None
    return np.diff(until, prepend=-1)


def _enclose(quotes: Places, octets: npt.NDArray[np.uint8]) -> bool:
    """Tell whether quotes stand around whole cells only, or two by two inside of them."""
    before, after = octets[quotes[::2] - 1], octets[quotes[1::2] + 1]
    return (
        len(quotes) % 2 == 0
        and bool(_among(before, _COMMA, _NEWLINE, _QUOTE).all())
        and bool(_among(after, _COMMA, _NEWLINE, _RETURN, _QUOTE).all())
    )


def _among(octets: npt.NDArray[np.uint8], *characters: int) -> npt.NDArray[np.bool_]:
    return np.isin(octets, characters)


def _read(content: bytes, contract: Contract) -> dict[str, Any] | None:
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import csv  # noqa: PLC0415

    kinds = {
        f.name: pa.float64() if f.type == "number" else pa.dictionary(pa.int32(), pa.string())
        for f in contract.features
    }
    quoted = b'"' in content
    try:
        table = csv.read_csv(
            pa.BufferReader(content),
            read_options=csv.ReadOptions(column_names=list(kinds), use_threads=False, block_size=len(content) + 1),
            parse_options=csv.ParseOptions(
                quote_char='"' if quoted else False, newlines_in_values=quoted, ignore_empty_lines=False
            ),
            convert_options=csv.ConvertOptions(column_types=kinds, null_values=[""], strings_can_be_null=True),
        )
    except pa.ArrowException:
        return None
    columns = {name: table.column(name).chunk(0) for name in kinds}
    return None if _is_odd(columns, contract) else columns


def _is_odd(columns: dict[str, Any], contract: Contract) -> bool:
    """Tell whether a line may be a header, or a number is not finite: Arrow reads "inf" as a number."""
    texts = chain.from_iterable(columns[feature.name].dictionary.to_pylist() for feature in contract.categories)
    if not {*contract.names, *filter(None, contract.carried)}.isdisjoint(map(str.strip, texts)):
        return True
    return not all(_is_finite(columns[feature.name]) for feature in contract.numbers)


def _is_finite(column: Any) -> bool:
    return bool(np.count_nonzero(~np.isfinite(floats(column))) == column.null_count)
