"""Pictures of training and of losses, by matplotlib, which is imported when one is drawn.

Each function draws into axes of yours or into new ones, and returns the axes: titles, limits and
saving are matplotlib's own.
"""

from .curves import gradient_norm_curve, history, loss_curve
from .landscape import landscape
from .paths import contour
from .profiles import profile
from .spectrum import hessian_spectrum

__all__ = [
    "contour",
    "gradient_norm_curve",
    "hessian_spectrum",
    "history",
    "landscape",
    "loss_curve",
    "profile",
]
