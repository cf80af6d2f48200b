"""Which arguments to differentiate by: positions, names and paths, resolved against a call."""

from __future__ import annotations

import ast
import difflib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ..errors import ArgumentError, NotDifferentiable, Site, UnknownArgument, WrongKeyword
from ..ir.types import type_of
from ..trace.tracer import Tracer
from ..trace.tree import Structure, flatten

#: An argument's position, its name, or a path into it such as ``"params['w']"`` or ``"x[2]"``.
Wrt: TypeAlias = int | str | tuple[int | str, ...]

_FOREIGN = {
    "argnums": "wrt", "argnum": "wrt", "argnames": "wrt", "create_graph": None, "holomorphic": None,
    "allow_int": None, "strict": None, "mode": None,
}  # fmt: skip


def refuse_foreign(verb: str, keywords: dict[str, Any]) -> None:
    """Refuse a keyword argument that another library takes, naming ours."""
    for key, value in keywords.items():
        if key in _FOREIGN:
            ours = _FOREIGN[key]
            remedy = (
                f"Write {verb}(f, {ours}={value!r}); the first argument is 0, or use its name"
                if ours
                else "Leave it out; the arguments to differentiate by are wrt="
            )
            raise WrongKeyword(f"{verb} has no keyword {key!r}. {remedy}.")
        raise WrongKeyword(
            f"{verb} has no keyword {key!r}. The arguments to differentiate by are wrt=; keywords "
            f"of the function itself go to the function that {verb} returns."
        )


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to differentiate by: an argument, and a path into it (``"['w']"``, ``"[2]"``)."""

    position: int | None
    name: str
    steps: tuple[str, ...]
    keys: tuple[Any, ...]

    def __str__(self) -> str:
        return self.name + "".join(self.steps)


def parse_target(wrt: int | str, f: Callable[..., Any]) -> Target:
    """Resolve one entry of ``wrt`` against the signature of ``f``."""
    names = parameter_names(f)
    if isinstance(wrt, int | np.integer) and not isinstance(wrt, bool):
        position = int(wrt)
        if names is not None and position < 0:
            position += len(names)
        name = (
            names[position]
            if names is not None and 0 <= position < len(names)
            else f"argument {wrt}"
        )
        return Target(position, name, (), ())
    if not isinstance(wrt, str):
        raise ArgumentError(
            f"wrt is {wrt!r}, a {type(wrt).__name__}. Write an argument's position, its name, "
            "a path into it such as \"params['w']\", or a tuple of these."
        )
    try:
        name, steps, keys = _path(wrt)
    except (SyntaxError, ValueError):
        raise UnknownArgument(
            f"wrt={wrt!r} is not an argument's name or a path into one. "
            'Write "w", "params[\'w\']", "model.w" or "x[2]".'
        ) from None
    place: int | None = None
    if names is not None:
        if name in names:
            place = names.index(name)
        elif not _takes_keywords(f):
            listed = ", ".join(names) or "no arguments"
            called = getattr(f, "__name__", "the function")
            raise UnknownArgument(
                f"wrt={wrt!r}: {called} has no argument {name!r}; it takes {listed}. "
                f"{closest(name, names)}",
                defined_at(f),
            )
    return Target(place, name, tuple(steps), tuple(keys))


def closest(name: str, known: Sequence[str]) -> str:
    """The advice to write the known name that is most like ``name``; empty if none is."""
    near = difflib.get_close_matches(name, known, 1, 0.5)
    if not near and len(known) == 1:
        near = list(known)
    return f"Did you mean {near[0]!r}?" if near else ""


def defined_at(f: Callable[..., Any]) -> Site | None:
    """Where a function of the user's is defined."""
    code = getattr(inspect.unwrap(f), "__code__", None)
    return None if code is None else Site(code.co_filename, code.co_firstlineno, code.co_name)


def _path(text: str) -> tuple[str, list[str], list[Any]]:
    """The name, the steps and the keys of a path such as ``params['w'].b``."""
    steps: list[str] = []
    keys: list[Any] = []
    tree: ast.expr = ast.parse(text, mode="eval").body
    while not isinstance(tree, ast.Name):
        if isinstance(tree, ast.Subscript):
            key = ast.literal_eval(tree.slice)
            steps.insert(0, f"[{key!r}]")
        elif isinstance(tree, ast.Attribute):
            key = tree.attr
            steps.insert(0, f".{key}")
        else:
            raise SyntaxError(text)  # noqa: TRY004 (of the path, not of an argument)
        keys.insert(0, key)
        tree = tree.value
    return tree.id, steps, keys


def parameter_names(f: Callable[..., Any]) -> list[str] | None:
    """Names of the parameters in order, or ``None`` for a function that does not tell."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return None
    return [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]


def _takes_keywords(f: Callable[..., Any]) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(f).parameters.values())


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a target's argument stands in this call: an index into args, or a keyword."""

    key: int | str


@dataclass
class Selection:
    """The leaves of one call that are differentiated by.

    ``leaves`` are their values; ``rebuild`` puts traced ones in their place; ``structures`` say
    how the results of each target nest, and ``elements`` which element of them is asked for.
    """

    leaves: list[Any]
    names: list[str]
    structures: list[Structure]
    elements: list[tuple[Any, ...]]
    single: bool
    _args: tuple[Any, ...]
    _keywords: dict[str, Any]
    _whole: dict[int | str, tuple[list[Any], Structure]]
    places: list[tuple[int | str, int]]

    def rebuild(self, traced: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of the call, with ``traced`` in place of the selected leaves."""
        replaced = {key: list(leaves) for key, (leaves, _) in self._whole.items()}
        for (key, index), value in zip(self.places, traced, strict=True):
            replaced[key][index] = value
        args, keywords = list(self._args), dict(self._keywords)
        for key, leaves in replaced.items():
            value = self._whole[key][1].unflatten(leaves)
            if isinstance(key, int):
                args[key] = value
            else:
                keywords[key] = value
        return tuple(args), keywords

    def unflatten(self, results: Sequence[Any]) -> Any:
        """Results, one for each leaf, in the structure of the targets."""
        supply = iter(results)
        trees = [s.unflatten([next(supply) for _ in range(s.count)]) for s in self.structures]
        return trees[0] if self.single else tuple(trees)


def select(
    f: Callable[..., Any],
    targets: Sequence[Target],
    single: bool,
    args: tuple[Any, ...],
    keywords: dict[str, Any],
    verb: str,
) -> Selection:
    """The leaves of this call that ``targets`` name."""
    whole: dict[int | str, tuple[list[Any], Structure]] = {}
    found = Selection([], [], [], [], single, args, keywords, whole, [])
    for target in targets:
        key = _slot(f, target, args, keywords, verb)
        if key not in whole:
            value = args[key] if isinstance(key, int) else keywords.get(key, _missing)
            if value is _missing:
                value = inspect.signature(f).parameters[str(key)].default
            whole[key] = flatten(value)
        leaves, structure = whole[key]
        first, part, consumed = _descend(structure, target)
        found.structures.append(part)
        found.elements.append(target.keys[consumed:])
        for k in range(first, first + part.count):
            name = target.name + structure.paths[k]
            found.leaves.append(_differentiable(leaves[k], name, verb))
            found.names.append(name)
            found.places.append((key, k))
    return found


_missing = inspect.Parameter.empty


def _slot(
    f: Any, target: Target, args: tuple[Any, ...], keywords: dict[str, Any], verb: str
) -> int | str:
    if target.position is not None and target.position < len(args):
        return target.position
    if target.name in keywords:
        return target.name
    names = parameter_names(f)
    if names is not None and target.name in names:
        parameter = inspect.signature(f).parameters[target.name]
        if parameter.default is not _missing:
            return target.name
        raise ArgumentError(
            f"{verb}: the argument {target.name!r} to differentiate by was not given. "
            f"Call with {target.name}=…, or name another argument with wrt=."
        )
    given = f"{len(args)} positional argument{'s' if len(args) != 1 else ''}"
    raise UnknownArgument(
        f"{verb}: wrt names {target}, and the call has {given}. "
        f"{closest(target.name, list(keywords)) or 'Name one that is given.'}"
    )


def _descend(structure: Structure, target: Target) -> tuple[int, Structure, int]:
    """The first leaf and the structure of what the path names, and how many steps it took."""
    first = 0
    for taken, step in enumerate(target.steps):
        if structure.kind is None:
            return first, structure, taken  # the rest is an index into the array
        if step not in structure.steps:
            options = ", ".join(target.name + s for s in structure.steps)
            near = closest(target.name + step, [target.name + s for s in structure.steps])
            raise UnknownArgument(
                f"wrt={str(target)!r} leads nowhere in this call: there is {options}. {near}"
            )
        k = structure.steps.index(step)
        first += sum(child.count for child in structure.children[:k])
        structure = structure.children[k]
    return first, structure, len(target.steps)


def _differentiable(leaf: Any, name: str, verb: str) -> Any:
    """The leaf as something a trace can hold; refuse what does not vary continuously."""
    given = leaf
    if type(leaf) is Tracer:
        dtype = leaf.node.type.dtype
    else:
        if type(leaf) not in (float, complex, int, bool) and not isinstance(
            leaf, np.ndarray | np.generic
        ):
            try:
                leaf = np.asarray(leaf)
            except Exception:  # noqa: BLE001 (whatever a foreign class raises)
                leaf = np.asarray(None)
        dtype = type_of(leaf).dtype
    if dtype.kind not in "fc":
        kind = {"i": "an integer", "u": "an integer", "b": "a boolean"}.get(dtype.kind)
        if kind is None:
            raise NotDifferentiable(
                f"{verb}: the argument {name} is a {type(given).__name__}, which is not an array of "
                "numbers. Pass floats, or name another argument with wrt=."
            )
        what = f"{kind} array" if np.ndim(leaf) else kind
        remedy = f"np.asarray({name}, float)" if np.ndim(leaf) else f"float({name})"
        raise NotDifferentiable(
            f"{verb}: the argument {name} is {what} ({dtype}), which has no derivative. "
            f"Pass {remedy}, or name another argument with wrt=."
        )
    return leaf


def as_targets(wrt: Wrt, f: Callable[..., Any]) -> tuple[list[Target], bool]:
    """The targets that ``wrt`` names, and whether it names just one."""
    if isinstance(wrt, tuple):
        return [parse_target(w, f) for w in wrt], False
    return [parse_target(wrt, f)], True
