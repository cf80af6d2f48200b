"""Tips: verify with analytic checks, use double precision for curvature, mind the condition."""

from typing import Any

import chainrule as cr
import numpy as np
from chainrule.cli.page import number
from chainrule.cli.tour.guide import Chapter, Guide
from chainrule.cli.tour.tables import diabetes

__all__ = ["CHAPTER"]


def walk(guide: Guide) -> None:
    """Show each of the notes' three tips at work."""
    _verify(guide)
    _double_precision(guide)
    _conditioning(guide)


def _verify(guide: Guide) -> None:
    table = diabetes()
    X, y = table.standard, table.target
    w = np.linspace(-0.5, 0.5, X.shape[1])
    guide.say("Verify with small analytic checks. Three slips of the pen, each found:")

    def mse(w: np.ndarray) -> Any:
        return np.mean((y - X @ w) ** 2)

    def right(w: np.ndarray) -> Any:
        return 2 / len(y) * X.T @ (X @ w - y)

    slips = {
        "a wrong sign": lambda w: -right(w),
        "a forgotten factor 2": lambda w: right(w) / 2,
        "a missing term": lambda w: 2 / len(y) * X.T @ (X @ w),
    }
    for slip, wrong in slips.items():
        report = cr.check(mse, w, against=wrong)
        guide.claim(f"{slip} is refused: {report.diagnosis}", not report)
    guide.confirm("the right gradient passes", cr.check(mse, w, against=right))


def _double_precision(guide: Guide) -> None:
    table = diabetes()
    guide.say(
        """Use double precision when probing curvature. The Hessian of the mean squared error by
        the weights of the measurements as they come, in their own units; its smallest
        eigenvalue in both precisions:"""
    )
    truth = float(np.linalg.svd(table.raw, compute_uv=False)[-1] ** 2 * 2 / len(table.target))
    rows, errors = [], {}
    for dtype in (np.float32, np.float64):
        X, y = table.raw.astype(dtype), table.target.astype(dtype)

        def mse(w: np.ndarray, X: np.ndarray = X, y: np.ndarray = y) -> Any:
            return np.mean((y - X @ w) ** 2)

        hessian = cr.hessian(mse)(np.zeros(X.shape[1], dtype))
        smallest = float(np.linalg.eigvalsh(hessian.astype(np.float64))[0])
        name = np.dtype(dtype).name
        errors[name] = abs(smallest - truth) / truth
        rows.append((name, f"{smallest:.10f}", number(errors[name], 1)))
    guide.table(("precision ", "smallest eigenvalue", "relative error"), rows)
    guide.claim("double precision is right to eight digits", errors["float64"] < 1e-8)
    guide.claim(
        "single precision is a thousand times worse", errors["float32"] > 1e3 * errors["float64"]
    )


def _conditioning(guide: Guide) -> None:
    table = diabetes()
    y = table.target
    guide.say(
        """For ill-conditioned losses, rescale, clip, schedule, or use second-order steps. The
        same hundred steps of gradient descent, each at its largest stable rate, with the
        measurements in their own units and standardised; and one Newton step:"""
    )
    rows, ends = [], {}
    for name, X in (("own units", table.raw), ("standardised", table.standard)):

        def mse(w: np.ndarray, X: np.ndarray = X) -> Any:
            return np.mean((y - X @ w) ** 2)

        w = np.zeros(X.shape[1])
        hessian = cr.hessian(mse)(w)
        rate = float(1 / np.linalg.norm(hessian, 2))
        descended = cr.fit(mse, w, optimizer=cr.optim.sgd(rate), steps=100, progress=False)
        newton = cr.minimize(mse, w, method="newton", options={"maxiter": 1})
        ends[name] = float(mse(descended.params)), newton.fun
        rows.append(
            (
                name,
                number(float(np.linalg.cond(hessian)), 2),
                f"{float(mse(np.zeros_like(w))):.4f}",
                f"{ends[name][0]:.4f}",
                f"{ends[name][1]:.4f}",
            )
        )
    guide.table(("features ", "condition", "at w = 0", "100 gradient steps", "1 Newton step"), rows)
    guide.claim(
        "standardising brings gradient descent nearer to the minimum",
        ends["standardised"][0] - ends["standardised"][1]
        < ends["own units"][0] - ends["own units"][1],
    )


CHAPTER = Chapter("Tips", walk)
