"""One Docker engine: how it is found, and how blocking calls to it are made from asyncio.

The Docker SDK is imported only when an engine is opened, so that `--help` stays fast.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from chaos.drivers.driver import EngineFacts
from chaos.errors import EnvironmentLacks, NodeCallFailed

if TYPE_CHECKING:
    from docker import APIClient

Result = TypeVar("Result")

CALL_SECONDS = 30.0
"""How long one call may take; starting a container on a busy machine takes one or two seconds."""
_SOCKET_SECONDS = 60
"""When a thread whose caller has given up gives up too."""
CALLS_AT_ONCE = 8
"""More would not be faster: starting containers is bound by the engine's processors."""
NOT_FOUND, CONFLICT = 404, 409


class EngineRefused(NodeCallFailed):
    """The engine answered a call with an error; `status` is its HTTP status, `reason` its own words."""

    def __init__(self, what: str, status: int | None, reason: str) -> None:
        self.status, self.reason = status, reason
        super().__init__(f"{what}: {reason}")


@dataclass(frozen=True, slots=True)
class Address:
    """Where an engine listens, as the SDK wants it, and the host its published ports are reached at."""

    url: str
    tls: Any = None

    @property
    def remote(self) -> bool:
        return urlsplit(self.url).scheme in ("tcp", "ssh", "http", "https")

    @property
    def host(self) -> str:
        return (urlsplit(self.url).hostname if self.remote else None) or "127.0.0.1"


class Engine:
    """An open connection to one engine. Calls run in threads that never keep the process alive."""

    def __init__(self, api: APIClient, address: Address, facts: EngineFacts) -> None:
        self.api, self.address, self.facts = api, address, facts
        self._places = asyncio.Semaphore(CALLS_AT_ONCE)
        self._under_way: set[Future[Any]] = set()  # building calls only

    @classmethod
    async def open(cls, environment: Mapping[str, str] = os.environ) -> Engine:
        """Finds the engine by DOCKER_HOST, the chosen Docker context, or the usual socket.

        Raises EnvironmentLacks, in one line that says what to do, if none answers.
        """
        address = _address(environment)
        _knock(address)
        try:
            async with asyncio.timeout(CALL_SECONDS):
                api, facts = await asyncio.wrap_future(_in_thread(f"open {address.url}", lambda: _connect(address)))
        except (EngineRefused, TimeoutError) as error:
            reason = "no answer" if isinstance(error, TimeoutError) else error.reason
            raise EnvironmentLacks(f"no Docker engine answers at {address.url}: {reason}") from error
        return cls(api, address, facts)

    async def call(
        self,
        what: str,
        work: Callable[[APIClient], Result],
        *,
        reading: bool = False,
        building: bool = False,
        timeout_seconds: float = CALL_SECONDS,
    ) -> Result:
        """Runs one blocking call in a thread. A `reading` call is repeated once on a broken connection.

        A `building` one makes things that a tear-down has to see: `quiet` waits for it, cancelled or not.

        Raises EngineRefused, with `what` in the message, or NodeCallFailed if no answer comes in time.
        """
        async with self._places:
            future = _in_thread(what, lambda: work(self.api), attempts=2 if reading else 1)
            if building:
                self._under_way.add(future)
                future.add_done_callback(self._under_way.discard)
            try:
                async with asyncio.timeout(timeout_seconds):
                    return await asyncio.wrap_future(future)
            except TimeoutError as error:
                raise NodeCallFailed(f"{what}: the engine did not answer within {timeout_seconds:g} s") from error

    async def quiet(self, timeout_seconds: float = CALL_SECONDS) -> None:
        """Waits until no building call is under way any more, at most that long."""
        pending = [asyncio.wrap_future(future) for future in tuple(self._under_way)]
        if pending:
            await asyncio.wait(pending, timeout=timeout_seconds)

    def close(self) -> None:
        self.api.close()


def _address(environment: Mapping[str, str]) -> Address:
    """The engine the user's Docker command would talk to."""
    from docker.context import ContextAPI
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    try:
        asked = dict(kwargs_from_env(dict(environment)))
        if "base_url" not in asked:
            asked |= dict(ContextAPI.kwargs_from_context(environment=dict(environment)) or {})
    except DockerException as error:
        raise EnvironmentLacks(f"the settings for the Docker engine are wrong: {_one_line(error)}") from error
    return Address(str(asked.get("base_url") or "unix:///var/run/docker.sock"), asked.get("tls"))


def _knock(address: Address) -> None:
    """Connects to a local engine's socket once; raises EnvironmentLacks with what to do about a closed door."""
    path = address.url.removeprefix("http+").removeprefix("unix:")
    if path == address.url:
        return
    path = "/" + path.lstrip("/")
    try:
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(CALL_SECONDS)
            door.connect(path)
    except FileNotFoundError as error:
        raise EnvironmentLacks(
            f"no Docker engine: {path} does not exist; install and start Docker, or set DOCKER_HOST"
        ) from error
    except PermissionError as error:
        raise EnvironmentLacks(
            f"no permission for the Docker engine at {path}; join the group that owns it (usually docker) or use root"
        ) from error
    except OSError as error:
        raise EnvironmentLacks(
            f"no Docker engine listens at {path}: {error.strerror or error}; start the Docker daemon"
        ) from error


def _connect(address: Address) -> tuple[APIClient, EngineFacts]:
    from docker import APIClient

    api = APIClient(
        base_url=address.url,
        tls=address.tls or False,
        version="auto",  # the newest API version that both sides speak
        timeout=_SOCKET_SECONDS,
        max_pool_size=2 * CALLS_AT_ONCE,
    )
    said = api.version()
    version = str(said["Version"]).partition("+")[0]  # Debian appends +dfsg1
    platform = str((said.get("Platform") or {}).get("Name") or "")
    desktop = platform.startswith("Docker Desktop")
    name = platform if desktop else "Docker"
    facts = EngineFacts(
        description=f"{name} {version}, API {api.api_version}",
        version=version,
        remote=address.remote or desktop,
    )
    return api, facts


def _in_thread(what: str, work: Callable[[], Result], attempts: int = 1) -> Future[Result]:
    """Starts `work` in a daemon thread: unlike an executor's, the interpreter does not wait for it at exit."""
    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(_attempt(what, work, attempts))
        except BaseException as error:  # handed to whoever awaits the future, whatever it is
            future.set_exception(error)

    Thread(target=run, name=f"engine: {what}", daemon=True).start()
    return future


def _attempt(what: str, work: Callable[[], Result], attempts: int) -> Result:
    """Runs `work`, again on a broken connection while attempts are left; raises EngineRefused in plain words."""
    from docker.errors import APIError, DockerException
    from requests.exceptions import ConnectionError as BrokenConnection
    from requests.exceptions import ReadTimeout, RequestException

    try:
        return work()
    except APIError as error:
        status = getattr(error.response, "status_code", None)
        raise EngineRefused(what, status, _one_line(error.explanation or error)) from error
    except ReadTimeout as error:
        raise EngineRefused(what, None, "the engine did not answer in time") from error
    except BrokenConnection as error:
        if attempts > 1:
            return _attempt(what, work, attempts - 1)  # the engine drops idle connections
        raise EngineRefused(what, None, f"the connection to the engine broke ({_one_line(error)})") from error
    except (DockerException, RequestException, OSError) as error:
        raise EngineRefused(what, None, _one_line(error)) from error


def _one_line(error: object) -> str:
    return " ".join(str(error).split())
