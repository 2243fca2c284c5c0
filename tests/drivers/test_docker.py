"""What the Docker driver owes beyond the common suite: ownership, names, networks, published ports."""

from __future__ import annotations

import asyncio
import io
import socket
import tarfile
from collections.abc import AsyncIterator, Iterator

import pytest
from docker import APIClient

from chaos.drivers import _docker_ground as ground
from chaos.drivers.docker import Docker
from chaos.drivers.driver import RunLabel
from chaos.errors import EnvironmentLacks, NodeCallFailed, UsageError
from chaos.model.node import Node
from chaos.scenario.language import NetworkSpec
from tests.drivers.servers import (
    HERE,
    PORT,
    answering,
    ask,
    docker_driver,
    new_label,
    plans,
    start_servers,
    unreachable,
)

pytestmark = pytest.mark.engine
PORTS = HERE.model_copy(update={"reach": "ports"})


@pytest.fixture
async def driver() -> AsyncIterator[Docker]:
    async with docker_driver(new_label()) as opened:
        assert isinstance(opened, Docker)
        yield opened


@pytest.fixture
def api() -> Iterator[APIClient]:
    """The engine without the driver: what a test makes and looks at behind the driver's back."""
    client = APIClient(version="auto")
    yield client
    client.close()


@pytest.fixture
def decoy(api: APIClient, driver: Docker) -> Iterator[str]:
    """A running stranger: named like a node of the run and labelled as the same node of another run."""
    run = driver.label.run_id
    labels = {"chaos.run": f"{run}-other", "chaos.node": "redis-1"}
    name = f"chaos-{run}-redis-1-decoy"
    container = api.create_container(HERE.image, ["redis-server"], name=name, labels=labels)["Id"]
    try:
        api.start(container)
        yield container
    finally:
        api.remove_container(container, force=True, v=True)


ENTRYPOINT = r"""#!/bin/sh
set -e
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    find . ! -user redis -exec chown redis {} +
    exec su -s /bin/sh redis -c 'exec "$0" "$@"' -- "$0" "$@"
fi
exec "$@"
"""
"""What the official image does first: gives the data folder to the user `redis`, and becomes that user."""


@pytest.fixture
def official(api: APIClient, driver: Docker) -> Iterator[str]:
    """An image built like the official one: an entrypoint that drops its rights, and a VOLUME for the data."""
    files = {
        "usr/bin/docker-entrypoint.sh": ENTRYPOINT,
        "etc/passwd": "root:x:0:0::/:/bin/sh\nredis:x:999:0::/data:/bin/sh\n",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, text in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(text), 0o755
            tar.addfile(entry, io.BytesIO(text.encode()))
    container = api.create_container(HERE.image, ["true"])["Id"]
    api.put_archive(container, "/", buffer.getvalue())
    name = f"official-{driver.label.run_id}:1"
    changes = 'VOLUME /data\nENTRYPOINT ["docker-entrypoint.sh"]'
    api.commit(container, *name.split(":"), changes=changes)
    api.remove_container(container, v=True)
    yield name
    api.remove_image(name, force=True)


async def test_an_image_like_the_official_one_runs(api: APIClient, driver: Docker, official: str) -> None:
    """A server that drops its rights can write its data, and the only volume is the run's own."""
    (node,) = (await start_servers(driver, spec=HERE.model_copy(update={"image": official}))).nodes
    assert await ask(node, "SET", "k", "v") == "+OK"
    code, owner = await driver.execute(node, ["stat", "-c", "%U", "/data/appendonlydir"])
    assert (code, owner) == (0, "redis\n")
    mounts = api.inspect_container(node.handle)["Mounts"]
    assert [mount["Name"] for mount in mounts] == [f"chaos-{driver.label.run_id}-redis-1-data"]
    assert await driver.down() == []


async def test_everything_made_carries_the_labels_of_the_run(api: APIClient, driver: Docker) -> None:
    """Container, network and volume carry the run, the host and the run directory."""
    (node,) = (await start_servers(driver)).nodes
    label = driver.label
    expected = {"chaos.run": label.run_id, "chaos.host": label.host_id, "chaos.directory": label.run_directory}
    container = api.inspect_container(node.handle)
    (mount,) = container["Mounts"]
    found = [
        container["Config"]["Labels"],
        api.inspect_network(f"chaos-{label.run_id}")["Labels"],
        api.inspect_volume(mount["Name"])["Labels"],
    ]
    assert all(expected.items() <= labels.items() for labels in found)


async def test_a_node_is_set_up_for_reading_its_log(api: APIClient, driver: Docker) -> None:
    """A node's clock is UTC, its host name is its node name, and no health check of the image runs."""
    (node,) = (await start_servers(driver)).nodes
    settings = api.inspect_container(node.handle)["Config"]
    assert "TZ=UTC" in settings["Env"]
    assert (settings["Hostname"], settings["Healthcheck"]) == ("redis-1", {"Test": ["NONE"]})


async def test_the_pid_is_the_servers_own_on_this_host(driver: Docker) -> None:
    """Where the engine shares this host, a node's pid is the server process."""
    (node,) = (await start_servers(driver)).nodes
    with open(f"/proc/{node.pid}/comm") as name:
        assert name.read().strip() == "redis-server"


@pytest.mark.parametrize("call", ["kill", "start", "erase_data", "pause", "resume", "disconnect", "connect", "execute"])
async def test_a_stranger_is_never_touched(api: APIClient, driver: Docker, decoy: str, call: str) -> None:
    """A call whose handle leads to a container of another run is refused, and the container runs on."""
    (place,) = (await driver.reserve(HERE, ["redis-1"], PORT, dry=False)).places
    (plan,) = plans(await driver.reserve(HERE, ["redis-1"], PORT, dry=True))
    stranger = Node(plan.model_copy(update={"place": place}), decoy, None)
    before = api.inspect_container(decoy)
    further = {"kill": ["KILL"], "execute": [["true"]]}.get(call, [])
    with pytest.raises(NodeCallFailed, match="not redis-1 of this run"):
        await getattr(driver, call)(stranger, *further)
    after = api.inspect_container(decoy)
    assert (after["State"], after["NetworkSettings"]) == (before["State"], before["NetworkSettings"])


async def test_tear_down_leaves_strangers_and_other_runs(api: APIClient, driver: Docker, decoy: str) -> None:
    """A tear-down removes what carries this run's label, whatever else is named alike."""
    await start_servers(driver)
    async with docker_driver(RunLabel(f"{driver.label.run_id}-2", "test-host", "/")) as other:
        (alike,) = (await start_servers(other)).nodes
        assert await driver.down() == []
        assert await ask(alike, "PING") == "+PONG"
    assert api.inspect_container(decoy)["State"]["Running"]


async def test_a_cancelled_build_is_removed_whole(driver: Docker) -> None:
    """What is still being built when the builder is cancelled is removed by the tear-down that follows."""
    site = await driver.reserve(HERE, [f"redis-{number}" for number in range(4)], PORT, dry=False)
    server = await driver.identify(HERE, fetch=True)
    building = asyncio.create_task(driver.up(plans(site), server))
    while not any(remains.label == driver.label and remains.nodes for remains in await driver.remains()):
        assert not building.done()  # at least one is there, and others are on their way
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building
    assert await driver.down() == []
    assert driver.label not in [remains.label for remains in await driver.remains()]


async def test_nodes_find_each_other_by_name_and_alias(driver: Docker) -> None:
    """Inside the network a node answers to its name and to its aliases."""
    one, two = (await start_servers(driver, count=2, aliases=["shop"])).nodes
    for name in (two.name, f"shop-{two.name}"):
        assert await driver.execute(one, ["redis-cli", "-h", name, "ping"]) == (0, "PONG\n")


async def test_a_reconnected_node_has_its_address_and_names_again(api: APIClient, driver: Docker) -> None:
    """After a disconnect and a connect a node has the same address, and the others find it by name and alias."""
    one, two = (await start_servers(driver, count=2, aliases=["shop"])).nodes
    await driver.disconnect(two)
    code, _ = await driver.execute(one, ["redis-cli", "-h", two.name, "ping"])
    assert code != 0
    await driver.connect(two)
    networks = api.inspect_container(two.handle)["NetworkSettings"]["Networks"]
    assert [network["IPAddress"] for network in networks.values()] == [two.plan.place.host]
    for name in (two.name, f"shop-{two.name}"):
        assert await driver.execute(one, ["redis-cli", "-h", name, "ping"]) == (0, "PONG\n")


async def test_a_node_killed_while_disconnected_comes_back(driver: Docker) -> None:
    """A node that was cut off, killed, started and connected answers at its address."""
    (node,) = (await start_servers(driver)).nodes
    await driver.disconnect(node)
    await driver.kill(node, "KILL")
    again = await driver.start(node)
    assert await unreachable(again)
    await driver.connect(again)
    await answering(again)


async def test_an_internal_network_is_reached_from_this_host(api: APIClient, driver: Docker) -> None:
    """A node on an internal network, which the engine lets nobody leave, is reached at its address."""
    internal = HERE.model_copy(update={"network": NetworkSpec(internal=True)})
    servers = await start_servers(driver, spec=internal)
    assert servers.site.network is not None
    assert api.inspect_network(servers.site.network.name)["Internal"]
    assert await ask(servers.nodes[0], "PING") == "+PONG"


async def test_a_fixed_subnet_gives_the_addresses_of_the_scenario(driver: Docker) -> None:
    """With a fixed subnet, gateway and first host, nodes are where the scenario says."""
    free = (await driver.reserve(HERE, ["redis-1"], PORT, dry=True)).network
    assert free is not None
    stem = free.subnet.removesuffix("0/24")
    network = NetworkSpec(subnet=free.subnet, gateway=f"{stem}254", first_host=77)
    servers = await start_servers(driver, count=2, spec=HERE.model_copy(update={"network": network}))
    assert [place.host for place in servers.site.places] == [f"{stem}77", f"{stem}78"]
    assert servers.site.network is not None
    assert servers.site.network.gateway == f"{stem}254"


async def test_a_taken_subnet_is_refused_by_its_owners_name(driver: Docker) -> None:
    """A fixed subnet that another run holds is refused, naming the network that has it."""
    site = await driver.reserve(HERE, ["redis-1"], PORT, dry=False)
    assert site.network is not None
    fixed = HERE.model_copy(update={"network": NetworkSpec(subnet=site.network.subnet)})
    async with docker_driver(new_label()) as other:
        with pytest.raises(EnvironmentLacks, match=f"{site.network.subnet} .*{site.network.name}"):
            await other.reserve(fixed, ["redis-1"], PORT, dry=False)


async def test_runs_that_start_at_once_get_different_subnets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs with the same first choice of subnet both get one: the engine says who is first."""
    in_order = ground.free_subnets
    monkeypatch.setattr(ground, "free_subnets", lambda seed, taken: in_order("the same for both", taken))
    async with docker_driver(new_label()) as one, docker_driver(new_label()) as two:
        sites = await asyncio.gather(*(driver.reserve(HERE, ["redis-1"], PORT, dry=False) for driver in (one, two)))
    subnets = {site.network.subnet for site in sites if site.network}
    assert len(subnets) == 2


@pytest.mark.parametrize(
    "network",
    [
        NetworkSpec(subnet="198.18.7.1/24"),
        NetworkSpec(subnet="198.18.7.0/24", gateway="198.18.8.1"),
        NetworkSpec(gateway="198.18.7.1"),
    ],
)
async def test_an_impossible_network_is_wrong_usage(driver: Docker, network: NetworkSpec) -> None:
    """A subnet with host bits, a gateway outside of it and a gateway without one are the user's mistakes."""
    with pytest.raises(UsageError):
        await driver.reserve(HERE.model_copy(update={"network": network}), ["redis-1"], PORT, dry=True)


async def test_published_ports_survive_every_fault(driver: Docker) -> None:
    """A node reached by its published port answers there after a disconnect and after a death."""
    servers = await start_servers(driver, spec=PORTS)
    (node,) = servers.nodes
    assert servers.site.reach == "ports"
    assert node.plan.place.reach_host == "127.0.0.1"
    await driver.disconnect(node)
    assert await unreachable(node)
    await driver.connect(node)
    await answering(node)
    await driver.kill(node, "KILL")
    await answering(await driver.start(node))


async def test_ports_can_be_published_beside_addresses(api: APIClient, driver: Docker) -> None:
    """With `publish` a node is reached at its address and has its client port on the loopback of this host too."""
    (node,) = (await start_servers(driver, spec=HERE.model_copy(update={"publish": True}))).nodes
    assert node.plan.place.reach_host == node.plan.place.host
    (binding,) = api.port(node.handle, PORT)
    assert binding["HostIp"] == "127.0.0.1"


async def test_ports_are_used_where_addresses_cannot_be_reached(
    driver: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the network's gateway is no address of this host, nodes are reached by published ports."""
    monkeypatch.setattr(ground, "is_local_address", lambda address: False)  # as with an engine in a virtual machine
    servers = await start_servers(driver)
    assert servers.site.reach == "ports"
    assert "cannot be reached" in servers.site.reach_reason
    assert await ask(servers.nodes[0], "PING") == "+PONG"


async def test_a_port_taken_meanwhile_is_named(driver: Docker) -> None:
    """If somebody takes a chosen host port before the node starts, the error names the node and the port."""
    site = await driver.reserve(PORTS, ["redis-1"], PORT, dry=False)
    (place,) = site.places
    with socket.create_server(("127.0.0.1", place.reach_port)), pytest.raises(EnvironmentLacks) as lacks:
        await driver.up(plans(site), await driver.identify(HERE, fetch=True))
    assert "redis-1" in str(lacks.value)
    assert str(place.reach_port) in str(lacks.value)


async def test_an_internal_network_cannot_publish(driver: Docker) -> None:
    """Published ports on an internal network are refused, and the network made for them is gone."""
    spec = PORTS.model_copy(update={"network": NetworkSpec(internal=True)})
    with pytest.raises(EnvironmentLacks, match="internal"):
        await driver.reserve(spec, ["redis-1"], PORT, dry=False)
    assert driver.label not in [remains.label for remains in await driver.remains()]


async def test_too_many_nodes_are_refused_before_anything_is_made(driver: Docker) -> None:
    """A run that would overflow the neighbour table is refused with the setting that allows it."""
    with pytest.raises(EnvironmentLacks, match="gc_thresh3"):
        await driver.reserve(HERE, [f"redis-{number}" for number in range(100_000)], PORT, dry=False)


async def test_commands_by_hand_do_what_the_driver_does(driver: Docker) -> None:
    """The commands printed for undoing by hand start, resume and connect a node."""
    (node,) = (await start_servers(driver)).nodes
    await driver.disconnect(node)
    await _by_hand(driver, "connect", node)
    await driver.pause(node)
    await _by_hand(driver, "resume", node)
    await answering(node)
    await driver.kill(node, "KILL")
    await _by_hand(driver, "start", node)
    await answering(node)


async def _by_hand(driver: Docker, action: str, node: Node) -> None:
    command = await asyncio.create_subprocess_exec(
        *driver.command_by_hand(action, node).split(), stdout=asyncio.subprocess.DEVNULL
    )
    assert await command.wait() == 0
