"""Training by first derivatives: gradient transformations, optimisers, schedules, and `fit`.

>>> import numpy as np
>>> import chainrule as cr
>>> X = np.linspace(-1.0, 1.0, 50)
>>> result = cr.fit(
...     lambda p, x, y: np.mean((p["slope"] * x + p["shift"] - y) ** 2),
...     {"slope": 0.0, "shift": 0.0},
...     (X, 3.0 * X + 1.0),
...     optimizer=cr.optim.adam(0.1),
...     epochs=200,
... )
>>> result.success, round(float(result.params["slope"]), 3), round(float(result.params["shift"]), 3)
(True, 3.0, 1.0)
"""

from .history import FitResult, History
from .optimizers import adagrad, adam, adamw, rmsprop, scale_by_adam, sgd
from .progress import Progress
from .schedules import (
    constant,
    cosine,
    exponential,
    join,
    linear,
    one_cycle,
    piecewise,
    step_decay,
    warm_up,
)
from .training import fit
from .transformation import (
    GradientTransformation,
    add_decayed_weights,
    apply_updates,
    chain,
    clip_by_global_norm,
    clip_by_value,
    scale,
    scale_by_learning_rate,
    scale_by_schedule,
    stateless,
)
from .trees import global_norm, tree_map

__all__ = [
    "FitResult",
    "GradientTransformation",
    "History",
    "Progress",
    "adagrad",
    "adam",
    "adamw",
    "add_decayed_weights",
    "apply_updates",
    "chain",
    "clip_by_global_norm",
    "clip_by_value",
    "constant",
    "cosine",
    "exponential",
    "fit",
    "global_norm",
    "join",
    "linear",
    "one_cycle",
    "piecewise",
    "rmsprop",
    "scale",
    "scale_by_adam",
    "scale_by_learning_rate",
    "scale_by_schedule",
    "sgd",
    "stateless",
    "step_decay",
    "tree_map",
    "warm_up",
]
