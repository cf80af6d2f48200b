"""Where in the user's code an operation was called, remembered cheaply and decoded on demand."""

from __future__ import annotations

import dis
import linecache
import os
import sys
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import TypeAlias

import numpy as np

from ..errors import Site

#: A code object and an instruction offset in it: all that is stored for each operation.
Mark: TypeAlias = tuple[CodeType, int]

_OURS = str(Path(__file__).parents[1]) + os.sep
# The command line differentiates programs of its own, which are a user's like any other.
_PROGRAMS = _OURS + "cli" + os.sep
_NUMPY = str(Path(np.__file__).parent) + os.sep
_internal: dict[str, bool] = {}


def is_internal(filename: str) -> bool:
    """Whether a file belongs to chainrule or NumPy rather than to the user."""
    known = _internal.get(filename)
    if known is None:
        foreign = filename.startswith((_NUMPY, "<__array_function__"))
        known = _internal[filename] = foreign or is_ours(filename)
    return known


_own: dict[str, bool] = {}


def is_ours(filename: str) -> bool:
    """Whether a file belongs to chainrule."""
    known = _own.get(filename)
    if known is None:
        inside = filename.startswith(_OURS) and not filename.startswith(_PROGRAMS)
        known = _own[filename] = inside
    return known


def user_frame(depth: int = 1) -> FrameType | None:
    """The innermost frame that is the user's own, or another library's."""
    frame: FrameType | None = sys._getframe(depth)  # noqa: SLF001
    while frame is not None:
        filename = frame.f_code.co_filename
        known = _internal.get(filename)
        if known is None:
            known = is_internal(filename)
        if not known:
            return frame
        frame = frame.f_back
    return None


def mark(depth: int = 1) -> Mark | None:
    """A mark at the user's current instruction."""
    frame = user_frame(depth + 1)
    return None if frame is None else (frame.f_code, frame.f_lasti)


def site_of(where: Mark | None) -> Site | None:
    """Decode a mark."""
    if where is None:
        return None
    code, offset = where
    lines = list(code.co_positions())
    line = (lines[offset // 2][0] if offset // 2 < len(lines) else None) or code.co_firstlineno
    source = linecache.getline(code.co_filename, line).strip()
    return Site(code.co_filename, line, code.co_name, source)


def expression_of(where: Mark | None) -> str | None:
    """The source text of the marked expression, ``X @ w + b``, where it stands on one line."""
    if where is None:
        return None
    code, offset = where
    line, last, start, stop = next(
        (p for k, p in enumerate(code.co_positions()) if k == offset // 2), (None,) * 4
    )
    if line is None or line != last or start is None or stop is None:
        return None
    # Columns count the bytes of UTF-8.
    text = linecache.getline(code.co_filename, line).encode()[start:stop].decode(errors="replace")
    return text.strip() or None


def here() -> Site | None:
    """The user's current place: what an error shows."""
    return site_of(mark(2))


_STORES = frozenset({"STORE_FAST", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF"})


@lru_cache(maxsize=512)
def _names_after(code: CodeType) -> dict[int, tuple[str, ...]]:
    """For each instruction whose result is stored at once: the local names it is stored in."""
    result: dict[int, tuple[str, ...]] = {}
    instructions = [i for i in dis.get_instructions(code) if i.opname not in ("CACHE", "NOP")]
    for k, instruction in enumerate(instructions[:-1]):
        names: list[str] = []
        wanted, j = 1, k + 1
        if instructions[j].opname == "UNPACK_SEQUENCE":
            wanted, j = int(instructions[j].arg or 0), j + 1
        while len(names) < wanted and j < len(instructions):
            following = instructions[j]
            if following.opname in _STORES:
                names.append(str(following.argval))
            elif following.opname.startswith("STORE_FAST_") and isinstance(following.argval, tuple):
                names.append(str(following.argval[0]))  # a fused pair of instructions (3.13)
                if following.opname == "STORE_FAST_STORE_FAST":
                    names.append(str(following.argval[1]))
            else:
                break
            j += 1
        if names:
            # A frame that waits for a call stands anywhere within the instruction.
            for offset in range(instruction.offset, instructions[k + 1].offset, 2):
                result[offset] = tuple(names)
    return result


@lru_cache(maxsize=512)
def _remainders(code: CodeType) -> frozenset[int]:
    """The instructions that are a ``%``."""
    operations = (i for i in dis.get_instructions(code) if i.opname == "BINARY_OP")
    return frozenset(i.offset for i in operations if i.argrepr in ("%", "%="))


def is_formatting() -> bool:
    """Whether a number is being asked for its value by ``"%.3f" % number``, which writes it in a text.

    A traced number beside a ``%`` would be asked for the remainder; its value, only a text asks for.
    """
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - who asked
    return frame is not None and frame.f_lasti in _remainders(frame.f_code)


def stores_attribute(where: Mark | None) -> bool:
    """Whether the result of the marked instruction is stored in an attribute at once."""
    if where is None:
        return False
    code, offset = where
    following = iter(i for i in dis.get_instructions(code) if i.offset > offset)
    names = (i.opname for i in following if i.opname not in ("CACHE", "NOP", "SWAP"))
    return next(names, "") == "STORE_ATTR"


@lru_cache(maxsize=512)
def _returns_after(code: CodeType) -> frozenset[int]:
    """The instructions whose result is returned at once."""
    instructions = [i for i in dis.get_instructions(code) if i.opname not in ("CACHE", "NOP")]
    following = pairwise(instructions)
    return frozenset(
        offset
        for i, j in following
        if j.opname == "RETURN_VALUE"
        for offset in range(i.offset, j.offset, 2)
    )


def receiving_frame(frame: FrameType | None) -> FrameType | None:
    """The frame that gets a result passed on at once: ``h = act(z)`` names what ``act`` returns."""
    while frame is not None and frame.f_lasti in _returns_after(frame.f_code):
        caller = frame.f_back
        if caller is None or is_internal(caller.f_code.co_filename):
            break
        frame = caller
    return frame


def assigned_names(where: Mark | None) -> tuple[str, ...]:
    """The local names to which the user's code assigns the result of the marked instruction."""
    if where is None:
        return ()
    return _names_after(where[0]).get(where[1], ())
