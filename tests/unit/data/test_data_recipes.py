"""Recipes: the promised bytes out of what public addresses give, on small files of their form."""

from __future__ import annotations

import io
import zipfile

import pytest

from lamina.data.recipes import RECIPES, bank_codes, bank_text, banknote_zip, lines_crlf, lines_lf
from lamina.errors import DataError

UCI_BANK = (
    b'"age";"job";"marital";"education";"default";"balance";"housing";"loan";"contact";"day";'
    b'"month";"duration";"campaign";"pdays";"previous";"poutcome";"y"\n'
    b'58;"management";"married";"tertiary";"no";2143;"yes";"no";"unknown";5;"may";261;1;-1;0;'
    b'"unknown";"no"\n'
)


def archive(**members: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as made:
        for name, data in members.items():
            made.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return sink.getvalue()


def bank(data: bytes = UCI_BANK) -> bytes:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as made:
        made.writestr("bank-full.csv", data)
    return archive(bank_dot_zip=inner.getvalue())


def test_line_ends_are_made_the_same() -> None:
    for text in (b"1,2\r\n3,4\r\n", b"1,2\n3,4", b"1,2\r3,4\r\r"):
        assert lines_lf(text) == b"1,2\n3,4"
        assert lines_crlf(text) == b"1,2\r\n3,4"


def test_the_banknote_file_is_taken_out_of_its_archive() -> None:
    packed = archive(folder__data_banknote_authentication_dot_txt=b"1,0\n2,1\n")
    assert banknote_zip(packed) == b"1,0\r\n2,1"


def test_the_bank_file_is_found_in_the_inner_archive_and_reordered() -> None:
    lines = bank_text(bank()).decode().split("\r\n")
    assert lines[0].startswith("poutcome,job,marital")
    assert lines[1] == (
        "unknown,management,married,tertiary,no,yes,no,unknown,5,may,1,261,-1,0,58,2143,no"
    )


def test_the_bank_file_is_coded_as_the_papers_did() -> None:
    assert bank_codes(bank()) == b"58,5,1,3,0,2143,1,0,0,5,4,261,1,-1,0,0,0\r\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no zip archive"),
        (b"PK\x03\x04 broken", "no zip archive"),
        (archive(other=b""), "no file 'bank-full.csv'"),
        (bank(b'"age";"job"\n1;"x"\n'), "other columns than expected: age, job"),
    ],
)
def test_a_foreign_download_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        bank_text(data)


def test_every_recipe_in_the_table_exists() -> None:
    assert all(callable(RECIPES.get(name)) for name in RECIPES)
