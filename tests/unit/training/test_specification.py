"""Training specifications: lossless documents, a shipped schema, all mistakes at once."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.data.sources import source
from lamina.errors import DocumentError, SettingsError
from lamina.nets.bundle import Bundle
from lamina.nets.convert.dataview import parse_trainer
from lamina.nets.layers.activations import Sigmoid
from lamina.nets.layers.linear import Linear
from lamina.nets.network import sequential
from lamina.nets.zoo import ZOO
from lamina.training.examples import Reading
from lamina.training.plans import Plan, sweep_sets
from lamina.training.resources import Resource
from lamina.training.settings import LOSSES, OPTIMISERS, SCHEDULES, Settings
from lamina.training.specification import (
    CheckpointPolicy,
    Specification,
    TapChoice,
    parse_specification,
    read_specification,
    write_specification,
)
from lamina.training.specification_schema import schema
from lamina.training.specified import table_of, taps_of, train_specified

SMALL = sequential([Linear(2, 1), Sigmoid()], name="small")
TRAINER = (
    '{"wIpt":"cancer.csv","wOpt":"out","numOfBatches":"5","numOfEpochs":"1000",'
    '"LayerArc":{"0":"0,5,3","1":"1","2":"0,3,1","3":"2"}}'
)

plans = st.builds(
    Plan,
    split=st.sampled_from(["holdout", "kfold", "all"]),
    test=st.floats(0.01, 0.9),
    folds=st.integers(2, 20),
    repeats=st.integers(1, 4),
    sets=st.sampled_from(
        [
            ((),),
            sweep_sets({"learning_rate": [0.1, 0.01], "momentum": [0.9, 0.1]}),
            sweep_sets([{"learning_rate": 0.1}, {"momentum": 0.5, "seed": 3}]),
            ((("class_weights", (1.0, 2.0)),), (("class_weights", "balanced"),)),
        ]
    ),
    restarts=st.integers(1, 3),
    ensemble=st.integers(1, 3),
)
all_settings = st.builds(
    Settings,
    epochs=st.integers(1, 5000),
    batches=st.none(),
    batch_size=st.integers(1, 999),
    loss=st.sampled_from(["auto", *LOSSES]),
    optimiser=st.sampled_from(OPTIMISERS),
    learning_rate=st.floats(1e-6, 10),
    schedule=st.sampled_from(SCHEDULES),
    class_weights=st.sampled_from([(), "balanced", (1.0, 2.5)]),
    seed=st.integers(0, 2**31),
    # A part that both networks below have.
    rates=st.sampled_from([(), (("l1", 0.5),)]),
)
readings = st.builds(
    Reading,
    kind=st.sampled_from(["auto", "binary", "classes", "regression"]),
    normalise=st.sampled_from(["min-max", "standard", "none"]),
    encode=st.sampled_from(["code", "one-hot"]),
    features=st.lists(st.text(min_size=1, max_size=5), max_size=3).map(tuple),
    target_scale=st.sampled_from(["auto", "standard", "min-max", "none"]),
)
specifications = st.builds(
    Specification,
    network=st.sampled_from([SMALL, ZOO.get("digits-cnn")()]),
    data=st.text(max_size=12),
    target=st.text(max_size=12),
    reading=readings,
    plan=plans,
    settings=all_settings,
    resource=st.builds(
        Resource,
        engine=st.sampled_from(["auto", "torch", "fused"]),
        device=st.sampled_from(["auto", "cpu", "cuda:1"]),
        threads=st.integers(0, 8),
    ),
    checkpoint=st.sampled_from(
        [CheckpointPolicy(), CheckpointPolicy("c"), CheckpointPolicy("c", 10, 2.5)]
    ),
    refit=st.booleans(),
    weights=st.sampled_from(["", "published", "w.pth"]),
    output=st.text(max_size=8),
    name=st.text(max_size=8),
)


@given(told=specifications, form=st.sampled_from(["yaml", "json"]))
@settings(deadline=None, max_examples=60)
def test_documents_round_trip_in_both_forms(told: Specification, form: str) -> None:
    assert parse_specification(told.to_text(form)) == told
    jsonschema.validate(told.to_document(), schema())


def test_a_file_round_trips_and_a_named_network_stays_a_name(tmp_path: Path) -> None:
    told = Specification(
        ZOO.get("papers-1")(),
        "breast-cancer",
        taps=(TapChoice("r1", "numpy:asarray", every=5),),
        network_source="papers-1",
    )
    for name in ("t.yaml", "t.json"):
        path = write_specification(told, tmp_path / name)
        assert read_specification(path) == told
    assert "network: papers-1\n" in (tmp_path / "t.yaml").read_text()


def test_a_network_file_is_found_beside_the_specification(tmp_path: Path) -> None:
    from lamina.nets.document import write_network

    write_network(SMALL, tmp_path / "net.yaml")
    (tmp_path / "t.yaml").write_text("lamina: training/1\nnetwork: net.yaml\n")
    assert read_specification(tmp_path / "t.yaml").network == SMALL


def test_a_short_document_has_the_defaults() -> None:
    told = parse_specification("lamina: training/1\nnetwork: papers-1\ndata: breast-cancer\n")
    assert told.settings == Settings()
    assert told.plan == Plan()
    assert told.data == "breast-cancer"
    assert told.options()["engine"] == "auto"


def test_a_sweep_is_a_grid_or_a_list_of_sets() -> None:
    head = "lamina: training/1\nnetwork: papers-1\nplan: {split: kfold, folds: 3}\n"
    grid = parse_specification(head + "sweep: {learning_rate: [0.1, 0.01], momentum: [0.9, 0.1]}\n")
    sets = parse_specification(head + "sweep: [{learning_rate: 0.1}, {learning_rate: 0.2}]\n")
    assert (len(grid.plan.sets), grid.plan.folds) == (4, 3)
    assert grid.to_document()["sweep"] == {"learning_rate": [0.1, 0.01], "momentum": [0.9, 0.1]}
    assert [dict(one) for one in sets.plan.sets] == [{"learning_rate": 0.1}, {"learning_rate": 0.2}]


def test_the_papers_specification_is_a_subset() -> None:
    told = parse_specification(TRAINER)
    assert told == Specification.from_dataview(parse_trainer(TRAINER))
    assert (told.data, told.output, told.settings.epochs) == ("cancer.csv", "out", 1000)
    assert told.plan.test == pytest.approx(1 / 5)
    assert told.settings.batches == 4
    assert parse_specification(told.to_text()) == told


def test_the_schema_knows_every_setting_and_every_choice() -> None:
    known = schema()["properties"]["settings"]["properties"]
    assert list(known) == [f.name for f in fields(Settings)]
    assert known["loss"]["enum"] == ["auto", *LOSSES]
    assert list(schema()["properties"]["data"]["properties"]) == [
        "source",
        "target",
        *(f.name for f in fields(Reading)),
    ]
    jsonschema.Draft202012Validator.check_schema(schema())


def document(**changes: Any) -> dict[str, Any]:
    whole = {"lamina": "training/1", "network": "papers-1", "data": "breast-cancer", **changes}
    return {key: value for key, value in whole.items() if value is not None}


BROKEN: dict[str, tuple[Any, str]] = {
    "a list": ([1], "is not of type object"),
    "nothing": (None, "is not of type object"),
    "no network": (document(network=None), "'network' is a required property"),
    "no version": (document(lamina=None), "'lamina' is a required property"),
    "newer version": (document(lamina="training/2"), "this Lamina reads 'training/1'"),
    "unknown key": (document(epochs=3), "unknown 'epochs'; known: lamina"),
    "unknown setting": (document(settings={"rate": 1}), "settings: unknown 'rate'"),
    "setting of another type": (document(settings={"epochs": "x"}), "settings.epochs: 'x'"),
    "setting out of range": (document(settings={"epochs": 0}), "epochs = 0: at least 1"),
    "unknown loss": (document(settings={"loss": "hinge"}), "choose from auto, bce"),
    "both batchings": (document(settings={"batches": 2, "batch_size": 3}), "keep one"),
    "unknown network": (
        document(network="papers-9"),
        "network 'papers-9' is no network of the zoo",
    ),
    "network of two kinds": (
        document(network={"lamina": "network/1", "inputs": {"x": 2}, "layers": [{"a": "Magic"}]}),
        "network: layer a: unknown layer 'Magic'",
    ),
    "network that does not fit": (
        document(
            network={
                "lamina": "network/1",
                "inputs": {"x": 2},
                "layers": [{"a": {"layer": "Linear", "in_features": 3, "out_features": 1}}],
            }
        ),
        "network: Linear a needs 3 features",
    ),
    "unknown plan": (document(plan="leave-one-out"), "plan: 'leave-one-out'"),
    "plan object": (document(plan={"folds": 1}), "plan: folds = 1"),
    "plan key": (document(plan={"splits": 5}), "plan: unknown 'splits'"),
    "sweep of nothing": (document(sweep={"momentum": []}), "sweep.momentum"),
    "sweep of a number": (document(sweep={"momentum": 0.5}), "sweep.momentum"),
    "sweep over an unknown": (document(sweep={"rate": [1]}), "unknown setting 'rate'"),
    "sweep out of range": (document(sweep={"momentum": [2]}), "momentum = 2"),
    "engine": (document(engine="warp"), "engine = 'warp': choose from"),
    "device": (document(device="tpu"), "device = 'tpu': choose from"),
    "threads": (document(threads=-1), "threads"),
    "data key": (document(data={"path": "x"}), "data: unknown 'path'"),
    "normalise": (document(data={"normalise": "max"}), "choose from min-max"),
    "target_scale": (document(data={"target_scale": "log"}), "choose from auto, standard"),
    "tap on nothing": (
        document(taps=[{"layer": "c9", "function": "a:b"}]),
        "tap on 'c9': there is no such layer",
    ),
    "tap without module": (
        document(taps=[{"layer": "l1", "function": "show"}]),
        "written file.py:function or module:function",
    ),
    "checkpoint": (document(checkpoint={"every_epochs": 5}), "'folder' is a required property"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_document_gives_one_error_with_a_way_out(case: str) -> None:
    broken, message = BROKEN[case]
    with pytest.raises(DocumentError) as caught:
        Specification.from_document(broken, "t.yaml")
    assert message in caught.value.message
    assert len(caught.value.mistakes) == 1
    assert caught.value.way_out


def test_mistakes_of_all_parts_are_said_at_once() -> None:
    broken = document(
        network="papers-9",
        plan="magic",
        settings={"epochs": 0, "rate": 1, "seed": "x"},
        engine="warp",
        device="tpu",
        odd=1,
    )
    with pytest.raises(DocumentError) as caught:
        Specification.from_document(broken)
    assert len(caught.value.mistakes) == 8


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    key=st.sampled_from(list(schema()["properties"])),
)
@settings(deadline=None, max_examples=80)
def test_no_document_escapes_the_error_tree(value: Any, key: str) -> None:
    try:
        told = Specification.from_document({**document(), key: value})
    except DocumentError as error:
        assert error.mistakes
    else:
        assert Specification.from_document(told.to_document()) == told


def test_a_specification_is_valid_at_birth() -> None:
    with pytest.raises(SettingsError, match="no such layer"):
        Specification(SMALL, taps=(TapChoice("c1", "a:b"),))
    with pytest.raises(SettingsError, match="unknown setting 'rate'"):
        Specification(SMALL, plan=Plan(sets=((("rate", 1),),)))


def write_table(path: Path) -> None:
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(60, 2))
    lines = [f"{a:.4f},{b:.4f},{int(a + b > 0)}" for a, b in rows]
    path.write_text("\n".join(["a,b,y", *lines]) + "\n")


def test_a_specification_trains_and_writes_its_model(tmp_path: Path) -> None:
    write_table(tmp_path / "d.csv")
    told = Specification(
        SMALL,
        "d.csv",
        "y",
        settings=Settings(epochs=40, seed=1),
        resource=Resource(engine="torch", device="cpu", threads=1),
        output="m.lamina",
    )
    result = train_specified(told, tmp_path)
    assert Bundle.load(tmp_path / "m.lamina").network == SMALL
    accuracy = result.metric("accuracy")["mean"]
    assert isinstance(accuracy, float)
    assert accuracy > 0.7


def test_named_data_have_their_own_target() -> None:
    told = Specification(SMALL, "breast-cancer")
    assert table_of(told, Path())[1] == source("breast-cancer").target
    assert table_of(replace(told, target="z"), Path())[1] == "z"


def test_functions_of_taps_are_imported_and_all_gaps_named() -> None:
    good = Specification(SMALL, taps=(TapChoice("l1", "numpy:asarray", every=3),))
    assert taps_of(good)[0].function is np.asarray
    bad = replace(
        good,
        taps=(TapChoice("l1", "no_such:thing"), TapChoice("l1", "numpy:pi"), *good.taps),
    )
    with pytest.raises(SettingsError) as caught:
        taps_of(bad)
    assert len(caught.value.mistakes) == 2


def test_json_text_is_json() -> None:
    assert json.loads(Specification(SMALL).to_text("json"))["lamina"] == "training/1"


def test_a_tap_may_name_a_function_in_a_file_beside_the_document(tmp_path: Path) -> None:
    (tmp_path / "look.py").write_text(
        "seen = []\n\n\ndef watch(tapped):\n    seen.append((tapped.layer, tapped.epoch))\n"
    )
    taps = [{"layer": "r1", "function": "look.py:watch", "every": 5}]
    path = tmp_path / "told.json"
    path.write_text(
        json.dumps(
            {
                "lamina": "training/1",
                "network": "papers-1",
                "data": "breast-cancer",
                "settings": {"epochs": 10},
                "engine": "fused",
                "taps": taps,
            }
        )
    )
    told = read_specification(path)
    assert told.to_document()["taps"] == taps
    assert read_specification(write_specification(told, tmp_path / "again.yaml")) == told
    (tap,) = taps_of(told)
    train_specified(told, taps=(tap,))
    assert tap.function.__globals__["seen"] == [("r1", 5), ("r1", 10)]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def other(): ...", "no attribute 'watch'"),
        ("watch = 3", "is no function"),
        ("1 / 0", "ZeroDivisionError"),
        (None, "there is no file"),
    ],
)
def test_a_file_of_a_tap_that_will_not_do_is_named(
    source: str | None, why: str, tmp_path: Path
) -> None:
    if source is not None:
        (tmp_path / "look.py").write_text(source)
    told = Specification(SMALL, taps=(TapChoice("l1", "look.py:watch", folder=tmp_path),))
    with pytest.raises(SettingsError, match=why):
        taps_of(told)


def test_parts_and_weights_stand_in_a_specification() -> None:
    text = """
        lamina: training/1
        network: resnet-18:classes=4,head=two-layer,width=0.1
        settings: {learning_rate: 1.0e-8, frozen: [conv1, layer1], rates: {head: 1.0e-6}}
        weights: published
        """
    told = parse_specification(text)
    assert told.settings.frozen == ("conv1", "layer1")
    assert told.settings.rates == (("head", 1e-6),)
    assert told.options()["weights"] == "published"
    assert parse_specification(told.to_text()) == told
    assert told.to_document()["settings"]["rates"] == {"head": 1e-6}


def test_parts_that_the_network_does_not_have_are_mistakes_of_the_specification() -> None:
    text = """
        lamina: training/1
        network: papers-1
        settings: {frozen: [l9], rates: {r1: 0.1}}
        """
    with pytest.raises(DocumentError) as caught:
        parse_specification(text)
    assert caught.value.mistakes == (
        "there is no part 'l9'; there are: l1, l2",
        "part 'r1' has no weights",
    )


def test_weights_are_found_beside_the_specification(tmp_path: Path) -> None:
    from lamina.nets.bundle import Bundle
    from lamina.nets.initial import initial_weights

    Bundle(SMALL, initial_weights(SMALL, "normal", 9)).save(tmp_path / "w.lamina")
    (tmp_path / "rows.csv").write_text("a,b,y\n" + "1,2,0\n2,1,1\n" * 8)
    told = Specification(
        SMALL,
        "rows.csv",
        "y",
        plan=Plan("all"),
        settings=Settings(epochs=1, learning_rate=1e-9),
        weights="w.lamina",
    )
    result = train_specified(told, tmp_path)
    assert result.begun.startswith("begun with w.lamina (sha256:")
