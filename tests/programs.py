"""Random NumPy programs as source text, for the fuzz: one template for each way people write NumPy.

A program is built statement by statement and run as it is built, so that every statement is known
to be valid where it stands: operands fit, values are finite and of moderate size, and no value
lies near a kink. The source is what a failure prints, so it runs by itself.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeAlias

import numpy as np
import scipy.linalg as sl
import scipy.special as ss

#: What a program may use.
MODULES: dict[str, Any] = {"np": np, "ss": ss, "sl": sl, "math": math}
#: How far from a kink or a jump the deciding value must be.
MARGIN = 0.02


@dataclass
class Source:
    """A program: the text of ``f``, and the arguments that it was built on."""

    parameters: list[str]
    lines: list[str]
    arguments: list[Any]
    constants: dict[str, Any]
    analytic: bool = True

    @property
    def text(self) -> str:
        """The definition of ``f``."""
        return f"def f({', '.join(self.parameters)}):\n" + "\n".join(f"    {s}" for s in self.lines)

    def compiled(self) -> Callable[..., Any]:
        """``f`` itself."""
        namespace: dict[str, Any] = {**MODULES, **self.constants}
        exec(compile(self.text, "<program>", "exec"), namespace)
        function: Callable[..., Any] = namespace["f"]
        return function

    def script(self) -> str:
        """The program as a file that runs by itself."""
        given = [f"{n} = {_literal(v)}" for n, v in self.constants.items()]
        given += [
            f"{n} = {_literal(v)}" for n, v in zip(self.parameters, self.arguments, strict=True)
        ]
        names = ", ".join(self.parameters)
        return "\n".join(
            [
                "import math",
                "import numpy as np",
                "import scipy.linalg as sl",
                "import scipy.special as ss",
                "import chainrule as cr",
                *given,
                self.text,
                f"print(f({names}))",
                f"print(cr.jvp(f, ({names},), ({names},)))",
                f"print(cr.grad(lambda *p: np.sum(f(*p)), wrt={tuple(range(len(self.parameters)))})({names}))",
            ]
        )


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {_literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, tuple):
        return "(" + "".join(_literal(v) + ", " for v in value) + ")"
    return f"np.array({value.tolist()!r})" if isinstance(value, np.ndarray) else repr(float(value))


Template: TypeAlias = Callable[["Writer"], bool]


@dataclass
class Writer:
    """A program in the making, with the value of everything that it has named."""

    rng: Random
    values: dict[str, Any] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    analytic: bool = True
    count: int = 0

    def value(self, expression: str) -> Any:
        """What an expression is worth at this point of the program."""
        return eval(expression, {**MODULES, **self.constants, **self.values})  # noqa: S307 - ours

    def pick(self, *, ndim: Sequence[int] = (0, 1, 2, 3), most: float = 1e3) -> str | None:
        """The name of a value with so many axes and no entry larger; later ones are likelier."""
        fitting = [
            n
            for n in self.names
            if np.ndim(v := self.value(n)) in ndim and np.all(np.abs(v) <= most)
        ]
        if not fitting:
            return None
        return fitting[-1 - min(self.rng.randrange(len(fitting)), self.rng.randrange(len(fitting)))]

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a named value."""
        return np.shape(self.value(name))

    def number(self) -> str:
        """A plain number as one writes it."""
        return self.rng.choice(["2", "0.5", "3.0", "1", "0.25", "1.5", "-2.0", "-0.7"])

    def clear_of(self, expression: str) -> bool:
        """Whether no entry of a deciding value is near zero; the program is then not analytic."""
        self.analytic = False
        return bool(np.all(np.abs(self.value(expression)) > MARGIN))

    def emit(self, expression: str) -> bool:
        """Name a new value, unless it is of no use."""
        return self.block([f"{{}} = {expression}"])

    def block(self, lines: Sequence[str]) -> bool:
        """Add statements that make the value ``{}``, unless it is of no use."""
        name = f"v{self.count}"
        written = [line.replace("{}", name) for line in lines]
        scope = {**MODULES, **self.constants, **self.values}
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Mean of empty slice")  # NaN, of no use
                exec("\n".join(written), scope)
        except (ValueError, IndexError, TypeError, ArithmeticError):  # AxisError is among them
            return False
        made = scope[name]
        if np.result_type(made) != np.float64 or not 0 < np.size(made) <= 60 or np.ndim(made) > 3:
            return False
        if not np.all(np.isfinite(made)) or not 1e-3 < np.max(np.abs(made)) < 50:
            return False
        self.count += 1
        self.values[name] = made
        self.names.append(name)
        self.lines += written
        return True


def _arguments(w: Writer) -> tuple[list[str], list[Any]]:
    """One to three arguments, some of them nested; what can be read of each gets a name."""
    rng = w.rng
    draw = np.random.default_rng(rng.randrange(1 << 30))

    def array(*shape: int) -> Any:
        return np.round(draw.uniform(0.2, 1.6, shape) * draw.choice([-1.0, 1.0], shape), 3)

    n, m = rng.randint(2, 4), rng.randint(2, 4)
    makers: list[Callable[[], Any]] = [
        lambda: array(n),
        lambda: array(n, m),
        lambda: array(n, n),
        lambda: array(2, n, m),
        lambda: float(array(1)[0]),
        lambda: array(),
        lambda: {"w": array(n, m), "b": array(m)},
        lambda: [array(n), array(n)],
        lambda: (array(n), {"s": float(array(1)[0])}),
    ]
    parameters, arguments = [], []
    for parameter in "xyz"[: rng.choice([1, 1, 2, 2, 3])]:
        value = makers[rng.choice([0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8])]()
        parameters.append(parameter)
        arguments.append(value)
        w.values[parameter] = value
        if isinstance(value, dict):
            w.names += [f"{parameter}['w']", f"{parameter}['b']"]
        elif isinstance(value, list):
            w.names += [f"{parameter}[0]", f"{parameter}[1]"]
        elif isinstance(value, tuple):
            w.names += [f"{parameter}[0]", f"{parameter}[1]['s']"]
        else:
            w.names.append(parameter)
    w.constants = {"C": array(n), "M": array(n, m)}
    return parameters, arguments


def generate(rng: Random, templates: Sequence[Template]) -> Source:
    """A random program of up to ten statements."""
    w = Writer(rng)
    parameters, arguments = _arguments(w)
    wanted = rng.randint(2, 9)
    for _ in range(12 * wanted):
        if w.count >= wanted:
            break
        analytic = w.analytic
        if not rng.choice(templates)(w):
            w.analytic = analytic
    made = [n for n in w.names if n.startswith("v")] or w.names
    result = made[-1]
    # Nothing computed on the way is left dangling, so that all of it is differentiated.
    for other in made[:-1][-4:]:
        if rng.random() < 0.6:
            result = f"{result} + 0.3 * np.sum({other})"
    w.lines.append(f"return {result}")
    return Source(parameters, w.lines, arguments, w.constants, w.analytic)
