"""Quantities with their units as a scenario writes them: `1m30s`, `2000/s`, `50%`, `64B`; and plain counts.

Every parser raises Misread with what would be right. A bare number where a unit is meant is
an error, because nobody can tell whether `10` was seconds or milliseconds.
"""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Final

from pydantic import BeforeValidator

from chaos.errors import Misread

NUMBER: Final = r"\d+(?:\.\d+)?"
DURATION_PATTERN: Final = rf"^(?:{NUMBER}(?:us|ms|s|m|h))+$"
RATE_PATTERN: Final = rf"^{NUMBER}/(?:s|m|h)$"
SHARE_PATTERN: Final = rf"^{NUMBER}%$"
SIZE_PATTERN: Final = rf"^{NUMBER}(?:B|kB|MB|GB|KiB|MiB|GiB)$"

_SECONDS: Final = {
    "us": Decimal("0.000001"),
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
_BYTES: Final = {
    "B": 1,
    "kB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
}
_DIGITS_AT_MOST: Final = 18
"""Longer numbers are typing errors, and would not survive as floating point."""


def parse_duration(text: str) -> float:
    """Seconds of `250ms`, `5s`, `1m30s`, `1.5h`; larger units stand before smaller ones."""
    if is_number(text):
        raise Misread(f"a duration needs a unit: '{text}'", f"{text}s?")
    if not re.fullmatch(DURATION_PATTERN, text) or _too_long(text):
        raise Misread(f"'{text}' is no duration", "write it like 250ms, 5s or 1m30s")
    parts = re.findall(rf"({NUMBER})(us|ms|s|m|h)", text)
    factors = [_SECONDS[unit] for _, unit in parts]
    if any(later >= earlier for earlier, later in pairwise(factors)):
        raise Misread(f"'{text}' is no duration", "each unit once, the larger ones first, as in 1m30s")
    return float(sum(Decimal(number) * _SECONDS[unit] for number, unit in parts))


def format_duration(seconds: float) -> str:
    """A duration as `parse_duration` reads it: `250ms`, `5s`, `1m30s`, `2h`; `seconds` ≥ 0."""
    exact = Decimal(repr(float(seconds)))
    if 0 < exact < 1:
        return f"{_plain(exact * 1000)}ms"
    hours, rest = divmod(exact, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "m"), (rest, "s")]
    return "".join(f"{_plain(amount)}{unit}" for amount, unit in parts if amount) or "0s"


def parse_rate(text: str) -> float:
    """Operations per second of `2000/s`, `600/m`."""
    if is_number(text):
        raise Misread(f"a rate needs a unit: '{text}'", f"{text}/s?")
    if not re.fullmatch(RATE_PATTERN, text) or _too_long(text):
        raise Misread(f"'{text}' is no rate", "write it like 2000/s")
    number, _, unit = text.partition("/")
    return float(Decimal(number) / _SECONDS[unit])


def parse_share(text: str) -> float:
    """The ratio 0 … 1 of a percentage `0%` … `100%`."""
    if is_number(text):
        percent = Decimal(text) * 100 if Decimal(text) <= 1 else Decimal(text)
        raise Misread(f"a share needs a percent sign: '{text}'", f"{_plain(percent)}%?")
    if not re.fullmatch(SHARE_PATTERN, text) or _too_long(text):
        raise Misread(f"'{text}' is no percentage", "write it like 50% or 99.9%")
    share = Decimal(text.removesuffix("%")) / 100
    if share > 1:
        raise Misread(f"'{text}' is more than everything", "at most 100%")
    return float(share)


def parse_size(text: str) -> int:
    """Bytes of `64B`, `1KiB` (1024), `1kB` (1000)."""
    if is_number(text):
        raise Misread(f"a size needs a unit: '{text}'", f"{text}B?")
    if not re.fullmatch(SIZE_PATTERN, text) or _too_long(text):
        raise Misread(f"'{text}' is no size", "write it like 64B, 1KiB or 16MiB")
    number, unit = re.findall(rf"({NUMBER})(\D+)", text)[0]
    size = Decimal(number) * _BYTES[unit]
    if size != int(size):
        raise Misread(f"'{text}' is no whole number of bytes", f"{int(size)}B?")
    return int(size)


def parse_count(text: str) -> int:
    """A whole number, zero or more, in plain digits."""
    if not re.fullmatch(r"[0-9]+", text) or _too_long(text):
        raise Misread(f"'{text}' is no whole number", "write plain digits, as in 3")
    return int(text)


def is_number(text: str) -> bool:
    """Whether the text is a number without any unit."""
    return re.fullmatch(NUMBER, text, re.ASCII) is not None and not _too_long(text)


def _too_long(text: str) -> bool:
    return not text.isascii() or any(len(run) > _DIGITS_AT_MOST for run in re.findall(r"\d+", text))


def _plain(number: Decimal) -> str:
    """Without exponent and trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _read_seconds(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


Seconds = Annotated[float, BeforeValidator(_read_seconds)]
"""The type of a fault option that is a duration: written `5s`, kept in seconds."""
