"""The controller's questions: answered in order, in time or not at all, and never by somebody else's answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from chaos.errors import NodeCallFailed
from chaos.model.node import Endpoint
from chaos.wire.caller import Caller, fields, text
from chaos.wire.resp import ReplyError
from tests.load.redis_servers import free_port
from tests.wire.servers import Server

NEVER = ("BLPOP", "nothing", 0)
"""A question that this server never answers."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("server"), free_port())
    yield started
    started.close()


@pytest.fixture
def endpoint(server: Server) -> Endpoint:
    server.ask("FLUSHALL")
    return Endpoint("127.0.0.1", server.port)


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    made = Caller()
    yield made
    await made.close()


async def connection_id(caller: Caller, endpoint: Endpoint) -> str:
    """The server's name for the connection that the caller uses."""
    (name,) = await caller.call(endpoint, ("CLIENT", "ID"))
    return str(name)


async def test_several_questions_are_answered_in_order(caller: Caller, endpoint: Endpoint) -> None:
    """The replies to one call stand in the order of its requests."""
    replies = await caller.call(endpoint, ("SET", "k", b"v"), ("GET", "k"), ("GET", "none"), ("INCR", "n"))
    assert replies == [b"OK", b"v", None, 1]


async def test_a_long_pipeline_comes_back_whole(caller: Caller, endpoint: Endpoint) -> None:
    """Replies larger than any buffer are all there."""
    value = b"x" * 10_000
    await caller.call(endpoint, ("SET", "big", value))
    assert await caller.call(endpoint, *[("GET", "big")] * 500, timeout_seconds=10.0) == [value] * 500


async def test_an_error_reply_is_a_value_among_the_others(caller: Caller, endpoint: Endpoint) -> None:
    """An error reply is returned in its place; the requests after it are answered too."""
    first, second, third = await caller.call(endpoint, ("SET", "k", "v"), ("LPUSH", "k", "x"), ("GET", "k"))
    assert isinstance(second, ReplyError)
    assert (first, str(second).split()[0], third) == (b"OK", "WRONGTYPE", b"v")


async def test_the_connection_is_kept(caller: Caller, endpoint: Endpoint) -> None:
    """Two calls to one node use one connection."""
    assert await connection_id(caller, endpoint) == await connection_id(caller, endpoint)


async def test_nobody_there_is_said_with_the_place(caller: Caller) -> None:
    """A node that cannot be reached is an error with its address."""
    port = free_port()
    with pytest.raises(NodeCallFailed, match=f"127.0.0.1:{port}"):
        await caller.call(Endpoint("127.0.0.1", port), ("PING",))


async def test_no_answer_in_time_is_an_error(caller: Caller, endpoint: Endpoint) -> None:
    """A question without an answer ends with its time-out, which the error names."""
    with pytest.raises(NodeCallFailed, match=r"no answer within 0\.05 s"):
        await caller.call(endpoint, NEVER, timeout_seconds=0.05)


async def test_after_a_time_out_the_next_question_has_its_own_answer(
    caller: Caller, endpoint: Endpoint, server: Server
) -> None:
    """The late answer to a question that timed out is never given to the next one."""
    with pytest.raises(NodeCallFailed):
        await caller.call(endpoint, NEVER, timeout_seconds=0.05)
    server.ask("LPUSH", "nothing", "late")  # the answer that nobody waits for any more
    assert await caller.call(endpoint, ("PING",)) == [b"PONG"]


async def test_a_cancelled_question_leaves_no_answer_behind(caller: Caller, endpoint: Endpoint, server: Server) -> None:
    """The answer to a cancelled call is never given to the next one."""
    task = asyncio.create_task(caller.call(endpoint, NEVER, timeout_seconds=20.0))
    async with asyncio.timeout(20):
        while b"blocked_clients:1" not in server.ask("INFO", "clients"):
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    server.ask("LPUSH", "nothing", "late")
    assert await caller.call(endpoint, ("PING",)) == [b"PONG"]


async def test_questions_at_once_wait_for_their_turn(caller: Caller, endpoint: Endpoint) -> None:
    """Many calls to one node at the same time each get their own answers."""
    echoes = await asyncio.gather(*(caller.call(endpoint, ("ECHO", number)) for number in range(200)))
    assert echoes == [[str(number).encode()] for number in range(200)]


async def test_a_broken_connection_is_made_again(caller: Caller, endpoint: Endpoint, server: Server) -> None:
    """After the server has hung up, at most one call fails and the next is answered on a new connection."""
    before = await connection_id(caller, endpoint)
    server.ask("CLIENT", "KILL", "ID", before)
    with pytest.raises(NodeCallFailed):
        await caller.call(endpoint, ("PING",))
    assert await connection_id(caller, endpoint) != before


async def test_a_closed_caller_can_be_used_again(caller: Caller, endpoint: Endpoint) -> None:
    """Closing ends the connections; a later call makes new ones."""
    before = await connection_id(caller, endpoint)
    await caller.close()
    assert await connection_id(caller, endpoint) != before


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that wants a password."""
    started = Server(tmp_path_factory.mktemp("locked"), free_port(), requirepass="open sesame")
    yield started
    started.close()


async def test_the_password_is_given_once_a_connection(caller: Caller, locked: Server) -> None:
    """With its password in the endpoint a node answers, and the greeting is no reply of the call."""
    endpoint = Endpoint("127.0.0.1", locked.port, "open sesame")
    assert await caller.call(endpoint, ("PING",)) == [b"PONG"]
    assert await caller.call(endpoint, ("PING",), ("ECHO", "x")) == [b"PONG", b"x"]


async def test_a_wrong_password_is_seen_in_the_reply(caller: Caller, locked: Server) -> None:
    """With a wrong password the node's own refusal is the reply."""
    (reply,) = await caller.call(Endpoint("127.0.0.1", locked.port, "wrong"), ("PING",))
    assert isinstance(reply, ReplyError)
    assert str(reply).startswith("NOAUTH")


def test_the_password_is_never_shown() -> None:
    """An endpoint in an error message or a log shows its address only."""
    endpoint = Endpoint("127.0.0.1", 6379, "open sesame")
    assert "sesame" not in f"{endpoint} {endpoint!r}"


def test_a_reply_as_text_is_decoded_and_an_error_raised() -> None:
    """Bulk and simple replies become text; an error reply is raised with the server's words."""
    assert text(b"PONG") == "PONG"
    with pytest.raises(NodeCallFailed, match="LOADING the dataset"):
        text(ReplyError("LOADING the dataset"))


def test_the_fields_of_info_are_read() -> None:
    """Sections and empty lines are left out; a value may hold colons."""
    info = "# Server\r\nredis_version:7.0.15\r\n\r\nexecutable:/usr/bin:x\r\n"
    assert fields(info) == {"redis_version": "7.0.15", "executable": "/usr/bin:x"}
