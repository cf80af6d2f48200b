"""Solutions of equations: ``root`` holds the residual as a graph, and SciPy's solver by name.

Where ``R(x, p) = 0`` defines ``x`` and ``∂R/∂x`` is regular, the implicit function theorem gives
``∂R/∂x · dx = −∂R/∂p · dp`` (Krantz and Parks, The Implicit Function Theorem, 2013). Both partials
are graphs made from the residual, so a derivative of any order is a graph again. How the solver
got to the root, and where it started, has no part in that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from ..errors import UndefinedDerivative
from ..ir.graph import Graph, substitute
from ..ir.node import Node, constant, input_node, item, node
from ..ir.primitive import Array, Maybe, Primitive
from ..ir.types import ArrayType, TupleType
from .arithmetic import add, multiply, subtract
from .bodies import chosen, conformed, fit, planned, typed, variable, zero
from .control import Holder, Rounds, Walk, inlined, loop
from .structural import broadcast, reduce_sum, reshape, transpose


class Solver(NamedTuple):
    """A call of SciPy: ``path(functions…, starts…, options…)``, everything by keyword.

    ``functions`` names the argument that each output of the body stands for, the residual first
    (``""`` if it is none);
    ``starts`` those of the leading operands, which no derivative goes through; ``fixed`` says that
    the solver is given ``x + R(x)`` and finds its fixed point.
    """

    path: str
    functions: tuple[str, ...]
    starts: tuple[str, ...]
    options: tuple[tuple[str, Any], ...] = ()
    fixed: bool = False

    def raw(self, functions: Sequence[Callable[[Any], Any]], starts: Sequence[Any]) -> Any:
        """What SciPy returns."""
        module, _, name = self.path.rpartition(".")
        words = dict(zip(self.starts, starts, strict=True))
        if "bracket_low" in words:
            words["bracket"] = (words.pop("bracket_low"), words.pop("bracket_high"))
        words |= dict(zip(filter(None, self.functions), functions, strict=True))
        return getattr(import_module(module), name)(**words, **dict(self.options))


def found(result: Any) -> Any:
    """The root in what a solver returned, whether it had converged or not."""
    return getattr(result, "root", getattr(result, "x", result))


class EachExample(Holder):
    """The kind of operations that are batched as a loop over the examples."""

    def batch(
        self, args: Sequence[Array], batched: Sequence[bool], size: int, *params: Any
    ) -> Any:
        return by_example(self, args, batched, size, *params[:-1])  # the last is the walk


def by_example(
    op: Primitive, args: Sequence[Array], batched: Sequence[bool], size: int, *params: Any
) -> Any:
    """An operation on every example, one after the other."""
    variables = [
        input_node(1, k, ArrayType(np.shape(x)[1:] if b else np.shape(x), np.dtype(x.dtype)))
        for k, (x, b) in enumerate(zip(args, batched, strict=True))
    ]
    made = op.build(tuple(variables), *params)
    kept = [not b for b in batched]
    body = Graph((*chosen(batched, variables), *chosen(kept, variables)), tuple(_items(made)))
    _, rows = loop(body, size, (), chosen(batched, args), chosen(kept, args))
    return tuple(rows) if type(made.type) is TupleType else rows[0]


def _items(n: Node) -> list[Node]:
    """The results of a node, each as a node."""
    if type(n.type) is not TupleType:
        return [n]
    return [item(n, k) for k in range(len(n.type.items))]


class Root(EachExample):
    """``x`` with ``body(x, *p)[0] = 0``; the operands are the starting values, then ``p``."""

    name = "root"
    parameters = ("body", "solver")
    text = "root({args})"

    def __call__(self, body: Graph, solver: Solver, operands: Sequence[Array]) -> Array:
        """The root, recorded."""
        return self.bind(tuple(operands), body.closed(), solver)

    def infer(self, types: Sequence[ArrayType], body: Graph, solver: Solver) -> ArrayType:
        fit("operand", types[len(solver.starts) :], body.inputs[1:])
        if any(t.dtype.kind == "c" for t in types):
            raise TypeError("a root is looked for among the real numbers")
        known: ArrayType = body.inputs[0].type
        return known

    def evaluate(self, arrays: Sequence[Any], body: Graph, solver: Solver) -> Any:
        count, t = len(solver.starts), body.inputs[0].type
        run, p = planned(body).run, arrays[count:]

        def function(k: int) -> Callable[[Any], Any]:
            def one(x: Any) -> Any:
                x = np.reshape(np.asarray(x, t.dtype), t.shape)
                y = run([x[()], *p])[k]
                return x + y if solver.fixed and not k else y

            return one

        functions = [function(k) for k, name in enumerate(solver.functions) if name]
        x = np.asarray(found(solver.raw(functions, arrays[:count])), t.dtype)
        return np.reshape(x, t.shape)[()]

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], body: Graph,
        solver: Solver, walk: Walk,
    ) -> Maybe:  # fmt: skip
        count = len(solver.starts)
        x, *p = body.inputs
        given = [out, *args[count:]]
        seeds = {
            k: variable("tangent", k, v) for k, v in enumerate(p) if tangents[count + k] is not None
        }
        if not seeds:
            return None
        (pushed,) = walk(body.outputs[:1], [p[k] for k in seeds], list(seeds.values()))
        if pushed is None:
            return None
        operands = [*given, *(conformed(tangents[count + k], s) for k, s in seeds.items())]
        (change,) = inlined(Graph((x, *p, *seeds.values()), (typed(pushed, x),)), operands)
        return -_solution(self._jacobian(given, body, walk), change, given, body)

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], body: Graph,
        solver: Solver, walk: Walk,
    ) -> Sequence[Maybe]:  # fmt: skip
        count = len(solver.starts)
        x, *p = body.inputs
        given = [out, *args[count:]]
        results: list[Maybe] = [None] * len(args)
        moving = [k for k in range(len(p)) if wanted[count + k]]
        if not moving:
            return results
        seed = variable("cotangent", 0, x)
        pulled = walk(body.outputs[:1], [p[k] for k in moving], [seed])
        live = [(k, n) for k, n in zip(moving, pulled, strict=True) if n is not None]
        if not live:
            return results
        weight = -_solution(
            self._jacobian(given, body, walk, rows=True), ct, given, body, adjoint=True
        )
        outputs = tuple(typed(n, p[k]) for k, n in live)
        found = inlined(Graph((x, *p, seed), outputs), [*given, weight])
        for (k, _), y in zip(live, found, strict=True):
            results[count + k] = y
        return results

    def _jacobian(
        self, given: Sequence[Array], body: Graph, walk: Walk, *, rows: bool = False
    ) -> Array:
        """The partial derivative of the residual by ``x``, row by row or column by column."""
        x, *p = body.inputs
        seed = variable("unit", 0, x)
        (n,) = walk(body.outputs[:1], [x], [seed])
        if n is None:
            raise UndefinedDerivative(
                "the equation does not depend on its unknown, so its root has no derivative."
            )
        n = typed(n, x)
        if x.type.size == 1:
            one = node(broadcast, (constant(x.type.dtype.type(1)),), (x.type.shape, ()))
            (slope,) = inlined(Graph((x, *p, seed), (n,)), [*given, _value(one)])
            return slope
        eye = np.eye(x.type.size, dtype=x.type.dtype).reshape(-1, *x.type.shape)
        _, (found,) = loop(Graph((seed, x, *p), (n,)), x.type.size, (), [eye], given)
        found = np.reshape(found, (x.type.size, x.type.size))
        return found if rows else transpose(found, (1, 0))

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        x, p = (input_node(1, k, ArrayType((), np.dtype(float))) for k in range(2))
        cube = multiply.build((multiply.build((x, x)), x))
        body = Graph((x, p), (subtract.build((cube, p)),))
        solver = Solver("scipy.optimize.brentq", ("f",), ("a", "b"), (("xtol", 1e-14),))
        y, q = (input_node(1, k, ArrayType((2,), np.dtype(float))) for k in range(2))
        pair = Graph((y, q), (subtract.build((multiply.build((multiply.build((y, y)), y)), q)),))
        several = Solver("scipy.optimize.root", ("fun",), ("x0",), (("tol", 1e-13),))
        return (
            ((np.float64(0.0), np.float64(3.0), np.float64(2.3)), (body.closed(), solver)),
            ((np.array([1.0, 1.5]), np.array([2.3, 4.1])), (pair.closed(), several)),
        )


class Argmin(Root):
    """``x`` where ``body(x, *p)[0]`` is least: a root of its gradient."""

    name = "argmin"
    text = "argmin({args})"

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        body, solver, walk = params
        return super().jvp(out, args, tangents, _stationary(body, walk), solver, walk)

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], *params: Any
    ) -> Sequence[Maybe]:
        body, solver, walk = params
        return super().pullback(out, ct, args, wanted, _stationary(body, walk), solver, walk)

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        x, p = (input_node(1, k, ArrayType((), np.dtype(float))) for k in range(2))
        away = subtract.build((multiply.build((x, x)), p))
        body = Graph((x, p), (multiply.build((away, away)),))
        solver = Solver(
            "scipy.optimize.minimize_scalar", ("fun",), ("bracket_low", "bracket_high"),
            (("tol", 1e-10),),
        )  # fmt: skip
        y, q = (input_node(1, k, ArrayType((2,), np.dtype(float))) for k in range(2))
        gap = subtract.build((y, q))
        squares = reduce_sum.build((multiply.build((gap, gap)),), (-1,))
        both = Graph((y, q), (squares, add.build((gap, gap)))).closed()
        several = Solver(
            "scipy.optimize.minimize", ("fun", "jac"), ("x0",), (("method", "BFGS"), ("tol", 1e-13))
        )
        return (
            ((np.float64(0.9), np.float64(1.6), np.float64(1.7)), (body.closed(), solver)),
            ((np.zeros(2), np.array([2.3, 4.1])), (both, several)),
        )


def _stationary(body: Graph, walk: Walk) -> Graph:
    """The gradient by the first input of the first output, made by a walk in either mode."""
    x = body.inputs[0]
    objective = body.outputs[0]
    if walk.__name__ == "pullback":
        (n,) = walk([objective], [x], [constant(objective.type.dtype.type(1))])
        gradient = zero(x.type) if n is None else typed(n, x)
        return Graph(body.inputs, (gradient,))
    seed = variable("way", 0, x)
    (n,) = walk([objective], [x], [seed])
    if n is None:
        return Graph(body.inputs, (zero(x.type),))
    size = x.type.size
    eye = np.eye(size, dtype=x.type.dtype).reshape(-1, *x.type.shape)
    if not x.type.shape:
        (gradient,) = substitute([n], {seed: constant(x.type.dtype.type(1))})
    else:
        step = Graph((seed, *body.inputs), (typed(n, x),)).closed()
        rows = loop.build((constant(eye), *body.inputs), step, Rounds(size, 0, 1, False))
        gradient = reshape.build((item(rows, 0),), x.type.shape)
    return Graph(body.inputs, (typed(gradient, x),))


class Regular(EachExample):
    """The Jacobian of a residual at its root, after it was found to be regular there."""

    name = "regular"
    parameters = ("body",)
    text = "{0}"

    def infer(self, types: Sequence[ArrayType], body: Graph) -> ArrayType:
        fit("operand", types[1:], body.inputs)
        if types[0].dtype.kind != "f":
            raise TypeError("a root is looked for among the real numbers")
        return types[0].strong()

    def evaluate(self, arrays: Sequence[Any], body: Graph) -> Any:
        jacobian, x, *p = arrays
        if np.all(np.isfinite(jacobian)):
            singular = (
                _is_multiple(float(np.reshape(jacobian, ())), float(np.reshape(x, ())), body, p)
                if np.size(x) == 1
                else _is_singular(np.asarray(jacobian))
            )
            if singular:
                raise UndefinedDerivative(
                    "the equation does not determine its root: the derivative by the unknown is "
                    "zero or singular there (a multiple root), so the root has no derivative by "
                    "the parameters."
                )
            _check_solved(np.asarray(jacobian), x, body, p)
        return jacobian

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], body: Graph, walk: Walk
    ) -> Maybe:
        return tangents[0]

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], body: Graph,
        walk: Walk,
    ) -> Sequence[Maybe]:  # fmt: skip
        return [ct if wanted[0] else None, *(None for _ in args[1:])]

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        x, p = (input_node(1, k, ArrayType((), np.dtype(float))) for k in range(2))
        body = Graph((x, p), (multiply.build((subtract.build((x, x)), p)),))  # a root anywhere
        return (((np.float64(2.2), np.float64(1.1), np.float64(1.21)), (body.closed(),)),)


def _check_solved(jacobian: np.ndarray, x: Any, body: Graph, p: Sequence[Any]) -> None:
    """Refuse what is no root: a step of Newton's method would lead far away."""
    residual = np.ravel(planned(body).run([x, *p])[0])
    size = residual.size
    step = np.linalg.solve(np.reshape(jacobian, (size, size)), residual)
    far = np.max(np.abs(step)) / (1.0 + np.max(np.abs(x)))
    if not far <= 1e-3:
        raise UndefinedDerivative(
            "what the solver of SciPy returned is no solution of the equation that would "
            "determine its derivative: it had not converged, or a bound holds it. Check the "
            "solver's message; where a bound holds, put the bound's value in."
        )


def _is_multiple(slope: float, x: float, body: Graph, p: Sequence[Any]) -> bool:
    """Whether a residual of one unknown is much flatter at its root than beside it."""
    step = 1e-3 * (1.0 + abs(x))
    t = body.inputs[0].type
    run = planned(body).run
    at, *beside = (
        float(np.reshape(run([np.full(t.shape, x + d, t.dtype)[()], *p])[0], ()))
        for d in (0.0, step, -step)
    )
    steep = max((abs(y - at) / step for y in beside if np.isfinite(y)), default=0.0)
    return abs(slope) <= 1e-4 * steep or not slope


def _is_singular(jacobian: np.ndarray) -> bool:
    scale = np.max(np.abs(jacobian), axis=1, keepdims=True)
    return bool((scale == 0).any() or np.linalg.cond(jacobian / scale) > 1e12)


def _solution(
    jacobian: Array, right: Array, given: Sequence[Array], body: Graph, *, adjoint: bool = False
) -> Array:
    """``J⁻¹ right``, or ``J⁻ᵀ right``."""
    jacobian = regular.bind((jacobian, *given), Graph(body.inputs, body.outputs[:1]).closed())
    shape = np.shape(right)
    if np.ndim(jacobian) == len(shape) and np.size(right) == 1:
        return right / jacobian
    matrix = transpose(jacobian, (1, 0)) if adjoint else jacobian
    return np.reshape(np.linalg.solve(matrix, np.reshape(right, (-1,))), shape)


def _value(n: Node) -> Any:
    return np.ones(n.type.shape, n.type.dtype)[()]


root = Root()
argmin = Argmin()
regular = Regular()
