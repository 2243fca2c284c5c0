"""Healing from outside: what a run's ledger says is still broken is undone, by another process."""

from __future__ import annotations

from chaos.archive.evidence import read_plan
from chaos.archive.run_directory import RunDirectory
from chaos.cluster import Cluster
from chaos.drivers.driver import RunLabel
from chaos.errors import ChaosError, UndoFailed
from chaos.faults.fault import FAULTS
from chaos.host import host_id
from chaos.model.injection import LedgerEntry
from chaos.runner.ledger import REVERTED, UNDO_FAILED, Ledger, outstanding, read_ledger
from chaos.runner.parts import open_ground
from chaos.systems.system import SYSTEMS


async def heal_run(directory: RunDirectory) -> list[str]:
    """Undoes what is outstanding, the newest first; returns what was done, in words. Harmless when repeated.

    Raises EnvironmentLacks while the run is alive, UndoFailed with the commands to do it by hand.
    """
    with directory.hold():
        entries = outstanding(read_ledger(directory.ledger))
        if not entries:
            return []
        plan = read_plan(directory)
        label = RunLabel(plan.run_id, host_id(), str(directory.path))
        ground = await open_ground(plan.driver, label)
        system = SYSTEMS.get(plan.system)()
        try:
            nodes = await ground.driver.attach(plan.nodes)
            cluster = Cluster(ground.driver, system, plan, nodes, None)
            return await _undo_all(cluster, Ledger(directory.ledger), entries)
        finally:
            await system.close()
            await ground.driver.close()


async def _undo_all(cluster: Cluster, ledger: Ledger, entries: list[LedgerEntry]) -> list[str]:
    done, failed = [], []
    for entry in entries:
        try:
            done += [await _undo(cluster, entry, node) for node in entry.nodes]
            ledger.write(entry.model_copy(update={"step": REVERTED}))
        except ChaosError as error:
            ledger.write(entry.model_copy(update={"step": UNDO_FAILED}))
            failed.append(f"'{entry.injection}' could not be undone: {error}; by hand: {'; '.join(entry.by_hand)}")
    if failed:
        raise UndoFailed("\n".join([*done, *failed]))
    return done


async def _undo(cluster: Cluster, entry: LedgerEntry, name: str) -> str:
    node = cluster.nodes.get(name)
    if node is None or node.handle != entry.handles[name]:
        return f"{name}: gone, nothing to undo for '{entry.injection}'"
    fault = FAULTS.get(entry.fault).model_validate(entry.options)
    await fault.revert(cluster, node, entry.undo.get(name, {}))
    return f"{name}: '{entry.injection}' ({entry.fault}) undone"
