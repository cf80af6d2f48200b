"""Programs over a long axis, done in blocks: what NumPy gives, on every level of x86."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
import scipy.special as ss
from chainrule.native import llvm
from tests.native.long import check, compare, graph_of, low_limits
from tests.native.sound import strips_of

if not llvm.available():
    pytest.skip("llvmlite is not installed", allow_module_level=True)

LEVELS = [level for level in llvm.levels() if level != "host"]


def mixture(x: Any, means: Any, scales: Any, weights: Any) -> Any:
    """The density of a mixture of normal ones with triangular scales."""
    apart = x[:, None, :] - means
    turned = np.einsum("kij,nkj->nki", np.tril(scales), apart)
    inner = weights - 0.5 * np.sum(turned**2, axis=2)
    return np.sum(ss.logsumexp(inner, axis=1)) - len(x) * ss.logsumexp(weights)


def logistic(x: Any, y: Any, w: Any) -> Any:
    z = x @ w[:-1] + w[-1]
    return np.mean(np.logaddexp(0, z) - y * z) + 0.1 * np.sum(w**2)


def clusters(x: Any, centres: Any) -> Any:
    apart = np.sum((x[:, None, :] - centres) ** 2, axis=-1)
    return np.sum(np.min(apart, axis=1))


def classes(x: Any, label: Any, w: Any) -> Any:
    scores = ss.log_softmax(x @ w, axis=1)
    return -np.mean(np.take_along_axis(scores, label[:, None], 1))


def attention(q: Any, k: Any, v: Any) -> Any:
    scores = q @ k.T / np.sqrt(q.shape[1])
    masked = np.where(np.tri(len(q), dtype=bool), scores, -1e9)
    return np.sum(np.tanh(ss.softmax(masked, axis=1) @ v))


def distances(x: Any) -> Any:
    apart = x[:, None, :] - x[None, :, :]
    square = np.sum(apart**2, axis=-1)
    return np.sum(np.exp(-square)) + np.sum(np.sqrt(1 + square) * np.tri(len(x)))


def walk(x: Any, y: Any) -> Any:
    """Differences, turns and sums that go on, beside what stays in its place."""
    steps = x[1:] - x[:-1]
    back = (np.tanh(x) * y)[::-1] + np.roll(x, 5)
    far = np.cumsum(steps) * np.exp(-(y[1:] ** 2))
    return np.sum(far**2) + np.sum(back * np.sin(x)) + np.max(steps)


def network(x: Any, y: Any, a: Any, b: Any, c: Any) -> Any:
    hidden = np.maximum(x @ a + b, 0.0)
    return np.mean((np.tanh(hidden) @ c - y) ** 2)


def draw(*shapes: tuple[int, ...]) -> list[Any]:
    rng = np.random.default_rng(7)
    return [rng.normal(size=s) * 0.5 for s in shapes]


LABELS = np.random.default_rng(8).integers(0, 7, 3001)
PROGRAMS: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "mixture": (mixture, draw((1003, 5), (6, 5), (6, 5, 5), (6,))),
    "mixture of one": (mixture, draw((2000, 2), (1, 2), (1, 2, 2), (1,))),
    "logistic": (logistic, [*draw((3000, 20)), np.arange(3000) % 2.0, *draw((21,))]),
    "clusters": (clusters, draw((2500, 3), (11, 3))),
    "classes": (classes, [*draw((3001, 12)), LABELS, *draw((12, 7))]),
    "attention": (attention, draw((160, 16), (160, 16), (160, 16))),
    "attention of equal axes": (attention, draw((96, 96), (96, 96), (96, 96))),
    "distances": (distances, draw((130, 3))),
    "distances of equal axes": (distances, draw((40, 40))),
    "walk": (walk, draw((20_011,), (20_011,))),
    "network": (network, draw((1500, 9), (1500, 2), (9, 14), (14,), (14, 2))),
}


def gradient(name: str) -> tuple[Callable[..., Any], list[Any]]:
    """Value and gradient by the float arguments."""
    f, args = PROGRAMS[name]
    wrt = tuple(k for k, a in enumerate(args) if a.dtype.kind == "f")
    return cr.value_and_grad(f, wrt=wrt), args


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_gradient_in_blocks(name: str, level: str) -> None:
    f, args = gradient(name)
    graph, values = graph_of(f, *args)
    executable = compare(graph, values, level)
    if level == LEVELS[-1] and name != "walk":  # little of which stays in its place
        assert list(strips_of(executable.steps)), "nothing is done in blocks"


@pytest.mark.parametrize("name", ["mixture", "clusters", "walk", "attention"])
def test_in_single_precision(name: str) -> None:
    f, args = gradient(name)
    single = [a.astype(np.float32) if a.dtype.kind == "f" else a for a in args]
    graph, values = graph_of(f, *single)
    compare(graph, values)


@pytest.mark.parametrize("name", ["mixture", "logistic", "clusters", "network", "distances"])
def test_a_product_with_the_hessian_in_blocks(name: str) -> None:
    f, args = PROGRAMS[name]

    def along(*xs: Any) -> Any:
        return cr.hvp(lambda p: f(*p))(xs, tuple(np.cos(a) for a in args))

    graph, values = graph_of(along, *args)
    compare(graph, values)


@pytest.mark.parametrize("n", [255, 256, 257, 511, 512, 513, 1023, 1024, 1025, 2048])
def test_every_rest_of_a_block(n: int) -> None:
    def f(x: Any, w: Any) -> Any:
        hidden = np.tanh(x @ w)
        return hidden.sum(axis=0), np.max(hidden, axis=1), ss.softmax(hidden, axis=1)

    graph, values = graph_of(f, *draw((n, 6), (6, 10)))
    compare(graph, values)


@pytest.mark.parametrize("part", range(8))
def test_random_programs_over_a_long_axis(part: int) -> None:
    strips = 0
    for seed in range(100 * part, 100 * part + 60):
        try:
            strips += check(seed)
        except cr.errors.ChainruleError:
            continue
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
    assert strips > 5


#: Programs that once went wrong, each for its own reason.
FOUND: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "the last block has its steps in another order": (
        lambda x: np.sum((x[:, None, :] * x[:, :, None])[:, :, 0].T * 0.5),
        draw((65, 8)),
    ),
    "indices along what moves with the block": (
        lambda x, k: np.sum(np.tanh(x @ k)[:, np.arange(4)[::-1]] * 0.5),
        draw((48, 5), (5, 5)),
    ),
    "indices along the other axis of an array in a block": (
        lambda y: np.sum(np.take_along_axis(ss.softmax(y, axis=0), np.arange(65)[None] % 2, 0)),
        draw((2, 65)),
    ),
    "a sum over an axis of length 1": (
        lambda x: np.sum(np.stack([x, x])[:, None].sum(axis=1).reshape(-1)[::-1] * x[0]),
        draw((40,)),
    ),
}


@pytest.mark.parametrize(
    "limits", [(1 << 11, 1 << 6), (1 << 9, 1 << 4), (1 << 14, 1 << 9), (1 << 8, 0)]
)
@pytest.mark.parametrize("name", FOUND)
def test_programs_that_were_wrong(name: str, limits: tuple[int, int]) -> None:
    f, args = FOUND[name]
    for level in LEVELS:
        with low_limits(*limits):
            graph, values = graph_of(cr.value_and_grad(f, wrt=tuple(range(len(args)))), *args)
            compare(graph, values, level)
