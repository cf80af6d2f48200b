"""Updates in place of traced arrays, with NumPy's aliasing.

A traced array costs nothing extra until it is written to. It only remembers which array it is a
view of, and which arrays are views of it. At the first write to any of a family of views, the
whole family is given memory (a :class:`~chainrule.trace.buffers.Buffer`), each member its own
view of it, and becomes :class:`Written`: from then on NumPy itself answers who sees the change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from sys import getrefcount
from typing import Any
from weakref import ref

import numpy as np

from ..errors import CutDerivative
from ..ops.structural import broadcast, cast
from .attributes import no_part
from .buffers import Buffer, buffer
from .memory import poison
from .methods import shares
from .site import here, mark, stores_attribute
from .tracer import Tracer

_set_class = object.__dict__["__class__"].__set__


class Written(Tracer):
    """A traced array that was updated in place: its value is what its memory holds now."""

    __slots__ = ()

    @property
    def node(self) -> Any:  # type: ignore[override]
        """The node of the value at this moment."""
        return self.memory.lifted().node

    @property
    def recorder(self) -> Any:
        """The innermost trace that its value belongs to."""
        return self.memory.memory.recorder

    def __traced__(self, trace: Any) -> Tracer:
        return self.memory.lifted()  # type: ignore[no-any-return]

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return self.memory.shape  # type: ignore[no-any-return]

    @shape.setter
    def shape(self, shape: Any) -> None:
        self.memory.shape = shape

    @property
    def dtype(self) -> np.dtype:
        """The dtype."""
        return self.memory.dtype  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.memory.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.memory.size  # type: ignore[no-any-return]

    @property
    def T(self) -> Any:
        """The transpose, a view."""
        return self.memory.T

    def __len__(self) -> int:
        return len(self.memory)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.memory)

    def __getitem__(self, index: Any) -> Any:
        return self.memory[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self.memory[index] = value

    def reshape(self, *shape: Any, order: Any = "C") -> Any:
        """A view under another shape."""
        return self.memory.reshape(*shape, order=order)

    def transpose(self, *axes: Any) -> Any:
        """A view with the axes permuted."""
        return self.memory.transpose(*axes)

    def view(self, *args: Any) -> Any:
        """Another array over the same elements."""
        return self.memory.view(*args)


def _on_memory(name: str) -> Callable[..., Any]:
    def method(self: Written, *args: Any, **keywords: Any) -> Any:
        return getattr(self.memory, name)(*args, **keywords)

    method.__name__ = name
    method.__doc__ = f"As :meth:`numpy.ndarray.{name}`."
    return method


for _name in ("swapaxes", "squeeze", "ravel", "diagonal"):
    setattr(Written, _name, _on_memory(_name))


# -- families of views -----------------------------------------------------------------------------


def link(parent: Tracer, child: Any, recipe: Callable[[Any], Any]) -> Any:
    """Remember that ``child`` is a view of ``parent``: what ``recipe`` makes of its memory."""
    if type(child) is Tracer and child is not parent and child.node.type.shape:
        child.origin = (parent, recipe)
        try:
            parent.views.append(ref(child))
        except AttributeError:
            parent.views = [ref(child)]
    return child


def link_results(function: Callable[..., Any], args: Any, keywords: Any, result: Any) -> Any:
    """Remember which results of a NumPy function are views of its first argument."""
    parent = args[0] if args else None
    if type(parent) is not Tracer or keywords.get("order", "C") not in ("C", "K", "A"):
        return result

    def recipe(memory: Any) -> Any:
        return function(memory, *args[1:], **keywords)

    if type(result) is Tracer:
        return link(parent, result, recipe)
    if isinstance(result, list | tuple):
        for k, item in enumerate(result):
            link(parent, item, partial(_part, recipe, k))
    return result


def _part(recipe: Callable[[Any], Any], k: int, memory: Any) -> Any:
    return recipe(memory)[k]


def is_alone(x: Tracer) -> bool:
    """Whether no other array shares the elements of ``x``."""
    views = getattr(x, "views", None)
    if views:
        x.views = views = [view for view in views if view() is not None]
    return not views and getattr(x, "origin", None) is None


def _is_forgotten(child: Tracer) -> bool:
    """Whether what ``child`` is a part of, and all that shares its elements, is out of reach."""
    while getattr(child, "origin", None) is not None:
        seen = [view for view in getattr(child.origin[0], "views", ()) if view() is not None]
        if len(seen) != 1 or _holders(child) != _HOLDERS_OF_ONE:
            return False
        child = child.origin[0]
    return True


def _holders(child: Any) -> int:
    """How many hold the array that ``child`` is a view of."""
    return getrefcount(child.origin[0])


class _Alone:
    def __init__(self) -> None:
        self.origin = (object(), None)


#: What is counted where only the view itself holds it.
_HOLDERS_OF_ONE = _holders(_Alone())


def give_memory(x: Tracer) -> Buffer:
    """Turn the family of ``x`` into arrays over one memory; the part that is ``x``."""
    root = x
    while getattr(root, "origin", None) is not None:
        if root.origin[1] is no_part and _is_forgotten(root):
            root.origin = None  # the only one of its family that the program can still see
            break
        root = root.origin[0]
    if type(root) is not Written:
        t = root.node.type
        if t.weak or not t.shape:
            raise TypeError("a scalar cannot be assigned to")
        value = Tracer(root.node, root.recorder)
        known = root.recorder.peek(root.node) if not root.node.args else None
        layout = (
            np.empty(t.shape, t.dtype)
            if known is None
            else np.empty_like(known, t.dtype, subok=False)
        )
        layout[...] = poison(t.dtype) if t.differentiable else 0
        made = buffer(layout, root.recorder)
        if t.differentiable:
            made[...] = value
        else:
            made[...] = root.recorder.decide_array(value)
        _adopt(root, made)
    return x.memory  # type: ignore[no-any-return]


def _adopt(member: Tracer, memory: Any) -> None:
    views = getattr(member, "views", ())
    _set_class(member, Written)
    member.memory = memory
    member.origin = None
    member.views = []
    for reference in views:
        child = reference()
        if child is None or child.origin is None or child.origin[0] is not member:
            continue
        own = child.origin[1](memory)
        if shares(own, memory):
            _adopt(child, own)
        else:
            child.origin = None  # NumPy gives a copy here


def give_shape(x: Tracer, shape: Any) -> None:
    """``x.shape = shape``."""
    if type(x) is Written:
        x.memory.shape = shape
    elif is_alone(x):
        made: Any = np.reshape(x, shape)
        x.node = made.node
    else:
        raise TypeError("the shape of an array of which there are views cannot be set. Use reshape")


# -- writing ---------------------------------------------------------------------------------------


def write(x: Tracer, index: Any, value: Any) -> None:
    """``x[index] = value``."""
    if type(x) is Tracer and not x.node.type.shape:
        holders = getrefcount(x)
        if value is _PROBE:
            _probed.append(holders)
        else:
            _write_number(x, index, value, holders)
        return
    whole = index is Ellipsis or (type(index) is slice and index == slice(None))
    if whole and is_alone(x) and x.node.type.shape:
        replace(x, x.recorder.lift(value))
    else:
        give_memory(x)[index] = value


def _write_number(x: Tracer, index: Any, value: Any, holders: int) -> None:
    """``x[...] = value`` or ``x[condition] = value`` for an array without axes.

    Whether NumPy gave it another name or a copy cannot be told (``np.asarray`` copies a number, and
    hands on an array without axes), so there must be only one name.
    """
    chosen = index if isinstance(index, bool | np.bool_) or issubclass(type(index), Tracer) else None
    if chosen is None and index is not Ellipsis and index != ():
        raise IndexError("too many indices for array: array is 0-dimensional")
    if chosen is not None and (np.shape(chosen) or np.result_type(chosen).kind != "b"):
        raise IndexError("an array without axes takes a condition without axes, or `...`")
    probe = x.copy()
    probe[()] = _PROBE
    if not is_alone(x) or holders > _probed.pop():
        raise TypeError(
            "a number that has another name too was assigned to. Write np.where(condition, new, old), "
            "or assign to np.copy of it"
        )
    if chosen is None or bool(chosen):
        made: Any = np.reshape(x.recorder.lift(value), ())
        replace(x, made)


_PROBE = object()
_probed: list[int] = []


def replace(x: Tracer, value: Tracer) -> None:
    """``x[...] = value`` for an array of which there are no views."""
    t = x.node.type
    if value.node.type.dtype.kind == "c" and t.dtype.kind != "c":
        raise TypeError(f"a complex value cannot be stored in an array of {t.dtype}")
    value = cast(value, t.dtype)
    shape = value.node.type.shape
    if shape != t.shape:
        if np.broadcast_shapes(shape, t.shape) != t.shape:
            raise ValueError(
                f"could not broadcast input array from shape {shape} into shape {t.shape}"
            )
        spread: Any = np.broadcast_to(value, t.shape) if shape else broadcast(value, t.shape)
        value = spread
    x.node, x.recorder = value.node, value.recorder


def update(x: Tracer, value: Tracer) -> Tracer:
    """``x += …`` where ``value`` is the new value: the array stays the same object."""
    check_update(x.shape, x.dtype, value)
    origin = None if type(x) is Written else getattr(x, "origin", None)
    if origin is not None and origin[1] is no_part and stores_attribute(mark()):
        return cast(value, x.dtype).copy()  # type: ignore[no-any-return] # `z.imag *= 2` puts it back
    if type(x) is Tracer and is_alone(x):
        replace(x, value)
    else:
        (x.memory if type(x) is Written else give_memory(x))[...] = value
    return x


def check_update(shape: tuple[int, ...], dtype: np.dtype, value: Tracer) -> None:
    """What NumPy checks before it writes a result to an array."""
    t = value.node.type
    if t.shape != tuple(shape) and np.broadcast_shapes(t.shape, shape) != tuple(shape):
        raise ValueError(
            f"non-broadcastable output operand with shape {tuple(shape)} doesn't match the "
            f"broadcast shape {t.shape}"
        )
    if not t.weak and not np.can_cast(t.dtype, dtype, "same_kind"):
        raise TypeError(
            f"Cannot cast ufunc output from {t.dtype!r} to {dtype!r} with casting rule 'same_kind'"
        )


def assign(target: Any, value: Any) -> Any:
    """``out=target``: write a result where the program wants it."""
    if type(target) is tuple:
        target = target[0]
    if type(target) is Tracer or type(target) is Written:
        return update(target, target.recorder.lift(value))
    if type(target) is Buffer:
        if issubclass(type(value), Tracer):
            check_update(target.shape, target.dtype, value)
        target[...] = value
        return target
    if not issubclass(type(value), Tracer):
        target[...] = value
        return target
    error = CutDerivative(
        "out= names an array that was made outside of the function, which cannot hold a traced "
        "value. Make it inside, with np.empty, or leave out= away.",
        here(),
    )
    value.recorder.refuse(error)
    raise error
