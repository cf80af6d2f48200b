"""The verbs that take a function and give its derivative: ``grad``, ``jacobian`` and their kin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .arguments import Wrt, refuse_foreign
from .derivatives import (
    ElementwiseDerivative,
    Gradient,
    Hessian,
    HessianVectorProduct,
    Jacobian,
    Pullback,
    ValueAndGradient,
)


def grad(f: Callable[..., Any], wrt: Wrt = 0, has_aux: bool = False, **foreign: Any) -> Gradient:
    """The gradient of a scalar-valued function.

    ``grad(f)(*args)`` is an array shaped like the argument (a tuple for several, the argument's own
    nesting for a nested one). For a complex argument it is the direction of steepest ascent.

    Parameters
    ----------
    f
        A function of arrays whose value is one real number.
    wrt
        The argument to differentiate by: its position, its name, a path into it
        (``"params['w']"``, ``"x[2]"``), or a tuple of these.
    has_aux
        Whether ``f`` returns ``(value, aux)``; the result is then ``(gradient, aux)``.

    Raises
    ------
    NotScalar, NotDifferentiable, UnknownArgument
        When there is no such gradient. The message says what to write instead.

    >>> import numpy as np
    >>> grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    refuse_foreign("grad", foreign)
    return Gradient(f, wrt, has_aux=has_aux)


def value_and_grad(
    f: Callable[..., Any], wrt: Wrt = 0, has_aux: bool = False, **foreign: Any
) -> ValueAndGradient:
    """The value and the gradient of a scalar-valued function, from one evaluation.

    ``value_and_grad(f)(*args)`` is ``(value, gradient)``: what ``scipy.optimize.minimize`` takes
    with ``jac=True``. Arguments and errors as for :func:`grad`; with ``has_aux`` the result is
    ``((value, gradient), aux)``.

    >>> import numpy as np
    >>> value, gradient = value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    >>> float(value), gradient
    (5.0, array([2., 4.]))
    """
    refuse_foreign("value_and_grad", foreign)
    return ValueAndGradient(f, wrt, has_aux=has_aux)


def derivative(
    f: Callable[..., Any], wrt: Wrt = 0, order: int = 1, **foreign: Any
) -> ElementwiseDerivative:
    """The nth derivative of a function of a number, or of a function that works element by element.

    ``derivative(f)(x)`` has the shape of ``f(x)``. A function that mixes elements is refused.

    >>> import numpy as np
    >>> derivative(np.sin)(np.array([0.0, np.pi]))
    array([ 1., -1.])
    >>> float(derivative(lambda t: t**3, order=3)(2.0))
    6.0
    """
    refuse_foreign("derivative", foreign)
    return ElementwiseDerivative(f, wrt, order)


def jacobian(
    f: Callable[..., Any], wrt: Wrt = 0, has_aux: bool = False, **foreign: Any
) -> Jacobian:
    """The matrix of first derivatives of an array-valued function.

    ``jacobian(f)(*args)`` has shape ``out.shape + in.shape``, with ``J[i, j] = ∂f_i/∂x_j``; nested
    results and arguments give nested Jacobians, the result's nesting outside. Forward or reverse
    mode is chosen by cost.

    >>> import numpy as np
    >>> jacobian(lambda x: np.stack([x[0] * x[1], x[1]]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [0., 1.]])
    """
    refuse_foreign("jacobian", foreign)
    return Jacobian(f, wrt, has_aux=has_aux)


def hessian(f: Callable[..., Any], wrt: Wrt = 0, **foreign: Any) -> Hessian:
    """The matrix of second derivatives of a scalar-valued function.

    ``hessian(f)(*args)`` has shape ``in.shape + in.shape``; several or nested arguments give nested
    blocks.

    >>> import numpy as np
    >>> hessian(lambda x: x[0]**2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    refuse_foreign("hessian", foreign)
    return Hessian(f, wrt)


def hvp(f: Callable[..., Any], wrt: Wrt = 0, **foreign: Any) -> HessianVectorProduct:
    """Hessian times vector, without the Hessian: ``hvp(f)(x, v, *rest)``, SciPy's ``hessp`` order.

    The cost is a small multiple of one evaluation of ``f``, whatever the size (forward over
    reverse mode; Pearlmutter 1994).

    >>> import numpy as np
    >>> hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    refuse_foreign("hvp", foreign)
    return HessianVectorProduct(f, wrt)


def pullback(f: Callable[..., Any], wrt: Wrt = 0, **foreign: Any) -> Pullback:
    """Cotangent of the result to cotangent of the argument: ``pullback(f)(*args, cotangent)``.

    The transposed Jacobian (for complex numbers the adjoint) times the cotangent, in one pass.

    >>> import numpy as np
    >>> A = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> pullback(lambda x: A @ x)(np.zeros(2), np.array([1.0, 0.0]))
    array([1., 2.])
    """
    refuse_foreign("pullback", foreign)
    return Pullback(f, wrt)
