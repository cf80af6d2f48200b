"""What to write instead, where a traced value was about to become a plain number."""

from __future__ import annotations

import dis
import re
from functools import lru_cache
from types import CodeType
from typing import Any

from .site import Mark, expression_of


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


@lru_cache(maxsize=256)
def _operation(code: CodeType, offset: int) -> str:
    """The name of the instruction at ``offset``."""
    return next((i.opname for i in dis.get_instructions(code) if i.offset == offset), "")
