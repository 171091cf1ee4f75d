"""
What the engine was given as bytes, and back: so that a judgement can be made again years later from what was stored.

The same input gives the same bytes. They are: eight bytes with the length of a JSON text, the text, and the arrays that
it refers to, little-endian, one after another. A named tuple or dataclass of the engine is stored by its name and its
fields'; one that was stored before a field was added gets that field's default.
"""

import hashlib
import importlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import orjson
import polars as pl

HOME = __package__ + "."
NAME = re.compile(r"[a-z_.]+\.[A-Z][A-Za-z]*")
KIND = "$"
OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS
COLUMN = "content"


class NotStored(ValueError):
    """Bytes that no judgement stored."""


def packed(thing: Any) -> bytes:
    """The canonical bytes of a snapshot or any other value the engine is given."""
    arrays: list[np.ndarray] = []
    text = orjson.dumps(thing, default=lambda one: _told(one, arrays), option=OPTIONS | orjson.OPT_SORT_KEYS)
    return b"".join([len(text).to_bytes(8, "little"), text, *(array.tobytes() for array in arrays)])


def unpacked(content: bytes) -> Any:
    """:raises NotStored: where the bytes are none of ``packed``"""
    size = int.from_bytes(content[:8], "little")
    try:
        told = orjson.loads(content[8 : 8 + size])
    except orjson.JSONDecodeError:
        raise NotStored("These bytes are no stored judgement.") from None
    return _Reader(memoryview(content)[8 + size :]).read(told)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def squeezed(content: bytes) -> bytes:
    """The bytes as an Arrow IPC file of one cell, compressed with Zstandard."""
    out = io.BytesIO()
    pl.DataFrame({COLUMN: [content]}, schema={COLUMN: pl.Binary}).write_ipc(out, compression="zstd")
    return out.getvalue()


def expanded(content: bytes) -> bytes:
    """:raises NotStored: where the bytes are none of ``squeezed``"""
    try:
        return pl.read_ipc(io.BytesIO(content))[COLUMN][0]
    except (pl.exceptions.PolarsError, OSError):
        raise NotStored("These bytes are no stored judgement.") from None


def _told(one: Any, arrays: list[np.ndarray]) -> Any:
    """What JSON has no word for, in words."""
    for kind, tell in _PLAIN.items():
        if isinstance(one, kind):
            return tell(one)
    if isinstance(one, np.ndarray):
        if one.dtype.kind not in "biuf":
            raise TypeError(f"columns of {one.dtype} cannot be stored")
        array = np.ascontiguousarray(one, one.dtype.newbyteorder("<"))
        at = sum(a.nbytes for a in arrays)
        arrays.append(array)
        return {KIND: "array", "of": array.dtype.str, "size": list(array.shape), "at": at}
    if isinstance(one, tuple) and hasattr(one, "_fields"):
        return {KIND: _name(type(one)), "v": {name: _whole(v) for name, v in zip(one._fields, one, strict=True)}}
    if is_dataclass(one):
        return {KIND: _name(type(one)), "v": {f.name: _whole(getattr(one, f.name)) for f in fields(one) if f.init}}
    raise TypeError(f"{type(one).__name__} cannot be stored")


def _whole(value: Any) -> Any:
    """A field's value: lists of one kind of tuple by columns' names once, and mappings by anything but text as pairs."""
    if isinstance(value, Mapping) and not all(type(key) is str for key in value):
        return {KIND: "pairs", "v": [[list(k) if isinstance(k, tuple) else k, v] for k, v in value.items()]}
    if isinstance(value, Mapping):
        return {KIND: "named", "v": [[k, v] for k, v in value.items()]}
    if isinstance(value, Sequence) and value and isinstance(value[0], Mapping):
        return [_whole(one) for one in value]
    if isinstance(value, Sequence) and value and hasattr(value[0], "_fields") and len({type(v) for v in value}) == 1:
        return {KIND: "rows", "of": _name(type(value[0])), "names": value[0]._fields, "v": [list(row) for row in value]}
    return value


def _name(kind: type) -> str:
    if not kind.__module__.startswith(HOME):
        raise TypeError(f"{kind.__name__} is none of the engine's own and cannot be stored")
    return f"{kind.__module__.removeprefix(HOME)}.{kind.__name__}"


_PLAIN = {
    Decimal: lambda one: {KIND: "decimal", "v": str(one)},
    Fraction: lambda one: {KIND: "fraction", "v": str(one)},
    datetime: lambda one: {KIND: "time", "v": one.isoformat()},
    date: lambda one: {KIND: "day", "v": one.isoformat()},
    frozenset: lambda one: {KIND: "set", "v": sorted(one)},
    set: lambda one: {KIND: "set", "v": sorted(one)},
    np.bool_: bool,
    np.integer: int,
    np.floating: float,
    str: str.__str__,
}


class _Reader:
    def __init__(self, arrays: memoryview):
        self.arrays = arrays

    def read(self, told: Any) -> Any:
        if isinstance(told, list):
            return [self.read(one) for one in told]
        if not isinstance(told, dict):
            return told
        kind, value = told.get(KIND), told.get("v")
        if kind is None:
            return {name: self.read(one) for name, one in told.items()}
        if kind in _SCALARS:
            return _SCALARS[kind](value)
        if kind == "array":
            count = int(np.prod(told["size"]))
            return np.frombuffer(self.arrays, told["of"], count, told["at"]).reshape(told["size"]).copy()
        if kind == "pairs":
            return {tuple(k) if isinstance(k, list) else self.read(k): self.read(v) for k, v in value}
        if kind == "named":
            return {k: self.read(v) for k, v in value}
        if kind == "rows":
            of, names = _class(told["of"]), told["names"]
            return [_made(of, dict(zip(names, self.read(row), strict=True))) for row in value]
        return _made(_class(kind), {name: self.read(one) for name, one in value.items()})


_SCALARS = {
    "decimal": Decimal, "fraction": Fraction, "time": datetime.fromisoformat, "day": date.fromisoformat, "set": frozenset,
}  # fmt: skip


def _class(name: str) -> type:
    """Of the engine's own only."""
    if not NAME.fullmatch(name):
        raise NotStored(f"There is no “{name}” in the engine.")
    module, _, name = name.rpartition(".")
    return getattr(importlib.import_module(HOME + module), name)


def _made(kind: type, values: Mapping[str, Any]) -> Any:
    """Without what the class no longer has."""
    known = kind._fields if hasattr(kind, "_fields") else {f.name for f in fields(kind)}
    return kind(**{name: value for name, value in values.items() if name in known})
