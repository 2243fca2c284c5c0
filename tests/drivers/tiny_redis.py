"""A few words of Redis as a program of the fake world, so that one suite tests every driver."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from chaos.fake.world import WORLD, Machine, Program, Reach


class TinyRedis(Program):
    """Understands PING, SET and GET; `redis-cli … ping` and `sleep` can be run beside it."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        lines = [line.split(" ", 1) for text in machine.files.values() for line in text.splitlines()]
        self._config = {name: value for name, value in lines}
        machine.log.append("* Ready to accept connections")

    def answer(self, words: Sequence[str]) -> str:
        """The first line of the answer to one command."""
        if "requirepass" in self._config:
            return "-NOAUTH Authentication required."
        match words:
            case ["PING"]:
                return "+PONG"
            case ["SET", key, value]:
                self.machine.disk[key.encode()] = value.encode()
                return "+OK"
            case ["GET", key]:
                found = self.machine.disk.get(key.encode())
                return "$-1" if found is None else found.decode()
        return f"-ERR unknown command '{words[0]}'"

    async def execute(self, words: Sequence[str]) -> tuple[int, str]:
        match words:
            case ["sleep", seconds]:
                await asyncio.sleep(float(seconds))
                return 0, ""
            case ["redis-cli", "-p", port, "ping"] if port == "1":
                return 1, "Could not connect: Connection refused\n"
            case ["redis-cli", *_, "ping"]:
                return 0, "PONG\n"
        return 127, f"{words[0]}: not found\n"


WORLD.programs["redis-server"] = TinyRedis


async def ask_tiny(machine: Machine, words: Sequence[str], timeout_seconds: float) -> str:
    """What a tiny Redis answers; raises OSError or TimeoutError as a real connection does."""
    if machine.reach is Reach.REFUSES:
        raise ConnectionRefusedError(machine.address)
    if machine.reach is not Reach.ANSWERS:
        await asyncio.sleep(timeout_seconds)
        raise TimeoutError
    assert isinstance(machine.program, TinyRedis)
    return machine.program.answer(words)
