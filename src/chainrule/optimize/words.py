"""How a search ended, in plain words: what was found, how far to trust it, what to try."""

from __future__ import annotations

from typing import Any

from .newton import LIMIT, NO_DESCENT, SLOW_END, STOPPED, UNBOUNDED_BELOW

#: A value below this, where the search did not end by itself, is taken for minus infinity.
FALLING = -1e15


def ending(found: Any, why: str, *, bounded: bool, derived: bool = True) -> str:
    """The message of a result; it also settles ``success`` where the solver was too trusting."""
    parts = [_outcome(found, bounded, derived)]
    if why:
        parts.append(f"Method {found.method}, because {why}.")
    return " ".join(parts)


def _outcome(found: Any, bounded: bool, derived: bool) -> str:
    value, norm = found.fun, found.gradient_norm
    at = f"the value is {value:.6g}, the largest slope {norm:.1e}"
    if "violation" in found:
        at = f"the value is {value:.6g}, the constraints hold to {found.violation:.0e}"
    if not derived:
        at, norm = f"the value is {value:.6g}, and the function has no derivative here", 0.0
    if found.get("_undefined"):
        return (
            f"Not a number: the search went where the function is not defined; this is the lowest point "
            f"before: {at}. Start elsewhere, or add bounds that keep it where it is defined."
        )
    if value != value or norm != norm:  # noqa: PLR0124 (NaN is what differs from itself)
        found.success = False
        return (
            f"Not a number: the search ended where {at}. Start elsewhere, or add bounds that keep it "
            "where the function is defined."
        )
    if (found.status == UNBOUNDED_BELOW and found.method == "newton") or value < FALLING:
        found.success = False
        return (
            f"Unbounded: the function falls without end, {value:.3g} so far. Check its sign, or add "
            "bounds."
        )
    if found.status == STOPPED:
        found.success = False
        return f"Stopped by the callback: {at}."
    if getattr(found, "violation", 0.0) > 1e-6:
        found.success = False
        return (
            f"Infeasible: a constraint is still broken by {found.violation:.1e}. Start nearer to the "
            "feasible points, or check that there are any."
        )
    if "_doubt" in found:
        found.success = False
        return f"Not to be trusted: {found['_doubt']}. As it was found, {at}."
    if found.success:
        return _converged(found, bounded, at)
    if found.status == NO_DESCENT and found.method in ("newton", "least-squares"):
        return _stuck(at)
    if found.status == SLOW_END and found.method == "least-squares":
        return (
            f"Not converged: it became too slow where {at}. Start elsewhere, or bring the unknowns to a "
            "similar scale."
        )
    if found.status == LIMIT or "iteration" in found.solver_message.lower():
        return (
            f"Stopped at the limit of {found.get('nit', found.nfev)} steps before it converged: {at}. "
            "Raise options={'maxiter': …}, or bring the unknowns to a similar scale."
        )
    return (
        f"Not converged: {at}. The solver says: {found.solver_message.rstrip('.')}. Try "
        "method='newton' or 'trust-exact', another start, or unknowns of a similar scale."
    )


def _converged(found: Any, bounded: bool, at: str) -> str:
    where = " with unknowns at their bounds" if bounded else ""
    if found.curvature in ("saddle", "maximum") and found.gradient_norm > 1e-4 * max(1, abs(found.fun)):
        found.success = False
        return _stuck(at)
    if found.curvature == "saddle":
        found.success = False
        return (
            f"A saddle, not a minimum: {at}, and the curvature goes down to "
            f"{found.eigenvalues[0]:.3g}. Start elsewhere, or use method='newton', which leaves saddles."
        )
    if found.curvature == "maximum":
        found.success = False
        return (
            f"A maximum, not a minimum: {at}. Check the sign of the function, or start elsewhere."
        )
    if found.curvature == "flat":
        return (
            f"Converged{where}: {at}. The function is flat along some direction here, so other points "
            "may be as good."
        )
    if found.curvature == "minimum":
        return f"Converged to a minimum{where}: {at}."
    return f"Converged{where}: {at}."


def _stuck(at: str) -> str:
    return (
        f"No descent: no step makes the function smaller, and yet {at}. It may have a kink or a "
        "jump here; use a smooth function, or method='Nelder-Mead'."
    )
