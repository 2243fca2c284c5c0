"""Reading `cluster`: what to build, the server's own directives, the network and its addresses."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from chaos.errors import nearest
from chaos.scenario.catalogue import Catalogue, SystemRule
from chaos.scenario.document import Entry, Fields, Items, Mark, Node, Scalar
from chaos.scenario.drafts import ClusterDraft
from chaos.scenario.language import ClusterSpec
from chaos.scenario.reading import Reading, Section
from chaos.scenario.vocabulary import CLUSTER, NETWORK

CHOSEN_SUBNET = IPv4Network("198.18.0.0/24")
"""Stands for the /24 that is chosen where no subnet is given: only its size matters here."""


def read_cluster(reading: Reading, node: Node | None, mark: Mark, catalogue: Catalogue) -> ClusterDraft:
    """The cluster as far as it could be read; its spec is None if not even its nodes are known."""
    section = reading.section(node, CLUSTER, mark)
    rule = _system(reading, section, catalogue)
    values: dict[str, Any] = section.fill(CLUSTER)
    if "config" in section.nodes:
        values["config"] = _config(reading, section.nodes["config"], rule)
    network = reading.section(section.nodes.get("network"), NETWORK, section.mark)
    values["network"] = network.fill(NETWORK)
    _refuse_few_shards(reading, section, rule)
    if rule is None or section.broken & {"shards", "replicas"}:
        return ClusterDraft(section.mark, None)
    spec = ClusterSpec.model_validate(values)
    if not network.broken:
        _check_network(reading, network, spec, len(rule.node_names(spec)))
    return ClusterDraft(section.mark, spec)


def _system(reading: Reading, section: Section, catalogue: Catalogue) -> SystemRule | None:
    name = section.values.get("system", ClusterSpec.model_fields["system"].default)
    if name in catalogue.systems:
        return catalogue.systems[name]
    if name in catalogue.not_yet.systems:
        reading.note(section.at("system"), f"the system '{name}' is not yet available", _list(catalogue.systems))
    elif "system" not in section.broken:
        reading.note(section.at("system"), f"unknown system '{name}'", nearest(name, catalogue.systems))
    return None


def _refuse_few_shards(reading: Reading, section: Section, rule: SystemRule | None) -> None:
    shards = section.values.get("shards")
    if rule and shards is not None and shards < rule.least_shards:
        reading.note(
            section.at("shards"), f"{shards} shards are too few for this system", f"at least {rule.least_shards}"
        )


def _config(reading: Reading, node: Node, rule: SystemRule | None) -> dict[str, tuple[str, ...]]:
    fields = reading.fields(node, "config")
    if fields is None:
        return {}
    return {entry.key.text: _directive(reading, entry, rule) for entry in fields.entries}


def _directive(reading: Reading, entry: Entry, rule: SystemRule | None) -> tuple[str, ...]:
    """A directive's values: one, or several for a list, which repeats it."""
    name = entry.key.text
    reason = rule.reserved_config.get(name.lower()) if rule else None
    if not name or any(character.isspace() for character in name):
        reading.note(entry.key.mark, f"'{name}' is no directive", "one word, as in `appendonly: yes`")
    elif reason is not None:
        reading.note(entry.key.mark, f"'{name}' is set by the harness: {reason}", "leave it out")
    if isinstance(entry.value, Items):
        return tuple(_directive_value(reading, item, name) for item in entry.value.nodes)
    return (_directive_value(reading, entry.value, name),)


def _directive_value(reading: Reading, node: Node, name: str) -> str:
    if isinstance(node, Scalar) and node.is_missing:
        reading.note(node.mark, f"'{name}' has no value", 'write one; an empty text is ""')
    elif isinstance(node, Scalar) and any(character in node.text for character in "\n\r\0"):
        reading.note(node.mark, f"the value of '{name}' has more than one line", "write it in one line")
    elif isinstance(node, Fields | Items):
        reading.text(node)
    return node.text if isinstance(node, Scalar) else ""


def _check_network(reading: Reading, section: Section, spec: ClusterSpec, nodes: int) -> None:
    """Subnet, gateway and node addresses must fit together."""
    network = spec.network
    subnet = IPv4Network(network.subnet) if network.subnet else CHOSEN_SUBNET
    first, last = network.first_host, network.first_host + max(nodes, 1) - 1
    if network.gateway and not network.subnet:
        reading.note(section.at("gateway"), "a gateway without a subnet", "add `subnet:`, or leave the gateway out")
        return
    if subnet.num_addresses < 4:
        reading.note(section.at("subnet"), f"'{subnet}' has no room for nodes", "a prefix of at most /30")
        return
    gateway = _gateway_host(reading, section, spec, subnet)
    if last > subnet.num_addresses - 2:
        place = section.at("first_host" if "first_host" in section.values else "subnet")
        wrong = f"{nodes} nodes from host {first} on do not fit into {_size(network.subnet, subnet)}"
        reading.note(place, wrong, f"its last host is {subnet.num_addresses - 2}")
    elif gateway is not None and first <= gateway <= last:
        place = section.at("first_host" if "first_host" in section.values else "gateway")
        reading.note(place, f"host {gateway} is the gateway, and a node would have its address", "begin above it")


def _gateway_host(reading: Reading, section: Section, spec: ClusterSpec, subnet: IPv4Network) -> int | None:
    """The gateway's host number; the first address where none is given."""
    if spec.network.gateway is None:
        return 1
    gateway = IPv4Address(spec.network.gateway)
    if gateway not in subnet or gateway in (subnet.network_address, subnet.broadcast_address):
        wrong = f"the gateway {gateway} is no host of the subnet {subnet}"
        reading.note(section.at("gateway"), wrong, f"{subnet.network_address + 1}?")
        return None
    return int(gateway) - int(subnet.network_address)


def _size(given: str | None, subnet: IPv4Network) -> str:
    return str(subnet) if given else f"a /{subnet.prefixlen}"


def _list(names: Iterable[str]) -> str:
    return f"there is: {', '.join(names)}"
