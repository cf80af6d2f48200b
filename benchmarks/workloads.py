"""What is measured: a derivative of an objective, and its data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from objectives import OBJECTIVES, STEPS, Function

#: Inputs of ADBench (Microsoft, MIT licence), those that are small enough to be kept here.
DATA = Path(__file__).parent / "data"


class Calculus(Protocol):
    """What a tool differentiates with; most of them name it alike."""

    xp: Any
    grad: Callable[..., Function]
    jacobian: Callable[..., Function]
    hessian: Callable[..., Function]
    jvp: Callable[..., Any]


@dataclass(frozen=True)
class Workload:
    """One row of the table: the derivative ``kind`` of an objective by the arguments ``wrt``."""

    title: str
    objective: str
    kind: str
    data: Callable[..., tuple[Any, ...]]
    size: tuple[int, ...] = ()
    small: tuple[int, ...] = ()  # the size at which the tests compare it with the truth
    wrt: int | tuple[int, ...] = 0
    constants: Mapping[str, Any] = field(default_factory=dict)
    small_constants: Mapping[str, Any] = field(default_factory=dict)
    group: str = "goals"  # those of the goals; "more" are further ones

    @property
    def name(self) -> str:
        return f"{self.kind}, {self.title}"

    def args(self) -> tuple[Any, ...]:
        """The arguments of the derivative."""
        return self.data(*self.size)

    def primal_args(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments of the objective, out of those of the derivative."""
        return (args[0], *args[4:]) if self.kind == "Adam step" else args

    def function(self, xp: Any) -> Function:
        return OBJECTIVES[self.objective](xp, **self.constants)

    def derivative(self, tool: Calculus, f: Function | None = None) -> Function:
        """The function that is measured, as a user of the tool writes it."""
        f = f or self.function(tool.xp)
        match self.kind:
            case "gradient":
                return tool.grad(f, self.wrt)
            case "Jacobian":
                return tool.jacobian(f)
            case "Hessian":
                return tool.hessian(f)
            case "gradient and curvature":
                # The Hessian is diagonal: its product with ones is the diagonal.
                gradient = tool.grad(f, 0)

                def both(x: Any, *rest: Any) -> Any:
                    ones = (tool.xp.ones_like(x),)
                    return tool.jvp(lambda x: gradient(x, *rest), (x,), ones)

                return both
            case _:
                return STEPS[self.kind](tool.xp, tool.grad(f, 0))

    def shrunk(self) -> Workload:
        """The same on little data."""
        return Workload(
            self.title, self.objective, self.kind, self.data, self.small, (), self.wrt,
            {**self.constants, **self.small_constants}, {}, self.group,
        )  # fmt: skip


def _rng() -> np.random.Generator:
    return np.random.default_rng(31337)


def point(*x: float) -> Callable[..., tuple[Any, ...]]:
    return lambda: (np.array(x),)


def normal(n: int) -> tuple[Any, ...]:
    return (_rng().normal(size=n),)


def number() -> tuple[Any, ...]:
    return (0.5,)


def wide(n: int) -> tuple[Any, ...]:
    return (_rng().uniform(-100.0, 100.0, n),)


def regression(n: int, d: int) -> tuple[Any, ...]:
    rng = _rng()
    X = rng.normal(size=(n, d))
    w, truth = rng.normal(size=(2, d))
    return w, 0.3, X, X @ truth + 0.1 * rng.normal(size=n)


def labelled(n: int, d: int) -> tuple[Any, ...]:
    rng = _rng()
    X = rng.normal(size=(n, d))
    w, truth = rng.normal(size=(2, d)) / np.sqrt(d)
    return w, X, 1.0 * (X @ truth + rng.normal(size=n) > 0)


def _layers(rng: np.random.Generator, d: int, h: int, out: int) -> list[np.ndarray]:
    shapes = (((d, h), d**-0.5), ((h,), 0.1), ((h, out), h**-0.5), ((out,), 0.1))
    return [scale * rng.normal(size=shape) for shape, scale in shapes]


def layers(n: int, d: int, h: int) -> tuple[Any, ...]:
    rng = _rng()
    return (*_layers(rng, d, h, 1), rng.normal(size=(n, d)), rng.normal(size=(n, 1)))


def targets(n: int, d: int, h: int) -> tuple[Any, ...]:
    rng = _rng()
    return _layers(rng, d, h, 1), rng.normal(size=(n, d)), rng.normal(size=n)


def digits(n: int, d: int, h: int) -> tuple[Any, ...]:
    rng = _rng()
    return _layers(rng, d, h, 10), rng.uniform(size=(n, d)), rng.integers(0, 10, n)


def under_way(data: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
    """The arguments of a step of Adam, after two others."""

    def moments(*size: int) -> tuple[Any, ...]:
        p, X, y = data(*size)
        rng = _rng()
        m = [0.01 * rng.normal(size=a.shape) for a in p]
        v = [0.001 * rng.uniform(size=a.shape) for a in p]
        return p, m, v, 3.0, X, y

    return moments


def mixture(d: int, k: int, n: int) -> tuple[Any, ...]:
    """From ADBench's file, or by its recipe where that is large."""
    triangle = d * (d + 1) // 2
    file = DATA / f"gmm_d{d}_K{k}.txt"
    if n == 1000 and file.exists():
        numbers = np.array(file.read_text().split()[3:-2], float)
        ends = np.cumsum([k, k * d, k * triangle])
        alphas, means, factors, x = np.split(numbers, ends)
    else:
        rng = _rng()
        alphas, factors, x = (rng.normal(size=s) for s in (k, k * triangle, n * d))
        means = rng.uniform(size=k * d)
    return alphas, means.reshape(k, d), factors.reshape(k, triangle), x.reshape(n, d)


def characters(length: int) -> tuple[Any, ...]:
    """ADBench's text of 1,024 characters, or its beginning, for two layers."""
    words = (DATA / "lstm_l2_c1024.txt").read_text().split()
    layers, n, b = map(int, words[:3])
    numbers = np.array(words[3:], float)
    ends = np.cumsum([2 * layers * 4 * b, 3 * b, 2 * layers * b])
    main, extra, state, text = np.split(numbers, ends)
    return (
        main.reshape(2 * layers, 4 * b), extra.reshape(3, b), state.reshape(2 * layers, b),
        text[: n * b].reshape(n, b)[:length],
    )  # fmt: skip


def planet() -> tuple[Any, ...]:
    return np.array([1.0, 0.1, -0.2, 1.1]), 1.2


def clusters(k: int, n: int, d: int) -> tuple[Any, ...]:
    points = _rng().uniform(size=(n, d))
    return points[-k:].copy(), points


def steps(count: int) -> dict[str, Any]:
    return {"constants": {"steps": count}, "small_constants": {"steps": 3}}


W = Workload
WORKLOADS = (
    W("Rosenbrock of 2", "rosenbrock", "gradient", point(1.3, 0.7)),
    W("toy, 3 → 2", "toy_map", "Jacobian", point(0.7, -1.2, 0.4)),
    W("toy of 3", "toy", "Hessian", point(0.7, -1.2, 0.4)),
    W("least squares 200 × 5", "mean_squared_error", "gradient", regression, (200, 5), (9, 3), (0, 1)),
    W("least squares 100,000 × 100", "mean_squared_error", "gradient", regression, (100_000, 100), (19, 11), (0, 1)),
    W("logistic 1,000 × 50", "logistic", "gradient", labelled, (1000, 50), (13, 4)),
    W("logistic 100,000 × 50", "logistic", "gradient", labelled, (100_000, 50), (33, 17)),
    W("20→32→1, 64 rows", "regressor", "SGD step", targets, (64, 20, 32), (6, 5, 4)),
    W("20→32→1, 64 rows", "regressor", "Adam step", under_way(targets), (64, 20, 32), (6, 5, 4)),
    W("784→512→10, 128 rows", "classifier", "SGD step", digits, (128, 784, 512), (6, 5, 4)),
    W("784→512→10, 128 rows", "classifier", "Adam step", under_way(digits), (128, 784, 512), (6, 5, 4)),
    W("Gaussian mixture d=2 K=5", "gaussian_mixture", "gradient", mixture, (2, 5, 1000), (2, 3, 41), (0, 1, 2)),
    W("Gaussian mixture d=10 K=25", "gaussian_mixture", "gradient", mixture, (10, 25, 1000), (5, 2, 7), (0, 1, 2)),
    W("Gaussian mixture d=32 K=50", "gaussian_mixture", "gradient", mixture, (32, 50, 1000), (4, 3, 8), (0, 1, 2)),
    W("Gaussian mixture d=64 K=5", "gaussian_mixture", "gradient", mixture, (64, 5, 1000), (9, 2, 8), (0, 1, 2)),
    W("LSTM, 2 layers, 1,024 characters", "lstm", "gradient", characters, (1024,), (5,), (0, 1)),
    W("Runge-Kutta, 100 steps", "runge_kutta", "gradient", planet, wrt=(0, 1), **steps(100)),
    W("Runge-Kutta, 1,000 steps", "runge_kutta", "gradient", planet, wrt=(0, 1), **steps(1000)),
    W("log-sum-exp of 1,000,000", "log_sum_exp", "gradient", wide, (1_000_000,), (37,)),
    W("k-means 10 × 1,000 × 8", "k_means", "gradient and curvature", clusters, (10, 1000, 8), (3, 17, 5)),
    W("k-means 100 × 10,000 × 16", "k_means", "gradient and curvature", clusters, (100, 10_000, 16), (9, 20, 6)),
    W("Rosenbrock of 1,000", "rosenbrock", "gradient", normal, (1000,), (7,), group="more"),
    W("two layers 20→32→1, 64 rows", "tanh_network", "gradient", layers, (64, 20, 32), (6, 5, 4), (0, 1, 2, 3), group="more"),
    W("loop of 1,000 scalar operations", "recurrence", "gradient", number, group="more"),
    W("logistic 1,000 × 50", "logistic", "Hessian", labelled, (1000, 50), (13, 4), group="more"),
    W("least squares 1,000 × 100", "mean_squared_error", "Hessian", regression, (1000, 100), (9, 3), group="more"),
)  # fmt: skip
