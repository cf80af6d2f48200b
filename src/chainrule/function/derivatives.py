"""Derivatives as callable objects: one class for each verb of :mod:`~chainrule.function.verbs`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from math import prod
from typing import Any

import numpy as np

from ..calculus.jacobian import jacobian as jacobian_nodes
from ..calculus.jacobian import ones, zeros
from ..calculus.pullback import pullback as pull
from ..calculus.pushforward import pushforward as push
from ..calculus.sparsity import is_elementwise
from ..errors import ArgumentError, NotHolomorphic, NotScalar, Site
from ..ir.graph import Graph, dependents
from ..ir.node import Node
from ..trace.exchange import arrays
from ..trace.recording import current, symbolic, tracing
from ..trace.site import site_of
from ..trace.tree import Structure, flatten
from .arguments import Selection, Wrt, as_targets, select
from .engine import derive, finish, hand_over, record_outputs
from .nan import watch


class Derivative:
    """A function derived from a function. Calling it traces the original on the given arguments.

    It re-traces at every call, so changed closures and branches are always seen; a trace that
    comes out the same finds its derived program by identity.
    """

    verb = "derivative"

    def __init__(self, f: Callable[..., Any], wrt: Wrt = 0, *, has_aux: bool = False) -> None:
        if not callable(f):
            raise ArgumentError(
                f"{self.verb} takes a function, and was given a {type(f).__name__}. "
                f"Write {self.verb}(f)(x), not {self.verb}(f(x))."
            )
        self.function = f
        self.wrt = wrt
        self.has_aux = has_aux
        self.targets, self._single = as_targets(wrt, f)
        update_wrapper(self, f, updated=())
        self.__name__ = f"{self.verb}({getattr(f, '__name__', type(f).__name__)})"
        self.__qualname__ = self.__name__

    def __reduce__(self) -> Any:
        return _remake, (type(self), self.function, self.wrt, self.options())

    def __repr__(self) -> str:
        return f"<{self.__name__} wrt {self.wrt!r}>"

    def options(self) -> dict[str, Any]:
        """The options that make this derivative, besides the function and ``wrt``."""
        return {"has_aux": self.has_aux}

    # -- the common course of a call -------------------------------------------------------------

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        args, keywords = arrays(args), arrays(keywords)
        args, extra = self.split(args, keywords)
        chosen = select(self.function, self.targets, self._single, args, keywords, self.verb)
        with tracing() as trace:
            inputs = [trace.input(leaf) for leaf in chosen.leaves]
            sources = [t.node for t in inputs]  # before the call, which may write to its arguments
            traced, traced_keywords = chosen.rebuild(inputs)
            result = trace.run(self.function, *traced, **traced_keywords)
            aux: list[Node] = []
            aux_structure = None
            if self.has_aux:
                result, extra_result = _split_aux(result, self.verb)
                aux, aux_structure = record_outputs(trace, extra_result)
            outputs, structure = record_outputs(trace, result)
            directions = [
                trace.input(leaf).node
                for leaf in self.directions(extra, chosen, outputs, structure)
            ]
            self.validate(outputs, structure, chosen)
            n = len(outputs)
            nodes = derive(
                (type(self), *self.options().values(), n, len(aux), len(sources)),
                [*outputs, *aux],
                [*sources, *directions],
                lambda nodes: [*self.derive(nodes[:n], sources, directions), *nodes[n:]],
            )
            hand_over(trace)
        values = finish(nodes, trace.sources, trace.root.captured)
        kept = len(nodes) - len(aux)
        if trace.parent is None:
            what = f"{self.verb} of {getattr(self.function, '__name__', 'the function')}"
            watch(
                values[:kept],
                trace,
                outputs,
                what,
                lambda: self.derive(outputs, sources, directions),
            )
        answer = self.assemble(values[:kept], chosen, structure)
        if aux_structure is not None:
            return answer, aux_structure.unflatten(values[kept:])
        return answer

    def split(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
        """The arguments of the function itself, and what else the call was given."""
        return args, None

    def directions(
        self, extra: Any, chosen: Selection, outputs: Sequence[Node], structure: Structure
    ) -> Sequence[Any]:
        """Tangents or cotangents that come as arguments, as leaves."""
        return ()

    def validate(self, outputs: Sequence[Node], structure: Structure, chosen: Selection) -> None:
        """Refuse a function that has no such derivative."""

    def derive(
        self, outputs: Sequence[Node], inputs: Sequence[Node], directions: Sequence[Node]
    ) -> Sequence[Node]:
        """The derivative's nodes."""
        raise NotImplementedError

    def assemble(self, values: Sequence[Any], chosen: Selection, structure: Structure) -> Any:
        """The answer, in its structure."""
        return chosen.unflatten(_elements(values, chosen))


def _remake(kind: Any, f: Any, wrt: Any, options: dict[str, Any]) -> Any:
    return kind(f, wrt, **options)


def _split_aux(result: Any, verb: str) -> tuple[Any, Any]:
    if type(result) is not tuple or len(result) != 2:
        raise ArgumentError(
            f"{verb} with has_aux=True was given a function that returns a {type(result).__name__}. "
            "Return the pair (value, aux), or leave has_aux out."
        )
    return result


def _elements(values: Sequence[Any], chosen: Selection, lead: int = 0) -> list[Any]:
    """Partial derivatives: the asked-for element of each result, where a path ends in an index."""
    supply = iter(values)
    results: list[Any] = []
    for structure, element in zip(chosen.structures, chosen.elements, strict=True):
        for _ in range(structure.count):
            value = next(supply)
            if element:
                index = tuple(
                    k for key in element for k in (key if isinstance(key, tuple) else (key,))
                )
                value = (
                    value[(Ellipsis, *(slice(None),) * 0, *index)]
                    if lead == 0
                    else value[(slice(None),) * lead + index]
                )
            results.append(value)
    return results


def _only_scalar(outputs: Sequence[Node], structure: Structure, verb: str) -> None:
    # One element is one number, whatever its shape: `r.T @ r` of a column has shape (1, 1).
    alone = structure.kind is None and prod(outputs[0].type.shape) == 1
    if alone and outputs[0].type.dtype.kind == "f":
        return
    if structure.kind is not None:
        what = f"a {structure.kind.__name__} of {structure.count} values"
        remedy = (
            "Return the one number to differentiate (has_aux=True passes others along), or use "
            "jacobian or vjp"
        )
    elif not alone:
        what = f"an array of shape {outputs[0].type.shape}"
        remedy = "Sum it, or use jacobian (all derivatives) or vjp (a weighted sum of them)"
    elif outputs[0].type.dtype.kind == "c":
        what, remedy = (
            "a complex number",
            "Return its real part or its modulus, or use jacobian or vjp",
        )
    else:
        what = f"{outputs[0].type}, which has no derivative"
        remedy = "Return a float"
    raise NotScalar(
        f"{verb} is for a function whose value is one real number, and this one returns {what}. "
        f"{remedy}.",
        made_at(outputs),
    )


def made_at(outputs: Sequence[Node]) -> Site | None:
    """The user's line that made the first of the outputs."""
    trace = current()
    events = reversed(trace.events) if trace is not None else iter(())
    return next((site_of(mark) for n, mark in events if outputs and n is outputs[0]), None)


class Gradient(Derivative):
    """See :func:`grad`."""

    verb = "grad"

    def validate(self, outputs: Sequence[Node], structure: Structure, chosen: Selection) -> None:
        _only_scalar(outputs, structure, self.verb)

    def derive(
        self, outputs: Sequence[Node], inputs: Sequence[Node], directions: Sequence[Node]
    ) -> Sequence[Node]:
        return gradient_nodes(outputs[0], inputs)


def gradient_nodes(output: Node, inputs: Sequence[Node]) -> list[Node]:
    """The gradient of a scalar node, zeros included."""
    pulled = pull([output], inputs, [ones(output.type)])
    return [zeros(x.type) if c is None else c for x, c in zip(inputs, pulled, strict=True)]


class ValueAndGradient(Gradient):
    """See :func:`value_and_grad`."""

    verb = "value_and_grad"

    def derive(
        self, outputs: Sequence[Node], inputs: Sequence[Node], directions: Sequence[Node]
    ) -> Sequence[Node]:
        return [outputs[0], *gradient_nodes(outputs[0], inputs)]

    def assemble(self, values: Sequence[Any], chosen: Selection, structure: Structure) -> Any:
        return values[0], chosen.unflatten(_elements(values[1:], chosen))


class ElementwiseDerivative(Derivative):
    """See :func:`derivative`."""

    verb = "derivative"

    def __init__(
        self, f: Callable[..., Any], wrt: Wrt = 0, order: int = 1, has_aux: bool = False
    ) -> None:
        super().__init__(f, wrt)
        if type(order) is not int or order < 0:
            raise ArgumentError(
                f"derivative: order is {order!r}. Write a whole number, 1 for the first derivative."
            )
        if len(self.targets) != 1:
            raise ArgumentError(
                f"derivative takes one argument to differentiate by, and wrt names "
                f"{len(self.targets)}. For several use jacobian or grad."
            )
        self.order = order

    def options(self) -> dict[str, Any]:
        return {"order": self.order}

    def validate(self, outputs: Sequence[Node], structure: Structure, chosen: Selection) -> None:
        if len(chosen.leaves) != 1:
            names = ", ".join(chosen.names) or "nothing"
            raise ArgumentError(
                f"derivative: the argument is nested and holds {names}. Name one of them with wrt=."
            )

    def derive(
        self, outputs: Sequence[Node], inputs: Sequence[Node], directions: Sequence[Node]
    ) -> Sequence[Node]:
        (x,) = inputs
        _only_holomorphic(outputs, inputs, self.verb)
        for output in outputs:
            if x.type.shape and not is_elementwise(output, x):
                raise ArgumentError(
                    f"derivative is for a function that works element by element, and this one makes "
                    f"{output.type} of {x.type} and mixes elements. Use jacobian, or grad where the "
                    "value is one number.",
                    made_at([output]),
                )
        current = list(outputs)
        for _ in range(self.order):
            tangents = push(current, [x], [ones(x.type)])
            current = [
                zeros(o.type) if t is None else t for o, t in zip(current, tangents, strict=True)
            ]
        return current

    def assemble(self, values: Sequence[Any], chosen: Selection, structure: Structure) -> Any:
        if chosen.elements[0]:
            values = [v[chosen.elements[0]] for v in values]
        return structure.unflatten(values)


class Jacobian(Derivative):
    """See :func:`jacobian`."""

    verb = "jacobian"

    def validate(self, outputs: Sequence[Node], structure: Structure, chosen: Selection) -> None:
        for o in outputs:
            if o.type.dtype.kind not in "fc":
                raise NotScalar(
                    f"jacobian: the function returns {o.type}, which has no derivative. Return floats.",
                    made_at([o]),
                )

    def derive(
        self, outputs: Sequence[Node], inputs: Sequence[Node], directions: Sequence[Node]
    ) -> Sequence[Node]:
        _only_holomorphic(outputs, inputs, self.verb)
        return [n for row in jacobian_nodes(outputs, inputs) for n in row]

    def assemble(self, values: Sequence[Any], chosen: Selection, structure: Structure) -> Any:
        width = len(chosen.leaves)
        rows = []
        for k in range(structure.count):
            row = list(values[k * width : (k + 1) * width])
            if any(chosen.elements):
                leaves = [np.ndim(leaf) for leaf in chosen.leaves]
                row = [
                    picked
                    for value, ndim in zip(row, leaves, strict=True)
                    for picked in [_trailing(value, ndim, chosen)]
                ]
            rows.append(chosen.unflatten(row))
        return structure.unflatten(rows)


def _trailing(value: Any, ndim: int, chosen: Selection) -> Any:
    """The columns of a Jacobian for the element that the path names."""
    (element,) = {e for e in chosen.elements if e} or {()}
    index = tuple(k for key in element for k in (key if isinstance(key, tuple) else (key,)))
    return value[(slice(None),) * (np.ndim(value) - ndim) + index] if index else value


def _only_holomorphic(outputs: Sequence[Node], inputs: Sequence[Node], verb: str) -> None:
    complex_inputs = [x for x in inputs if x.type.dtype.kind == "c"]
    if not complex_inputs:
        return
    parts = [Graph(tuple(complex_inputs), tuple(outputs))]
    for part in parts:
        moving = dependents(part.order, part.inputs)
        for n in part.order:
            if n not in moving:
                continue
            if not getattr(n.op, "holomorphic", True) and n.args[0].type.dtype.kind == "c":
                raise NotHolomorphic(
                    f"{verb}: the function is not known to be holomorphic, for it uses {n.op.name}, so "
                    "it has no complex derivative. Use jvp or vjp, or differentiate by the real and "
                    "imaginary parts.",
                    made_at([n]),
                )
            parts.extend(p for p in n.params if isinstance(p, Graph) and p not in parts)


class Hessian(Derivative):
    """See :func:`hessian`."""

    verb = "hessian"

    def validate(self, outputs: Sequence[Node], structure: Structure, chosen: Selection) -> None:
        _only_scalar(outputs, structure, self.verb)

    def derive(
        self, outputs: Sequence[Node], inputs: Sequence[Node], directions: Sequence[Node]
    ) -> Sequence[Node]:
        gradient = gradient_nodes(outputs[0], inputs)
        return [n for row in jacobian_nodes(gradient, inputs) for n in row]

    def assemble(self, values: Sequence[Any], chosen: Selection, structure: Structure) -> Any:
        width = len(chosen.leaves)
        rows = [chosen.unflatten(values[k * width : (k + 1) * width]) for k in range(width)]
        answer = chosen.unflatten(rows)
        (element,) = {e for e in chosen.elements if e} or {()}
        if element:
            if width != 1:
                raise ArgumentError(
                    "hessian: wrt names an element of an array beside other arguments. Name the "
                    "element alone, or whole arguments."
                )
            index = tuple(k for key in element for k in (key if isinstance(key, tuple) else (key,)))
            return answer[index + index]
        return answer


class HessianVectorProduct(Derivative):
    """See :func:`hvp`."""

    verb = "hvp"

    def split(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
        position = max((t.position or 0) for t in self.targets) + 1
        if len(args) <= position:
            raise ArgumentError(
                f"hvp: no direction was given; it follows the argument {self.targets[-1]}. "
                "Call hvp(f)(x, v), with v shaped like x."
            )
        return args[:position] + args[position + 1 :], args[position]

    def directions(
        self, extra: Any, chosen: Selection, outputs: Sequence[Node], structure: Structure
    ) -> Sequence[Any]:
        given = [extra] if self._single else list(extra)
        leaves = [leaf for tree in given for leaf in flatten(tree)[0]]
        return _matching(leaves, chosen.leaves, chosen.names, "hvp: the direction")

    def validate(self, outputs: Sequence[Node], structure: Structure, chosen: Selection) -> None:
        _only_scalar(outputs, structure, self.verb)

    def derive(
        self, outputs: Sequence[Node], inputs: Sequence[Node], directions: Sequence[Node]
    ) -> Sequence[Node]:
        gradient = gradient_nodes(outputs[0], inputs)
        tangents = push(gradient, inputs, directions)
        return [zeros(x.type) if t is None else t for x, t in zip(inputs, tangents, strict=True)]


def _matching(
    leaves: Sequence[Any], like: Sequence[Any], names: Sequence[str], what: str
) -> list[Any]:
    """Tangents or cotangents, each cast to the dtype of its primal and refused on another shape."""
    if len(leaves) != len(like):
        raise ArgumentError(
            f"{what} has {len(leaves)} parts, and there are {len(like)} to go with: "
            f"{', '.join(names)}. Give one for each."
        )
    results = []
    for leaf, model, name in zip(leaves, like, names, strict=True):
        if np.shape(leaf) != np.shape(model):
            raise ArgumentError(
                f"{what} for {name} has shape {np.shape(leaf)}, and {name} has shape "
                f"{np.shape(model)}. Give it that shape."
            )
        dtype = getattr(
            model, "dtype", np.dtype(float if not isinstance(model, complex) else complex)
        )
        value = leaf if hasattr(leaf, "node") else np.asarray(leaf)
        results.append(value if value.dtype == dtype else value.astype(dtype))
    return results


class Pullback(Derivative):
    """See :func:`pullback`."""

    verb = "pullback"

    def split(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
        if not args:
            raise ArgumentError(
                "pullback: no cotangent was given; it is the last argument. "
                "Call pullback(f)(x, c), with c shaped like f(x)."
            )
        return args[:-1], args[-1]

    def directions(
        self, extra: Any, chosen: Selection, outputs: Sequence[Node], structure: Structure
    ) -> Sequence[Any]:
        models = [symbolic(o) for o in outputs]
        return _matching(
            flatten(extra)[0], models, [f"result{p}" for p in structure.paths], "the cotangent"
        )

    def derive(
        self, outputs: Sequence[Node], inputs: Sequence[Node], directions: Sequence[Node]
    ) -> Sequence[Node]:
        pulled = pull(outputs, inputs, directions)
        return [zeros(x.type) if c is None else c for x, c in zip(inputs, pulled, strict=True)]
