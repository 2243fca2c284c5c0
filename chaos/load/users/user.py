"""The users seam: the virtual users that speak one protocol, found by the protocol's name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from locust import User

from chaos.load.load import LoadOrder
from chaos.load.progress import Progress
from chaos.load.recorder import Recorder
from chaos.load.schedule import OpenSchedule
from chaos.model.operation import Client
from chaos.registry import Family

USERS: Family[Users] = Family("protocol", "chaos.load.users")


class Users(ABC):
    """All users of one load: what they share, and how they begin and end together."""

    protocol: ClassVar[str]
    clients: tuple[Client, ...]
    """The kinds of client among them; an operation's `client` is an index into this list."""
    recorder: Recorder
    progress: Progress
    schedule: OpenSchedule | None = None
    """Set when an open schedule begins."""
    trial = 1
    """Stamped on operations from now on."""
    users: int
    """How many strict users there are."""

    def __init_subclass__(cls, *, name: str | None = None, **further: Any) -> None:
        super().__init_subclass__(**further)
        if name:
            cls.protocol = name
            USERS.register(name, cls)

    @abstractmethod
    def __init__(self, order: LoadOrder) -> None: ...

    @property
    @abstractmethod
    def in_flight(self) -> int:
        """How many operations are submitted and not completed."""

    @property
    @abstractmethod
    def redirected(self) -> int:
        """How many operations were sent a second time."""

    @property
    @abstractmethod
    def keys(self) -> int:
        """How many keys there are so far: numbered 0 … keys - 1."""

    @abstractmethod
    def connect(self, timeout_seconds: float) -> None:
        """Makes everything ready for traffic; raises ConnectFailed."""

    @abstractmethod
    def classes(self) -> list[type[User]]:
        """The Locust user classes; the numbers of their users are `fixed_count`."""

    @abstractmethod
    def begin(self) -> None:
        """Called once, when Locust has spawned all users: they start together."""

    @abstractmethod
    def conclude(self) -> None:
        """Ends the schedule; returns once every operation it intended has been submitted."""

    @abstractmethod
    def drain(self) -> None:
        """Called after Locust has stopped the users: waits for what is in flight."""
