"""A trace: one run of a function on traced arrays, and all that is remembered of it.

Nodes hold expressions only. What a trace adds: which concrete value each input has, in what order
and on which source line the operations came, what was captured from outside, and which decisions
Python took on concrete values. Traces nest, one for each transform at work; inputs of a trace at
level ``k`` are nodes of level ``k``.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np

from ..errors import CutDerivative, EndedTrace, TraceError
from ..ir.literal import Literal
from ..ir.node import CONSTANT, INPUT, Node, constant, input_node, item, node
from ..ir.primitive import Primitive
from ..ir.types import TupleType, type_of
from ..ops.structural import broadcast, cast, stop_gradient, strong
from . import aliases, dispatch, domain
from .aliases import Written
from .buffers import escaped, nested
from .captures import Captures
from .exchange import exchanged
from .functions.updating import FUNCTIONS as UPDATING
from .guard import Guard
from .indexing import getitem, is_basic
from .interception import interception
from .memory import is_poison
from .nesting import innermost
from .refusal import ENDED, HELD, instead_of, remedy
from .site import Mark, here, mark, receiving_frame, user_frame
from .sizes import SizeNames, shape_of
from .stack import current, stack
from .tracer import Tracer
from .views import VIEWS

_SCALARS = (bool, int, float, complex)
_NUMBERS = frozenset({int, float, complex})
_float64 = np.float64  # which a trace gives another meaning
_TRACER = (Tracer,)


class Recorder:
    """What a tracer asks of its trace.

    This base records nodes and nothing else: derivative rules run on it, where no concrete values
    are at hand.
    """

    level = 0
    active = True
    #: Whether sizes and names are kept for a formula.
    naming = False
    #: Whether what is recorded for a formula is differentiated more than once.
    twice = False
    #: Where a traced value was last stored in the memory of an array, under a NaN that marks it.
    stored: Mark | None = None

    def record(self, op: Primitive, nodes: tuple[Node, ...], params: tuple[Any, ...]) -> Any:
        """Record one operation and return its traced result."""
        made = op.build(nodes, *params)
        if type(made.type) is TupleType:
            return tuple(Tracer(item(made, k), self) for k in range(len(made.type.items)))
        return Tracer(made, self)

    def lift(self, value: Any) -> Tracer:
        """A tracer for any array-like."""
        kind = type(value)
        if kind is Tracer:
            return value  # type: ignore[no-any-return]
        if kind in _SCALARS or isinstance(value, np.generic):
            return Tracer(constant(value), self)
        return Tracer(self.capture(np.asarray(exchanged(value))), self)

    def meet(self, other: Recorder) -> Recorder:
        """The recorder of an operation on arrays of this one and of another: the inner trace."""
        return other

    def capture(self, array: np.ndarray) -> Node:
        """A node for an array that a rule brings along: a literal."""
        if array.ndim and array.size and (array == array.flat[0]).all():
            return node(broadcast, (constant(array.flat[0]),), (array.shape, ()))
        return constant(array)

    def ufunc(self, ufunc: np.ufunc, method: str, inputs: Any, keywords: dict[str, Any]) -> Any:
        """A ufunc met a tracer."""
        if method != "at":
            inputs = [self.lift(x) if hasattr(type(x), "__traced__") else x for x in inputs]
        return dispatch.ufunc(self, ufunc, method, inputs, keywords)

    def function(
        self, function: Callable[..., Any], args: Any, keywords: Any, types: Any = ()
    ) -> Any:
        """A NumPy function met a tracer; ``types`` are those of the arrays among the arguments."""
        if function in UPDATING:
            return UPDATING[function](*args, **keywords)
        if function in VIEWS:
            if type(args[0]) is Written:
                return function(args[0].memory, *args[1:], **keywords)
            if type(args[0]) is Tracer and self.aliasing:
                result = dispatch.function(self, function, args, keywords)
                return aliases.link_results(function, args, keywords, result)
        if len(args) > 2:
            args, keywords = dispatch.named_out(function, args, keywords)
        if tuple(types) != _TRACER:
            args, keywords = self.lifted(args), self.lifted(keywords)
        result = dispatch.function(self, function, args, keywords)
        if type(result) is Tracer and any(result is a for a in args):
            return result.copy()  # NumPy gives an array of its own
        return result

    #: Whether views are remembered, so that updates in place reach them.
    aliasing = False

    def lifted(self, values: Any) -> Any:
        """Arguments in which arrays that hold traced values are traced arrays themselves."""
        kind = type(values)
        if kind is list or kind is tuple:
            return kind([self.lifted(v) for v in values])
        if kind is dict:
            return {k: v if k == "out" else self.lifted(v) for k, v in values.items()}
        return self.lift(values) if kind is not Tracer and hasattr(kind, "__traced__") else values

    def viewed(self, x: Tracer, view: Any, recipe: Callable[[Any], Any]) -> Any:
        """``view``, which shares the elements of ``x`` as ``recipe`` does on its memory."""
        return view

    def shape(self, x: Tracer) -> tuple[int, ...]:
        """The shape of ``x``."""
        shape: tuple[int, ...] = x.node.type.shape
        return shape

    def getitem(self, x: Tracer, index: Any) -> Any:
        """``x[index]``."""
        return getitem(x, index)

    def write(self, x: Tracer, index: Any, value: Any) -> None:
        """``x[index] = value``."""
        aliases.write(x, index, value)

    def update(self, x: Tracer, value: Tracer) -> Tracer:
        """``x``, after its elements were set to ``value``, which an operation like ``+=`` made."""
        return aliases.update(x, value)

    def assign(self, target: Any, value: Any) -> Any:
        """``target``, after ``value`` was written to it: what ``out=`` does."""
        return aliases.assign(target, value)

    def reshape(self, x: Tracer, shape: Any) -> None:
        """``x.shape = shape``."""
        aliases.give_shape(x, shape)

    def snapshot(self, array: np.ndarray) -> Any:
        """The values of an array now, as something that :meth:`lift` takes."""
        return array

    def refuse(self, error: Exception) -> None:
        """Remember an error, for the case that the program catches it and goes on."""

    def hashed(self, x: Tracer) -> int:
        """The hash of a number."""
        raise TypeError("unhashable type")

    def divides(self, divisor: Any, said: str) -> None:
        """Raise what Python does where it divides one of its own numbers by zero."""

    def value(self, n: Node) -> Any:
        """The concrete value of a node."""
        raise AssertionError("a derivative rule has no concrete values")

    def peek(self, n: Node) -> Any:
        """The concrete value of a node if it is at hand; it is not in a derivative rule."""
        return None

    def decide(self, x: Tracer, kind: type) -> Any:
        """A concrete value on which Python takes a decision."""
        return self.value(x.node)

    def decide_array(self, x: Tracer) -> np.ndarray:
        """A concrete array on which the program takes a decision."""
        return np.asarray(self.value(x.node))

    def cut(self, x: Tracer, how: str) -> Any:
        """Refuse a conversion that would cut the derivative."""
        raise CutDerivative(f"{how} would cut the derivative of {x.node.type}", here())


SYMBOLIC = Recorder()


def symbolic(n: Node) -> Tracer:
    """A node dressed for a derivative rule."""
    return Tracer(n, SYMBOLIC)


class Trace(Recorder):
    """A run of the user's function.

    ``sources`` binds each input to what the caller gave: an array, or a tracer of the enclosing
    trace. ``captures``, one for all nested traces, binds hidden inputs to the arrays that the
    function brought along. ``events`` lists every operation with its place. Where nothing is
    ``differentiated`` by its inputs, a conversion to a plain number is a decision.
    """

    def __init__(
        self, parent: Trace | None, *, naming: bool = False, differentiated: bool = True
    ) -> None:
        self.parent = parent
        self.differentiated = differentiated
        self.root: Trace = self if parent is None else parent.root
        self.level = 1 if parent is None else parent.level + 1
        self.naming = naming or (parent is not None and parent.naming)
        self.active = True
        self.inputs: list[Node] = []
        self.sources: dict[Node, Any] = {}
        self.captures: Captures = Captures() if parent is None else parent.captures
        self.captures.naming |= self.naming
        self.events: list[tuple[Node, Mark | None]] = []
        self.guards: list[Guard] = []
        self.values: dict[Node, Any] = {}
        self.refusals: list[Exception] = []
        self.draws: Any = None  # what collects the random draws of a program to be compiled
        self.size_names = SizeNames()  # under which the program keeps the lengths of axes

    # -- inputs ----------------------------------------------------------------------------------

    def input(self, source: Any) -> Tracer:
        """The next input, bound to an array, a Python scalar, or a tracer of an outer trace."""
        t = source.node.type if type(source) is Tracer else type_of(source)
        if type(source) is Tracer:
            self.meet(source.recorder)
        made = input_node(self.level, len(self.inputs), t)
        self.inputs.append(made)
        self.sources[made] = source
        return Tracer(made, self)

    def meet(self, other: Recorder) -> Recorder:
        """The innermost of two traces, of which one must be around the other."""
        # Inputs are nodes of a level, the same in every trace: an array from a trace that is not
        # around this one would be taken for one of this trace's own.
        inner, outer = (other, self) if other.level > self.level else (self, other)
        around: Any = inner
        while outer.level and around is not outer:
            if around is None or not outer.active:
                raise EndedTrace(ENDED, here())
            around = around.parent
        return inner

    def capture(self, array: np.ndarray) -> Node:
        """The hidden input for an array from outside."""
        known = len(self.captures.bound)
        made = self.captures.node(array)
        new = len(self.captures.bound) > known
        if new and self.root.stored is not None and array.dtype.kind in "fc" and is_poison(array).any():
            raise escaped(self)
        return made

    @property
    def captured(self) -> dict[Node, np.ndarray]:
        """The values of the hidden inputs."""
        return self.captures.bound

    # -- recording -------------------------------------------------------------------------------

    def opened(self) -> tracing:
        """A trace inside of this one, for a ``with`` statement."""
        return tracing(differentiated=self.differentiated)

    def run(self, f: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """``f(*args, **keywords)``, on traced arguments."""
        return interception.called(f)(*args, **keywords)

    def record(self, op: Primitive, nodes: tuple[Node, ...], params: tuple[Any, ...]) -> Any:
        """Record one operation, with its place in the program."""
        if not self.active:
            raise EndedTrace(ENDED, here())
        try:
            made = op.build(nodes, *params)
        except (ValueError, TypeError) as error:
            raise dispatch.unfit(op, nodes, error) from None
        frame = user_frame(2)
        if self.naming:
            frame = receiving_frame(frame)
        site = None if frame is None else (frame.f_code, frame.f_lasti)
        if op.raises:
            self.value(made)
        if type(made.type) is TupleType:
            items = [item(made, k) for k in range(len(made.type.items))]
            self.events.extend((n, site) for n in items)
            return tuple(Tracer(n, self) for n in items)
        self.events.append((made, site))
        return Tracer(made, self)

    def lift(self, value: Any) -> Tracer:
        """A tracer for any array-like; a buffer or a named size brings its own."""
        if type(value) is Tracer:
            if not value.recorder.active:
                raise EndedTrace(ENDED, here())
            return value
        kind = type(value)
        if kind is int:
            return Tracer(constant(value), self)
        if kind is float or kind is _float64:
            if value != value and is_poison(np.asarray(value)):  # noqa: PLR0124 - a NaN
                raise escaped(self)
            return Tracer(constant(value), self)
        traced = getattr(kind, "__traced__", None)  # a buffer or a named size
        if traced is not None:
            return traced(value, self)  # type: ignore[no-any-return]
        if kind is list or kind is tuple:
            inner = innermost(value)
            if inner is not None:
                return nested(value, inner).assembled(inner)  # type: ignore[no-any-return]
        return super().lift(value)

    # -- concrete values -------------------------------------------------------------------------

    def value(self, n: Node) -> Any:
        """The concrete value of ``n``, computed when first asked for."""
        values = self.values
        if n in values:
            return values[n]
        stack = [n]
        with np.errstate(all="ignore"):
            while stack:
                current = stack[-1]
                if current in values:
                    stack.pop()
                elif current.op is INPUT or (
                    current.level < self.level and self.parent is not None
                ):
                    values[current] = self._bound(current)
                    stack.pop()
                else:
                    missing = [a for a in current.args if a not in values]
                    if missing:
                        stack.extend(missing)
                        continue
                    arrays = [values[a] for a in current.args]
                    values[current] = current.op.evaluate(arrays, *current.params)
                    stack.pop()
        return values[n]

    def _bound(self, n: Node) -> Any:
        if n.op is INPUT and n.level == self.level:
            source = self.sources[n]
            return source.recorder.value(source.node) if type(source) is Tracer else source
        if n.op is INPUT and n.level == 0:
            return self.captures.bound[n]
        assert self.parent is not None
        return self.parent.value(n)

    def ufunc(self, ufunc: np.ufunc, method: str, inputs: Any, keywords: dict[str, Any]) -> Any:
        """A ufunc of Python numbers alone gives a NumPy scalar, so they are strong in it."""
        for x in inputs:
            if type(x) not in _NUMBERS and (type(x) is not Tracer or not x.node.type.weak):
                break
        else:
            inputs = [strong(x) if type(x) is Tracer else x for x in inputs]
        return super().ufunc(ufunc, method, inputs, keywords)

    def function(
        self, function: Callable[..., Any], args: Any, keywords: Any, types: Any = ()
    ) -> Any:
        """What a function of NumPy makes is never a Python number."""
        result = super().function(function, args, keywords, types)
        return strong(result) if type(result) is Tracer and result.node.type.weak else result

    aliasing = True

    def shape(self, x: Tracer) -> tuple[int, ...]:
        """The shape of ``x``; of named sizes while names are kept."""
        if self.naming:
            return shape_of(x, 2)
        shape: tuple[int, ...] = x.node.type.shape
        return shape

    def viewed(self, x: Tracer, view: Any, recipe: Callable[[Any], Any]) -> Any:
        """``view``, remembered as a view of ``x``."""
        return aliases.link(x, view, recipe)

    def getitem(self, x: Tracer, index: Any) -> Any:
        """``x[index]``, remembered as a view of ``x`` where NumPy gives a view."""
        made = getitem(x, index)
        if made.node.type.shape and is_basic(index):
            aliases.link(x, made, itemgetter(index))
        return made

    def snapshot(self, array: np.ndarray) -> Any:
        """The values of an array now; one value everywhere is a broadcast number."""
        first = array.flat[0] if array.size else 0
        if array.ndim and (
            not array.size
            or (array[(0,) * array.ndim] == array[(-1,) * array.ndim] and (array == first).all())
        ):
            return Tracer(
                node(broadcast, (constant(array.dtype.type(first)),), (array.shape, ())), self
            )
        return array.copy()

    def refuse(self, error: Exception) -> None:
        """Remember an error, and raise it when the trace ends if the program caught it."""
        self.refusals.append(error)

    peek = value

    def decide(self, x: Tracer, kind: type) -> Any:
        """A concrete value on which Python takes a decision, which is kept as a guard."""
        value = self.value(x.node)
        if np.size(value) == 1:
            self.guards.append(Guard(x.node, kind, kind(np.reshape(value, ())[()]), mark(2)))
        return value

    def decide_array(self, x: Tracer) -> np.ndarray:
        """A concrete array on which the program takes a decision, kept as a guard."""
        value = np.asarray(self.value(x.node))
        self.guards.append(Guard(x.node, Literal, Literal(value), mark(2)))
        return value

    def carries(self, x: Tracer) -> bool:
        """Whether there may be a derivative by way of ``x``."""
        n = x.node
        return n.level != 0 and n.op is not stop_gradient and n.type.differentiable

    def divides(self, divisor: Any, said: str) -> None:
        """Raise what Python does where it divides one of its own numbers by zero."""
        domain.check_divisor(self, divisor, said)

    def hashed(self, x: Tracer) -> int:
        """The hash of a number."""
        return domain.hashed(self, x)

    def cut(self, x: Tracer, how: str) -> Any:
        """Refuse a conversion that would cut the derivative; without one, decide."""
        # What is handed out is a copy: compiled code may write to it.
        if not self.carries(x):
            return self.decide_array(x).copy()
        if not self.root.differentiated and x.node.level <= self.root.level:
            return self.root.decide_array(x).copy()
        error = CutDerivative(f"{how} would cut the derivative: {remedy(mark(2), x)}", here())
        self.refuse(error)
        raise error


class tracing:  # noqa: N801 - used like a function
    """``with tracing() as trace:`` opens a trace inside the current one, and ends it in any case.

    What the program refused to be told is told again at the end: code that catches every error
    would otherwise go on with a number whose derivative is lost.
    """

    __slots__ = ("_differentiated", "_naming", "_patched", "_trace")

    def __init__(self, *, naming: bool = False, differentiated: bool = True) -> None:
        self._naming = naming
        self._differentiated = differentiated

    def __enter__(self) -> Trace:
        self._trace = Trace(current(), naming=self._naming, differentiated=self._differentiated)
        self._patched = stack.intercepting
        if self._patched:
            interception.open(naming=self._trace.naming)
        stack.traces.append(self._trace)
        return self._trace

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: object
    ) -> None:
        trace = self._trace
        trace.active = False
        stack.traces.remove(trace)
        if self._patched:
            interception.close()
        if trace.parent is None:
            trace.captures.release()
        told = instead_of(error, trace.refusals)
        if told is not None:
            raise told from (None if told in trace.refusals else error)
        if kind is ValueError and "read-only" in str(error) and trace.captures.held:
            raise TraceError(HELD, here()) from error


def value_of(x: Any) -> Any:
    """The concrete value of a traced array; anything else as it is."""
    return x.recorder.value(x.node) if type(x) is Tracer else x


__all__ = [
    "CONSTANT", "Guard", "Literal", "Trace", "Tracer", "cast", "current", "symbolic", "tracing",
    "value_of",
]  # fmt: skip
