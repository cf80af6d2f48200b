"""Definition: a derivative is a rate of change, and compositions multiply."""

from typing import Any

import chainrule as cr
import numpy as np
from chainrule.cli.page import number
from chainrule.cli.tour.guide import Chapter, Guide
from chainrule.cli.tour.tables import diabetes

__all__ = ["CHAPTER"]


def walk(guide: Guide) -> None:
    """Show the limit of difference quotients, and the chain rule at 442 real points."""
    table = diabetes()
    x, y = table.column("bmi"), table.target

    guide.say(
        """The derivative is the rate of change of a function with respect to its input. The
        data: 442 diabetes patients. How well does a multiple of the body mass index x predict
        the progression y of the disease?"""
    )

    def error(slope: float) -> Any:
        return np.mean((y - slope * x) ** 2)

    guide.show(error)
    guide.formulas((cr.grad(error), (0.2,), ""))
    guide.say(
        """Difference quotients approach it as the step h shrinks, until rounding takes over;
        the derivative itself has no step:"""
    )
    exact = float(cr.grad(error)(0.2))
    quotients = {h: float((error(0.2 + h) - error(0.2)) / h) for h in 10.0 ** -np.arange(1, 14, 3)}
    rows = [(f"{h:.0e}", f"{q:.12f}", number(abs(q - exact), 1)) for h, q in quotients.items()]
    guide.table(
        ("h", "(f(x+h) − f(x)) / h", "distance"), [*rows, ("derivative", f"{exact:.12f}", "")]
    )
    nearest = min(abs(q - exact) for q in quotients.values())
    guide.claim("the quotients come near the derivative", nearest < 1e-6)
    guide.agree("it is the derivative by hand", exact, -2 * np.mean(x * (y - 0.2 * x)))
    guide.confirm("numerical differentiation agrees", cr.check(error, 0.2))

    guide.say("The chain rule: the derivative of f(g(x)) is f'(g(x)) · g'(x).")

    def f(u: Any) -> Any:
        return np.exp(-(u**2))

    def g(x: Any) -> Any:
        return np.sin(x) + x / 2

    def composition(x: Any) -> Any:
        return f(g(x))

    guide.show(f, g, composition)
    guide.formulas((cr.derivative(composition), (0.2,), "−2 g(x) exp(−g(x)²) (cos(x) + ½)"))
    by_rule = cr.derivative(f)(g(x)) * cr.derivative(g)(x)
    guide.agree(f"it holds at all {len(x)} values", cr.derivative(composition)(x), by_rule)


CHAPTER = Chapter("Definition", walk)
