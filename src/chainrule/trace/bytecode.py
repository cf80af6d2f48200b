"""What the code of a function does with a global name, as its instructions tell."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from types import CodeType


def codes(code: CodeType) -> Iterator[CodeType]:
    """A piece of code and those of the functions within it."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from codes(inner)


def uses(code: CodeType, name: str) -> Iterator[str]:
    """What becomes of a global name: ``CALL`` where it is called, else the next instruction."""
    raw = code.co_code
    argument = code.co_names.index(name) << 1
    for called in (1, 0):  # the low bit says that it is loaded to be called (Python 3.11 and later)
        load = _instruction("LOAD_GLOBAL", argument | called)
        at = raw.find(load)
        while at >= 0:
            if at % 2 == 0:
                following = at + len(load)
                while raw[following] == _CACHE:
                    following += 2
                yield "CALL" if called else dis.opname[raw[following]]
            at = raw.find(load, at + 1)


def _instruction(name: str, argument: int) -> bytes:
    """An instruction as it stands in the bytecode."""
    code = bytes([dis.opmap[name], argument & 255])
    return bytes([dis.opmap["EXTENDED_ARG"], argument >> 8]) + code if argument > 255 else code


_CACHE = dis.opmap["CACHE"]
