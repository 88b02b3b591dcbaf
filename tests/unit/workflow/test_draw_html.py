"""What notebooks show: pictures of workflows and networks, tables; never markup of others."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from lamina.data.tables import Table
from lamina.nets.bundle import Bundle
from lamina.nets.initial import initial_weights
from lamina.nets.layers import Linear
from lamina.nets.network import sequential
from lamina.nets.zoo import mlp
from lamina.workflow import Workflow, command, workflow
from lamina.workflow.draw.html import table_html
from lamina.workflow.draw.svg import to_svg
from lamina.workflow.draw.workflows import draw_workflow

MARKUP = "<script>alert(1)</script>"


class Printer:
    said = ""

    def text(self, text: str) -> None:
        self.said += text


def echoes(count: int) -> Workflow:
    with workflow("echoes") as w:
        for number in range(count):
            w.output(f"o{number}", command(["echo", MARKUP], stdout="out")())
    return w.workflow


def test_a_notebook_shows_the_picture_of_a_workflow() -> None:
    made = echoes(2)
    assert made._repr_html_() == to_svg(draw_workflow(made))
    assert "<script" not in made._repr_html_()
    ElementTree.fromstring(made._repr_html_())


def test_of_a_large_workflow_or_network_it_shows_how_large_it_is() -> None:
    shown = echoes(150)._repr_html_()
    assert "<svg" not in shown and "<td style='text-align:left'>150</td>" in shown
    deep = sequential([Linear(2, 2) for _ in range(300)])._repr_html_()
    assert "<svg" not in deep and "302 boxes" in deep


def test_ipython_shows_a_line() -> None:
    printer = Printer()
    echoes(2)._repr_pretty_(printer, False)
    mlp(3, [4])._repr_pretty_(printer, False)
    assert printer.said == "<workflow echoes: 2 tasks><network 3-4-1: 21 parameters>"


def test_a_notebook_shows_the_beginning_of_a_table() -> None:
    table = Table({"x": np.arange(1000.0) / 3, "<b>": np.array([MARKUP, None] * 500, dtype=object)})
    shown = table._repr_html_()
    assert shown.count("<tr>") == 11 and "1,000 rows, 2 columns" in shown
    assert "0.333333" in shown and "<script" not in shown and "&lt;b&gt;" in shown
    wide = Table({f"c{n}": np.ones(1) for n in range(30)})
    assert wide._repr_html_().count("<th ") == 12 and "30 columns" in wide._repr_html_()
    assert repr(table) == "<table of 1000 rows: x, <b>>"
    assert repr(wide).endswith("c19 and 10 more>")


def test_a_notebook_shows_a_model_with_its_metrics() -> None:
    network = mlp(3, [4])
    metrics = {"r2": {"mean": 0.51234, "std": 0.1, "count": 5}, "mae": 2.0, "auc": None}
    model = Bundle(network, initial_weights(network, "xavier", 0), metrics=metrics, name=MARKUP)
    shown = model._repr_html_()
    assert "0.5123 ± 0.1" in shown and "<svg" in shown and "<script" not in shown
    assert repr(model) == f"<model {MARKUP}: 21 parameters, regression>"


def test_what_stands_in_a_table_is_text() -> None:
    assert MARKUP not in table_html([MARKUP], [[MARKUP]], MARKUP)
