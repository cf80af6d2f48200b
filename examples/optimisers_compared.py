"""Which optimiser needs how many steps? Five of them on one ill-conditioned quadratic."""

import chainrule as cr
import matplotlib as mpl
import numpy as np
from chainrule import optim

mpl.use("Agg")
import matplotlib.pyplot as plt

CURVATURES = np.array([1.0, 50.0])
START = np.array([9.0, 1.5])


def bowl(x: np.ndarray) -> float:
    return np.sum(CURVATURES * x**2) / 2


def near(x: np.ndarray) -> bool:
    return bool(bowl(x) < 1e-6)


def trained(optimizer: optim.GradientTransformation) -> np.ndarray:
    way = [START]

    def keep(at: optim.Progress) -> bool:
        way.append(np.array(at.params))
        return near(way[-1])

    cr.fit(bowl, START, optimizer=optimizer, steps=2000, callbacks=keep)
    return np.array(way)


def minimized(method: str) -> np.ndarray:
    way = [START]
    cr.minimize(bowl, START, method=method, callback=lambda x: way.append(np.array(x)))
    return np.array(way)


# The best rate of gradient descent is 2 / (1 + 50), and that of momentum follows from the same two.
ways = {
    "SGD": trained(optim.sgd(2 / 51)),
    "momentum": trained(optim.sgd(4 / (1 + 50**0.5) ** 2, ((50**0.5 - 1) / (50**0.5 + 1)) ** 2)),
    "Adam": trained(optim.adam(0.3)),
    "L-BFGS": minimized("L-BFGS-B"),
    "Newton": minimized("newton"),
}
steps = {name: int(np.argmax([near(x) for x in way])) for name, way in ways.items()}
figure, axes = plt.subplots(1, 5, figsize=(14, 3.2), layout="constrained", sharey=True)
for panel, (name, way) in zip(axes, ways.items(), strict=True):
    look = {"span": ((-5, 10), (-6, 6)), "minimum": (0, 0), "points": 81, "bar": False}
    cr.plot.contour(bowl, way, axes=panel, **look)
    panel.set_title(f"{name}: {steps[name]} steps")
figure.savefig("optimisers.png", dpi=120)
print(steps)
assert (steps["SGD"], steps["momentum"], steps["Adam"], steps["Newton"]) == (230, 47, 149, 1)
assert 4 <= steps["L-BFGS"] <= 12  # SciPy's versions differ
