"""Forms: how single values are written in a scenario, for the reader and for editors alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import Any, Final

from chaos.errors import Misread, nearest
from chaos.scenario import quantities

Schema = Mapping[str, Any]
"""A fragment of JSON Schema."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a value: the parser of its text, which raises Misread, and its JSON Schema."""

    read: Callable[[str], Any]
    schema: Schema


def one_of(*words: str) -> Form:
    """One of a few fixed words."""

    def read(text: str) -> str:
        if text not in words:
            raise Misread(f"'{text}' is not possible here", nearest(text, words))
        return text

    return Form(read, {"enum": list(words)})


def _text(text: str) -> str:
    return text.strip()


def _word(text: str) -> str:
    if not text or any(character.isspace() for character in text):
        raise Misread(f"'{text}' is no single word", "write it without spaces")
    return text


def _name(text: str) -> str:
    if not re.fullmatch(NAME_PATTERN, text):
        close = re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")
        rule = "letters, digits, '-' and '_', beginning with a letter, at most 63"
        raise Misread(f"'{text}' is no name", f"{close}?" if re.fullmatch(NAME_PATTERN, close) else rule)
    return text


def _duration_above_zero(text: str) -> float:
    if quantities.parse_duration(_no_range(text)) == 0:
        raise Misread(f"'{text}' is no time at all", "more than 0s")
    return quantities.parse_duration(text)


def _duration(text: str) -> float:
    return quantities.parse_duration(_no_range(text))


def _no_range(text: str) -> str:
    if " to " in text:
        raise Misread(
            f"the range '{text}' is not yet available", f"write one duration, as in {text.partition(' to ')[0]}"
        )
    return text


def _rate(text: str) -> float:
    rate = quantities.parse_rate(text)
    if rate == 0:
        raise Misread(f"'{text}' is no load at all", "more than 0/s; leave `rate` out for a closed loop")
    return rate


def _size(text: str) -> int:
    size = quantities.parse_size(text)
    if size == 0:
        raise Misread(f"'{text}' is no value at all", "at least 1B")
    return size


def count_from(least: int, most: int | None = None) -> Form:
    """A whole number of at least `least` (and at most `most`)."""

    def read(text: str) -> int:
        number = quantities.parse_count(text)
        if number < least:
            raise Misread(f"{number} is too few", f"at least {least}")
        if most is not None and number > most:
            raise Misread(f"{number} is too many", f"at most {most}")
        return number

    limits = {"minimum": least} | ({} if most is None else {"maximum": most})
    return Form(read, {"type": "integer", **limits})


def _keys(text: str) -> int | str:
    if text == "unique":
        return text
    if not text.isdigit():
        raise Misread(f"'{text}' is no number of keys", "write plain digits, or: unique")
    return int(KEY_COUNT.read(text))


def _yes_no(text: str) -> bool:
    if text.lower() not in ("yes", "no", "true", "false"):
        raise Misread(f"'{text}' is neither yes nor no", "yes or no?")
    return text.lower() in ("yes", "true")


def _secret(text: str) -> str:
    """The variable's name; a literal secret is refused without repeating it."""
    if not re.fullmatch(ENV_PATTERN, text):
        raise Misread("a secret must not stand in a scenario", "name the environment variable that holds it: env NAME")
    return text.split()[1]


def _subnet(text: str) -> str:
    if ":" in text:
        raise Misread(f"'{text}' is not an IPv4 subnet", "only IPv4 is supported, as in 198.18.16.0/24")
    try:
        loose = IPv4Network(text, strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise Misread(f"'{text}' is no subnet", "write it like 198.18.16.0/24") from None
    if "/" not in text:
        raise Misread(f"'{text}' has no prefix length", f"{text}/24?")
    if str(loose) != text:
        raise Misread(f"'{text}' is not the beginning of a subnet", f"{loose}?")
    return text


def _address(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except AddressValueError:
        raise Misread(f"'{text}' is no IPv4 address", "write it like 198.18.16.1") from None


NAME_PATTERN: Final = r"^[A-Za-z][A-Za-z0-9_-]{0,62}$"
ENV_PATTERN: Final = r"^env\s+[A-Za-z_][A-Za-z0-9_]*$"

TEXT: Final = Form(_text, {"type": "string"})
WORD: Final = Form(_word, {"type": "string", "pattern": r"^\S+$"})
NAME: Final = Form(_name, {"type": "string", "pattern": NAME_PATTERN})
DURATION: Final = Form(_duration, {"type": "string", "pattern": quantities.DURATION_PATTERN})
DURATION_ABOVE_ZERO: Final = Form(_duration_above_zero, {"type": "string", "pattern": quantities.DURATION_PATTERN})
RATE: Final = Form(_rate, {"type": "string", "pattern": quantities.RATE_PATTERN})
SHARE: Final = Form(quantities.parse_share, {"type": "string", "pattern": quantities.SHARE_PATTERN})
SIZE: Final = Form(_size, {"type": "string", "pattern": quantities.SIZE_PATTERN})
POSITIVE: Final = count_from(1)
KEY_COUNT: Final = count_from(1, 2**32 - 2)
KEYS: Final = Form(_keys, {"oneOf": [KEY_COUNT.schema, {"const": "unique"}]})
# An editor reads YAML 1.2 as the harness does, where `yes` is a text and `true` is none.
YES_NO: Final = Form(_yes_no, {"enum": ["yes", "no", True, False]})
SECRET: Final = Form(_secret, {"type": "string", "pattern": ENV_PATTERN})
SUBNET: Final = Form(_subnet, {"type": "string", "pattern": r"^\d+\.\d+\.\d+\.\d+/\d+$"})
ADDRESS: Final = Form(_address, {"type": "string", "format": "ipv4"})
