"""Data Capture's JSON lines, decoded in blocks; whatever is not an event is counted, never raised.

Source: SageMaker Developer Guide, "Capture data from real-time endpoint".
"""

import binascii
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, Literal, Self, TypeVar, cast

import msgspec
from sagemaker_gitops_modelkit.cells import media_type, told_header

ARROW = "application/vnd.apache.arrow.stream"
BYTE_ORDER_MARK = "\N{BYTE ORDER MARK}"
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
BLOCK_BYTES = 4 << 20
# The inference ids of the pipeline's own calls begin so; sagemaker_gitops.aws.invocations makes them.
VERIFICATION_PREFIX = "verification-"
# A request holds at most 6 MiB, in Base64 8 MiB, and the answer stands beside it.
LONGEST_LINE_BYTES = 64 << 20

Form = Literal["json", "csv", "arrow"]
_ENCODING, _CONTENT_TYPE = attrgetter("encoding"), attrgetter("observedContentType")


class Payload(msgspec.Struct, gc=False):
    """A request or an answer as it was captured."""

    data: str
    encoding: str = "CSV"
    observedContentType: str | None = None  # noqa: N815  the wire's own name

    @property
    def form(self) -> Form:
        """What the body is, by its content type or else by its encoding."""
        kind = media_type(self.observedContentType or self.encoding)[0]
        if kind == ARROW:
            return "arrow"
        return "json" if "json" in kind else "csv"

    @property
    def header(self) -> bool | None:
        """What the content type says about a line of names, None where it says nothing."""
        return told_header(media_type(self.observedContentType or "")[1])

    def content(self) -> bytes:
        """Return the body as bytes; ValueError when it is not what its encoding says."""
        return binascii.a2b_base64(self.data, strict_mode=True)

    def text(self) -> str:
        """Return the body without a byte-order mark; ValueError when it is not what its encoding says."""
        if self.encoding != "BASE64":
            return self.data.removeprefix(BYTE_ORDER_MARK)
        return self.content().decode("utf-8-sig")


def forms(payloads: Sequence[Payload]) -> list[Form]:
    """Say what each body is; of many there are few kinds, and each is looked at once."""
    # Each by itself: pairs of them would be made for every body.
    encodings, content_types = set(map(_ENCODING, payloads)), set(map(_CONTENT_TYPE, payloads))
    known = {kind: Payload("", *kind).form for kind in product(encodings, content_types)}
    if len(known) == 1:
        return list(known.values()) * len(payloads)
    return [known[payload.encoding, payload.observedContentType] for payload in payloads]


def texts(payloads: Sequence[Payload]) -> list[str]:
    """Return bodies as text without byte-order marks; ValueError when one is not what its encoding says."""
    if "BASE64" not in set(map(_ENCODING, payloads)):
        return [payload.data.removeprefix(BYTE_ORDER_MARK) for payload in payloads]
    return [payload.text() for payload in payloads]


class CaptureData(msgspec.Struct, gc=False):
    """Both sides of one call."""

    endpointInput: Payload | None = None  # noqa: N815
    endpointOutput: Payload | None = None  # noqa: N815


class EventMetadata(msgspec.Struct, gc=False):
    """When the call was."""

    inferenceTime: str  # noqa: N815


class NamedMetadata(EventMetadata, gc=False):
    """Which call, and when; names of any type, because no line is corrupt for the name that it is not asked for."""

    eventId: Any = ""  # noqa: N815
    inferenceId: Any = None  # noqa: N815

    @property
    def is_own(self) -> bool:
        """Tell whether a deploy made this call, with rows that no caller sends, to verify the endpoint."""
        return str(self.inferenceId).startswith(VERIFICATION_PREFIX)


class Event(msgspec.Struct, gc=False):
    """One captured call of the endpoint."""

    captureData: CaptureData  # noqa: N815
    eventMetadata: EventMetadata  # noqa: N815

    @property
    def time(self) -> str:
        """The second of the call, ISO 8601 in UTC without a zone: it sorts as text."""
        return self.eventMetadata.inferenceTime[:19]


class NamedEvent(Event, gc=False):
    """One with an identity of its own."""

    eventMetadata: NamedMetadata  # noqa: N815


class _CommonPayload(Payload, gc=False):
    """One whose encoding and content type are among the common ones: msgspec then makes no text of them."""

    encoding: Literal["CSV", "JSON", "BASE64"] = "CSV"
    observedContentType: Literal["text/csv", "application/json"] | None = None  # noqa: N815


class _CommonData(CaptureData, gc=False):
    endpointInput: _CommonPayload | None = None  # noqa: N815
    endpointOutput: _CommonPayload | None = None  # noqa: N815


class _CommonEvent(Event, gc=False):
    captureData: _CommonData  # noqa: N815


class _CommonNamedEvent(NamedEvent, gc=False):
    captureData: _CommonData  # noqa: N815


E = TypeVar("E", bound=Event)

_ANONYMOUS: Sequence["msgspec.json.Decoder[Event]"] = (
    msgspec.json.Decoder(cast("type[Event]", _CommonEvent)),
    msgspec.json.Decoder(Event),
)
_NAMED: Sequence["msgspec.json.Decoder[NamedEvent]"] = (
    msgspec.json.Decoder(cast("type[NamedEvent]", _CommonNamedEvent)),
    msgspec.json.Decoder(NamedEvent),
)


def decode_events(block: bytes) -> tuple[Sequence[Event], int]:
    """Decode whole lines but for the calls' names; return the events and the number of corrupt lines."""
    return _decode(block, _ANONYMOUS)


def decode_named_events(block: bytes) -> tuple[Sequence[NamedEvent], int]:
    """Decode whole lines; return the events and the number of corrupt lines."""
    return _decode(block, _NAMED)


def _decode(block: bytes, decoders: Sequence["msgspec.json.Decoder[E]"]) -> tuple[Sequence[E], int]:
    for decoder in decoders:
        try:
            return decoder.decode_lines(block), 0
        except UNREADABLE:
            pass  # some line is not common, or is no event
    return _decode_each(block, decoders[-1])


def _decode_each(block: bytes, decoder: "msgspec.json.Decoder[E]") -> tuple[list[E], int]:
    events, corrupt = [], 0
    for line in block.splitlines():
        try:
            if line.strip():
                events.append(decoder.decode(line))
        except UNREADABLE:
            corrupt += 1
    return events, corrupt


def blocks(chunks: Iterable[bytes], *, size: int = BLOCK_BYTES, longest: int = LONGEST_LINE_BYTES) -> Iterator[bytes]:
    """Regroup a stream into blocks of whole lines; a line beyond `longest` is cut short, and so corrupt.

    Of a stream that breaks off with an OSError the whole lines come first, then the error.
    """
    waiting: list[bytes] = []
    held = 0
    try:
        for chunk in chunks:
            cut = chunk.rfind(b"\n") + 1
            if cut and held + cut >= size:
                # A single chunk of whole lines is passed on as it is.
                yield b"".join([*waiting, chunk if cut == len(chunk) else memoryview(chunk)[:cut]])
                waiting, held = [], 0
                chunk = chunk[cut:]  # noqa: PLW2901
            if held <= longest:
                waiting.append(chunk)
                held += len(chunk)
    except OSError:
        rest = b"".join(waiting)
        yield rest[: rest.rfind(b"\n") + 1]
        raise
    if held:
        yield b"".join(waiting)


@dataclass(frozen=True, kw_only=True)
class Span:
    """The lines of a file that begin from `start` to before `end`, in bytes; read where it is iterated over."""

    path: Path
    start: int = 0
    end: int

    @classmethod
    def whole(cls, path: Path) -> Self:
        """Take the whole file."""
        return cls(path=path, end=path.stat().st_size)

    def parts(self, size: int) -> Iterator["Span"]:
        """Cut it into spans of `size` bytes each."""
        for start in range(self.start, self.end, size):
            yield Span(path=self.path, start=start, end=min(start + size, self.end))

    def __iter__(self) -> Iterator[bytes]:
        """Read its lines block by block; one that is too long is cut, and so corrupt."""
        with self.path.open("rb") as file:
            start = _next_line(file, self.start)
            for part in self.parts(BLOCK_BYTES):
                end = _next_line(file, part.end)
                file.seek(start)
                if lines := file.read(end - start):
                    yield lines
                start = end


def _next_line(file: BinaryIO, position: int) -> int:
    """Return where the first line begins that does not begin before `position`, or where the search is given up."""
    if position == 0:
        return 0
    file.seek(position - 1)
    file.readline(LONGEST_LINE_BYTES)
    return file.tell()
