"""Secrets out of what is kept: tokens, passwords and keys by their look, others by their value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "***"
"""What stands in the place of a secret."""

SHORTEST = 4
"""Characters from which a declared secret is hidden inside words too, not only as a whole word."""

_WORDS = (
    *("token", "secret", "password", "passwd", "passphrase", "credential", "authorization"),
    *("api_key", "api-key", "apikey", "access_key", "access-key", "accesskey"),
    *("private_key", "private-key", "privatekey"),
)
_NAMES = "|".join(_WORDS)
_VALUE = r"""(?:(?<=")[^"\n]+|(?<=')[^'\n]+|[^\s"'&;]+)"""
_QUOTE = r"""(?:\\?["'])?"""


def _named(word: str) -> str:
    """After a name: `=`, or `:` where the name is quoted or cannot be an ordinary word."""
    colon = rf"(?<=[\w.]){word}" if word == "token" else word
    many = "" if word == "token" else "s?"  # texts have tokens by the thousand
    ends = rf"""{many}\\?["']\s{{0,2}}:|{many}{_QUOTE}\s{{0,2}}="""
    scheme = r"(?:(?:bearer|basic|digest|token)\s)?" if word == "authorization" else ""
    return rf"(?is)((?:{word}(?:{ends})|{colon}{many}\s{{0,2}}:)\s{{0,2}}{_QUOTE}{scheme}){_VALUE}"


# What a secret begins with, in small letters -> what it looks like from there on; a group is kept.
_LOOKS = {
    "-----begin ": r"(?s)-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?"
    r"(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)",
    **dict.fromkeys(("akia", "asia", "abia", "acca"), r"\b[A-Z]{4}[A-Z0-9]{16}\b"),
    **dict.fromkeys(("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"\bgh._[A-Za-z0-9]{30,}"),
    "github_pat_": r"\bgithub_pat_\w{20,}",
    "glpat-": r"\bglpat-[\w-]{20,}",
    "xox": r"\bxox[abeprs]-[\w-]{10,}",
    "sk-": r"\bsk-[\w-]{16,}",
    **dict.fromkeys(("k_live_", "k_test_"), r"(?<=[srp])k_[a-z]{4}_\w{10,}"),
    "hf_": r"\bhf_[A-Za-z0-9]{30,}",
    "pypi-": r"\bpypi-[\w-]{40,}",
    "aiza": r"\bAIza[\w-]{35}",
    "eyj": r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?",
    "://": r"(://[^/\s:@]{0,200}:)[^\s/]{1,1000}(?=@)",
    "--": rf"(?i)((?<!-)--[\w-]{{0,60}}?(?:{_NAMES})s?[ =]{_QUOTE}){_VALUE}",
    "_key=": rf"((?<=[A-Z])_KEY={_QUOTE}){_VALUE}",
    **{word: _named(word) for word in _WORDS},
    **{f"{name}=": rf"(?i)((?<=[?&]){name}=){_VALUE}" for name in ("sig", "signature", "key")},
    "x-amz-": rf"(?i)(x-amz-[\w-]{{1,40}}=){_VALUE}",
    "bearer ": r"(?i)(\bbearer )[\w.~+/-]{8,}=*",
    "basic ": r"((?i:\bbasic) )(?=[a-z]*[A-Z0-9+/=])[\w+/]{8,}=*",
}
_LOOK = {begin: re.compile(look) for begin, look in _LOOKS.items()}
_OPTION = re.compile(rf"(?i)--[\w-]*(?:{_NAMES})")
_NAMED = re.compile(rf"(?i:{_NAMES}|(?:^|_)key$|_auth$|cookie)")


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """A text without its secrets.

    Args:
        text: command line, log line, error, ...
        secrets: values that were declared secret; hidden wherever they stand, as they are and as
            JSON, Python or a URL would write them. Shorter than SHORTEST: only as whole words.
    """
    return _hidden(text, tuple(secrets)) if len(text) <= _SHORT else _hide(text, tuple(secrets))


def mask_environment(environment: Mapping[str, str], names: Iterable[str] = ()) -> dict[str, str]:
    """Environment variables without secrets.

    Args:
        environment: name -> value.
        names: names that were declared secret, besides those that look it (API_TOKEN).
    """
    declared = set(names)
    told = tuple(environment[name] for name in sorted(declared) if environment.get(name))
    return {
        name: HIDDEN if value and (name in declared or looks_secret(name)) else mask(value, told)
        for name, value in environment.items()
    }


def mask_plain(value: Any, secrets: Iterable[str] = ()) -> Any:
    """A plain value (texts, numbers, lists, mappings) whose texts hold no secrets.

    A text under a name that looks secret ("password") is hidden whole, and so is what follows an
    option that does ("--password") in a list.
    """
    told = tuple(secrets)
    if isinstance(value, str):
        return mask(value, told)
    if isinstance(value, Mapping):
        return {
            mask(str(name), told): HIDDEN
            if isinstance(entry, str) and entry and looks_secret(str(name))
            else mask_plain(entry, told)
            for name, entry in value.items()
        }
    if isinstance(value, list | tuple):
        # Of a command line, an option and its value are two texts.
        return [
            HIDDEN if place and _is_option(value[place - 1]) else mask_plain(entry, told)
            for place, entry in enumerate(value)
        ]
    return value


_WRITTEN = frozenset({"after", "argv", "before", "default", "description", "environment", "with"})
"""Keys of a workflow document under which people write values; the others hold names."""


def mask_document(document: Mapping[str, Any], secrets: Iterable[str] = ()) -> dict[str, Any]:
    """A workflow document without secrets; `hidden: true` says that it held one.

    Args:
        document: what people wrote; names in it stay as they are, unless they are declared values.
        secrets: values that were declared secret.
    """
    told = tuple(secrets)
    found: dict[str, Any] = _in_document(dict(document), told, False)
    return found if found == document else {**found, "hidden": True}


def _in_document(value: Any, told: tuple[str, ...], written: bool) -> Any:
    """The value itself where it holds no secret: documents may have 100,000 tasks."""
    kind = type(value)
    if kind is str:
        return mask(value, told) if written else _without_declared(value, told)
    if kind is dict:
        changed = {}
        for name, entry in value.items():
            found = _in_document(entry, told, written or name in _WRITTEN)
            if found is not entry:
                changed[name] = found
        return {**value, **changed} if changed else value
    if kind in (list, tuple):
        items = [
            HIDDEN if written and place and _is_option(value[place - 1]) else found
            for place, found in enumerate(_in_document(entry, told, written) for entry in value)
        ]
        same = all(one is other for one, other in zip(items, value, strict=True))
        return value if same else items
    plain = value is None or kind is bool
    return value if plain or _without_declared(str(value), told) == str(value) else HIDDEN


def _without_declared(text: str, told: tuple[str, ...]) -> str:
    return _declared(told)[0].sub(HIDDEN, text) if told and holds_secret(text, told) else text


def told_secrets(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Values that variables get whose names look secret, as far as the values do as well.

    Words, numbers and paths are none: TOKENIZERS_PARALLELISM=false, KEY_FILE=/home/me/key.
    """
    return tuple(
        value
        for name, value in environment.items()
        if looks_secret(name) and _SECRETIVE.fullmatch(value)
    )


_SECRETIVE = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[^\s/\\]\S{7,}")


def _is_option(word: Any) -> bool:
    return isinstance(word, str) and _OPTION.fullmatch(word) is not None


def looks_secret(name: str) -> bool:
    """Whether what has such a name is better not shown: "API_TOKEN", "password"."""
    return _NAMED.search(name) is not None


def secret_values(
    names: Iterable[str], environment: Mapping[str, str], arguments: Mapping[str, Any]
) -> tuple[str, ...]:
    """The values to hide in a run.

    Args:
        names: environment variables and ports that the workflow's tasks declare secret.
        environment: name -> value.
        arguments: port -> plain value; those whose names look secret count as declared.
    """
    declared = set(names)
    found = [environment[name] for name in declared if name in environment]
    for name, value in arguments.items():
        if name in declared or (looks_secret(name) and isinstance(value, str)):
            found += _texts(value)
    return tuple(sorted({text for text in found if text.strip()}))


def look_alikes(value: Any) -> list[str]:
    """Texts of a plain value that hold a secret by its look: an address with a password, a key.

    A text of many lines counts only where it is a key: its lines would be hidden everywhere.
    """
    return [
        text
        for text in _texts(value)
        if ("\n" not in text.strip() or text.lstrip().startswith("-----BEGIN"))
        and mask(text) != text
    ]


def holds_secret(text: str, secrets: Iterable[str]) -> bool:
    """Whether a declared value stands in a text, in any of the forms that `mask` knows."""
    told = tuple(secrets)
    return bool(told) and _declared(told)[0].search(text) is not None


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for entry in value.values() for text in _texts(entry)]
    if isinstance(value, list | tuple):
        return [text for entry in value for text in _texts(entry)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


_SHORT = 300


@lru_cache(maxsize=2048)
def _hidden(text: str, secrets: tuple[str, ...]) -> str:
    return _hide(text, secrets)


def _hide(text: str, secrets: tuple[str, ...]) -> str:
    if secrets:
        pattern, forms = _declared(secrets)
        # Looking for plain texts is many times faster than the pattern; logs can be gigabytes.
        if any(form in text for form in forms):
            text = pattern.sub(HIDDEN, text)
    small = _small(text)
    spans = [
        span
        for begin, look in _LOOK.items()
        if begin in small
        for span in _spans(small, begin, look, text)
    ]
    return _without(text, sorted(spans)) if spans else text


def _small(text: str) -> str:
    """In small letters, with every sign in its place."""
    small = text.lower()
    return small if len(small) == len(text) else "".join(sign.lower()[:1] for sign in text)


def _spans(small: str, begin: str, look: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    at = small.find(begin)
    while at >= 0:
        found = look.match(text, at)
        after = at + len(begin)
        if found is not None:
            yield (found.end(1) if look.groups else found.start()), found.end()
            after = max(after, found.end())
        at = small.find(begin, after)


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    parts, done = [], 0
    for start, end in spans:
        if start >= done:
            parts += [text[done:start], HIDDEN]
        done = max(done, end)
    return "".join([*parts, text[done:]])


@lru_cache(maxsize=64)
def _declared(secrets: tuple[str, ...]) -> tuple[re.Pattern[str], tuple[str, ...]]:
    # Longest first: a secret that begins with another one is hidden whole.
    forms = sorted(
        {form for secret in secrets for form in _forms(secret)}, key=lambda form: (-len(form), form)
    )
    parts = [
        re.escape(form) if len(form) >= SHORTEST else rf"(?<!\w){re.escape(form)}(?!\w)"
        for form in forms
    ]
    return re.compile("|".join(parts) or r"(?!)"), tuple(forms)


def _forms(secret: str) -> set[str]:
    """How a value may stand in a text; of many lines each one, since logs are kept by lines."""
    lines = [line.strip() for line in secret.splitlines()]
    texts = {secret, secret.strip(), *(line for line in lines if len(line) >= 2 * SHORTEST)}
    forms = set(texts)
    for text in texts - {""}:
        forms |= {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
        forms.add(repr(text)[1:-1])
        forms |= {how(_bytes(text), safe=safe) for how in (quote, quote_plus) for safe in ("", "/")}
    return forms - {""}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
