"""Why training broke off, in words: which number was not one, and on which line it arose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ChainruleError, NaNDerivative
from ..function.engine import record_outputs
from ..function.verbs import grad
from ..trace.recording import tracing
from ..trace.site import site_of
from ..trace.tree import flatten


def explained(
    loss: Callable[..., Any],
    params: Any,
    batch: tuple[Any, ...],
    losses: Sequence[float],
    rows: np.ndarray | None = None,
    whose: str | None = None,
) -> str:
    """Why the loss or its gradient is not finite at these parameters and this batch.

    ``losses`` are those of the steps before; ``rows`` says which rows of the data these are, and
    ``whose`` what the batch is called.
    """
    found = bad_leaf(batch, rows)
    if found is not None:
        whose = whose or ("The batch" if rows is None else "The data")
        return f"{whose} given to the loss has {found}. Leave such examples out, or fill them in."
    found = bad_leaf(params)
    if found is not None:
        return f"The step before made params have {found}." + _growth(losses)
    origin = _first_operation(loss, params, batch)
    if origin is not None:
        return f"The first number that is not finite is {origin}." + _growth(losses)
    try:
        with np.errstate(invalid="raise"):
            gradient = grad(loss)(params, *batch)
    except NaNDerivative as error:
        return f"The loss is finite and its gradient is not. {error}"
    found = bad_leaf(gradient)
    return f"The gradient has {found or 'a number too large to square'}." + _growth(losses)


def bad_leaf(tree: Any, rows: np.ndarray | None = None) -> str | None:
    """The first leaf with a number that is not finite, and where in it.

    ``rows`` are the numbers of the rows, where those of the leaf were picked from more.
    """
    leaves, structure = flatten(tree)
    for leaf, path in zip(leaves, structure.paths, strict=True):
        array = np.asarray(leaf)
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            at = np.argwhere(~np.isfinite(array))[0]
            index = at.tolist()
            if rows is not None:
                index[0] = int(rows[index[0]])
            place = path + (f"[{', '.join(map(str, index))}]" if array.ndim else "")
            return str(array[tuple(at)]) + (f" at {place}" if place else "")
    return None


def _first_operation(
    loss: Callable[..., Any], params: Any, batch: tuple[Any, ...]
) -> str | None:
    """The first operation of the loss whose result is not finite, and its line."""
    leaves, structure = flatten(params)
    try:
        with np.errstate(all="ignore"), tracing() as trace:
            inputs = [trace.input(x) for x in leaves]
            record_outputs(trace, loss(structure.unflatten(inputs), *batch))
            for node, mark in trace.events:
                value = np.asarray(trace.value(node)) if not _several(node) else np.zeros(())
                if value.dtype.kind in "fc" and not np.isfinite(value).all():
                    bad = value[~np.isfinite(value)].flat[0]
                    site = site_of(mark)
                    return f"{bad}, the result of {node.op.name}" + (f", at {site}" if site else "")
    except (ChainruleError, ArithmeticError, ValueError):
        return None  # the loss decides otherwise here: no more is known
    return None


def _several(node: Any) -> bool:
    return hasattr(node.type, "items")


def _growth(losses: Sequence[float]) -> str:
    """What to do where the loss had grown before."""
    recent = [x for x in losses[-50:] if np.isfinite(x)]
    if len(recent) > 1 and recent[-1] > 3 * max(min(recent), 1e-300):
        return (
            f" The loss had grown from {min(recent):.3g} to {recent[-1]:.3g}: the steps are too "
            "long. Give a smaller learning rate, a warm-up, or clip_by_global_norm."
        )
    return ""
