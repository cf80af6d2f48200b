"""Random programs with loops, plain NumPy: what is carried, read, collected and decided varies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

UNARY = (np.sin, np.tanh, np.cos, lambda x: x / (1 + x * x), lambda x: np.sqrt(1 + x * x), np.negative)
BINARY = (np.add, np.subtract, np.multiply, np.maximum, lambda x, y: x / (2 + y * y))


class Loops:
    """A program of one or two loops, drawn by a seed: ``program(w, x, h)`` is a number.

    ``w`` is a matrix, ``x`` has a row for each trip, ``h`` is a vector.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        rng = np.random.default_rng(seed)
        self.trips = int(rng.integers(9, 40))
        self.size = int(rng.integers(1, 6))
        self.args = (
            rng.normal(size=(self.size, self.size)) / 2,
            rng.normal(size=(self.trips + 2, self.size)),
            rng.normal(size=self.size),
        )
        self.loops = [self._loop(rng) for _ in range(int(rng.integers(1, 3)))]

    def _loop(self, rng: np.random.Generator) -> dict[str, Any]:
        states = int(rng.integers(1, 4))
        steps = [
            (int(rng.integers(5)), int(rng.integers(100)), int(rng.integers(100)), int(rng.integers(100)))
            for _ in range(int(rng.integers(2, 9)))
        ]
        return {
            "states": states,
            "steps": steps,
            "new": [int(rng.integers(1, 100)) for _ in range(states)],
            "row": int(rng.integers(4)),
            "collect": int(rng.integers(4)),
            "backwards": bool(rng.integers(2)),
            "inner": int(rng.integers(3)) if rng.random() < 0.2 else 0,
            "times": bool(rng.random() < 0.3),
            "single": bool(rng.random() < 0.15),
        }

    def __call__(self, w: Any, x: Any, h: Any) -> Any:
        for loop in self.loops:
            h = self._run(loop, w, x, h)
        return np.sum(h * np.cos(np.arange(self.size)))

    def _run(self, loop: dict[str, Any], w: Any, x: Any, h: Any) -> Any:
        states = [h] + [np.tanh(h * (k + 1)) for k in range(1, loop["states"])]
        rows: list[Any] = []
        table = np.zeros((self.trips, self.size))
        total: Any = 0.0
        places = range(self.trips)
        for t in reversed(places) if loop["backwards"] else places:
            pool = list(states)
            if loop["row"]:
                pool.append((x[t], x[t + 1], x[(7 * t) % self.trips] * x[t + 2, 0])[loop["row"] - 1])
            if loop["times"]:
                pool.append(np.sin(h) * (0.1 * t + 1))
            for kind, a, b, c in loop["steps"]:
                pool.append(self._step(w, kind, pool[a % len(pool)], pool[b % len(pool)], c))
            for _ in range(loop["inner"]):
                pool.append(np.sin(pool[-1]) + 0.1 * pool[0])
            if loop["single"]:
                pool.append(pool[-1].astype(np.float32).astype(float) * 0.9)
            states = [np.tanh(pool[-1 - n % (len(pool) - 1)]) for n in loop["new"]]
            if loop["collect"] == 1:
                rows.append(states[0])
            elif loop["collect"] == 2:
                table[t] = states[-1] * 0.5
            elif loop["collect"] == 3:
                total = total + np.sum(pool[-1]) / self.trips
        if rows:
            total = np.sum(np.stack(rows) * x[: self.trips], axis=0)
        elif loop["collect"] == 2:
            total = np.mean(table, axis=0)
        return states[0] + states[-1] * 0.3 + total

    def _step(self, w: Any, kind: int, a: Any, b: Any, c: int) -> Any:
        if kind == 0:
            return w @ a
        if kind == 1:
            return np.tanh(w @ a + b)
        if kind == 2:
            return np.where(a > 0.1, a, b * 0.5)
        if kind == 3:
            return UNARY[c % len(UNARY)](a)
        return BINARY[c % len(BINARY)](a, b)


def mistakes(seed: int, plain: Callable[[Any], Any]) -> list[str]:
    """What is not as in the unrolled program; ``plain`` runs a function without loops being found."""
    import chainrule as cr

    program = Loops(seed)
    args = program.args
    slope = cr.value_and_grad(program, wrt=(0, 1, 2))
    ways = {
        "slope": lambda: slope(*args),
        "compiled": lambda: cr.jit(slope)(*args),
        "value": lambda: (cr.jit(program)(*args),),
    }
    expected = plain(lambda: slope(*args))
    found = []
    for name, way in ways.items():
        result = way()
        pairs = zip(_leaves(expected), _leaves(result), strict=False)
        if not all(np.allclose(a, b, rtol=1e-7, atol=1e-9) for a, b in pairs):
            found.append(f"{name} of program {seed}")
    if not np.isclose(program(*args), _leaves(expected)[0], rtol=1e-9):
        found.append(f"plain value of program {seed}")
    return found


def _leaves(tree: Any) -> list[Any]:
    return [x for part in tree for x in _leaves(part)] if isinstance(tree, tuple) else [tree]


if __name__ == "__main__":
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.native.fuzz import loud
    from tests.native.sound import checked
    from tests.simplify.test_rerolling import short_programs, unrolled

    first, last = map(int, sys.argv[1:3])
    count = 0
    with short_programs(), loud(), checked():
        for seed in range(first, last):
            wrong = mistakes(seed, unrolled)
            count += len(wrong)
            for line in wrong:
                print(line, flush=True)
    print(f"{last - first} programs, {count} mistakes")
