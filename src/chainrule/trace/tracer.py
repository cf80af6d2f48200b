"""The traced array: a node dressed as an ndarray.

NumPy's own dispatch protocols bring every ufunc and function call here, so the user's code and
our derivative rules are both plain NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..ir.node import Node
from ..ir.primitive import Primitive
from ..ir.types import ArrayType
from ..ops import arithmetic as ar
from ..ops.elementwise import Elementwise
from ..ops.structural import cast, transpose
from .attributes import Attributes, no_part, ofarrays
from .exchange import keep_meaning
from .site import is_formatting
from .text import Text, shown

#: NumPy, whose stubs do not know that a tracer is as good as an array.
_numpy: Any = np

#: The trace that a tracer belongs to: see ``Recorder``, which knows tracers.
Trace = Any


class Tracer(Attributes):
    """An array whose operations are recorded. ``node`` is what it stands for."""

    # The last three are set only on arrays that have views or were written to: see aliases.py.
    __slots__ = ("__weakref__", "memory", "node", "origin", "recorder", "views")
    __array_priority__ = 1000.0
    __pandas_priority__ = 5000  # a Series beside a traced array leaves it to us
    __hash__ = Attributes.__hash__

    node: Node
    recorder: Trace
    memory: Any
    origin: Any
    views: list[Any]

    def __init__(self, node: Node, trace: Trace) -> None:
        self.node = node
        self.recorder = trace

    # -- recording -------------------------------------------------------------------------------

    def __record__(self, op: Primitive, args: Any, params: tuple[Any, ...]) -> Any:
        trace = self.recorder
        nodes = []
        for arg in args:
            if type(arg) is Tracer:
                if arg.recorder is not trace:
                    trace = trace.meet(arg.recorder)
            else:
                arg = trace.lift(arg)
                if arg.recorder is not trace:
                    trace = trace.meet(arg.recorder)
            nodes.append(arg.node)
        return trace.record(op, tuple(nodes), params)

    def __trace__(self) -> Any:
        return self.recorder

    def wrap(self, node: Node) -> Tracer:
        """Another node of the same trace, without an event of its own."""
        return Tracer(node, self.recorder)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        return self.recorder.ufunc(ufunc, method, inputs, keywords)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, keywords: Any
    ) -> Any:
        return self.recorder.function(function, args, keywords, types)

    # -- what an array says of itself ------------------------------------------------------------

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """Code that asks ``isinstance(x, np.ndarray)`` is answered as NumPy would answer it."""
        t = self.node.type
        if t.shape:
            return np.ndarray
        return _PYTHON.get(t.dtype.kind, float) if t.weak else t.dtype.type

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes, each an ``int`` that remembers where it came from."""
        return self.recorder.shape(self)  # type: ignore[no-any-return]

    @shape.setter
    def shape(self, shape: Any) -> None:
        self.recorder.reshape(self, shape)

    @property
    def dtype(self) -> np.dtype:
        """The dtype."""
        dtype: np.dtype = self.node.type.dtype
        return dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.node.type.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(self.node.type.size)

    @property
    def device(self) -> str:
        """Where the array lives, as NumPy says it."""
        return "cpu"

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """NumPy, to code that asks which library's array this is."""
        return np

    @property
    def itemsize(self) -> int:
        """Bytes for one element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes for all elements."""
        return self.size * self.dtype.itemsize

    def _length(self) -> int:
        return int(self.node.type.shape[0])

    __len__ = ofarrays(_length, "len() of unsized object")

    def __iter__(self) -> Iterator[Any]:
        if not self.node.type.shape:
            raise TypeError("iteration over a 0-d array")
        return iter([self[k] for k in range(self.node.type.shape[0])])

    def __repr__(self) -> str:
        return f"<traced {self.node.type}>"

    def __str__(self) -> str:
        """The value at hand: a program that prints what it computes prints numbers."""
        value = shown(self)
        return repr(self) if value is None else Text.of(str(value), self)

    def __format__(self, spec: str) -> str:
        return Text.of(format(shown(self), spec), self) if spec else str(self)

    # -- where a concrete value is needed --------------------------------------------------------

    def __bool__(self) -> bool:
        return bool(self.recorder.decide(self, bool))

    def __index__(self) -> int:
        t = self.node.type
        if t.shape or t.dtype.kind not in "iu":
            raise TypeError("only integer scalar arrays can be converted to a scalar index")
        return int(self.recorder.decide(self, int))

    def __int__(self) -> int:
        return int(self.recorder.decide(self, int))

    def __round__(self, ndigits: int | None = None) -> Any:
        return int(np.rint(self)) if ndigits is None else self._as_python(np.round(self, ndigits))

    def _as_python(self, made: Any) -> Any:
        """What an operation of Python made of this: of a Python number, a Python number."""
        return cast.bind((made,), made.dtype, True) if self.node.type.weak else made

    def __floor__(self) -> int:
        return int(np.floor(self))

    def __ceil__(self) -> int:
        return int(np.ceil(self))

    def __trunc__(self) -> int:
        return int(self)

    def __float__(self) -> float:
        if is_formatting():
            return float(shown(self))
        return float(self.recorder.cut(self, "float(x)"))

    def __complex__(self) -> complex:
        return complex(self.recorder.cut(self, "complex(x)"))

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self.recorder.cut(self, "a conversion to a plain array"))

    def item(self, *index: int) -> Any:
        """The element as a scalar, still traced."""
        if not index:
            return np.reshape(self, ())
        if len(index) == 1 and isinstance(index[0], int):
            return np.ravel(self)[index[0]]
        return self[index[0] if len(index) == 1 else index]

    def tolist(self) -> Any:
        """Nested lists of traced scalars."""
        return [x.tolist() if x.ndim else x for x in self] if self.ndim else self

    # -- methods, as ndarray has them ------------------------------------------------------------

    @property
    def T(self) -> Any:
        """The transpose."""
        return self.recorder.viewed(self, transpose(self), _transposed)

    @property
    def mT(self) -> Any:
        """The transpose of the last two axes."""
        return np.swapaxes(self, -1, -2)

    @property
    def real(self) -> Any:
        """The real part: of a real array the same elements, of a complex one not to be written to."""
        if self.node.type.dtype.kind == "c":
            return self.recorder.viewed(self, np.real(self), no_part)
        return self.recorder.viewed(self, self.copy(), _same)

    @real.setter
    def real(self, value: Any) -> None:
        self[...] = value + 1j * self.imag if self.dtype.kind == "c" else value

    @property
    def imag(self) -> Any:
        """The imaginary part, not to be written to."""
        return self.recorder.viewed(self, np.imag(self), no_part)

    @imag.setter
    def imag(self, value: Any) -> None:
        self[...] = self.real + 1j * value

    @property
    def flat(self) -> Any:
        """The elements in order, as one axis."""
        return np.ravel(self)

    @flat.setter
    def flat(self, value: Any) -> None:
        np.ravel(self)[...] = value

    @property
    def flags(self) -> Any:
        """The flags of a fresh array in C order."""
        return np.empty(self.node.type.shape, self.dtype).flags

    def astype(
        self,
        dtype: Any,
        order: str = "K",
        casting: str = "unsafe",
        subok: bool = True,
        copy: bool = True,
    ) -> Any:
        """A cast; to an integer or boolean it is piecewise constant."""
        made = cast(self, np.dtype(dtype))
        return made.copy() if made is self and copy else made

    def copy(self, order: str = "C") -> Any:
        """The same value, as an array of its own: an update in place of one leaves the other."""
        return Tracer(self.node, self.recorder)

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __reduce__(self) -> Any:
        return self.recorder.cut(self, "pickling it").__reduce__()

    def view(self, *args: Any, **keywords: Any) -> Any:
        """The same elements as another array object; of a complex array also its parts in turn."""
        given = (*args, *keywords.values())
        keep_meaning(given)
        kinds = [a for a in given if not (isinstance(a, type) and issubclass(a, np.ndarray))]
        if not kinds or np.dtype(kinds[0]) == self.dtype:
            return self.recorder.viewed(self, self.copy(), _same)
        return self.recorder.viewed(self, _reinterpreted(self, np.dtype(kinds[0])), no_part)

    def fill(self, value: Any) -> None:
        """Set every element."""
        self[...] = value

    def sort(self, axis: int = -1, kind: Any = None, order: Any = None, **_: Any) -> None:
        """Sort in place."""
        self[...] = np.sort(self, axis)

    def put(self, indices: Any, values: Any, mode: Any = "raise") -> None:
        """As :func:`numpy.put`."""
        _numpy.put(self, indices, values, mode)

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        """As :func:`numpy.reshape`."""
        return _numpy.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)

    def transpose(self, *axes: Any) -> Any:
        """As :meth:`numpy.ndarray.transpose`."""
        return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def __matmul__(self, other: Any) -> Any:
        return NotImplemented if _defers(other) else _numpy.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return _numpy.matmul(other, self)

    def __imatmul__(self, other: Any) -> Any:
        return self.recorder.update(self, _numpy.matmul(self, other))

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __getitem__(self, index: Any) -> Any:
        return self.recorder.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self.recorder.write(self, index, value)


_PYTHON = {"i": int, "u": int, "b": bool, "c": complex}


def _transposed(memory: Any) -> Any:
    return memory.T


def _same(memory: Any) -> Any:
    return memory[...]


def _reinterpreted(x: Tracer, dtype: np.dtype) -> Any:
    """The same bytes as another dtype, where that is a matter of real and imaginary parts."""
    own = x.dtype
    shape = x.node.type.shape
    if own.kind == "c" and dtype == np.empty(0, own).real.dtype and shape:
        parts = np.stack([np.real(x), np.imag(x)], axis=-1)
        return np.reshape(parts, (*shape[:-1], 2 * shape[-1]))
    if dtype.kind == "c" and own == np.empty(0, dtype).real.dtype and shape and shape[-1] % 2 == 0:
        return x[..., ::2] + 1j * x[..., 1::2]
    raise TypeError(
        f"a view of {own} as {dtype} cannot be traced. Use astype to convert the numbers"
    )


def _method(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def method(self: Tracer, *args: Any, **keywords: Any) -> Any:
        return function(self, *args, **keywords)

    method.__name__ = name
    method.__doc__ = f"As :func:`numpy.{name}`."
    return method


for _name in (
    "sum", "prod", "mean", "var", "std", "max", "min", "argmax", "argmin", "cumsum", "cumprod",
    "any", "all", "ravel", "squeeze", "swapaxes", "diagonal", "trace", "repeat", "take", "dot",
    "clip", "round", "argsort",
    "nonzero", "ptp", "searchsorted", "choose",
):  # fmt: skip
    setattr(Tracer, _name, _method(_name))


def _flatten(self: Tracer, order: str = "C") -> Any:
    """As :meth:`numpy.ndarray.flatten`: a copy."""
    return _numpy.ravel(self, order).copy()


def _compress(self: Tracer, condition: Any, axis: int | None = None, out: Any = None) -> Any:
    """As :meth:`numpy.ndarray.compress`."""
    return _numpy.compress(condition, self, axis, out)


Tracer.compress = _compress  # type: ignore[attr-defined]
Tracer.flatten = _flatten  # type: ignore[attr-defined]
Tracer.conj = Tracer.conjugate = _method("conjugate")  # type: ignore[attr-defined]


def _operator(op: Elementwise) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    def forward(self: Tracer, other: Any) -> Any:
        if type(other) is Tracer:
            trace = self.recorder
            if other.recorder is not trace:
                trace = trace.meet(other.recorder)
            return trace.record(op, (self.node, other.node), ())
        if _defers(other):
            return NotImplemented
        return _joined(op, self, other, reflected=False)

    def backward(self: Tracer, other: Any) -> Any:
        return _joined(op, self, other, reflected=True)

    def in_place(self: Tracer, other: Any) -> Any:
        made = forward(self, other)
        if made is NotImplemented or not self.shape:
            return made  # a scalar is immutable: the name is bound anew
        return self.recorder.update(self, made)

    return forward, backward, in_place


def _joined(op: Elementwise, x: Tracer, other: Any, *, reflected: bool) -> Any:
    """``x op other`` where ``other`` is no tracer."""
    trace = x.recorder
    lifted = trace.lift(other)
    if lifted.recorder is not trace:
        trace = trace.meet(lifted.recorder)  # an array that holds values of an inner trace
    nodes = (lifted.node, x.node) if reflected else (x.node, lifted.node)
    return trace.record(op, nodes, ())


def _defers(other: Any) -> bool:
    """Whether the other operand is to answer, by ndarray's own rules: a sparse array is."""
    kind = type(other)
    if kind is float or kind is int or kind is np.ndarray:
        return False
    protocol = getattr(kind, "__array_ufunc__", _absent)
    return not hasattr(kind, "__dlpack__") and (
        protocol is None or (protocol is _absent and hasattr(kind, "__array_priority__"))
    )


_absent = object()


def _dividing(methods: Any, said: str) -> Any:
    """Operators of division, which of Python's numbers raise ``ZeroDivisionError``."""
    forward, backward, in_place = methods

    def divided(self: Tracer, other: Any) -> Any:
        if self.node.type.weak:
            self.recorder.divides(other, said)
        return forward(self, other)

    def divides(self: Tracer, other: Any) -> Any:
        if self.node.type.weak and type(other) in (int, float):
            self.recorder.divides(self, said)
        return backward(self, other)

    def divided_in_place(self: Tracer, other: Any) -> Any:
        if self.node.type.weak:
            self.recorder.divides(other, said)
        return in_place(self, other)

    return divided, divides, divided_in_place


_DIVISIONS = {
    "truediv": "float division by zero", "floordiv": "float floor division by zero",
    "mod": "float modulo",
}  # fmt: skip
for _symbol, _op in {
    "add": ar.add, "sub": ar.subtract, "mul": ar.multiply, "truediv": ar.divide, "pow": ar.power,
    "floordiv": ar.floor_divide, "mod": ar.remainder, "and": ar.bitwise_and, "or": ar.bitwise_or,
    "xor": ar.bitwise_xor,
}.items():  # fmt: skip
    _forward, _backward, _in_place = _operator(_op)
    if _symbol in _DIVISIONS:
        _forward, _backward, _in_place = _dividing(_operator(_op), _DIVISIONS[_symbol])
    setattr(Tracer, f"__{_symbol}__", _forward)
    setattr(Tracer, f"__r{_symbol}__", _backward)
    setattr(Tracer, f"__i{_symbol}__", _in_place)
for _symbol, _op in {
    "lt": ar.less, "le": ar.less_equal, "gt": ar.greater, "ge": ar.greater_equal, "eq": ar.equal,
    "ne": ar.not_equal,
}.items():  # fmt: skip
    setattr(Tracer, f"__{_symbol}__", _operator(_op)[0])
for _symbol, _op in {
    "neg": ar.negative,
    "pos": ar.positive,
    "abs": ar.absolute,
    "invert": ar.invert,
}.items():

    def _unary(self: Tracer, op: Elementwise = _op) -> Any:
        return self.recorder.record(op, (self.node,), ())

    setattr(Tracer, f"__{_symbol}__", _unary)


__all__ = ["ArrayType", "Tracer"]
