"""Everything chainrule raises: one class for each cause that a program could want to catch.

::

    ChainruleError
    ├── TraceError (TypeError)                 the function could not be recorded
    │   ├── UnsupportedFunction                a function with no derivative here was called
    │   ├── CutDerivative                      a conversion would have lost the derivative
    │   └── EndedTrace                         a traced value outlived its trace
    ├── ShapeMismatch (ValueError)             the user's own shapes do not fit together
    ├── ArgumentError (TypeError)              a verb was called the wrong way
    │   ├── NotScalar                          `grad` of a function that returns an array
    │   ├── NotDifferentiable                  an integer or boolean argument
    │   ├── UnknownArgument                    `wrt` names nothing in the function
    │   └── WrongKeyword                       a keyword from another library
    ├── DerivativeError (ArithmeticError)      the derivative is not a number at this point
    │   ├── NaNDerivative (FloatingPointError) it came out as NaN
    │   ├── UndefinedDerivative                it does not exist
    │   └── NotHolomorphic                     a complex Jacobian of a non-holomorphic function
    ├── FormulaError (ArithmeticError)         no formula can be shown
    │   └── FormulaMismatch                    the printed formula disagreed with the derivative
    └── CheckFailed (AssertionError)           a derivative was checked and is wrong

The built-in class in parentheses is a second base, so ``except TypeError`` keeps working in
programs that have never heard of chainrule.

A message is two sentences: what was wrong, in the words of the user's program, and what to write
instead. Where the cause is a line of the user's own code, the error carries it as its `site`.
Each class's docstring is its help page: the cause, a program that fails, the same program
corrected. Those programs are run as tests.
"""

from dataclasses import dataclass

__all__ = [
    "ArgumentError",
    "ChainruleError",
    "CheckFailed",
    "CutDerivative",
    "DerivativeError",
    "EndedTrace",
    "FormulaError",
    "FormulaMismatch",
    "NaNDerivative",
    "NotDifferentiable",
    "NotHolomorphic",
    "NotScalar",
    "ShapeMismatch",
    "Site",
    "TraceError",
    "UndefinedDerivative",
    "UnknownArgument",
    "UnsupportedFunction",
    "WrongKeyword",
]


@dataclass(frozen=True, slots=True)
class Site:
    """A place in the user's source code.

    >>> print(Site("model.py", 12, "loss", "r = y - X @ w"))
    model.py:12 in loss: r = y - X @ w
    >>> print(Site("model.py", 12))
    model.py:12
    """

    filename: str
    line: int
    function: str = ""
    source: str = ""

    def __str__(self) -> str:
        """Return ``file:line in function: source``, without the parts that are not known."""
        inside = f" in {self.function}" if self.function else ""
        text = f": {self.source.strip()}" if self.source.strip() else ""
        return f"{self.filename}:{self.line}{inside}{text}"


class ChainruleError(Exception):
    """The base of every error of chainrule.

    `message` says what was wrong and what to write instead; `site` is the line of the user's
    program that caused it, or None. `site` may be filled in after the error was made, by the
    first frame that knows the user's line.

    >>> raise ChainruleError("Nothing to differentiate. Return a value.", Site("a.py", 3, "f"))
    Traceback (most recent call last):
    chainrule.errors.ChainruleError: Nothing to differentiate. Return a value.
      at a.py:3 in f
    """

    message: str
    site: Site | None

    def __init__(self, message: str, site: Site | None = None) -> None:
        # Only `message` goes to `args`: copying and pickling an exception call the class with
        # `args` and then restore the attributes, which brings `site` back.
        super().__init__(message)
        self.message = message
        self.site = site

    def __str__(self) -> str:
        """Return the message, followed by the user's line where it is known."""
        return self.message if self.site is None else f"{self.message}\n  at {self.site}"


# ----------------------------------------------------------------------- recording the function


class TraceError(ChainruleError, TypeError):
    """The function could not be recorded as a graph, so it has no derivative.

    Catch it to fall back on another method for a function that chainrule cannot read.
    """


class UnsupportedFunction(TraceError):
    """A NumPy or SciPy function was called that chainrule has no derivative for.

    The message names the function and what to use in its place. Write the step with functions
    that have a derivative, or give it one with `chainrule.custom_derivative`.

    >>> import numpy as np, chainrule as cr
    >>> def entropy(p):
    ...     return -np.sum(p * np.log(np.spacing(p)))
    >>> cr.grad(entropy)(np.array([0.5, 0.5]))
    Traceback (most recent call last):
    chainrule.errors.UnsupportedFunction: ...spacing...

    >>> def entropy(p):
    ...     return -np.sum(p * np.log(np.maximum(p, 1e-300)))
    >>> cr.grad(entropy)(np.array([0.5, 0.5])).round(6)
    array([-0.306853, -0.306853])
    """


class CutDerivative(TraceError):
    """A traced value was about to become a plain number, which would lose its derivative.

    Conversions such as ``float(x)``, and code written in C that asks for an ordinary array or
    number, see the value but not how it depends on the arguments; the result would be a
    derivative that is silently 0. So would storing the value in an array that was made outside
    the function. Use NumPy's function, leave the conversion out, or make the array inside the
    function. To mean a constant, say so: ``float(chainrule.stop_gradient(x))``.

    >>> import numpy as np, chainrule as cr
    >>> cr.grad(lambda x: np.sin(float(x)) * x)(0.0)
    Traceback (most recent call last):
    chainrule.errors.CutDerivative: ...float...

    >>> float(cr.grad(lambda x: np.sin(x) * x)(0.0))
    0.0
    """


class EndedTrace(TraceError):
    """A traced value was used after the call that made it had returned.

    Inside `grad` and its kin the arguments are stand-ins that live as long as the call. One that
    is kept in a list, an attribute or a global has nothing left to be recorded in. Return it
    instead: with ``has_aux=True`` a function may return more than the value to differentiate.

    >>> import chainrule as cr
    >>> kept = []
    >>> def f(x):
    ...     kept.append(2 * x)
    ...     return x * x
    >>> slope = cr.grad(f)(3.0)
    >>> kept[0] + 1
    Traceback (most recent call last):
    chainrule.errors.EndedTrace: ...has_aux...

    >>> slope, kept = cr.grad(lambda x: (x * x, 2 * x), has_aux=True)(3.0)
    >>> float(slope), float(kept + 1)
    (6.0, 7.0)
    """


class ShapeMismatch(ChainruleError, ValueError):
    """Two arrays in the user's function have shapes that do not fit together.

    NumPy would refuse the same line; the error shows that line and both shapes.

    >>> import numpy as np, chainrule as cr
    >>> X = np.ones((3, 2))
    >>> cr.grad(lambda w: np.sum(X @ w))(np.ones(3))
    Traceback (most recent call last):
    chainrule.errors.ShapeMismatch: ...(3, 2)...(3,)...

    >>> cr.grad(lambda w: np.sum(X @ w))(np.ones(2))
    array([3., 3.])
    """


# -------------------------------------------------------------------------------- calling a verb


class ArgumentError(ChainruleError, TypeError):
    """A verb (`grad`, `jacobian`, …) or the function it made was called the wrong way."""


class NotScalar(ArgumentError):
    """`grad` was given a function whose result is not one real number.

    A gradient is the derivative of one number. For an array of results there is `jacobian`, or
    `vjp` for a weighted sum of its rows. For one number, reduce the result, say with ``np.sum``;
    of a complex result take the real part, or whatever is to be steepest.

    >>> import numpy as np, chainrule as cr
    >>> cr.grad(lambda x: x ** 2)(np.array([1.0, 3.0]))
    Traceback (most recent call last):
    chainrule.errors.NotScalar: ...jacobian...

    >>> cr.jacobian(lambda x: x ** 2)(np.array([1.0, 3.0]))
    array([[2., 0.],
           [0., 6.]])
    >>> cr.grad(lambda x: np.sum(x ** 2))(np.array([1.0, 3.0]))
    array([2., 6.])
    """


class NotDifferentiable(ArgumentError):
    """The derivative was asked for with respect to an integer or boolean argument.

    Such an argument cannot move by a small amount. Pass floating-point numbers, or name the
    arguments that should be differentiated with `wrt`.

    >>> import numpy as np, chainrule as cr
    >>> cr.grad(lambda x: np.sum(x ** 2))(np.array([1, 3]))
    Traceback (most recent call last):
    chainrule.errors.NotDifferentiable: ...x...

    >>> cr.grad(lambda x: np.sum(x ** 2))(np.array([1.0, 3.0]))
    array([2., 6.])
    """


class UnknownArgument(ArgumentError):
    """`wrt` is not the position, name or path of anything in the function's arguments.

    >>> import chainrule as cr
    >>> def area(width, height):
    ...     return width * height
    >>> cr.grad(area, wrt="breadth")(2.0, 5.0)
    Traceback (most recent call last):
    chainrule.errors.UnknownArgument: ...breadth...

    >>> float(cr.grad(area, wrt="width")(2.0, 5.0))
    5.0
    """


class WrongKeyword(ArgumentError):
    """A keyword was given that another library uses; the message names chainrule's word for it.

    >>> import chainrule as cr
    >>> cr.grad(lambda x, y: x * y, argnums=1)(2.0, 5.0)
    Traceback (most recent call last):
    chainrule.errors.WrongKeyword: ...wrt...

    >>> float(cr.grad(lambda x, y: x * y, wrt=1)(2.0, 5.0))
    2.0
    """


# ------------------------------------------------------------------------ the derivative's value


class DerivativeError(ChainruleError, ArithmeticError):
    """The function was recorded, but its derivative is not a number at this point."""


class NaNDerivative(DerivativeError, FloatingPointError):
    """The arguments and the value are numbers, and the derivative is NaN.

    As everywhere in NumPy, ``np.errstate`` chooses what an invalid operation does: by default
    the NaN is returned with a warning, under ``invalid="raise"`` it is this error. Both name the
    line at which it first arises. Usually an infinite slope met a factor of 0 there, and a
    function that has the whole step in one piece does not have the problem.

    >>> import numpy as np, chainrule as cr
    >>> with np.errstate(invalid="raise"):
    ...     cr.grad(lambda x: np.sqrt(np.sum(x ** 2)))(np.zeros(2))
    Traceback (most recent call last):
    chainrule.errors.NaNDerivative: ...sqrt...

    >>> cr.grad(lambda x: np.linalg.norm(x))(np.zeros(2))
    array([0., 0.])
    """


class UndefinedDerivative(DerivativeError):
    """The function has no derivative at this point, nor a subgradient to stand for one.

    The eigenvectors of a matrix with a repeated eigenvalue, for example, jump when the matrix
    moves. Ask for something that is smooth there, such as a symmetric function of the
    eigenvalues.

    >>> import numpy as np, chainrule as cr
    >>> cr.grad(lambda A: np.linalg.eigh(A)[1][0, 1])(np.eye(2))
    Traceback (most recent call last):
    chainrule.errors.UndefinedDerivative: ...eigenvalue...

    >>> cr.grad(lambda A: np.sum(np.linalg.eigvalsh(A) ** 2))(np.eye(2))
    array([[2., 0.],
           [0., 2.]])
    """


class NotHolomorphic(DerivativeError):
    """The Jacobian of a complex function was asked for that is not holomorphic.

    One complex number per entry cannot say how such a function changes: the answer depends on
    the direction. `jvp` and `vjp` take the direction and are exact; or write the function on
    real and imaginary parts.

    >>> import numpy as np, chainrule as cr
    >>> z = np.array([1.0 + 2.0j])
    >>> cr.jacobian(np.conj)(z)
    Traceback (most recent call last):
    chainrule.errors.NotHolomorphic: ...jvp...

    >>> _, change = cr.jvp(np.conj, (z,), (np.array([1.0 + 1.0j]),))
    >>> change
    array([1.-1.j])
    """


# ------------------------------------------------------------------------- formulas and checking


class FormulaError(ChainruleError, ArithmeticError):
    """A derivative could be computed, but no formula of it can be shown."""


class FormulaMismatch(FormulaError):
    """The formula about to be shown does not evaluate to the derivative, so it is not shown.

    Every formula is evaluated as it stands, at the example arguments, before it is printed. A
    mismatch is a mistake in a notation or in a simplification, never in the user's program: a
    user-defined primitive whose notation says something else than it computes, or a defect of
    chainrule, which is worth reporting. The derivative itself does not depend on it.

    >>> import numpy as np, chainrule as cr
    >>> try:
    ...     text = cr.formula(cr.grad(lambda x: x @ x))(np.ones(3)).text
    ... except cr.errors.FormulaError:
    ...     text = "no formula"
    >>> text
    '2x'
    """


class CheckFailed(ChainruleError, AssertionError):
    """A derivative that had to be right was checked, and is wrong.

    `chainrule.check` returns a report that is true or false; its `require` method raises this
    error when the report is false. The message is the report: the argument, the entry, what was
    expected and what was found.

    >>> import numpy as np, chainrule as cr
    >>> def f(x):
    ...     return np.sum(x ** 2)
    >>> cr.check(f, np.array([1.0, 3.0]), against=lambda x: x).require()
    Traceback (most recent call last):
    chainrule.errors.CheckFailed: ...factor...

    >>> cr.check(f, np.array([1.0, 3.0]), against=lambda x: 2 * x).require()
    """
