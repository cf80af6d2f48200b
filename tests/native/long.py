"""Random programs over a long axis: what strips of blocks are made of, right or not.

    python tests/native/long.py --programs 2000 --seed 0

Arrays of ``N``, ``(N, k)``, ``(N, N)`` and their like are turned, cut, shifted, reversed, reshaped,
multiplied, gathered, scattered and reduced in every direction. Limits are set so low that blocks,
rests and strips inside of strips come about with short arrays.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

if __name__ == "__main__":  # as a script, `tests` is not yet on the path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import chainrule as cr
from chainrule.ir.graph import Graph, toposort
from chainrule.ir.node import INPUT
from chainrule.native import llvm, shares, strips
from chainrule.native.program import compile_graph
from chainrule.ops.program import Program
from chainrule.simplify.rules import RULES
from chainrule.trace.recording import tracing
from chainrule.trace.tree import flatten
from tests.native.sound import assert_sound, strips_of


def graph_of(f: Callable[..., Any], *args: Any) -> tuple[Graph, list[Any]]:
    """The simplified graph of a function of arrays, and the values of its inputs."""
    with tracing(differentiated=False) as trace:
        inputs = [trace.input(a) for a in args]
        nodes = [t.node for t in inputs]
        leaves, _ = flatten(trace.run(f, *inputs))
        outputs = RULES([trace.lift(leaf).node for leaf in leaves])
    captured = [n for n in toposort(outputs) if n.op is INPUT and n.level == 0]
    values = [*args, *(trace.captured[n] for n in captured)]
    return Graph((*nodes, *captured), tuple(outputs)), values


@contextmanager
def low_limits(near: int = 1 << 11, close: int = 1 << 6) -> Iterator[None]:
    """Strips also for what is small."""
    before = strips._NEAREST, strips._NEAR, strips._CLOSE, shares._WORTH, shares._PARTS
    strips._NEAREST, strips._NEAR, strips._CLOSE = near // 8, near, close
    shares._WORTH, shares._PARTS = 1 << 8, 3
    try:
        yield
    finally:
        strips._NEAREST, strips._NEAR, strips._CLOSE, shares._WORTH, shares._PARTS = before


def compare(graph: Graph, values: Sequence[Any], level: str | None = None, threads: int = 1) -> Any:
    """Compile, check the steps, run, and hold the results against NumPy's."""
    machine = llvm.machine(level)
    executable = compile_graph(graph, machine=machine, quality="fast", threads=threads)
    assert_sound(executable)
    expected = Program(graph)(values)
    single = any(getattr(n.type, "dtype", None) == np.float32 for n in graph.order)
    for _ in range(2):  # what the first call leaves in the workspace must not matter
        found = executable(values)
        assert found is not None
        for k, (a, b) in enumerate(zip(found, expected, strict=True)):
            a, b = np.asarray(a), np.asarray(b)
            assert a.shape == b.shape
            assert a.dtype == b.dtype
            if b.dtype.kind == "f":
                eps = 2e-4 if single else 1e-11
                scale = np.max(np.abs(b), initial=1.0)
                np.testing.assert_allclose(a, b, rtol=eps, atol=eps * scale, err_msg=f"output {k}")
            else:
                np.testing.assert_array_equal(a, b, err_msg=f"output {k}")
    return executable


# -- programs --------------------------------------------------------------------------------------

#: By the shapes of what they take: lines of a program. N is long, k and m are short.
LINES: dict[str, list[tuple[str, str]]] = {
    "N": [
        ("np.tanh({N})", "N"),
        ("{N}[::-1]", "N"),
        ("{N} * {N}[::-1]", "N"),
        ("np.roll({N}, 3)", "N"),
        ("np.concatenate([{N}[1:] - {N}[:-1], {N}[:1]])", "N"),
        ("{N} - np.mean({N})", "N"),
        ("{N} / (1 + np.sum({N}**2))", "N"),
        ("np.cumsum({N}) * 0.1", "N"),
        ("np.where({N} > 0.1, {N}, {N})", "N"),
        ("{N}[idx]", "N"),
        ("np.exp({N} - np.max({N}))", "N"),
        ("added({N}, idx)", "N"),
        ("np.concatenate([{N}, {N}])", "2N"),
        ("np.stack([{N}, {N}], axis=1)", "N2"),
        ("np.stack([{N}, {N}])", "2xN"),
        ("np.outer({N}, {N})", "NN"),
        ("{N}[:, None] - {N}[None, :]", "NN"),
        ("np.outer({N}, w)", "Nk"),
        ("np.outer(w, {N})", "kN"),
        ("np.diag({N})", "NN"),
        ("{N} + np.arange(N)", "N"),
        ("placed({N})", "N"),
        ("{N} * s", "N"),
        ("np.argsort(x)", "iN"), ("np.sort({N})", "N"), ("({N} > 0.123)", "bN"),
        ("np.cumprod(1 + {N} * 0.01)", "N"), ("{N}.astype(np.float32)", "N"),
        ("{N}[np.argmax(x)] - {N}", "N"), ("(x * 20).astype(int)", "iN"),
        ("{N}[:, None, None] * K", "Nkk"), ("np.convolve({N}, w[:1], mode='same')", "N"),
    ],
    "iN": [
        ("{N}[{iN} % N]", "N"), ("{iN} * {N}", "N"), ("{iN} + np.sum({iN})", "iN"), ("{iN}[::-1] // 3", "iN"),
        ("np.where({iN} % 2 == 0, {N}, {N}**2)", "N"), ("{Nk}[{iN} % N]", "Nk"), ("added({N}, {iN} % N)", "N"),
        ("{iN}[:, None] == {iN}[None, :]", "bNN"), ("np.maximum({iN}, {iN}[::-1])", "iN"),
        ("np.cumsum({iN})", "iN"), ("{iN} - np.min({iN})", "iN"),
    ],
    "bN": [
        ("np.where({bN}, {N}, 0.0)", "N"), ("~{bN}", "bN"), ("{bN} & {bN}[::-1]", "bN"),
        ("{bN} * {N}", "N"), ("np.cumsum({bN})", "iN"), ("{N} + np.sum({bN})", "N"),
        ("np.where({bN}[:, None], {Nk}, w)", "Nk"), ("np.where(np.any({bN}), {N}, -{N})", "N"),
    ],
    "bNN": [
        ("np.where({bNN}, {NN}, 0.0)", "NN"), ("{bNN}.sum(axis=1)", "iN"), ("{bNN} | {bNN}.T", "bNN"),
        ("np.any({bNN}, axis=0)", "bN"), ("np.all({bNN}, axis=1)", "bN"),
    ],
    "2N": [
        ("{2N}[:N]", "N"), ("{2N}[N:]", "N"), ("{2N}[::2]", "N"), ("{2N}[1::2]", "N"),
        ("{2N}[::-1]", "2N"), ("np.sin({2N})", "2N"), ("{2N}.reshape(N, 2)", "N2"),
        ("{2N}.reshape(2, N)", "2xN"), ("{2N}[1:N + 1] + {2N}[N // 2:N // 2 + N]", "N"),
        ("{2N} + np.tile({N}, 2)", "2N"),
    ],
    "N2": [
        ("{N2}.reshape(2 * N)", "2N"), ("{N2}.T", "2xN"), ("{N2}[:, 0]", "N"), ("{N2}[:, ::-1]", "N2"),
        ("np.cos({N2})", "N2"), ("{N2}.sum(axis=1)", "N"), ("{N2} * {N2}.sum(axis=0)", "N2"),
        ("{N2}[:, 1] * {N2}[::-1, 0]", "N"), ("{N2}.reshape(2, N)", "2xN"),
    ],
    "2xN": [
        ("{2xN}.T", "N2"), ("{2xN}[0]", "N"), ("{2xN}[1]", "N"), ("{2xN}[::-1]", "2xN"),
        ("{2xN}.reshape(2 * N)", "2N"), ("np.tanh({2xN})", "2xN"), ("{2xN} + {N}", "2xN"),
        ("{2xN}.max(axis=0)", "N"), ("{2xN}.reshape(N, 2)", "N2"),
        ("{2xN} * {2xN}.mean(axis=1, keepdims=True)", "2xN"),
    ],
    "Nk": [
        ("np.sin({Nk})", "Nk"), ("{Nk} * {Nk}", "Nk"), ("{Nk} + {N}[:, None]", "Nk"), ("{Nk} - w", "Nk"),
        ("{Nk} @ K", "Nk"), ("{Nk} @ w", "N"), ("{Nk}.T", "kN"), ("{Nk}[:, ::-1]", "Nk"),
        ("{Nk}[::-1]", "Nk"), ("{Nk}.sum(axis=1)", "N"), ("{Nk}.max(axis=1)", "N"),
        ("{Nk} - {Nk}.mean(axis=0)", "Nk"), ("ss.softmax({Nk}, axis=1)", "Nk"),
        ("ss.logsumexp({Nk}, axis=1)", "N"), ("ss.softmax({Nk}, axis=0)", "Nk"),
        ("np.take_along_axis({Nk}, lab[:, None], 1)[:, 0]", "N"), ("{Nk}[np.arange(N), lab]", "N"),
        ("({Nk}.T @ {Nk})", "kk"), ("{Nk} @ {kN}", "NN"), ("{Nk}[idx]", "Nk"), ("{Nk}[:, 0]", "N"),
        ("np.concatenate([{Nk}[:, 1:], {Nk}[:, :1]], axis=1)", "Nk"),
        ("np.roll({Nk}, 1, axis=0)", "Nk"), ("{Nk}[:, None, :] * {Nk}[:, :, None]", "Nkk"),
        ("{Nk}.reshape(N * k).reshape(k, N)", "kN"), ("np.cumsum({Nk}, axis=1)", "Nk"),
        ("np.where({Nk} == {Nk}.max(axis=1, keepdims=True), {Nk}, 0.5)", "Nk"),
        ("{Nk}[:, perm]", "Nk"), ("np.prod(np.cos({Nk}), axis=1)", "N"),
        ("{Nk}[:, lab % k]", "NN"), ("spread({Nk}, lab)", "Nk"), ("np.linalg.norm({Nk}, axis=1)", "N"),
        ("np.einsum('nk,nk->n', {Nk}, {Nk})", "N"), ("np.einsum('nk,nj,kj->n', {Nk}, {Nk}, K)", "N"),
        ("{Nk}[lab]", "Nk"), ("np.sum({Nk}[:, None] - {Nk}[None], axis=-1)", "NN"),
        ("np.sum(({Nk}[:, None] - {Nk}[None])**2, axis=-1)", "NN"),
    ],
    "kN": [
        ("{kN}.T", "Nk"), ("np.exp(-{kN}**2)", "kN"), ("K @ {kN}", "kN"), ("w @ {kN}", "N"),
        ("{kN}.sum(axis=0)", "N"), ("{kN} - {N}", "kN"), ("{kN}[::-1]", "kN"), ("{kN}[:, ::-1]", "kN"),
        ("{kN} / (2 + np.abs({kN}).sum(axis=1, keepdims=True))", "kN"), ("ss.softmax({kN}, axis=0)", "kN"),
        ("{kN}[0]", "N"), ("{kN}[-1]", "N"), ("{kN}[:, idx]", "kN"), ("({kN} @ {Nk})", "kk"),
        ("{kN}[lab, np.arange(N)]", "N"), ("{kN} * {Nk}.T", "kN"), ("ss.logsumexp({kN}, axis=0)", "N"),
        ("np.take_along_axis({kN}, lab[None, :], 0)[0]", "N"),
    ],
    "NN": [
        ("np.tanh({NN})", "NN"), ("{NN}.T", "NN"), ("{NN} + {NN}.T", "NN"), ("{NN} * {N}", "NN"),
        ("{NN} * {N}[:, None]", "NN"), ("{NN}.sum(axis=0)", "N"), ("{NN}.sum(axis=1)", "N"),
        ("np.diagonal({NN})", "N"), ("np.einsum('ii->i', {NN})", "N"), ("{NN} @ {N}", "N"),
        ("{N} @ {NN}", "N"), ("{NN} @ {NN} * 0.1", "NN"), ("{NN} @ {NN}.T * 0.1", "NN"),
        ("ss.softmax({NN}, axis=1)", "NN"), ("ss.softmax({NN}, axis=0)", "NN"), ("{NN}[::-1]", "NN"),
        ("{NN}[:, ::-1]", "NN"), ("{NN} @ {Nk}", "Nk"), ("{NN}.max(axis=1)", "N"), ("{NN}[0]", "N"),
        ("{NN}[:, 0]", "N"), ("np.tril({NN})", "NN"), ("{NN}[idx]", "NN"),
        ("{NN}[np.arange(N), idx]", "N"), ("{NN} - {NN}.mean(axis=1, keepdims=True)", "NN"),
        ("np.roll({NN}, 1, axis=1)", "NN"), ("{NN}.reshape(N * N)[::N + 1]", "N"), ("{NN} > {NN}.T + 0.01", "bNN"),
        ("np.argmax(A, axis=1)", "iN"), ("np.sort({NN}, axis=1)", "NN"),
        ("np.linalg.solve({NN} * 0.01 + np.eye(N), {N})", "N"), ("np.cumsum({NN}, axis=0)", "NN"),
        ("{NN}[:, :, None] * {Nk}[:, None, :]", "NNk"), ("{NN}[:, idx] + {NN}[idx]", "NN"),
        ("{NN}[1:, :-1] * {NN}[:-1, 1:]", "MM"),
        ("np.take_along_axis({NN}, idx[:, None], 1)[:, 0]", "N"),
    ],
    "kk": [("{kk} * K", "kk"), ("{Nk} @ {kk} * 0.1", "Nk"), ("np.tanh({kk})", "kk")],
    "Nkk": [
        ("np.tanh({Nkk})", "Nkk"), ("{Nkk}.sum(axis=2)", "Nk"), ("{Nkk}.sum(axis=(1, 2))", "N"),
        ("{Nkk} * K", "Nkk"), ("np.einsum('nij,nj->ni', {Nkk}, {Nk})", "Nk"), ("{Nkk}.mean(axis=0)", "kk"),
        ("np.einsum('nii->n', {Nkk})", "N"), ("{Nkk}.transpose(0, 2, 1)", "Nkk"), ("{Nkk}[:, 0]", "Nk"),
        ("np.einsum('nij,njk->nik', {Nkk}, {Nkk})", "Nkk"), ("{Nkk}[:, :, 0].T", "kN"),
        ("{Nkk} @ {Nk}[:, :, None]", "Nk1"), ("{Nkk}.max(axis=1)", "Nk"),
    ],
    "NNk": [
        ("np.tanh({NNk})", "NNk"), ("{NNk}.sum(axis=0)", "Nk"), ("{NNk}.sum(axis=1)", "Nk"),
        ("{NNk}.sum(axis=2)", "NN"), ("{NNk}.transpose(1, 0, 2)", "NNk"), ("{NNk} - {Nk}", "NNk"),
        ("{NNk} * {Nk}[:, None, :]", "NNk"), ("np.einsum('ijk,jk->ik', {NNk}, {Nk})", "Nk"),
        ("np.einsum('ijk,ik->ij', {NNk}, {Nk})", "NN"), ("np.einsum('iik->ik', {NNk})", "Nk"),
        ("np.einsum('ijk,jil->kl', {NNk}, {NNk})", "kk"), ("{NNk}[::-1, :, ::-1]", "NNk"),
        ("np.linalg.norm({NNk}, axis=2)", "NN"), ("{NNk}.max(axis=1)", "Nk"), ("{NNk} @ K", "NNk"),
    ],
    "MM": [
        ("np.sin({MM})", "MM"), ("np.pad({MM}, ((0, 1), (1, 0)))", "NN"), ("{MM}.T", "MM"),
        ("{MM}.sum(axis=1)[:, None] * {MM}", "MM"), ("{MM} @ {MM} * 0.1", "MM"),
        ("np.append({MM}.sum(axis=0), 0.5)", "N"),
    ],
    "Nk1": [("{Nk1}[:, :, 0]", "Nk"), ("np.abs({Nk1}) + {Nk1}", "Nk1")],
}  # fmt: skip


def added(x: Any, at: Any) -> Any:
    """``x`` added up at places."""
    out = np.zeros_like(x)
    np.add.at(out, at, x)
    return out


def placed(x: Any) -> Any:
    """A buffer written in parts."""
    out = np.zeros_like(x)
    out[1:] = x[:-1]
    out[::2] += x[::2]
    return out


def spread(x: Any, label: Any) -> Any:
    """One element of each row, stored back."""
    out = np.zeros_like(x)
    rows = np.arange(len(label))
    out[rows, label] = x[rows, label] * 2
    return out


def program(rng: Random) -> tuple[str, int, int]:
    """The text of a function of arrays; the lengths of the axes."""
    n = rng.choice([8, 9, 13, 16, 17, 24, 32, 33, 40, 48, 65])
    k = rng.choice([1, 2, 3, 4, 5, 8, 9, n])
    pool: dict[str, list[str]] = {"N": ["x"], "Nk": ["X"], "kN": ["Y"], "NN": ["A"]}
    lines = []
    for t in range(rng.randint(3, 14)):
        kind = rng.choice([s for s in pool if s in LINES])
        text, made = rng.choice(LINES[kind])
        if any("{" + s + "}" in text and s not in pool for s in LINES):
            continue
        for s, names in pool.items():
            while "{" + s + "}" in text:
                recent = names[-3:] if rng.random() < 0.7 else names
                text = text.replace("{" + s + "}", rng.choice(recent), 1)
        lines.append(f"v{t} = {text}")
        pool.setdefault(made, []).append(f"v{t}")
    names = [v for vs in pool.values() for v in vs if v[0] == "v"]
    results = rng.sample(names, min(len(names), rng.randint(1, 3))) or ["x"]
    sums = rng.choice([True, False, False])
    returned = " + ".join(f"np.sum({r} * 0.5)" for r in results) if sums else ", ".join(results)
    body = "\n    ".join([*lines, f"return {returned}{'' if sums else ','}"])
    return f"def f(x, X, Y, A, w, K, s, idx, lab, perm):\n    {body}\n", n, k


def arguments(n: int, k: int, dtype: Any, seed: int) -> list[Any]:
    """Values for such a function."""
    rng = np.random.default_rng(seed)
    shapes: list[Any] = [(n,), (n, k), (k, n), (n, n), (k,), (k, k), ()]
    made: list[Any] = [(rng.normal(size=s) * 0.5).astype(dtype) for s in shapes]
    idx, lab = rng.integers(-n, n, n), rng.integers(0, min(n, k), n)
    return [*made, idx, lab, rng.permutation(k)]


def compiled(text: str, n: int, k: int) -> Callable[..., Any]:
    """The function of a text."""
    import scipy.special as ss

    space: dict[str, Any] = {
        "np": np, "ss": ss, "N": n, "k": k, "added": added, "placed": placed, "spread": spread,
    }  # fmt: skip
    exec(compile(text, "<program>", "exec"), space)
    f: Callable[..., Any] = space["f"]
    return f


def check(seed: int) -> int:
    """Raise unless native code gives what NumPy gives; how many strips there were."""
    rng = Random(seed)  # noqa: S311 - not a secret
    text, n, k = program(rng)
    f = compiled(text, n, k)
    dtype = np.float32 if rng.random() < 0.15 else np.float64
    args = arguments(n, k, dtype, seed)
    level = rng.choice(llvm.levels())
    limits = rng.choice([(1 << 11, 1 << 6), (1 << 9, 1 << 4), (1 << 14, 1 << 9), (1 << 8, 0)])
    if rng.random() < 0.4:
        smooth = f

        def f(*xs: Any) -> Any:
            def loss(floats: Any) -> Any:
                return sum(np.sum(r * 0.5) for r in flatten(smooth(*floats, *xs[7:]))[0])

            return cr.value_and_grad(loss)(tuple(xs[:7]))

    with np.errstate(all="ignore"), low_limits(*limits):
        graph, values = graph_of(f, *args)
        executable = compare(graph, values, level, rng.choice([1, 1, 1, 2, 3]))
    return len(list(strips_of(executable.steps)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="number of the first program")
    parser.add_argument("--show", type=int, default=5)
    chosen = parser.parse_args(arguments)
    started = time.perf_counter()
    counts: Counter[str] = Counter()
    for seed in range(chosen.seed, chosen.seed + chosen.programs):
        try:
            counts["strips"] += check(seed)
        except cr.errors.ChainruleError:
            counts["unsupported"] += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            counts["failed"] += 1
            text, n, k = program(Random(seed))  # noqa: S311 - not a secret
            if counts["failed"] <= chosen.show:
                print(f"seed {seed}, N = {n}, k = {k}: {error!r:.1200}\n{text}", flush=True)
        else:
            counts["ok"] += 1
    print(f"{chosen.programs} programs in {time.perf_counter() - started:.0f} s: {dict(counts)}")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
