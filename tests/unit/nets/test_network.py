"""Networks: valid once they exist, all mistakes at once, cut and tapped."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings

from lamina.errors import NetworkError, UnknownNameError
from lamina.nets.layers import Layer, Shape
from lamina.nets.layers.activations import ReLU, Softmax
from lamina.nets.layers.attention import MultiheadAttention
from lamina.nets.layers.convolution import Conv2d
from lamina.nets.layers.embedding import Embedding
from lamina.nets.layers.joining import Add, Concat
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.normalisation import GroupNorm
from lamina.nets.layers.reshaping import Flatten, Reshape
from lamina.nets.network import Network, Wiring, sequential
from lamina.nets.parts import Input, Node
from lamina.nets.zoo import digits_residual, mlp
from lamina.testing.layer_strategies import networks


def mistakes_of(
    inputs: tuple[Input, ...], nodes: tuple[Node, ...], outputs: tuple[str, ...]
) -> tuple[str, ...]:
    with pytest.raises(NetworkError) as caught:
        Network(inputs, nodes, outputs)
    return caught.value.mistakes


def mistakes_of_chain(
    layers: list[Layer | tuple[str, Layer]], shape: Shape, values: str = "float"
) -> tuple[str, ...]:
    with pytest.raises(NetworkError) as caught:
        sequential(layers, shape, values=values)
    return caught.value.mistakes


def test_shapes_travel_along_the_layers() -> None:
    network = sequential([Conv2d(1, 4, 3), ReLU(), Flatten(), Linear(out_features=2)], (1, 5, 5))
    assert network.shapes == {
        "x": (1, 5, 5),
        "c1": (4, 3, 3),
        "r1": (4, 3, 3),
        "f1": (36,),
        "l1": (2,),
    }
    assert network.parameter_count() == 4 * 9 + 4 + 36 * 2 + 2
    assert network.chain


def test_a_misfit_names_both_layers() -> None:
    chain: list[Layer | tuple[str, Layer]] = [Linear(4, 16), ReLU(), Linear(8, 1)]
    assert mistakes_of_chain(chain, (4,)) == (
        "Linear l2 needs 8 features; it gets 16 from ReLU r1",
    )


def test_a_kernel_larger_than_its_input_is_refused_in_words() -> None:
    assert mistakes_of_chain([Conv2d(1, 4, 5)], (1, 3, 3)) == (
        "Conv2d c1 needs an input of at least 5 x 5; it gets 3 x 3 from input x",
    )


def test_a_setting_that_is_off_is_not_blamed_on_the_input() -> None:
    assert mistakes_of_chain([Linear(4)], (4,)) == (
        "Linear l1 needs out_features of at least 1; it has 0",
    )


def test_all_branches_are_checked_in_one_go() -> None:
    wiring = Wiring()
    x = wiring.input("x", (3, 8, 8))
    a = wiring.add(Conv2d(out_channels=4, kernel_size=9), x)
    b = wiring.add(GroupNorm(2), x)
    c = wiring.add(Softmax(5), x)
    with pytest.raises(NetworkError) as caught:
        wiring.network(a, b, c)
    assert caught.value.mistakes == (
        "Conv2d c1 needs an input of at least 9 x 9; it gets 8 x 8 from input x",
        "GroupNorm g1 needs channels that its 2 groups divide; it gets 3 from input x",
        "Softmax s1 needs an axis 5; it gets a tensor with 3 axes from input x",
    )


def test_a_cycle_is_named_with_its_path() -> None:
    nodes = (Node("a", Add(), ("x", "b")), Node("b", ReLU(), ("a",)))
    (mistake,) = mistakes_of((Input("x", (3,)),), nodes, ("b",))
    assert "form a cycle" in mistake
    assert "a -> b -> a" in mistake or "b -> a -> b" in mistake


def test_names_that_do_not_exist_are_listed_with_those_that_do() -> None:
    nodes = (Node("a", ReLU(), ("y",)),)
    assert mistakes_of((Input("x", (3,)),), nodes, ("b",)) == (
        "ReLU a reads 'y', which does not exist; there are: a, x",
        "output 'b' does not exist; there are: a, x",
        "input x leads nowhere: wire it on, or name it as an output",
        "ReLU a leads nowhere: wire it on, or name it as an output",
    )


@pytest.mark.parametrize(
    ("inputs", "nodes", "outputs", "mistake"),
    [
        ((), (), (), "there is no input: add one"),
        ((Input("x", (3,)),), (), ("x",), "there is no layer: add one"),
        (
            (Input("x", (3,)),),
            (Node("x", ReLU(), ("x",)),),
            ("x",),
            "the name 'x' stands twice: names of inputs and layers are unique",
        ),
        (
            (Input("x", (3,)),),
            (Node("a b", ReLU(), ("x",)),),
            ("a b",),
            "the name 'a b' is no name: letters and digits, no spaces",
        ),
        (
            (Input("x", (3, 0)),),
            (Node("a", ReLU(), ("x",)),),
            ("a",),
            "input 'x' has shape (3, 0): sizes start at 1",
        ),
        (
            (Input("x", (3,), "text"),),
            (Node("a", ReLU(), ("x",)),),
            ("a",),
            "input 'x' has values 'text'; known: float, int",
        ),
        (
            (Input("x", (3,)),),
            (Node("a", ReLU(), ("x",)),),
            ("a", "a"),
            "output 'a' stands twice",
        ),
        (
            (Input("x", (3,)),),
            (Node("a", Add(), ("x",)),),
            ("a",),
            "Add a needs two or more inputs; it gets 1",
        ),
        (
            (Input("x", (3,)),),
            (Node("a", ReLU(), ("x", "x")),),
            ("a",),
            "ReLU a needs 1 input; it gets 2",
        ),
        (
            (Input("x", (3, 4)),),
            (Node("a", MultiheadAttention(), ("x", "x")),),
            ("a",),
            "MultiheadAttention a needs 1 or 3 inputs; it gets 2",
        ),
    ],
)
def test_what_is_wrong_is_said(
    inputs: tuple[Input, ...], nodes: tuple[Node, ...], outputs: tuple[str, ...], mistake: str
) -> None:
    assert mistake in mistakes_of(inputs, nodes, outputs)


def test_codes_and_numbers_do_not_mix() -> None:
    assert mistakes_of_chain([Embedding(9, 2)], (3,)) == (
        'Embedding e1 needs int values; it gets float from input x: it takes values "int"',
    )
    assert mistakes_of_chain([Linear(3, 2)], (3,), "int") == (
        "Linear l1 needs float values; it gets int from input x: it takes an Embedding between"
        " them",
    )
    nodes = (Node("c", Concat(), ("x", "y")), Node("e", Embedding(9, 2), ("c",)))
    both = (Input("x", (3,), "int"), Input("y", (3,)))
    assert mistakes_of(both, nodes, ("e",)) == (
        "Concat c needs inputs of one kind; it gets float values from input y too",
    )


def test_codes_pass_through_layers_that_only_move_them() -> None:
    network = sequential([Reshape((4,)), Embedding(9, 2)], (2, 2), values="int")
    assert network.shapes["e1"] == (4, 2)


def test_settings_of_a_wrong_type_are_said_and_do_not_crash() -> None:
    wrong = Linear(3, "2")  # type: ignore[arg-type]
    assert mistakes_of_chain([wrong], (3,)) == (
        "Linear l1: out_features must be a whole number; it is '2'",
    )


def test_sizes_that_no_machine_holds_are_a_slip() -> None:
    assert mistakes_of_chain([Linear(3, 10**18)], (3,)) == (
        "Linear l1 has about 10^18 values: more than 10^10",
        "Linear l1 has about 10^19 parameters: more than 10^10",
    )
    assert mistakes_of_chain([ReLU()], (10**400,))[0].startswith(
        "input 'x' has about 10^400 values"
    )


def test_an_unknown_first_shape_is_asked_for() -> None:
    with pytest.raises(NetworkError, match="give shape="):
        sequential([ReLU()])


def test_nodes_in_any_order_are_sorted_and_sorted_ones_stay() -> None:
    a, b = Node("a", ReLU(), ("b",)), Node("b", ReLU(), ("x",))
    assert Network((Input("x", (3,)),), (a, b), ("a",)).nodes == (b, a)
    network = digits_residual()
    assert Network(network.inputs, network.nodes, network.outputs).nodes == network.nodes


def test_equal_networks_are_equal_and_hashable() -> None:
    assert mlp(4, (3,)) == mlp(4, (3,))
    assert len({mlp(4, (3,)), mlp(4, (3,)), mlp(4, (2,))}) == 2


def test_a_layer_is_found_by_name() -> None:
    assert mlp(4, (3,))["r1"].label == "ReLU r1"
    with pytest.raises(UnknownNameError, match="unknown layer 'r9'"):
        mlp(4, (3,))["r9"]


def test_taps_are_further_outputs() -> None:
    network = mlp(4, (3, 2)).tapped("r1", "x", "s1")
    assert network.outputs == ("s1", "r1", "x")
    assert network.parameters() == mlp(4, (3, 2)).parameters()
    with pytest.raises(UnknownNameError, match="unknown layer 'q'"):
        network.tapped("q")


def test_upto_keeps_only_what_is_needed() -> None:
    wiring = Wiring()
    x, y = wiring.input("x", 3), wiring.input("y", 3)
    a = wiring.add(Linear(3, 3), x, name="a")
    b = wiring.add(Linear(3, 3), y, name="b")
    whole = wiring.network(wiring.add(Add(), a, b, name="sum"))
    part = whole.upto("a")
    assert [i.name for i in part.inputs] == ["x"]
    assert [n.name for n in part.nodes] == ["a"]
    assert part.outputs == ("a",)
    assert whole.upto("sum") == whole
    with pytest.raises(UnknownNameError):
        whole.upto("x")


@settings(deadline=None, max_examples=50)
@given(networks())
def test_every_part_of_a_network_is_a_network_with_the_same_shapes(network: Network) -> None:
    for node in network.nodes:
        part = network.upto(node.name)
        assert part.shapes.items() <= network.shapes.items()
        assert part.parameters().items() <= network.parameters().items()
        assert part.cost() <= network.cost()


@pytest.mark.parametrize("given_names", [True, False])
def test_a_network_of_a_thousand_layers_builds_at_once(given_names: bool) -> None:
    layers: list[Layer | tuple[str, Layer]] = [
        (f"n{i}", Linear(8, 8)) if given_names else Linear(8, 8) for i in range(1000)
    ]
    start = time.perf_counter()
    network = sequential(layers)
    assert network.parameter_count() == 72_000
    assert time.perf_counter() - start < 0.5


def test_free_names_avoid_given_ones() -> None:
    wiring = Wiring()
    x = wiring.input("l1", 3)
    assert wiring.add(Linear(3, 3), x, name="l2") == "l2"
    assert wiring.add(Linear(3, 3), "l2") == "l3"
    assert wiring.add(Linear(3, 3), "l3") == "l4"


def test_lists_become_tuples_so_that_layers_can_be_keys() -> None:
    assert hash(Reshape([2, 2])) == hash(Reshape((2, 2)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        ([Linear(4, 3), ReLU], r"this is no layer: ReLU: write ReLU\(...\)"),
        ([Linear(4, 3), "ReLU"], "this is no layer: ReLU"),
        (
            [Linear("a", 3)],  # type: ignore[arg-type]
            "in_features of the first layer must be a whole number; it is 'a'",
        ),
        (
            [Linear(3.5, 3)],  # type: ignore[arg-type]
            "must be a whole number; it is 3.5",
        ),
    ],
)
def test_what_is_no_layer_is_refused_by_name(layers: list[Any], why: str) -> None:
    with pytest.raises(NetworkError, match=why):
        sequential(layers)


def test_a_shape_that_is_none_is_refused() -> None:
    with pytest.raises(NetworkError, match="it is 'x': give a whole number"):
        sequential([Linear(4, 3)], shape="x")  # type: ignore[arg-type]
