"""Saliency maps of networks: where they look, mapped back to jobs and phases."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from lamina.diagnosis.charts import Charts, chart_form
from lamina.diagnosis.detectors.base import Fitting
from lamina.diagnosis.detectors.networks import ChartNetworkFitted, PaperCnn
from lamina.diagnosis.saliency import METHODS, cam_layer, on_bars, saliency_map
from lamina.errors import UnknownNameError, UsageError
from lamina.nets.initial import initial_weights
from lamina.nets.layers.convolution import Conv2d
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.pooling import AdaptiveAvgPool2d
from lamina.nets.layers.reshaping import Flatten
from lamina.nets.network import sequential
from lamina.nets.zoo_pictures import gantt_cnn
from lamina.testing.detectors import made_run, made_runs
from lamina.workflow.log import PHASES

FORM = chart_form(32, "phases")


@lru_cache
def trained() -> ChartNetworkFitted:
    options = {
        "size": 32, "axis": "absolute", "channels": "phases", "epochs": 12, "width": 0.25,
        "learning_rate": 3e-3, "patience": 12, "threads": 1,
    }  # fmt: skip
    found = PaperCnn().fit(made_runs(), None, Fitting(options=options))
    assert isinstance(found, ChartNetworkFitted)
    return found


def looking_at(phase: str) -> ChartNetworkFitted:
    """A network whose second class grows with the area of a phase, and with nothing else."""
    layers = [Conv2d(7, 1, 1, bias=False), AdaptiveAvgPool2d((1, 1)), Flatten(), Linear(1, 2)]
    network = sequential(layers, (7, 32, 32))
    weights = {name: np.zeros_like(a) for name, a in initial_weights(network, "normal", 0).items()}
    first, *_, last, _ = weights
    weights[first][0, PHASES.index(phase)] = 1.0
    weights[last][1] = 50.0
    return ChartNetworkFitted(("normal", "cpu"), network, weights, FORM, (True, True))


def test_a_picture_of_equal_weights_lies_on_bars_by_their_area() -> None:
    run = made_run("normal", "b", 1, jobs=5)
    shares, density = on_bars(np.ones((32, 32)), run, FORM)
    spent = run.table.spent
    np.testing.assert_allclose(shares, spent / run.table.seconds / 5, atol=1e-9)
    np.testing.assert_allclose(density[spent > 0], 1.0)
    assert np.isnan(density[spent == 0]).all()


@pytest.mark.parametrize("order", ["recorded", "start"])
def test_weight_on_one_bar_is_that_bars(order: str) -> None:
    table = made_run("normal", "b", 1, jobs=8).table.taken([6, 0, 3, 7, 1, 2, 4, 5])
    run = replace(made_run("normal", "b", 1, jobs=8), table=table, anomalies=())
    form = chart_form(64, "phases", order=order)
    alone = table.phase_begin.copy()
    column = PHASES.index("run")
    alone[:] = np.nan
    alone[3, column] = table.phase_begin[3, column]
    chosen = replace(run, table=replace(table, phase_begin=alone))
    picture = Charts((chosen,), form).drawn()[0, column] / 255.0
    shares, density = on_bars(picture, run, form)
    assert shares[3, column] > 0.95
    assert shares.sum() == pytest.approx(1.0, abs=0.02)
    assert np.nanargmax(density) == 3 * len(PHASES) + column


@pytest.mark.parametrize(
    ("method", "phase"), [("grad-cam", "run"), ("grad-cam", "stage_in"), ("occlusion", "run")]
)
def test_maps_find_the_phase_that_a_network_looks_at(method: str, phase: str) -> None:
    run = made_run("loss", "b", 2)
    found = saliency_map(looking_at(phase), run, "cpu", method)
    assert found.picture.shape == (32, 32)
    assert found.picture.max() == pytest.approx(1.0)
    assert found.picture.min() >= 0.0
    means = np.nan_to_num(found.density).mean(axis=0)
    assert PHASES[int(means.argmax())] == phase
    bars = found.bars()
    assert max(bars, key=lambda bar: bar.density).phase == phase
    assert sum(bar.share for bar in bars) <= 1.0 + 1e-9
    assert [bar.share for bar in bars] == sorted((bar.share for bar in bars), reverse=True)


def test_paper_laid_over_a_thin_bar_covers_its_neighbours_too() -> None:
    found = saliency_map(looking_at("stage_in"), made_run("loss", "b", 2), "cpu", "occlusion")
    means = np.nan_to_num(found.density).mean(axis=0)
    assert means[PHASES.index("stage_in")] > 2 * means[PHASES.index("run")]


@pytest.mark.parametrize("method", METHODS)
def test_maps_of_a_trained_network_belong_to_its_answer(method: str) -> None:
    fitted, run = trained(), made_run("loss", "loss-b0", 50)
    found = saliency_map(fitted, run, method=method)
    assert found.target == fitted.classes[int(fitted.scores([run]).argmax())]
    assert np.isfinite(found.picture).all()
    assert found.shares.shape == (len(run.table), len(PHASES))
    np.testing.assert_array_equal(
        found.picture, saliency_map(fitted, run, method=method).picture, "the same every time"
    )


def test_grad_cam_looks_at_the_last_layer_that_still_tells_places_apart() -> None:
    assert cam_layer(gantt_cnn(4, (3, 512, 512))) == "features.leaky5"
    assert cam_layer(gantt_cnn(4, (3, 128, 128))) == "features.leaky4"
    assert cam_layer(gantt_cnn(4, (3, 4, 4))) == "features.leaky5"
    with pytest.raises(UsageError, match="no layer with maps"):
        cam_layer(sequential([Linear(4, 2)]))


def test_a_run_without_jobs_has_a_map_without_bars() -> None:
    run = made_run("normal", "b", 1)
    empty = replace(run, table=run.table.taken([]), anomalies=())
    for method in METHODS:
        found = saliency_map(trained(), empty, method=method)
        assert found.bars() == ()


def test_mistakes_name_the_choices() -> None:
    run = made_run("normal", "b", 1)
    with pytest.raises(UsageError, match=r"(?s)'guess'.*grad-cam, occlusion"):
        saliency_map(trained(), run, method="guess")
    with pytest.raises(UnknownNameError, match="hdd"):
        saliency_map(trained(), run, "hdd")
