"""What a server of the toy store is told: who it is, and which wrong it shall do, so that the harness must find it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import ConfigDict, ValidationError

from chaos.fake.world import ProgramEnded
from chaos.model.record import Record

FILE = "toy.conf"
"""One directive a line, in the words of the fields below with hyphens."""


class Config(Record):
    """The directives of one server; those without a default are the harness's."""

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"), use_attribute_docstrings=True)

    cluster: str
    """Servers with the same word here are one store."""
    name: str
    member_id: str
    role: Literal["master", "replica"]
    """What it is when the store is formed."""
    shard: int
    shards: int
    """How many there are in all."""
    node_timeout: int = 1000
    """Milliseconds of silence after which a server is suspected."""
    lose_writes: int = 0
    """Every N-th write is acknowledged and forgotten; 0 is none."""
    refuse_writes: int = 0
    """Every N-th write is refused, so that no steady state comes; 0 is none."""
    garble_reads: int = 0
    """Every N-th read answers with what nobody wrote, which ends the load; 0 is none."""
    elections: Literal["one", "two", "none"] = "one"
    """How many successors a lost master has, one after the other."""
    ignore_kill: Literal["yes", "no"] = "no"
    """Whether no signal ends the server."""
    start_again: Literal["yes", "no"] = "yes"
    """Whether a server that ended starts a second time."""


HARNESS_OWN = tuple(field.alias or name for name, field in Config.model_fields.items() if field.is_required())
"""The directives that the harness sets itself."""


def write_config(directives: Mapping[str, str]) -> str:
    """The text of a configuration file."""
    return "".join(f"{name} {value}\n" for name, value in directives.items())


def read_config(files: Mapping[str, str]) -> Config:
    """The configuration among a machine's files; raises ProgramEnded with what is wrong with it."""
    text = next((text for path, text in files.items() if path.endswith(f"/{FILE}")), None)
    if text is None:
        raise ProgramEnded(f"there is no {FILE}")
    try:
        return Config.model_validate(dict(line.split(" ", 1) for line in text.splitlines()))
    except ValidationError as error:
        wrongs = (f"bad directive '{wrong['loc'][0]}': {wrong['msg']}" for wrong in error.errors())
        raise ProgramEnded("; ".join(wrongs)) from error
