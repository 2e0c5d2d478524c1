"""Data Capture's JSON lines, decoded in blocks; whatever is not an event is counted, never raised.

Source: SageMaker Developer Guide, "Capture data from real-time endpoint".
"""

import binascii
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Literal

import msgspec

ARROW = "application/vnd.apache.arrow.stream"
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
BLOCK_BYTES = 4 << 20
# The inference ids of the pipeline's own calls begin so; pipeline.aws.invocations makes them.
VERIFICATION_PREFIX = "verification-"
# A request holds at most 6 MiB, in Base64 8 MiB, and the answer stands beside it.
LONGEST_LINE_BYTES = 64 << 20

Form = Literal["json", "csv", "arrow"]
_KIND = attrgetter("encoding", "observedContentType")


class Payload(msgspec.Struct, gc=False):
    """A request or an answer as it was captured."""

    data: str
    encoding: str = "CSV"
    observedContentType: str | None = None  # noqa: N815  the wire's own name

    @property
    def form(self) -> Form:
        """What the body is, by its content type or else by its encoding."""
        told = (self.observedContentType or self.encoding).lower()
        if told.partition(";")[0].strip() == ARROW:
            return "arrow"
        return "json" if "json" in told else "csv"

    def content(self) -> bytes:
        """Return the body as bytes; ValueError when it is not what its encoding says."""
        return binascii.a2b_base64(self.data, strict_mode=True)

    def text(self) -> str:
        """Return the body; ValueError when it is not what its encoding says."""
        if self.encoding != "BASE64":
            return self.data
        return self.content().decode("utf-8-sig")


def forms(payloads: Sequence[Payload]) -> list[Form]:
    """Say what each body is; of many there are few kinds, and each is looked at once."""
    known = {kind: Payload("", *kind).form for kind in set(map(_KIND, payloads))}
    if len(known) == 1:
        return list(known.values()) * len(payloads)
    return [known[kind] for kind in map(_KIND, payloads)]


def texts(payloads: Iterable[Payload]) -> list[str]:
    """Return bodies as text; ValueError when one is not what its encoding says."""
    return [payload.data if payload.encoding != "BASE64" else payload.text() for payload in payloads]


class CaptureData(msgspec.Struct, gc=False):
    """Both sides of one call."""

    endpointInput: Payload | None = None  # noqa: N815
    endpointOutput: Payload | None = None  # noqa: N815


class EventMetadata(msgspec.Struct, gc=False):
    """Which call, and when."""

    eventId: str  # noqa: N815
    inferenceTime: str  # noqa: N815
    inferenceId: str | None = None  # noqa: N815


class Event(msgspec.Struct, gc=False):
    """One captured call of the endpoint."""

    captureData: CaptureData  # noqa: N815
    eventMetadata: EventMetadata  # noqa: N815

    @property
    def time(self) -> str:
        """The second of the call, ISO 8601 in UTC without a zone: it sorts as text."""
        return self.eventMetadata.inferenceTime[:19]

    @property
    def is_own(self) -> bool:
        """Tell whether a deploy made this call, with rows that no caller sends, to verify the endpoint."""
        return (self.eventMetadata.inferenceId or "").startswith(VERIFICATION_PREFIX)


class _CommonPayload(Payload, gc=False):
    """One whose encoding and content type are among the common ones: msgspec then makes no text of them."""

    encoding: Literal["CSV", "JSON", "BASE64"] = "CSV"
    observedContentType: Literal["text/csv", "application/json"] | None = None  # noqa: N815


class _CommonData(CaptureData, gc=False):
    endpointInput: _CommonPayload | None = None  # noqa: N815
    endpointOutput: _CommonPayload | None = None  # noqa: N815


class _CommonEvent(Event, gc=False):
    captureData: _CommonData  # noqa: N815


_COMMON = msgspec.json.Decoder(_CommonEvent)
_EVENTS = msgspec.json.Decoder(Event)


def decode_events(block: bytes) -> tuple[Sequence[Event], int]:
    """Decode whole lines; return the events and the number of corrupt lines."""
    for decoder in (_COMMON, _EVENTS):
        try:
            return decoder.decode_lines(block), 0
        except UNREADABLE:
            pass  # some line is not common, or is no event
    return _decode_each(block)


def _decode_each(block: bytes) -> tuple[list[Event], int]:
    events, corrupt = [], 0
    for line in block.splitlines():
        try:
            if line.strip():
                events.append(_EVENTS.decode(line))
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
                yield b"".join([*waiting, chunk[:cut]])
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
