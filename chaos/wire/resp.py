"""The Redis protocol as spoken here: requests packed and replies parsed by hiredis."""

from __future__ import annotations

from typing import Any

import hiredis

from chaos.model.operation import ERROR_CODE, OTHER_ERROR

ReplyError = hiredis.ReplyError


def pack(*words: Any) -> bytes:
    """One request as RESP bytes; words are bytes, text or numbers."""
    packed: bytes = hiredis.pack_command(words)
    return packed


def reader() -> hiredis.Reader:
    """A parser: feed it bytes, take replies (`False` while incomplete); errors come as ReplyError values."""
    return hiredis.Reader(notEnoughData=False)


def error_code(reply: Exception | str) -> int:
    """The error class of an error reply, by its first word, as an index into ERROR_CLASSES."""
    word = str(reply).split(" ", 1)[0]
    return ERROR_CODE.get(word) or OTHER_ERROR


def redirection(reply: Exception | str) -> tuple[int, str, int] | None:
    """(slot, host, port) of a MOVED or ASK reply; None for any other."""
    words = str(reply).split()
    if len(words) < 3 or words[0] not in ("MOVED", "ASK"):
        return None
    host, _, port = words[2].rpartition(":")
    return int(words[1]), host, int(port)
