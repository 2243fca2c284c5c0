"""Families: open sets of members, one member a file, found by name in the family's folder.

A member's file is its name with underscores (`redis-cluster` lives in `redis_cluster.py`, the
check `recovery_time` in `recovery_time.py`), so one member is imported without its siblings and `--help` stays fast.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any, Generic, TypeVar

from chaos.errors import UnknownName

Member = TypeVar("Member")


class Family(Generic[Member]):
    """The members found in the folder of one package; each registers its class by name."""

    def __init__(self, kind: str, package: str, *, not_members: tuple[str, ...] = (), joint: str = "-") -> None:
        self.kind = kind
        self._package = package
        self._joint = joint  # what stands between the words of a member's name
        self._not_members = {*not_members, package.rpartition(".")[2].removesuffix("s"), kind}
        self._classes: dict[str, type[Member]] = {}

    def register(self, name: str, member: type[Any]) -> None:
        """Adds a class under its name; the same name twice is an error."""
        known = self._classes.setdefault(name, member)
        if known is not member:
            raise ValueError(f"two {self.kind}s are named '{name}': {known!r} and {member!r}")

    def names(self) -> tuple[str, ...]:
        """The names of all members, sorted, without importing any of them."""
        folder = importlib.import_module(self._package).__path__
        modules = (found.name for found in pkgutil.iter_modules(folder))
        found = {name.replace("_", self._joint) for name in modules if name not in self._not_members and name[0] != "_"}
        return tuple(sorted(found | set(self._classes)))

    def get(self, name: str) -> type[Member]:
        """The class of one member; raises UnknownName with the nearest name."""
        if name not in self._classes:
            if name not in self.names():
                raise UnknownName(self.kind, name, self.names())
            importlib.import_module(f"{self._package}.{name.replace('-', '_')}")
        return self._classes[name]

    def all(self) -> dict[str, type[Member]]:
        """Every member by name, sorted."""
        return {name: self.get(name) for name in self.names()}


def first_sentence(member: type[Any]) -> str:
    """The first line of a class's docstring, without its full stop."""
    return (inspect.getdoc(member) or "").partition("\n")[0].removesuffix(".")
