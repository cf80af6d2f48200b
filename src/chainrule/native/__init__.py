"""Native code: graphs as machine code, through LLVM. Light to import; the compiler is not."""

from __future__ import annotations


def available() -> bool:
    """Whether there is a compiler for this machine."""
    from . import llvm

    return llvm.available()


__all__ = ["available"]
