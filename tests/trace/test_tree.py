"""Nested arguments: flat and back."""

from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest
from chainrule.trace.tree import LEAF, flatten


class Layer(NamedTuple):
    W: Any
    b: Any


@dataclass(frozen=True)
class Model:
    layers: list[Layer]
    scale: float


@dataclass(slots=True)
class Slotted:
    a: Any
    b: Any = field(default=None, init=False)


Point = namedtuple("Point", "x y")  # noqa: PYI024 - the old spelling is in use too


TREES: list[tuple[Any, list[str]]] = [
    (1.0, [""]),
    (None, []),
    ((), []),
    ([1.0, (2.0, 3.0)], ["[0]", "[1][0]", "[1][1]"]),
    ({"w": 1.0, 3: 2.0}, ["['w']", "[3]"]),
    (Layer(1.0, [2.0]), [".W", ".b[0]"]),
    (Point(1.0, None), [".x"]),
    (
        Model([Layer(1.0, 2.0)], 3.0),
        [".layers[0].W", ".layers[0].b", ".scale"],
    ),
    (Slotted(5.0), [".a"]),
    (OrderedDict(b=1.0, a=2.0), ["['b']", "['a']"]),
    (defaultdict(list, a=[1.0]), ["['a'][0]"]),
]


@pytest.mark.parametrize(("tree", "paths"), TREES)
def test_there_and_back(tree: Any, paths: list[str]) -> None:
    leaves, structure = flatten(tree)
    assert list(structure.paths) == paths
    assert structure.count == len(leaves)
    again = structure.unflatten(leaves)
    assert type(again) is type(tree)
    assert again == tree
    assert flatten(again)[1] == structure


def test_an_array_is_a_leaf() -> None:
    x = np.ones(3)
    leaves, structure = flatten(x)
    assert leaves[0] is x
    assert structure is LEAF


def test_a_path_is_source_text() -> None:
    model = Model([Layer(1.0, 2.0)], 3.0)
    leaves, structure = flatten(model)
    for path, leaf in zip(structure.paths, leaves, strict=True):
        assert eval(f"model{path}") == leaf  # noqa: S307


def test_the_order_of_a_dict_is_kept() -> None:
    assert list(flatten({"b": 1, "a": 2})[1].unflatten([3, 4])) == ["b", "a"]


@pytest.mark.parametrize("leaves", [[1.0], [1.0, 2.0, 3.0]])
def test_the_wrong_number_of_leaves_is_an_error(leaves: list[float]) -> None:
    structure = flatten((0.0, 0.0))[1]
    with pytest.raises(ValueError, match="leaves"):
        structure.unflatten(leaves)


def test_a_dataclass_is_not_called_again() -> None:
    @dataclass
    class Checked:
        a: float

        def __post_init__(self) -> None:
            self.a = float(self.a)
            self.extra = "kept"

    _, structure = flatten(Checked(1.0))
    again = structure.unflatten(["anything"])
    assert again.a == "anything"
    assert again.extra == "kept"
