"""CLUSTER NODES: the text in which a Redis node says whom it knows; read into members, written as `nodes.conf`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chaos.model.view import FAILED, HEALTHY, MASTER, REPLICA, SUSPECTED, Member, SlotRanges

_ORDINARY_FLAGS = frozenset({"myself", "master", "slave", "fail?", "fail", "noflags", ""})


@dataclass(frozen=True, slots=True)
class Names:
    """Our names for a cluster's members: by their ids, and by address for members with an id of their own making."""

    by_id: Mapping[str, str]
    by_address: Mapping[str, str]

    def name(self, member_id: str, address: str) -> str | None:
        return self.by_id.get(member_id) or self.by_address.get(address)


def read_members(text: str, names: Names, observer: str) -> tuple[Member, ...]:
    """The members in a reply to CLUSTER NODES asked of `observer`, sorted by id; odd lines are left out."""
    members = (_member(line.split(), names, observer) for line in text.splitlines())
    return tuple(sorted((member for member in members if member), key=lambda member: member.id))


def _member(words: list[str], names: Names, observer: str) -> Member | None:
    """One line: id, address@bus[,hostname], flags, master or -, ping, pong, epoch, link state, slots …"""
    if len(words) < 8 or not words[6].isdigit():
        return None
    member_id, address, flag_words, follows = words[0], words[1].partition("@")[0], words[2], words[3]
    flags = flag_words.split(",")
    itself = "myself" in flags
    slots = words[8:]
    return Member(
        id=member_id,
        node=observer if itself else names.name(member_id, address),
        address=address,
        role=MASTER if "master" in flags else REPLICA,
        health=FAILED if "fail" in flags else SUSPECTED if "fail?" in flags else HEALTHY,
        follows=None if follows == "-" else follows,
        slots=tuple(_range(word) for word in slots if word[0] != "["),
        epoch=int(words[6]),
        odd_flags=tuple(flag for flag in flags if flag not in _ORDINARY_FLAGS),
        open_slots=any(word[0] == "[" for word in slots),
    )


def _range(word: str) -> tuple[int, int]:
    first, _, last = word.partition("-")
    return int(first), int(last or first)


@dataclass(frozen=True, slots=True)
class Seed:
    """One member as a node shall know it when it starts."""

    id: str
    host: str
    port: int
    bus_port: int
    epoch: int
    follows: str | None = None
    slots: SlotRanges = ()


def nodes_conf(seeds: Iterable[Seed], myself: str, current_epoch: int) -> str:
    """The text of a `nodes.conf` with which the node `myself` (an id) starts as a member among the others."""
    lines = [*(_line(seed, myself) for seed in seeds), f"vars currentEpoch {current_epoch} lastVoteEpoch 0"]
    return "\n".join(lines) + "\n"


def _line(seed: Seed, myself: str) -> str:
    role = "slave" if seed.follows else "master"
    flags = f"myself,{role}" if seed.id == myself else role
    slots = "".join(f" {first}-{last}" for first, last in seed.slots)
    address = f"{seed.host}:{seed.port}@{seed.bus_port}"
    return f"{seed.id} {address} {flags} {seed.follows or '-'} 0 0 {seed.epoch} connected{slots}"
