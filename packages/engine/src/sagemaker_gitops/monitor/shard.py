"""A tally as bytes, from the process that counted a shard to the one that merges them all."""

import msgspec
import numpy as np

from sagemaker_gitops.monitor.tally import Tally


def dump_tally(tally: Tally) -> bytes:
    """Write a tally for the process that merges the shards."""
    return msgspec.msgpack.encode(tally, enc_hook=_pack)


def load_tally(content: bytes) -> Tally:
    """Read a tally that another process wrote."""
    return msgspec.msgpack.decode(content, type=Tally, dec_hook=_unpack)


def _pack(value: object) -> object:
    if isinstance(value, np.ndarray):
        return [value.dtype.str, value.tobytes()]
    raise NotImplementedError(f"a tally holds no {type(value).__name__}")


def _unpack(_type: type, value: object) -> object:
    match value:
        case [str(kind), bytes(content)]:
            return np.frombuffer(content, dtype=kind).copy()
        case _:
            raise ValueError("an array is a pair of type and bytes")
