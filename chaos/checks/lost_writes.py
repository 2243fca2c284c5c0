"""lost_writes: acknowledged writes that are gone."""

from __future__ import annotations

import numpy

from chaos.analysis.durability import Durability
from chaos.analysis.facts import TrialFacts
from chaos.analysis.loads import intended_in
from chaos.analysis.look import Look
from chaos.analysis.wording import listing
from chaos.checks.check import Check, Measured
from chaos.model.evidence import Rows
from chaos.scenario.bounds import Unit


class LostWrites(Check, name="lost_writes"):
    """A count, or a share of the writes whose loss would be seen."""

    sentence = "acknowledged writes that are absent from the final reads and were not overwritten by a later one"
    unit = "count"
    other_units = ("ratio",)
    scopes = ("trial", "before", "during", "after", "shard", "other shards", "load")
    needs_load = True
    about_data = True

    def measure(self, facts: TrialFacts, look: Look, unit: Unit) -> Measured:
        found = facts.durability
        if found is None:
            return Measured(None, "no operation or no final read was recorded")
        lost = _counted(facts, found, found.lost_rows, look)
        checkable = lost + _counted(facts, found, found.found_rows, look)
        if not checkable:
            return Measured(None, "no acknowledged write could be checked")
        unread = f"{found.keys_unread:,} keys with an acknowledged write could not be read" if found.keys_unread else ""
        reasons = listing([*([listing(found.examples)] if lost else []), *([unread] if unread else [])])
        return Measured(lost / checkable if unit == "ratio" else lost, reasons, incomplete=bool(unread))


def _counted(facts: TrialFacts, found: Durability, rows: Rows, look: Look) -> int:
    """How many of these writes lie where the check looks; the whole trial includes the warm-up's writes."""
    operations = found.operations[rows]
    chosen = numpy.ones(len(operations), dtype=bool)
    if look.windows != ((facts.trial.t0, facts.trial.t_end),):
        chosen &= intended_in(operations, look.windows)
    if look.shards is not None:
        chosen &= numpy.isin(operations["shard"], list(look.shards))
    if look.load is not None:
        clients = [number for number, one in enumerate(facts.evidence.clients) if one.load == look.load]
        chosen &= numpy.isin(operations["client"], clients)
    return int(chosen.sum())
