"""What a ufunc or a NumPy function does when it meets a traced array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import UnsupportedFunction
from ..ops import UFUNCS
from ..ops.arithmetic import relu
from ..ops.elementwise import literal_of
from .functions import FUNCTIONS
from .site import here


def ufunc(trace: Any, function: np.ufunc, method: str, inputs: Any, keywords: dict[str, Any]) -> Any:
    """``function.method(*inputs, **keywords)``."""
    if method == "__call__" and not keywords:
        primitive = UFUNCS.get(function)
        if primitive is not None:
            if function is np.maximum:
                for x, other in (inputs, inputs[::-1]):
                    if not hasattr(other, "node") and literal_of(other) == 0:
                        return relu(x)
            return primitive(*inputs)
        composite = FUNCTIONS.get(function)
        if composite is not None:
            return composite(*inputs)
    raise UnsupportedFunction(f"np.{function.__name__}.{method} has no derivative here", here())


def function(trace: Any, function: Callable[..., Any], args: Any, keywords: Any) -> Any:
    """``function(*args, **keywords)``."""
    composite = FUNCTIONS.get(function)
    if composite is None:
        name = f"{function.__module__}.{function.__name__}".replace("numpy.", "np.")
        raise UnsupportedFunction(f"{name} has no derivative here", here())
    return composite(*args, **keywords)


def setitem(x: Any, index: Any, value: Any) -> Any:
    """``x`` after ``x[index] = value``."""
    raise NotImplementedError
