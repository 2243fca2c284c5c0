"""The catalogue of everything that scenarios may name, built from the families that stand above the language."""

from __future__ import annotations

from functools import cache

from chaos.checks.check import CHECKS
from chaos.faults.fault import FAULTS
from chaos.registry import first_sentence
from chaos.scenario.catalogue import Catalogue, CheckRule, FaultRule, SystemRule
from chaos.systems.system import SYSTEMS


@cache
def build_catalogue() -> Catalogue:
    """Every system, fault and check that is installed, with the rules that go with each."""
    return Catalogue(systems=_systems(), faults=_faults(), checks=_checks())


def _systems() -> dict[str, SystemRule]:
    return {
        name: SystemRule(
            sentence=system.sentence,
            node_names=system().node_names,
            reserved_config=system.reserved_config,
            least_shards=system.least_shards,
        )
        for name, system in SYSTEMS.all().items()
    }


def _faults() -> dict[str, FaultRule]:
    return {name: FaultRule(first_sentence(fault), options=fault) for name, fault in FAULTS.all().items()}


def _checks() -> dict[str, CheckRule]:
    return {
        name: CheckRule(
            sentence=check.sentence,
            unit=check.unit,
            other_units=check.other_units,
            scopes=check.scopes,
            needs_load=check.needs_load,
            awaited=check.awaited,
        )
        for name, check in CHECKS.all().items()
    }
