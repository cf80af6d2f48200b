"""Which public names of NumPy, scipy.special and scipy.linalg differentiate: ``docs/coverage.md``.

``python -m tests.trace.coverage`` writes the page anew.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
import scipy.special
from chainrule.ops.elementwise import Elementwise
from chainrule.trace.creation import CREATION
from chainrule.trace.dispatch import _COMPOSITES, row_of
from chainrule.trace.functions import FUNCTIONS
from chainrule.trace.functions.refused import REFUSED
from chainrule.trace.functions.updating import FUNCTIONS as UPDATING
from chainrule.trace.iteration import ITERATION

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"

#: As a program writes it -> the module.
MODULES: dict[str, Any] = {
    "np": np,
    "np.linalg": np.linalg,
    "np.fft": np.fft,
    "scipy.special": scipy.special,
    "scipy.linalg": scipy.linalg,
}

#: Names that compute nothing by an array of numbers: why, and which they are.
OUTSIDE: dict[str, dict[str, str]] = {
    "np": {
        "reads or writes files, texts and buffers": (
            "array2string array_repr array_str base_repr binary_repr datetime_as_string datetime_data "
            "format_float_positional format_float_scientific from_dlpack frombuffer fromfile fromregex "
            "fromstring genfromtxt load loadtxt save savetxt savez savez_compressed"
        ),
        "is about types, memory and settings": (
            "broadcast_shapes get_include get_printoptions getbufsize geterr geterrcall info isdtype "
            "isfortran issubdtype iterable may_share_memory min_scalar_type mintypecode nested_iters "
            "printoptions promote_types set_printoptions setbufsize seterr seterrcall shares_memory "
            "show_config show_runtime test typename asmatrix bmat frompyfunc einsum_path"
        ),
        "works on integers, bits, dates or indices": (
            "bitwise_count bitwise_left_shift bitwise_right_shift busday_count busday_offset diag_indices "
            "gcd is_busday isnat ix_ lcm left_shift mask_indices packbits ravel_multi_index right_shift "
            "tril_indices triu_indices unpackbits diag_indices_from tril_indices_from triu_indices_from"
        ),
        "is deprecated": "row_stack",
        "makes an array of a size alone": "bartlett blackman hamming hanning kaiser",
    },
    "np.fft": {"makes an array of a size alone": "fftfreq rfftfreq"},
    "scipy.special": {
        "makes zeros, roots, weights or polynomials of whole numbers alone": (
            "ai_zeros bei_zeros beip_zeros ber_zeros bernoulli berp_zeros bi_zeros c_roots cg_roots chebyc "
            "chebys chebyt chebyu erf_zeros euler fresnel_zeros fresnelc_zeros fresnels_zeros gegenbauer "
            "genlaguerre h_roots he_roots hermite hermitenorm j_roots jacobi jn_zeros jnjnp_zeros jnp_zeros "
            "jnyn_zeros js_roots kei_zeros keip_zeros kelvin_zeros ker_zeros kerp_zeros l_roots la_roots "
            "laguerre legendre p_roots ps_roots roots_chebyc roots_chebys roots_chebyt roots_chebyu "
            "roots_gegenbauer roots_genlaguerre roots_hermite roots_hermitenorm roots_jacobi roots_laguerre "
            "roots_legendre roots_sh_chebyt roots_sh_chebyu roots_sh_jacobi roots_sh_legendre s_roots "
            "sh_chebyt sh_chebyu sh_jacobi sh_legendre t_roots ts_roots u_roots us_roots y0_zeros y1_zeros "
            "y1p_zeros yn_zeros ynp_zeros"
        ),
        "is about settings": "geterr seterr errstate",
    },
    "scipy.linalg": {
        "makes a matrix of a size alone": (
            "dft hadamard helmert hilbert invhilbert invpascal pascal"
        ),
        "asks about a matrix, or about LAPACK": (
            "bandwidth ishermitian issymmetric find_best_blas_type get_blas_funcs get_lapack_funcs"
        ),
    },
}  # fmt: skip


def names(where: str) -> Iterator[tuple[str, Any]]:
    """The public functions of a module."""
    module = MODULES[where]
    public = getattr(module, "__all__", None) or [k for k in dir(module) if not k.startswith("_")]
    for name in sorted(public):
        value = getattr(module, name)
        if not isinstance(value, type | types.ModuleType) and callable(value):
            yield name, value


def differentiates(where: str, name: str, value: Any) -> bool:
    """Whether there is a row or a composition for it."""
    if f"{where}.{name}" in REFUSED:
        return False
    try:
        if any(value in table for table in (FUNCTIONS, CREATION, UPDATING, ITERATION)):
            return True
    except TypeError:
        return False
    if f"{where}.{name}" in FUNCTIONS:
        return True
    if not isinstance(value, np.ufunc):
        return False
    return row_of(value) is not None or (where == "np" and value.__name__ in _COMPOSITES)


def is_constant(value: Any) -> bool:
    """Whether it has a row that is constant between jumps in every argument."""
    row = row_of(value) if isinstance(value, np.ufunc) else None
    if not isinstance(row, Elementwise) or row.partials is None:
        return False
    return all(p is None for p in row.partials)


def classes(where: str) -> dict[str, list[str]]:
    """Every name in one class: *differentiates*, *constant*, *refused*, *outside*, *unknown*."""
    outside = {n for listed in OUTSIDE.get(where, {}).values() for n in listed.split()}
    found: dict[str, list[str]] = {k: [] for k in ("differentiates", "constant", "refused", "outside", "unknown")}
    for name, value in names(where):
        if f"{where}.{name}" in REFUSED:
            kind = "refused"
        elif name in outside:
            kind = "outside"
        elif differentiates(where, name, value):
            kind = "constant" if is_constant(value) else "differentiates"
        else:
            kind = "unknown"
        found[kind].append(name)
    return found


def _listed(found: list[str]) -> str:
    return " ".join(f"`{n}`" for n in found)


def page() -> str:
    """The page."""
    parts = [_OPENING]
    for where in MODULES:
        found = classes(where)
        count = sum(map(len, found.values()))
        parts.append(f"## {where}\n")
        parts.append(
            f"Of {count} functions {len(found['differentiates'])} differentiate, {len(found['constant'])} are "
            f"constant between jumps, {len(found['refused'])} are refused, and {len(found['outside'])} compute "
            "nothing by an array of numbers.\n"
        )
        parts.append(f"*Differentiates*: {_listed(found['differentiates'])}\n")
        if found["constant"]:
            parts.append(f"*Constant between jumps* (P1): {_listed(found['constant'])}\n")
        if found["refused"]:
            parts.append("*Refused*: calling it on a traced value raises `UnsupportedFunction`, which says so.\n")
            parts.append("| function | why | instead |\n|---|---|---|")
            grouped: dict[tuple[str, str], list[str]] = {}
            for n in found["refused"]:
                grouped.setdefault(REFUSED[f"{where}.{n}"], []).append(n)
            for (reason, instead), group in grouped.items():
                parts.append(f"| {_listed(group)} | {reason} | {instead} |")
            parts.append("")
        for reason, listed in OUTSIDE.get(where, {}).items():
            there = [n for n in sorted(listed.split()) if n in found["outside"]]
            if there:
                parts.append(f"*What {reason}*: {_listed(there)}\n")
    return "\n".join(parts).rstrip() + "\n"


_OPENING = """# What differentiates

Every public function of NumPy's numerical namespaces, of `scipy.special` and of `scipy.linalg`: written
by `python -m tests.trace.coverage`, from the tables that the library itself reads. A function may still
refuse one of its options, or a derivative by one of its parameters; the error says so, and what to
write instead. Functions of NumPy that are methods of arrays too differentiate as methods.
"""

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
