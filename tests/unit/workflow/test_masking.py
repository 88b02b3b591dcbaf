"""Masking: what looks like a secret, and what was declared one, is never shown."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.workflow.masking import (
    HIDDEN,
    holds_secret,
    look_alikes,
    looks_secret,
    mask,
    mask_document,
    mask_environment,
    mask_plain,
    secret_values,
    told_secrets,
)

LONG = "Zx9" * 16


@pytest.mark.parametrize(
    ("shown", "kept"),
    [
        ("postgres://me:p@ss:w@host/db", "postgres://me:***@host/db"),
        (f"GITHUB_TOKEN=ghp_{LONG} make", "GITHUB_TOKEN=*** make"),
        (f"git clone with ghp_{LONG}.", "git clone with ***."),
        (f"curl -H 'Authorization: Bearer {LONG}'", "curl -H 'Authorization: Bearer ***'"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        ("sent basic dXNlcjpwYXNz", "sent basic ***"),
        ("fit --api-key=abc --epochs 3", "fit --api-key=*** --epochs 3"),
        ("fit --password hunter2 --epochs 3", "fit --password *** --epochs 3"),
        ("aws_secret_access_key = abc/def+x", "aws_secret_access_key = ***"),
        ("id AKIAABCDEFGHIJKLMNOP used", "id *** used"),
        ("{'password': 'x y', 'user': 'me'}", "{'password': '***', 'user': 'me'}"),
        ('{\\"api_key\\": \\"v\\"}', '{\\"api_key\\": \\"***"}'),
        ("DEPLOY_KEY=abc run", "DEPLOY_KEY=*** run"),
        ("https://h/p?X-Amz-Signature=abc&x=1", "https://h/p?X-Amz-Signature=***&x=1"),
        ("https://h/p?sig=abc&x=1", "https://h/p?sig=***&x=1"),
        ("hf_" + LONG, "***"),
        ("a eyJhbGciOiJI.eyJzdWIiOiIx.abc-_ b", "a *** b"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(shown: str, kept: str) -> None:
    assert mask(shown) == kept
    assert mask(kept) == kept


def test_a_private_key_is_hidden_whole_even_when_cut_off() -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\ndef\n"
    assert mask(f"read {key}-----END OPENSSH PRIVATE KEY----- done") == "read *** done"
    assert mask(f"read {key}") == "read ***"


@pytest.mark.parametrize(
    "text",
    [
        "Basic training of models",
        "unexpected token: ')'",
        "tokens=512 n_tokens: 4 --- task-queue-with-a-long-name",
        "primary_key=id",
        "http://host:8080/path?page=2",
        "ssh user@host:path/to.csv",
        "code changed: words.py:12",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert mask(text) == text


SECRETS = st.text(min_size=4, max_size=30).filter(
    lambda text: len(text.strip()) >= 4 and text.strip("*. ") == text and "***" not in text
)


@given(SECRETS, st.text(max_size=400), st.text(max_size=20))
def test_a_declared_value_is_hidden_wherever_it_stands(
    secret: str, before: str, after: str
) -> None:
    for form in (secret, quote(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1]):
        masked = mask(before + form + after, [secret])
        assert secret not in masked
        assert HIDDEN in masked
        assert holds_secret(before + form, [secret])


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    assert mask("say hunter2000", ["hunter2", "hunter2000"]) == "say ***"


def test_a_short_declared_value_is_hidden_as_a_word_only() -> None:
    assert mask("pin 7a1, file x7a1y", ["7a1"]) == "pin ***, file x7a1y"


def test_each_line_of_a_declared_value_is_hidden() -> None:
    secret = "first-line-of-it\nsecond-line-of-it\n"
    assert mask("log: second-line-of-it", [secret]) == "log: ***"


def test_environment_values_are_hidden_by_name_by_look_and_where_declared() -> None:
    shown = mask_environment(
        {"HOME": "/root", "MY_TOKEN": "abc", "SITE": "xyzzy", "OTHER": "is xyzzy", "API_KEY": ""},
        ["SITE"],
    )
    assert shown == {
        "HOME": "/root",
        "MY_TOKEN": "***",
        "SITE": "***",
        "OTHER": "is ***",
        "API_KEY": "",
    }


def test_plain_values_are_masked_all_the_way_down() -> None:
    value = {"lines": ["x hunter2", 3], "password": "abc", "loss": 0.5, "hunter2": None}
    assert mask_plain(value, ["hunter2"]) == {
        "lines": ["x ***", 3],
        "password": "***",
        "loss": 0.5,
        "***": None,
    }


def test_the_value_of_an_option_is_hidden_in_a_list_of_arguments() -> None:
    argv = ["fit", "--api-token", "abc", "-p", "password=x", "--epochs", 3]
    assert mask_plain(argv) == ["fit", "--api-token", "***", "-p", "password=***", "--epochs", 3]


def test_values_to_hide_come_from_declared_names_and_from_names_that_look_secret() -> None:
    found = secret_values(
        ["SITE", "code"],
        {"SITE": "xyzzy", "HOME": "/root"},
        {"code": [{"a": "one"}, 42], "api_token": "tok", "rows": "many", "tokens": 512},
    )
    assert found == ("42", "one", "tok", "xyzzy")


def test_names_that_look_secret_are_known() -> None:
    assert all(looks_secret(name) for name in ("API_TOKEN", "password", "SSH_KEY", "key"))
    assert not any(looks_secret(name) for name in ("HOME", "monkey", "keyboard"))


def test_a_long_line_does_not_take_long() -> None:
    for line in ("://" + "a:" * 200_000, "-" * 400_000, "token" * 80_000, "--" + "a-" * 200_000):
        assert mask(line) is not None


def test_what_people_write_in_a_document_is_hidden_and_said_to_be() -> None:
    document = {
        "lamina": "workflow/1",
        "inputs": {"password": "str", "url": {"type": "str", "default": "https://me:hunter2@h/"}},
        "tasks": {
            "load": {
                "do": "command",
                "argv": ["get", "--token", "abc", "{url}"],
                "environment": {"KEY": "hunter3", "LANG": "C"},
                "in": {"url": "url"},
                "needs": {"cpus": 2},
            },
            "use": {"do": "python", "function": "my.secret:load", "with": {"n": 3, "k": "hunter3"}},
        },
    }
    found = mask_document(document, ["hunter3"])
    assert found["hidden"] is True
    assert found["inputs"]["url"]["default"] == "https://me:***@h/"
    assert found["inputs"]["password"] == "str"
    load, use = found["tasks"]["load"], found["tasks"]["use"]
    assert load["argv"] == ["get", "--token", "***", "{url}"]
    assert load["environment"] == {"KEY": "***", "LANG": "C"}
    assert (load["in"], load["needs"]) == ({"url": "url"}, {"cpus": 2})
    assert use == {"do": "python", "function": "my.secret:load", "with": {"n": 3, "k": "***"}}


def test_a_document_without_secrets_is_kept_as_it_is() -> None:
    document = {"tasks": {"a": {"argv": ["echo", "x"], "with": {"tokens": 3, "tokenizer": "bert"}}}}
    assert mask_document(document, ["hunter3"]) == document


def test_variables_of_a_document_are_secret_by_name_and_value() -> None:
    told = {
        **{"API_KEY": "s3cretvalue", "SITE_PASSWORD": "correct-horse-9"},
        **{"TOKENIZERS_PARALLELISM": "false", "KEY_FILE": "/home/me/key1", "LANG": "C.utf8-1234"},
        **{"MAX_TOKENS": "100000000"},
    }
    assert told_secrets(told) == ("s3cretvalue", "correct-horse-9")


def test_values_that_look_secret_themselves_are_found() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"
    value = {"a": ["https://me:pw@host/", "https://host/"], "b": key, "c": 3, "d": "x\npassword=y"}
    assert look_alikes(value) == ["https://me:pw@host/", key]
