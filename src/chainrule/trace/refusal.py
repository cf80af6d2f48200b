"""What to write instead, where a traced value was about to become a plain number."""

from __future__ import annotations

import dis
import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Any

from ..errors import ChainruleError, TraceError
from .site import Mark, expression_of, is_internal, site_of

#: What is said of a traced array that outlives its trace, and of an array that a trace holds.
ENDED = (
    "a traced array was used after the call that made it had ended. Return it from the function "
    "instead; with has_aux=True a function may return more than the value to differentiate."
)
HELD = (
    "an array from outside the function was written to after it had been used in the computation. "
    "Copy it first, with np.array, and write to the copy."
)


def remedy(where: Mark | None, x: Any) -> str:
    """The second half of a refusal: what the user's line does, and what to write in its place."""
    if where is not None and _operation(*where) == "STORE_SUBSCR":
        return (
            f"a traced {x.node.type} was stored in an array that was made outside of the function, "
            "or by an operation on such arrays. Make the array inside the function with np.array, "
            "np.zeros or np.copy."
        )
    text = expression_of(where) or ""
    method = re.search(r"(\w+)\.dot\(", text)
    if method:
        return (
            f"compiled code asked for a plain array. Write `{method[1]} @ …` instead of "
            f"`{method[1]}.dot(…)`."
        )
    if re.search(r"\(\s*\[", text):
        return (
            "a list of traced numbers was given to a function that takes an array. "
            "Put it in np.array([…])."
        )
    called = re.search(r"\b(?:math|cmath|operator)\.(\w+)\(", text)
    if called:
        return f"it sees the value of a traced {x.node.type} alone. Use np.{called[1]}."
    if re.search(r"\b(float|complex)\(", text):
        return (
            f"the argument is a traced {x.node.type}. Leave the conversion out and use it as it is, "
            "with NumPy's functions (np.sin for math.sin); to mean a constant, convert "
            "chainrule.stop_gradient(x)."
        )
    return (
        f"the argument is a traced {x.node.type}. Use the NumPy function of the same name (np.sin "
        "for math.sin), or keep the array."
    )


def instead_of(error: BaseException | None, refusals: Sequence[Exception]) -> Exception | None:
    """What is to be raised when a trace ends with ``error`` (or without), if anything else is.

    What was refused is said again, whether the program caught it or made another error of it.
    """
    if refusals and (error is None or _among(error, refusals)):
        return refusals[0]
    if not isinstance(error, Exception) or isinstance(error, ChainruleError):
        return None
    return refusals[0] if refusals else _foreign(error)


def _among(error: Any, refusals: Sequence[Exception]) -> bool:
    """Whether an error came of one of ``refusals``, in whose place compiled code raised its own."""
    while error is not None:
        if any(error is refusal for refusal in refusals):
            return True
        error = error.__cause__ or error.__context__
    return False


#: Its class, or what `json`, `bytes` and `hashlib` say of it without naming it.
_SPEAKS_OF_ONE = re.compile(
    r"\b(Tracer|Written|Buffer)\b|is not JSON serializable|only integer scalar arrays"
    r"|string to float: '<traced|object supporting the buffer API|unbox array from PyObject"
    r"|update read-only array|argument type\(s\) pyobject"
)


def _foreign(error: Exception) -> TraceError | None:
    """What to say of an error in which code that knows no traced array speaks of one."""
    if not isinstance(error, TypeError | AttributeError | ValueError | SystemError):
        return None
    said = str(error)
    if not _SPEAKS_OF_ONE.search(said):
        return None
    where: Mark | None = None
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not is_internal(code.co_filename) and not _is_standard(code.co_filename):
            where = (code, traceback.tb_lasti)
        traceback = traceback.tb_next
    said = re.sub(r"'?\b(Tracer|Written|Buffer)\b'?", "a traced array", said).rstrip(".")
    return TraceError(
        f"`{expression_of(where) or 'this line'}` was given a traced array, which code that is not "
        f"NumPy's does not know ({said}). Compute it with NumPy's functions; to mean a constant, "
        "give it chainrule.stop_gradient(x).",
        site_of(where),
    )


def _is_standard(filename: str) -> bool:
    """Whether a file belongs to the standard library, which the user only calls."""
    return filename.startswith(_STANDARD) and "-packages" not in filename


_STANDARD = str(Path(dis.__file__).parent) + os.sep


@lru_cache(maxsize=256)
def _operation(code: CodeType, offset: int) -> str:
    """The name of the instruction at ``offset``."""
    return next((i.opname for i in dis.get_instructions(code) if i.offset == offset), "")
