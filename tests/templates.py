"""The statements that random programs are made of, by the part of NumPy that they exercise."""

from __future__ import annotations

from tests.programs import Template, Writer


def split(forms: str) -> tuple[str, ...]:
    """The forms of a template, which are written with semicolons between them."""
    return tuple(form.strip() for form in forms.split(";") if form.strip())


# -- elementwise -----------------------------------------------------------------------------------


def smooth(w: Writer) -> bool:
    x = w.pick(most=3)
    forms = split("""
        np.sin({x}) ; np.cos({x}) ; np.tanh({x}) ; np.exp({x}) ; np.expm1({x}) ; np.sinh({x}) ;
        np.arctan({x}) ; np.square({x}) ; -{x} ; np.log({x}**2 + 0.5) ; np.sqrt({x} * {x} + 1) ;
        1 / (1 + {x}**2) ; {x}**3 ; {x} ** 2 ; np.log1p({x}**2) ; np.cosh({x}) ; np.exp2({x}) ;
        np.arcsinh({x}) ; np.tan(0.3 * {x}) ; np.reciprocal(2 + np.sin({x})) ;
        (2 + np.cos({x})) ** 1.5 ; np.arcsin(np.sin({x}) * 0.9) ;
        np.arctanh(0.8 * np.sin({x})) ; np.positive({x}) ; np.power(2 + np.sin({x}), -1.3) ;
        2.0 ** {x} ; np.float64(1.5) * {x}
    """)
    return x is not None and w.emit(w.rng.choice(forms).format(x=x))


def with_number(w: Writer) -> bool:
    x, c = w.pick(), w.number()
    form = w.rng.choice(("{c} * {x}", "{x} + {c}", "{c} - {x}", "{x} / {c}", "{x} - {c}"))
    return x is not None and w.emit(form.format(x=x, c=c))


def bent(w: Writer) -> bool:
    x = w.pick(most=5)
    if x is None or not w.clear_of(x):
        return False
    forms = split("""
        np.abs({x}) ; np.maximum({x}, 0) ; np.maximum(0.0, {x}) ; abs({x}) ;
        np.minimum({x}, 0.0) + 0.1 ; np.where({x} > 0, {x}**2, -{x}) ;
        np.where({x} > 0, np.sqrt(np.abs({x})), 0.5) ; np.sign({x}) * {x}**2 ; np.fabs({x}) ;
        np.log(np.abs({x})) ; np.cbrt({x}) ; np.copysign({x}, 1.0) ; ({x} > 0) * {x} ;
        np.where({x} < 0, 0.0, {x}) ; np.sqrt(np.where({x} > 0, {x}, 1.0)) ;
        np.heaviside({x}, 0.5) * {x} ; np.deg2rad(20 * {x}) ; np.degrees({x}) / 50
    """)
    return w.emit(w.rng.choice(forms).format(x=x))


def two(w: Writer) -> bool:
    x, y = w.pick(most=8), w.pick(most=8)
    forms = split("""
        {x} + {y} ; {x} - {y} ; {x} * {y} ; {x} * {y} ; {x} / (2 + np.cos({y})) ;
        np.logaddexp({x}, {y}) ; np.multiply({x}, {y}) ; np.add({x}, {y}) ;
        np.arctan2({x}, 2 + np.sin({y})) ; (2 + np.sin({x})) ** np.tanh({y}) ;
        {x} / (1 + {y}**2) ; np.hypot({x}, 1 + {y}**2)
    """)
    if x is None or y is None:
        return False
    form = w.rng.choice(forms)
    w.analytic = w.analytic and not any(n in form for n in ("logaddexp", "arctan2", "hypot"))
    return w.emit(form.format(x=x, y=y))


def two_bent(w: Writer) -> bool:
    x, y = w.pick(most=8), w.pick(most=8)
    if x is None or y is None or x == y:
        return False
    try:
        if not w.clear_of(f"{x} - {y}"):
            return False
    except ValueError:
        return False
    forms = split("""
        np.maximum({x}, {y}) ; np.minimum({x}, {y}) ; np.where({x} > {y}, {x}, {y} * 0.5) ;
        np.fmax({x}, {y}) ; np.where(({x} > {y}) & ({y} < 100), np.sin({x}), {y}) ;
        np.fmin({x}, {y}) ; np.where({x} <= {y}, {y}, {x}) * 0.5
    """)
    return w.emit(w.rng.choice(forms).format(x=x, y=y))


def clipped(w: Writer) -> bool:
    x = w.pick(most=5)
    if x is None or not (w.clear_of(f"{x} - 0.9") and w.clear_of(f"{x} + 0.6")):
        return False
    return w.emit(
        w.rng.choice(
            (
                f"np.clip({x}, -0.6, 0.9)",
                f"{x}.clip(-0.6, 0.9)" if w.shape(x) else f"np.clip({x}, -0.6, 0.9)",
            )
        )
    )


def with_constant(w: Writer) -> bool:
    x, c = w.pick(), w.rng.choice("CM")
    form = w.rng.choice(
        (
            "{x} * {c}",
            "{c} + {x}",
            "{c} / (2 + np.sin({x}))",
            "{x} @ {c}",
            "{c} @ {x}",
            "np.dot({x}, {c})",
        )
    )
    return x is not None and w.emit(form.format(x=x, c=c))


# -- reductions ------------------------------------------------------------------------------------


def reduced(w: Writer) -> bool:
    x = w.pick(ndim=(1, 2, 3), most=4)
    if x is None:
        return False
    axis = w.rng.choice(["None", *map(str, range(-len(w.shape(x)), len(w.shape(x))))])
    keep = w.rng.choice(("", ", keepdims=True"))
    forms = split("""
        np.sum({x}, axis={a}{k}) ; np.mean({x}, axis={a}{k}) ; np.prod({x}, axis={a}{k}) ;
        {x}.sum({a}{k}) ; np.var({x}, axis={a}{k}) ; {x}.mean(axis={a}{k}) ;
        np.std({x} + np.arange({x}.size).reshape({x}.shape), axis={a}{k}) ;
        np.sum({x} * {x}, axis={a}{k}) ; np.average({x}, axis={a})
    """)
    form = w.rng.choice(forms)
    w.analytic = w.analytic and "var" not in form and "std" not in form
    return w.emit(form.format(x=x, a=axis, k=keep))


def extreme(w: Writer) -> bool:
    x = w.pick(ndim=(1, 2, 3), most=6)
    if x is None:
        return False
    flat = f"np.diff(np.sort(np.ravel({x})))"
    if not w.clear_of(flat):
        return False
    axis = w.rng.choice(["None", *map(str, range(len(w.shape(x))))])
    forms = split("""
        np.max({x}, axis={a}) ; np.min({x}, axis={a}, keepdims=True) ; {x}.max(axis={a}) ;
        np.sort({x}, axis=-1) ; np.ptp({x}, axis={a}) ; np.amax({x}, axis={a}) ;
        np.median({x}, axis={a}) ; np.sort(np.ravel({x}))[1:] ;
        np.maximum.accumulate(np.ravel({x})) ; np.max(np.abs({x}), axis={a})
    """)
    form = w.rng.choice(forms)
    if "abs" in form and not w.clear_of(f"np.diff(np.sort(np.abs(np.ravel({x}))))"):
        return False
    return w.emit(form.format(x=x, a=axis))


def running(w: Writer) -> bool:
    x = w.pick(ndim=(1, 2), most=3)
    if x is None:
        return False
    axis = w.rng.randrange(len(w.shape(x)))
    forms = split("""
        np.cumsum({x}, axis={a}) ; np.cumprod({x}, axis={a}) ; np.diff({x}, axis={a}) ;
        np.cumsum({x})
    """)
    return w.emit(w.rng.choice(forms).format(x=x, a=axis))


def normed(w: Writer) -> bool:
    x = w.pick(ndim=(1, 2), most=5)
    if x is None or not w.clear_of(f"np.linalg.norm({x}, axis=-1)"):
        return False
    return w.emit(
        w.rng.choice(
            ("np.linalg.norm({x})", "np.sqrt(np.sum({x}**2))", "np.linalg.norm({x}, axis=-1)")
        ).format(x=x)
    )


# -- products --------------------------------------------------------------------------------------


def product(w: Writer) -> bool:
    x, y = w.pick(ndim=(1, 2, 3), most=6), w.pick(ndim=(1, 2, 3), most=6)
    if x is None or y is None:
        return False
    forms = split("""
        {x} @ {y} ; np.matmul({x}, {y}) ; np.dot({x}, {y}) ; {x}.T @ {y} ; {x} @ {y}.T ;
        np.outer({x}, {y}) ; np.inner({x}, {y}) ; np.tensordot({x}, {y}, axes=1) ;
        np.einsum('ij,jk->ik', {x}, {y}) ; np.vdot({x}, {y}) ; np.einsum('ij,ij->i', {x}, {y}) ;
        np.einsum('i,ij->j', {x}, {y}) ; np.einsum('...i,...i', {x}, {y}) ; {x}.dot({y}) ;
        np.einsum('ij,kj', {x}, {y}) ; np.kron({x}, {y})
    """)
    form = w.rng.choice(forms)
    w.analytic = w.analytic and "vdot" not in form
    return w.emit(form.format(x=x, y=y))


def of_square(w: Writer) -> bool:
    x = w.pick(ndim=(2,), most=6)
    if x is None:
        return False
    forms = split("""
        np.trace({x}) ; np.diag({x}) ; np.einsum('ii', {x}) ; np.einsum('ii->i', {x}) ;
        {x} @ {x} ; np.triu({x}) ; {x}.T + {x} ; np.diagonal({x}) ; np.tril({x}, -1) ;
        np.linalg.matrix_power({x}, 2) ; {x}.trace()
    """)
    return w.emit(w.rng.choice(forms).format(x=x))


# -- shapes ----------------------------------------------------------------------------------------


def reshaped(w: Writer) -> bool:
    x = w.pick(ndim=(1, 2, 3))
    if x is None:
        return False
    forms = split("""
        {x}.reshape(-1) ; np.ravel({x}) ; {x}.T ; np.transpose({x}) ; {x}[None] ;
        np.expand_dims({x}, -1) ; np.squeeze({x}[None]) ; np.swapaxes({x}, 0, -1) ;
        {x}.reshape({x}.shape[::-1]) ; {x}.flatten() ; np.moveaxis({x}, 0, -1) ;
        np.broadcast_to({x}, (2,) + {x}.shape) ; np.atleast_2d({x}) ; {x}.ravel()[:, None] ;
        np.reshape({x}, (-1, 1)) ; np.rollaxis({x}, 0) ; {x}[..., np.newaxis] ; np.array({x}) ;
        np.asarray({x}) * 1.5
    """)
    return w.emit(w.rng.choice(forms).format(x=x))


def moved(w: Writer) -> bool:
    x = w.pick(ndim=(1, 2))
    if x is None:
        return False
    a = w.rng.randrange(len(w.shape(x)))
    forms = split("""
        np.flip({x}, {a}) ; np.roll({x}, 1, {a}) ; np.repeat({x}, 2, axis={a}) ;
        np.tile({x}, 2) ; {x}[::-1] ; np.pad({x}, 1) ; np.split({x}, [1], axis={a})[1] ;
        np.array_split({x}, 2, axis={a})[0] ; np.roll({x}, -1) ;
        np.pad({x}, (1, 0), mode='edge') ; np.tile({x}, (2, 1)) ; np.fliplr({x}[None]) ;
        np.rot90(np.atleast_2d({x})) ; np.delete({x}, 0, axis={a}) ;
        np.diag(np.ravel({x})[:3]) ; np.append({x}, 0.5)
    """)
    return w.emit(w.rng.choice(forms).format(x=x, a=a))


def joined(w: Writer) -> bool:
    x, y = w.pick(ndim=(1, 2)), w.pick(ndim=(1, 2))
    if x is None or y is None:
        return False
    forms = split("""
        np.concatenate([{x}, {y}]) ; np.stack([{x}, {y}]) ;
        np.concatenate(({x}, {y}), axis=-1) ; np.hstack([{x}, {y}]) ;
        np.stack([{x}, {y}], axis=-1) ; np.vstack([{x}, {y}]) ; np.column_stack([{x}, {y}]) ;
        np.array([{x}, {y}]) ; np.block([{x}, {y}]) ;
        np.concatenate([{x}, np.ones({y}.shape), {y}]) ; np.dstack([{x}, {y}])
    """)
    return w.emit(w.rng.choice(forms).format(x=x, y=y))


def listed(w: Writer) -> bool:
    scalars = [w.pick(ndim=(0,)) for _ in range(w.rng.randint(2, 4))]
    if None in scalars:
        return False
    inside = ", ".join(str(s) for s in scalars)
    forms = split("""
        np.array([{}]) ; np.stack([{}]) ; np.asarray([{}, 1.0]) ; np.array([[{}]]) ;
        np.array([{}, 0.5]) * 2
    """)
    return w.emit(w.rng.choice(forms).format(inside))


# -- indexing --------------------------------------------------------------------------------------


def indexed(w: Writer) -> bool:
    x = w.pick(ndim=(1, 2, 3))
    if x is None:
        return False
    forms = split("""
        {x}[0] ; {x}[-1] ; {x}[1:] ; {x}[:-1] ; {x}[::2] ; {x}[..., 0] ; {x}[:, 1] ; {x}[0, 1] ;
        {x}[[0, 1, 0]] ; {x}[np.array([1, 0])] ; {x}[:, [1, 0, 1]] ;
        np.take({x}, [0, 1], axis=-1) ; {x}[[0, 1], [1, 0]] ; {x}[1, ...] ;
        {x}[np.array([[0, 1], [1, 1]])] ; {x}[np.arange(2), None] ; np.take({x}, [1, 0, 1]) ;
        {x}[-1, ::-1] ; {x}[(np.arange({x}.shape[0]) % 2) == 0] ;
        {x}[:, np.array([True, True])] ; {x}[[True, False]] ;
        np.compress([True, True], {x}, axis=0) ; {x}[np.ix_([0, 1], [1, 0])]
    """)
    return w.emit(w.rng.choice(forms).format(x=x))


def masked(w: Writer) -> bool:
    x = w.pick(ndim=(1, 2), most=6)
    if x is None or not w.clear_of(f"{x} - 0.1"):
        return False
    forms = split("""
        {x}[{x} > 0.1] ; np.sum({x}, where={x} > 0.1) ; np.where({x} > 0.1)[0].size * {x} ;
        np.select([{x} > 0.1, {x} < -1e9], [{x}**2, {x}], 0.5) ; np.sum({x}[{x} > 0.1]) + {x} ;
        np.mean({x}, where={x} > 0.1) ; np.count_nonzero({x} > 0.1) * {x} ;
        {x}[np.nonzero({x} > 0.1)] ; np.extract({x} > 0.1, {x})
    """)
    return w.emit(w.rng.choice(forms).format(x=x))


def ranked(w: Writer) -> bool:
    x, y = w.pick(ndim=(1,)), w.pick(ndim=(1,))
    if (
        x is None
        or y is None
        or w.shape(x) != w.shape(y)
        or not w.clear_of(f"np.diff(np.sort({x}))")
    ):
        return False
    forms = split("""
        {y}[np.argsort({x})] ; {y}[np.argmax({x})] ;
        np.take_along_axis({y}, np.argsort({x}), 0) ; {x}[np.argmin({x})] * {y} ;
        np.take_along_axis({y}, np.argsort({x})[:2], axis=0)
    """)
    return w.emit(w.rng.choice(forms).format(x=x, y=y))


# -- Python ----------------------------------------------------------------------------------------


def looped(w: Writer) -> bool:
    x, y = w.pick(most=3), w.pick(most=3)
    if x is None or y is None:
        return False
    n = w.rng.randint(2, 4)
    forms = (
        ("{v} = {x}", f"for k in range({n}):", "    {v} = np.sin({v}) + 0.3 * {y}"),
        ("{v} = {x} * 1.0", f"for k in range({n}):", "    {v} = {v} * 0.5 + k * {y}"),
        ("{v} = {x}", f"for k in range(1, {n}):", "    {v} = {v} + {x} ** k / k"),
        ("{v} = 0.0", "for e in np.ravel({x})[:5]:", "    {v} = {v} + np.tanh(e) * {y}"),
        ("{v} = sum(np.cos(e) for e in np.ravel({x})[:4]) + {y}",),
        ("{v} = 1.0 * {x}", f"for k in range({n}):", "    {v} += 0.2 * np.cos({y})"),
        ("g = lambda t: t * {y}", "{v} = g(g({x}))"),
    )
    chosen = w.rng.choice(forms)
    return w.block(
        [line.replace("{v}", "{}").replace("{x}", x).replace("{y}", y) for line in chosen]
    )


def by_element(w: Writer) -> bool:
    x = w.pick(ndim=(1,), most=3)
    if x is None:
        return False
    forms = (
        ("{v} = 0.0", "for i in range(len({x})):", "    {v} = {v} + {x}[i] * {x}[i - 1]"),
        ("{v} = np.stack([{x}[i] ** (i + 1) for i in range({x}.shape[0])])",),
        ("{v} = 1.0", "for e in {x}:", "    {v} = {v} * np.cos(e)"),
        ("{v} = np.array([np.sin(e) for e in {x}])",),
        ("a, b = {x}[0], {x}[1]", "{v} = a * b + np.sin(a) / (2 + b * b)"),
        ("{v} = np.array([[{x}[0], {x}[1]], [0.5, {x}[-1]]])",),
        ("{v} = max({x}[0] * 100, {x}[1]) * 0.01",),
    )
    chosen = w.rng.choice(forms)
    w.analytic = w.analytic and "max(" not in chosen[0]
    return w.block([line.replace("{v}", "{}").replace("{x}", x) for line in chosen])


def branched(w: Writer) -> bool:
    x, y = w.pick(most=4), w.pick(most=4)
    if x is None or y is None or not w.clear_of(f"np.sum({x}) - 0.2"):
        return False
    forms = (
        ("if np.sum({x}) > 0.2:", "    {v} = {y} * 2", "else:", "    {v} = np.sin({y})"),
        ("{v} = {y} if np.sum({x}) < 0.2 else {y} * np.sum({x})",),
        (
            "if (np.sum({x}) > 0.2) and True:",
            "    {v} = {y} + np.sum({x})",
            "else:",
            "    {v} = {y} - np.mean({x})",
        ),
    )
    return w.block(
        [s.replace("{v}", "{}").replace("{x}", x).replace("{y}", y) for s in w.rng.choice(forms)]
    )


def repeated_until(w: Writer) -> bool:
    x = w.pick(most=8)
    if x is None or not all(w.clear_of(f"np.sum({x} ** 2) * 0.25 ** {k} - 0.7") for k in range(5)):
        return False
    return w.block([f"{{}} = {x}", "while np.sum({} ** 2) > 0.7:", "    {} = {} * 0.5"])


# -- buffers ---------------------------------------------------------------------------------------


def buffered(w: Writer) -> bool:
    x = w.pick(ndim=(1,), most=4)
    if x is None:
        return False
    w.analytic = False  # a float buffer holds no complex step
    forms = (
        (
            "{v} = np.zeros(len({x}))",
            "for i in range(len({x})):",
            "    {v}[i] = np.sin({x}[i]) * {x}[0]",
        ),
        (
            "{v} = np.zeros({x}.shape)",
            "{v}[0] = {x}[1]",
            "for i in range(1, len({x})):",
            "    {v}[i] = 0.5 * {v}[i - 1] + {x}[i]",
        ),
        ("{v} = np.zeros_like({x})", "{v}[1:] = {x}[:-1] * 2", "{v}[0] += {x}[-1]"),
        ("{v} = {x}.copy()", "{v}[0] = {v}[1] * {v}[0]", "{v}[-1] *= 2"),
        ("{v} = np.ones((2, len({x})))", "{v}[0] = {x}", "{v}[1, 0] = {x}[0] * {x}[1]"),
        ("{v} = np.empty(len({x}))", "{v}[:] = {x} ** 2", "{v} += {x}"),
        ("{v} = np.full(len({x}), 0.5)", "{v}[::2] -= {x}[::2]", "{v}[1] = {v}[0] + {v}[1]"),
        ("{v} = np.zeros(len({x}) + 1)", "{v}[[0, 1]] = {x}[:2]", "{v}[2:] += np.sum({x})"),
        ("{v} = np.array({x})", "{v} *= 2", "{v}[1] -= {x}[0]"),
        ("{v} = np.zeros((2, 2))", "{v}[0, 0] = {x}[0]", "{v}[1] = {x}[:2]", "{v}[:, 1] *= {x}[1]"),
    )
    return w.block([s.replace("{v}", "{}").replace("{x}", x) for s in w.rng.choice(forms)])


def buffered_mask(w: Writer) -> bool:
    x = w.pick(ndim=(1, 2), most=4)
    if x is None or not w.clear_of(x):
        return False
    forms = (
        ("{v} = {x}.copy()", "{v}[{v} < 0] = 0.25"),
        ("{v} = {x} * 1.0", "{v}[{x} > 0] *= 3"),
        (
            "{v} = np.zeros_like({x})",
            "{v}[{x} > 0] = {x}[{x} > 0] ** 2",
            "{v}[0] = {v}[0] + {x}[-1]",
        ),
    )
    return w.block([s.replace("{v}", "{}").replace("{x}", x) for s in w.rng.choice(forms)])


def viewed(w: Writer) -> bool:
    """Views share the elements of what they view, both ways."""
    x = w.pick(ndim=(1,), most=4)
    if x is None:
        return False
    w.analytic = False
    forms = (
        ("{v} = 1.0 * {x}", "part = {v}[1:]", "part[0] = {x}[0] ** 2", "part *= 1.5"),
        ("{v} = np.zeros((2, len({x})))", "row = {v}[1]", "row[:] = np.sin({x})", "{v}[0] = 2 * row"),
        ("{v} = {x}.copy()", "same = {v}", "same[0] += {x}[-1]", "same[1:] *= same[:-1]"),
        ("{v} = np.zeros(2 * len({x}))", "flat = {v}.reshape(2, -1)", "flat[0] = {x}", "flat[1] += {v}[0]"),
        ("a = {x} * 1.0", "{v} = a.T", "a[-1] = {x}[0] * {x}[-1]"),
        ("{v} = np.stack([{x}, 2 * {x}])", "for row in {v}:", "    row *= row[0]"),
        ("a = {x} + 0.0", "b = a[::-1]", "{v} = a * b", "b[0] = 0.0", "{v} = {v} + a"),
    )  # fmt: skip
    return w.block([s.replace("{v}", "{}").replace("{x}", x) for s in w.rng.choice(forms)])


# -- linear algebra and special functions ----------------------------------------------------------


def of_matrix(w: Writer) -> bool:
    x = w.pick(ndim=(2,), most=4)
    if x is None:
        return False
    # Positive definite, with no two eigenvalues or singular values near each other.
    spd = f"({x} @ {x}.T + np.diag(np.arange(2.0, 2.0 + {x}.shape[0])))"
    if not w.clear_of(f"np.diff(np.linalg.eigvalsh({spd}))"):
        return False
    if not w.clear_of(f"np.diff(np.append(np.linalg.svd({x})[1], 0.0))"):
        return False
    forms = split("""
        np.linalg.inv({a}) ; np.linalg.solve({a}, {x}) ; np.linalg.solve({a}, {x}[:, 0]) ;
        np.log(np.linalg.det({a})) ; np.linalg.slogdet({a})[1] ; np.linalg.cholesky({a}) ;
        np.linalg.eigvalsh({a}) ; np.linalg.svd({x})[1] ; np.linalg.pinv({x}) ;
        np.linalg.norm({a}, axis=0) ; np.linalg.qr({a})[1] ; np.linalg.lstsq({a}, {x}[:, 0])[0] ;
        np.trace(np.linalg.inv({a})) ; np.linalg.multi_dot([{x}.T, {a}, {x}]) ; np.linalg.norm({x})
    """)
    w.analytic = False
    return w.emit(w.rng.choice(forms).format(x=x, a=spd))


def special(w: Writer) -> bool:
    x = w.pick(ndim=(0, 1, 2), most=4)
    forms = split("""
        ss.expit({x}) ; ss.logsumexp({x}) ; ss.softmax({x}) ; ss.log_softmax({x}) ; ss.erf({x}) ;
        ss.gammaln(2 + np.tanh({x})) ; ss.xlogy({x}, 2.5) ; ss.log_expit({x}) ; ss.erfc({x}) ;
        ss.digamma(2 + np.tanh({x})) ; ss.logit(0.2 + 0.6 * ss.expit({x})) ; ss.entr(2 + np.sin({x})) ;
        np.log(1 + np.exp({x})) ; np.log(np.sum(np.exp({x}))) ; np.exp({x}) / np.sum(np.exp({x}))
    """)
    w.analytic = False
    return x is not None and w.emit(w.rng.choice(forms).format(x=x))


#: Every template; one that stands twice is drawn twice as often.
TEMPLATES: tuple[Template, ...] = (
    smooth, smooth, smooth, with_number, bent, two, two, two_bent, clipped, with_constant,
    reduced, reduced, extreme, running, normed, product, product, of_square,
    reshaped, moved, joined, listed, indexed, indexed, masked, ranked,
    looped, by_element, branched, repeated_until, buffered, buffered_mask, viewed,
    of_matrix, special,
)  # fmt: skip
