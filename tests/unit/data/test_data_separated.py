"""Text tables: separators, headers, encodings, quotes; random bytes give only our errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lamina.data.columns import EMPTY, NUMBER, TRUTHS
from lamina.data.formats import ReadOptions
from lamina.data.formats.separated import read_bytes
from lamina.data.tables import Table, read_table, write_table
from lamina.errors import DataError, LaminaError


def read(data: str | bytes, suffix: str = ".csv", **options: Any) -> dict[str, list[Any]]:
    raw = data.encode() if isinstance(data, str) else data
    columns = read_bytes(raw, ReadOptions(**options), "t", suffix)
    return {name: values.tolist() for name, values in columns.items()}


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2.5\n3,4.5\n",
        "a,b\r\n1,2.5\r\n3,4.5",
        "a,b\r1,2.5\r3,4.5\r",
        "a;b\n1;2.5\n3;4.5\n",
        "a\tb\n1\t2.5\n3\t4.5\n",
        "a|b\n1|2.5\n3|4.5\n",
        '"a","b"\n"1","2.5"\n"3","4.5"\n',
        "a, b\n1, 2.5\n3, 4.5\n",
        "\ufeffa,b\n1,2.5\n3,4.5\n",
        "\n\na,b\n\n1,2.5\n\n3,4.5\n\n",
    ],
)
def test_separators_line_ends_quotes_and_marks_are_found(text: str) -> None:
    assert read(text) == {"a": [1, 3], "b": [2.5, 4.5]}


def test_utf16_and_latin1_are_read() -> None:
    assert read("name,n\nä,1\n".encode("utf-16"))["name"] == ["ä"]
    assert read("name,n\nä,1\n".encode("latin-1"))["name"] == ["ä"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("1,2\n3,4\n", ["c0", "c1"]),
        ("a,b\n3,4\n", ["a", "b"]),
        ("5.1,setosa\n4.9,setosa\n", ["c0", "c1"]),
        ("name,town\nAda,London\nAlan,Wilmslow\n", ["name", "town"]),
        ("p,x,s\np,x,y\ne,x,s\n", ["c0", "c1", "c2"]),
        ("a,b\n?,NA\n", ["a", "b"]),
        ("a,\n1,2\n", ["a", "c1"]),
        ("1,2\n", ["c0", "c1"]),
        ("?,2\n3,4\n", ["c0", "c1"]),
    ],
)
def test_a_header_is_told_from_data(text: str, names: list[str]) -> None:
    assert list(read(text)) == names


def test_the_caller_decides_about_the_header() -> None:
    assert list(read("2010,2011\n1,2\n", header=True)) == ["2010", "2011"]
    assert read("a,b\nc,d\n", header=False) == {"c0": ["a", "c"], "c1": ["b", "d"]}
    assert read("a,b\n1,2\n", names=("x", "y")) == {"x": [1], "y": [2]}
    assert read("1,2\n", names=("x", "y")) == {"x": [1], "y": [2]}


def test_empty_texts_become_empty_cells() -> None:
    cells = read("a,b\n" + "".join(f"1,{text}\n" for text in EMPTY) + "2,x\n")["b"]
    assert cells == [None] * len(EMPTY) + ["x"]
    assert np.isnan(read("a,b\n1,\n2,3\n")["b"][0])
    assert read("a,b\n1, ? \n2,x\n")["b"] == [None, "x"]


def test_dates_stay_texts_and_truths_become_bool() -> None:
    assert read("d,t\n2020-01-01,true\n2020-01-02,FALSE\n") == {
        "d": ["2020-01-01", "2020-01-02"],
        "t": [True, False],
    }


def test_a_quoted_cell_may_hold_separators_and_line_ends() -> None:
    assert read('t,n\n"a,\nb",1\n"say ""x""",2\n') == {"t": ["a,\nb", 'say "x"'], "n": [1, 2]}


def test_the_line_of_a_ragged_row_is_said() -> None:
    with pytest.raises(DataError, match="first row has 2 cells, and 2 rows differ: line 4 has 3"):
        read('a,b\n"x\ny",2\n1,2,3\n4\n')


def test_an_open_quote_is_said_with_its_line() -> None:
    with pytest.raises(DataError, match="begins on line 3: a quote is never closed"):
        read('a,b\n1,2\n"3,4\n5,6\n')


def test_a_repeated_name_is_refused() -> None:
    with pytest.raises(DataError, match="'a' in columns 1, 3"):
        read("a,b,a\n1,2,3\n")


def test_a_late_text_makes_the_whole_column_text() -> None:
    cells = read("a,b\n" + "1,2\n" * 5000 + "x,2\n")["a"]
    assert cells[-1] == "x"
    assert cells[0] == "1"


def test_whole_numbers_beyond_64_bits_become_floats() -> None:
    assert read("a,b\n18446744073709551616,1\n")["a"] == [2.0**64]


PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])).filter(
    lambda t: (
        t == t.strip() and t not in EMPTY and not NUMBER.fullmatch(t) and t not in TRUTHS and t
    )
)
CELLS = {
    "f": st.floats(allow_infinity=False) | st.none(),
    "i": st.integers(-(2**63), 2**63 - 1),
    "b": st.booleans(),
    "t": PLAIN.map(lambda t: f"t{t}") | st.none(),
}


@st.composite
def tables(draw: st.DrawFn) -> Table:
    rows = draw(st.integers(1, 12))
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=4))
    columns: dict[str, list[Any]] = {"first": [0.5, *[None] * (rows - 1)]}
    for number, kind in enumerate(kinds):
        columns[f"{kind}{number}"] = draw(st.lists(CELLS[kind], min_size=rows, max_size=rows))
    return read_table(columns)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "npz"])
def test_written_tables_are_read_back_bit_for_bit(
    suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("round") / f"t.{suffix}"

    @settings(deadline=None, max_examples=40)
    @given(tables())
    def holds(table: Table) -> None:
        write_table(table, path)
        again = read_table(path, header=True)
        assert again.names == table.names
        for name, values in table.columns.items():
            if values.dtype.kind == "f" and again[name].dtype.kind == "i":
                assert np.array_equal(values, again[name])
            else:
                assert again.select([name]).digest() == table.select([name]).digest(), name

    holds()


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200))
@example(b"")
@example(b'"')
@example(b"\xff\xfe\x00")
@example(b"a,b\r1\r\n2,3")
@example(b'a,"b\n1,2')
@example(b'a"b,c\n1,2"')
@example(b"\r\r\n\x0c")
@example(b"1e999,2\n3,4")
@example(b"a,b\n1,\x1c\n")
@example(b"0x10,1\n1_0,2\n")
def test_random_bytes_give_a_table_or_one_of_our_errors(data: bytes) -> None:
    try:
        columns = read_bytes(data, ReadOptions(), "t")
    except LaminaError as error:
        assert error.way_out
    else:
        assert Table(columns).rows >= 1


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from('ab1.,;\t"\n\r ?-e'), max_size=60))
def test_random_csv_gives_a_table_or_one_of_our_errors(text: str) -> None:
    try:
        columns = read_bytes(text.encode(), ReadOptions(), "t")
    except LaminaError as error:
        assert error.way_out
    else:
        assert Table(columns).rows >= 1
