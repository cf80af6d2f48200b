"""Code for processors that this machine does not have: LLVM accepts it, and makes an object of it.

What it computes can be tried on such a processor alone; but a type, an intrinsic or a way to hand
vectors on that one of them lacks is found here.
"""

import functools
import struct

import chainrule as cr
import numpy as np
import pytest
from chainrule.ir.graph import Graph
from chainrule.native import entry, llvm, program
from chainrule.native.text import Machine
from chainrule.ops import PRIMITIVES
from tests.laws.arguments import cases

pytestmark = pytest.mark.skipif(not llvm.available(), reason="no compiler here")

LINUX, MACOS = "aarch64-unknown-linux-gnu", "arm64-apple-macosx"


@functools.cache
def machine(triple):
    binding = pytest.importorskip("llvmlite.binding")
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    try:
        binding.Target.from_triple(triple)
    except RuntimeError as error:
        pytest.skip(str(error))
    return Machine(triple, "generic", "", register=16, fma=True)


class Objects:
    """Stands for code in memory that nobody calls."""

    def __init__(self):
        self.images = []

    def compile_text(self, ir, exports, imports, machine, *, quality="best", fast=()):
        for text, how in [(ir, quality), *((text, "fast") for text in fast)]:
            self.images.append(llvm._object(text, machine, how))
        return dict.fromkeys(exports, 1)


@pytest.fixture
def objects(monkeypatch):
    made = Objects()
    monkeypatch.setattr(llvm, "compile_text", made.compile_text)
    monkeypatch.setenv("CHAINRULE_VERIFY", "1")
    return made


def is_for_arm(image):
    if image[:4] == b"\x7fELF":
        return struct.unpack_from("<H", image, 18)[0] == 183
    return struct.unpack_from("<II", image) == (0xFEEDFACF, 0x0100000C)  # Mach-O, 64 bits, ARM


@pytest.mark.parametrize("row", PRIMITIVES, ids=lambda row: row.name)
def test_every_row(row, objects):
    for case in cases(row):
        inputs = case.inputs()
        graph = Graph(tuple(inputs), tuple(case.outputs(inputs)))
        made = program.compile_graph(graph, machine=machine(LINUX))
        if isinstance(made, program.DirectExecutable):
            made._compiled(entered(made), "entry")
    assert objects.images
    assert all(map(is_for_arm, objects.images))


def entered(made):
    """The module of the function that CPython calls."""
    module = made._around()
    entry.emit_entry(
        module, made.inputs, made.outputs, workspace=made.workspace, release=made._release
    )
    return module


@pytest.mark.parametrize("triple", [LINUX, MACOS])
def test_whole_programs(triple, monkeypatch):
    """A training step and a long loop: products, strips, vector maths, loops compiled as loops."""

    def network(p, X, y):
        hidden = np.maximum(X @ p[0] + p[1], 0)
        z = hidden @ p[2]
        z = z - z.max(axis=1, keepdims=True)
        return -np.mean(z[np.arange(len(y)), y] - np.log(np.exp(z).sum(axis=1)))

    def orbit(y):
        for _ in range(300):
            r = np.sqrt(y[0] ** 2 + y[1] ** 2)
            y = y + 0.01 * np.array([y[2], y[3], -y[0] / r**3, -y[1] / r**3])
        return np.sum(y * y)

    p = [np.ones((20, 32)), np.ones(32), np.ones((32, 4))]
    graphs = [
        cr.jit(cr.grad(network)).lower(p, np.ones((64, 20)), np.arange(64) % 4).graph,
        cr.jit(cr.grad(orbit)).lower(np.ones(4)).graph,
    ]
    for graph in graphs:
        objects = Objects()
        monkeypatch.setattr(llvm, "compile_text", objects.compile_text)
        for quality in ("best", "fast"):
            program.compile_graph(graph, machine=machine(triple), quality=quality)
        monkeypatch.undo()
        assert objects.images
        assert all(map(is_for_arm, objects.images))
