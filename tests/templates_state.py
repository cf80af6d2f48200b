"""Templates of programs that keep state, compute with complex numbers, and solve systems."""

from __future__ import annotations

from collections.abc import Sequence

from tests.programs import Template, Writer
from tests.templates import TEMPLATES, split


def _block(w: Writer, forms: Sequence[Sequence[str]], **names: str) -> bool:
    """One of several groups of statements, with names for what they use; ``{v}`` is the result."""
    lines = [line.replace("{v}", "{}") for line in w.rng.choice(forms)]
    for name, value in names.items():
        lines = [line.replace(f"{{{name}}}", value) for line in lines]
    return w.block(lines)


# -- in place --------------------------------------------------------------------------------------


def updated(w: Writer) -> bool:
    """Functions and statements that write to arrays."""
    x = w.pick(ndim=(1,), most=4)
    if x is None:
        return False
    w.analytic = False
    forms = (
        ("{v} = {x}.copy()", "{v}[0], {v}[-1] = {v}[-1], {v}[0] * 2"),
        ("{v} = np.zeros(len({x}))", "np.add.at({v}, [0, 1, 0], {x}[0] * np.arange(1.0, 4.0))", "{v} += {x}"),
        ("{v} = np.empty({x}.shape)", "np.multiply({x}, 2, out={v})", "np.add({v}, {x}, {v})"),
        ("{v} = np.zeros((3, 3))", "np.fill_diagonal({v}, {x}[0])", "{v}[np.triu_indices(3, 1)] = {x}[1]"),
        ("{v} = np.arange(4.0)", "np.put({v}, [1, 3], {x}[:2])", "{v}[2] -= {v}[3]"),
        ("{v} = np.ones(len({x}))", "np.copyto({v}, {x} ** 2, where=np.arange(len({x})) > 0)"),
        ("{v} = np.zeros((2, len({x})))", "np.cumsum({x}, out={v}[1])", "np.sin({v}[1], out={v}[0])"),
        ("{v} = np.array([[t, t * {x}[0]] for t in {x}])", "{v}[:, 0] -= {v}[:, 1]"),
        ("{v} = np.concatenate([{x}, {x}])", "{v}[len({x}):] *= {v}[:len({x})]"),
        ("{v} = np.zeros(3)", "np.put_along_axis({v}, np.array([2, 0]), {x}[:2], 0)", "{v} **= 2"),
        ("{v} = {x} * 2", "{v}.sort()", "{v}[0] = {x}[0]") if w.clear_of(f"np.diff(np.sort({x}))") else ("{v} = {x}",),
        ("{v} = np.outer({x}, {x})", "{v}[[0, 1]] = {v}[[1, 0]]", "{v}[0] += 1"),
        ("L = np.zeros((2, 2))", "L[np.tril_indices(2)] = [{x}[0], {x}[1], 1.5]", "{v} = L @ L.T"),
        ("{v} = {x}.copy()", "with np.nditer({v}, op_flags=['readwrite']) as it:", "    for t in it:", "        t[...] = t * t + 0.1"),
        ("a = np.zeros(2)", "b = [a, a]", "b[0][0] = {x}[0]", "b[1] += {x}[1]", "{v} = a * a"),
    )  # fmt: skip
    return _block(w, forms, x=x)


def views_of_views(w: Writer) -> bool:
    x = w.pick(ndim=(1,), most=4)
    if x is None:
        return False
    w.analytic = False
    forms = (
        ("a = np.zeros((2, 3, 2))", "a[:, 1] = {x}[0]", "b = a.transpose(2, 0, 1)[1]", "b[:, 0] = {x}[:2]", "{v} = a + a.sum()"),
        ("a = np.zeros(6)", "b = a.reshape(2, 3)", "b.T[0] = {x}[:2]", "c = b[:, ::2]", "c *= {x}[1] + 1", "{v} = a + 0.5"),
        ("d = np.eye(3)", "np.einsum('ii->i', d)[:2] = {x}[:2]", "{v} = d @ d"),
        ("a = 1.0 * {x}", "b = a[:, None]", "c = b.T", "c[0, 0] = {x}[-1] ** 2", "{v} = a + b[:, 0]"),
        ("a = np.stack([{x}, {x}])", "p, q = a", "p += q", "q[0] = p[1]", "{v} = a"),
        ("a = np.zeros((2, 2))", "b = a.ravel()", "b[1:3] = {x}[:2]", "b[0] = a[0, 1] * a[1, 0]", "{v} = a + 1"),
        ("a = {x}[::-1].copy()", "b = a[1:]", "b -= a[0]", "a *= 2", "{v} = b + a[:1]"),
        ("a = np.squeeze({x}[None])  * 1.0", "b = np.swapaxes(a[:, None], 0, 1)", "b[0, -1] = 0.25", "{v} = a"),
        ("a = np.split(np.outer({x}, {x}), [1])", "a[0][0, 0] = 0.5", "{v} = np.concatenate(a)"),
    )  # fmt: skip
    return _block(w, forms, x=x)


def algorithm(w: Writer) -> bool:
    """Loops as numerical programs have them."""
    x = w.pick(ndim=(1,), most=3)
    if x is None:
        return False
    w.analytic = False
    forms = (
        ("y_ = np.array([{x}[0], {x}[1]])", "for _ in range(3):", "    k1 = np.array([y_[1], -np.sin(y_[0])])", "    z_ = y_ + 0.05 * k1", "    y_ = y_ + 0.1 * np.array([z_[1], -np.sin(z_[0])])", "{v} = y_"),
        ("c = [1.0]", "for e in {x}:", "    c.append(c[-1] * 0.5 + e)", "{v} = np.array(c[1:])"),
        ("A_ = np.eye(2) * 4", "A_[0, 1], A_[1, 0] = {x}[0], {x}[1]", "b_ = {x}[:2].copy()", "f_ = A_[1, 0] / A_[0, 0]", "A_[1] -= f_ * A_[0]", "b_[1] -= f_ * b_[0]", "b_[1] /= A_[1, 1]", "b_[0] = (b_[0] - A_[0, 1] * b_[1]) / A_[0, 0]", "{v} = b_"),
        ("u = np.zeros((4, len({x})))", "u[0] = {x}", "for t in range(3):", "    u[t + 1, 1:-1] = u[t, 1:-1] + 0.2 * (u[t, 2:] - 2 * u[t, 1:-1] + u[t, :-2])", "{v} = u + 0.1 * {x}"),
        ("s, n = 0.0, 0", "for k, e in enumerate({x}):", "    if k == 1:", "        continue", "    s, n = s + e * k, n + 1", "    if n == 3:", "        break", "{v} = s / n + {x}"),
        ("state = {'a': {x}[0], 'b': []}", "for e in {x}:", "    state['a'] = state['a'] * np.cos(e)", "    state['b'].append(state['a'])", "{v} = np.array(state['b'])"),
        ("def g(n):", "    return {x}[0] if n == 0 else np.tanh(g(n - 1)) + {x}[1]", "{v} = g(3) * {x}"),
        ("def parts():", "    for e in {x}:", "        yield e * e", "{v} = sum(parts()) + np.fromiter(parts(), float)"),
        ("n = float(len({x}))", "m = math.fsum({x}) / n", "{v} = ({x} - m) / math.sqrt(2 + sum((e - m) ** 2 for e in {x}))"),
        ("{v} = np.array([math.exp(float({x}[0])), math.atan2({x}[0], 2 + {x}[1] ** 2), math.hypot(*{x})])",),
        ("{v} = np.vectorize(lambda t, u: t * u + math.cos(t))({x}, 2.0)",),
        ("{v} = np.apply_along_axis(lambda r: r * np.sum(r), 0, np.stack([{x}, {x} ** 2]))",),
        ("{v} = np.array([e * r for r, e in zip({x}, reversed(list({x})))])",),
        ("{v} = np.r_[{x}, {x}[0] * 2, 0.5]",),
        ("w_ = np.ones(2)", "for _ in range(2):", "    w_ -= 0.1 * (w_ - {x}[:2]) * w_", "{v} = w_"),
    )  # fmt: skip
    return _block(w, forms, x=x)


def decided(w: Writer) -> bool:
    """Branches of other kinds: chained, by whole numbers, by errors, early returns."""
    s, y = w.pick(ndim=(0,), most=4), w.pick(most=4)
    if s is None or y is None or not w.clear_of(f"{s} - 0.3"):
        return False
    if not w.clear_of(f"{s} * 2 - np.round({s} * 2)") or not w.clear_of(f"{s} + 1.7"):
        return False
    if not w.clear_of(s):
        return False
    forms = (
        ("if -1.7 < {s} < 0.3:", "    {v} = {y} * {s}", "elif {s} <= -1.7:", "    {v} = {y} - {s}", "else:", "    {v} = np.sin({y})"),
        ("{v} = {y} * (1 + abs(int({s} * 2))) + {s}",),
        ("try:", "    {v} = {y} * math.sqrt(float({s}) - 0.3)", "except ValueError:", "    {v} = {y} * {s}"),
        ("def g(t):", "    if t > 0.3:", "        return t * t", "    return 1 - t", "{v} = {y} + g({s})"),
        ("{v} = {y}", "for k in range(3):", "    if {s} * k > 0.3 + 1e9:", "        break", "    {v} = {v} + {s} / (k + 1)"),
        ("{v} = ({s} if {s} > 0.3 or {s} < -1.7 else 2 * {s}) * {y}",),
        ("k = 1 if bool({s} > 0.3) else 2", "{v} = {y} ** k + {s}"),
        ("{v} = {y} + max({s}, 0.3) * min({s}, 0.3)",),
        ("{v} = {y} + round(float({s}) * 2) * {s} + math.floor({s} * 2)",),
        ("{v} = {y} * np.array([2.0, 0.5])[int({s} > 0.3)]",),
        ("{v} = np.where(np.isclose({s}, 1e6), 0.0, {y}) * {s}",),
    )  # fmt: skip
    return _block(w, forms, s=s, y=y)


# -- complex numbers -------------------------------------------------------------------------------


def complexed(w: Writer) -> bool:
    """Complex numbers on the way from real ones to real ones."""
    x, y = w.pick(most=3), w.pick(most=3)
    if x is None or y is None:
        return False
    w.analytic = False
    forms = (
        ("z_ = {x} + 1j * {y}", "{v} = np.abs(z_) ** 2 + np.real(z_ * z_)"),
        ("z_ = np.exp(1j * {x}) * {y}", "{v} = z_.real - 2 * z_.imag"),
        ("z_ = (2 + {x} * 1j) / (3 - 1j * {y})", "{v} = np.abs(z_ + 1)"),
        ("z_ = np.sqrt(4 + 1j * {x})", "{v} = np.imag(z_ * np.conj(z_ ** 2)) + {y}"),
        ("z_ = np.log(9 + {x} + 1j * {y})", "{v} = np.real(z_) * np.imag(z_)"),
        ("{v} = np.angle(5 + 0.2 * {x} + 1j * np.sin({y}))",),
        ("z_ = np.array([{x} + 0j, 1j * {x}])", "z_[0] *= 1 - 2j", "{v} = np.real(z_[0] * z_[1])"),
        ("z_ = ({x} + 0.5j) ** 3", "{v} = np.real(np.vdot(z_, z_)) + np.real(z_)"),
        ("z_ = np.sin({x} + 0.3j) * np.tanh({y} * 0.3 - 0.2j)", "{v} = z_.imag + z_.real"),
        ("z_ = np.where({x} > -1e9, {x} * 1j, 0)", "{v} = (z_ * z_.conj()).real"),
        ("{v} = abs(complex(2.0, 1.0) * {x} + 3) ** 2",),
    )
    return _block(w, forms, x=x, y=y)


def transformed(w: Writer) -> bool:
    """Fourier transforms, and buffers of complex numbers."""
    x = w.pick(ndim=(1,), most=4)
    if x is None:
        return False
    w.analytic = False
    forms = (
        ("{v} = np.abs(np.fft.fft({x})) ** 2",),
        ("{v} = np.fft.irfft(np.fft.rfft({x}) * 2j + 1, len({x}))",),
        ("{v} = np.real(np.fft.ifft(np.fft.fft({x}) * np.fft.fft({x}[::-1])))",),
        ("z_ = np.fft.fft({x})", "z_[1:] *= 0.5j", "{v} = np.fft.ifft(z_).real"),
        ("z_ = np.zeros(len({x}), complex)", "z_[0] = {x}[0] + 1j * {x}[1]", "z_[1:] = 2j * {x}[1:]", "{v} = (z_ * np.conj(z_)).real"),
        ("z_ = {x} + 1j", "z_.real = 2 * {x}", "z_.imag *= {x}[0]", "{v} = np.abs(z_ + 3)"),
        ("z_ = np.outer({x}, 1j * {x}) + np.eye(len({x})) * 9", "{v} = np.real(np.linalg.solve(z_, {x} + 1j))"),
        ("z_ = np.exp(1j * np.outer(np.arange(2), {x}))", "{v} = np.abs(z_.sum(axis=0) + 3)"),
        ("z_ = np.array([[2.0, 1j], [-1j, 3.0]]) + {x}[0] * np.eye(2) * 0.1", "{v} = np.linalg.eigvalsh(z_)"),
        ("z_ = np.linalg.inv(np.eye(2) * (9 + 2j) + {x}[0])", "{v} = np.abs(np.trace(z_)) + z_.imag"),
        ("z_ = np.convolve({x}, [1.0, 1j])", "{v} = z_.real + z_.imag"),
    )  # fmt: skip
    return _block(w, forms, x=x)


# -- systems ---------------------------------------------------------------------------------------


def solved(w: Writer) -> bool:
    """Linear algebra beyond one function: systems, factors, stacks."""
    x = w.pick(ndim=(1,), most=3)
    if x is None:
        return False
    w.analytic = False
    forms = (
        ("K = np.outer({x}, {x}) + np.diag(np.arange(2.0, 2.0 + len({x})))", "L = np.linalg.cholesky(K)", "{v} = sl.solve_triangular(L, {x}, lower=True)"),
        ("K = np.outer({x}, {x}) + 3 * np.eye(len({x}))", "{v} = sl.cho_solve(sl.cho_factor(K), {x})"),
        ("{v} = sl.expm(0.3 * np.outer({x}, np.arange(1.0, 1.0 + len({x}))))",),
        ("K = np.outer({x}, {x}) + np.diag(np.arange(2.0, 2.0 + len({x})))", "e, Q = np.linalg.eigh(K)", "{v} = (Q * np.sqrt(e)) @ Q.T"),
        ("K = np.eye(len({x})) * 5 + np.outer({x}, np.arange(len({x})))", "{v} = np.linalg.solve(np.stack([K, 2 * K]), np.stack([{x}, {x} ** 2])[..., None])[..., 0]"),
        ("K = np.eye(len({x})) * 4 + np.outer({x}, np.ones(len({x})))", "Q, R = np.linalg.qr(K)", "{v} = sl.solve_triangular(R, Q.T @ {x})"),
        ("K = 4 * np.eye(2) + {x}[0] * np.array([[0.0, 1.0], [2.0, 0.0]])", "{v} = np.linalg.matrix_power(K, 3) * 0.02"),
        ("K = 4 * np.eye(2) + {x}[1] * np.array([[0.1, 1.0], [-1.0, 0.3]])", "{v} = np.linalg.slogdet(K)[1] + np.real(np.sum(np.linalg.eigvals(K) ** 2)) * 0.05"),
        ("V = np.vander({x}, 3)", "{v} = np.linalg.lstsq(np.vstack([V, 3 * np.eye(3)]), np.append({x}, [1.0, 2.0, 3.0]), rcond=None)[0]"),
        ("{v} = np.polyval(np.append({x}, 1.0), 0.7) + np.kron({x}, [1.0, 0.5])",),
        ("U, s, V = np.linalg.svd(np.outer({x}, [1.0, 0.2]) + np.eye(len({x}), 2) * [3.0, 9.0], full_matrices=False)", "{v} = (U * np.log(s)) @ V"),
        ("{v} = np.tensordot(np.outer({x}, {x}), np.outer({x}, [0.5, 1.0]), axes=([1], [0]))",),
        ("b = np.zeros((3, len({x})))", "b[0, 1:], b[1], b[2, :-1] = 0.5, 4 + {x} * {x}, {x}[:-1]", "{v} = sl.solve_banded((1, 1), b, {x})"),
    )  # fmt: skip
    return _block(w, forms, x=x)


def interpolated(w: Writer) -> bool:
    x = w.pick(ndim=(1,), most=3)
    if x is None or not w.clear_of(f"{x} * 2 - np.round({x} * 2)"):
        return False
    forms = split("""
        np.interp({x}, np.arange(-4.0, 4.5, 0.5), np.sin(np.arange(17.0))) ;
        np.cumprod({x}) + np.diff({x}, append=0.5) ; np.gradient({x}) ; np.trapezoid({x}) + {x} ;
        np.convolve({x}, [0.5, 1.0, -0.25], mode="same") ; np.roll({x}, 1) * np.flip({x}) ;
        np.pad({x}, 1, mode="edge") ; np.bincount([0, 1], weights={x}[:2], minlength=3) ;
        np.histogram([0.1, 0.6], bins=[0.0, 0.5, 1.0], weights={x}[:2])[0] ;
        np.lib.stride_tricks.sliding_window_view({x}, 2).sum(axis=1) * {x}[1:] ;
        np.percentile({x}, 40) + {x} * 0 ; np.unwrap({x} * 0.5) ; np.cov({x}, {x} ** 2)
    """)
    w.analytic = False
    return w.emit(w.rng.choice(forms).format(x=x))


#: All templates.
EVERY: tuple[Template, ...] = (
    *TEMPLATES, updated, updated, views_of_views, algorithm, algorithm, decided, complexed, complexed,
    transformed, solved, solved, interpolated,
)  # fmt: skip
