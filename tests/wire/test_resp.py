"""The protocol: requests as a server expects them, errors by class, redirections as places."""

from __future__ import annotations

import pytest

from chaos.model.operation import ERROR_CLASSES
from chaos.wire.resp import ReplyError, error_code, pack, reader, redirection


def test_a_request_is_an_array_of_bulk_strings() -> None:
    """Words of any kind are packed as bulk strings with their lengths in bytes."""
    assert pack("SET", b"k\x00", 7, "é") == b"*4\r\n$3\r\nSET\r\n$2\r\nk\x00\r\n$1\r\n7\r\n$2\r\n\xc3\xa9\r\n"


def test_a_torn_reply_is_false_until_it_is_whole() -> None:
    """The parser gives False while a reply is incomplete, so that a nil reply is not mistaken for it."""
    parser = reader()
    parser.feed(b"$-1\r\n$5\r\nhel")
    assert parser.gets() is None
    assert parser.gets() is False
    parser.feed(b"lo\r\n")
    assert parser.gets() == b"hello"


def test_an_error_reply_is_a_value() -> None:
    """An error reply is returned, not raised, with the server's words."""
    parser = reader()
    parser.feed(b"-CLUSTERDOWN The cluster is down\r\n")
    reply = parser.gets()
    assert isinstance(reply, ReplyError)
    assert str(reply) == "CLUSTERDOWN The cluster is down"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ("MOVED 3999 127.0.0.1:6381", "MOVED"),
        ("CLUSTERDOWN The cluster is down", "CLUSTERDOWN"),
        ("READONLY You can't write against a read only replica.", "READONLY"),
        ("LOADING Redis is loading the dataset in memory", "LOADING"),
        ("MASTERDOWN Link with MASTER is down", "MASTERDOWN"),
        ("NOREPLICAS Not enough good replicas to write.", "NOREPLICAS"),
        ("ERR unknown command", "other"),
        ("", "other"),
    ],
)
def test_an_error_has_the_class_of_its_first_word(reply: str, error: str) -> None:
    """The first word of an error reply is its class; what has none is `other`."""
    assert ERROR_CLASSES[error_code(reply)] == error


@pytest.mark.parametrize(
    ("reply", "place"),
    [
        ("MOVED 3999 127.0.0.1:6381", (3999, "127.0.0.1", 6381)),
        ("ASK 93 198.18.1.11:6379", (93, "198.18.1.11", 6379)),
        ("MOVED 1 fd00::12:6379", (1, "fd00::12", 6379)),
        ("MOVED 1 :6379", (1, "", 6379)),
        ("CLUSTERDOWN Hash slot not served", None),
        ("MOVED", None),
    ],
)
def test_a_redirection_names_a_place(reply: str, place: tuple[int, str, int] | None) -> None:
    """MOVED and ASK name slot, host and port; other errors name none."""
    assert redirection(reply) == place
