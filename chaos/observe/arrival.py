"""When an answer arrived: the kernel's own stamp, where there is one, so that reading late does no harm."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Sequence

from chaos.clock import wall_offset_seconds

_SO_TIMESTAMPNS = 35
"""Linux' option and message type (asm-generic/socket.h); Python has no name for it."""
_TIMESPEC = struct.Struct("@ll")
ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)
STAMPED = sys.platform == "linux"
"""Whether this system stamps what arrives on a TCP connection."""

Ancillary = Sequence[tuple[int, int, bytes]]


class ArrivalClock:
    """Turns the kernel's wall stamps into monotonic seconds."""

    __slots__ = ("_offset",)

    def __init__(self) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Takes the offset between the clocks anew, for the wall clock may be corrected at any time."""
        self._offset = wall_offset_seconds()

    def arrival(self, ancillary: Ancillary, sent: float, now: float) -> float:
        """When the newest of what was read had arrived: never before it was asked for, never later than now."""
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                seconds, nanoseconds = _TIMESPEC.unpack(data[: _TIMESPEC.size])
                arrived: float = seconds + nanoseconds * 1e-9 - self._offset
                return min(now, max(sent, arrived))
        return now


def ask_for_stamps(connection: socket.socket) -> None:
    """From now on the kernel stamps what arrives, where it can."""
    if STAMPED:
        connection.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
