"""The draft of a run: everything that will be built and done, decided before anything starts."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chaos.drivers.driver import DRIVERS, Driver
from chaos.errors import EnvironmentLacks, UsageError
from chaos.faults.fault import FAULTS
from chaos.model.plan import RunPlan, ServerIdentity
from chaos.runner.parts import Ground
from chaos.scenario.language import Scenario
from chaos.scenario.timeline import draw_timeline
from chaos.systems.system import System

NAME_LENGTH = 32


def new_run_id(scenario: str) -> str:
    """An id that sorts by time: date, time (UTC), the scenario's name and four digits against twins."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    name = re.sub(r"[^a-z0-9]+", "-", scenario.lower()).strip("-")[:NAME_LENGTH] or "scenario"
    return f"{stamp}-{name}-{secrets.token_hex(2)}"


def new_seed() -> int:
    """A seed nobody chose; it is printed, and reproduces the schedule."""
    return secrets.randbelow(1 << 31)


def password_of(scenario: Scenario, environ: Mapping[str, str] = os.environ) -> str | None:
    """The cluster's password from the environment; raises UsageError if the variable is not set."""
    variable = scenario.cluster.password_variable
    if variable is None:
        return None
    if not environ.get(variable):
        raise UsageError(f"cluster.password is `env {variable}`, and the environment variable {variable} is not set")
    return environ[variable]


def needed_capabilities(scenario: Scenario) -> set[type[Any]]:
    """The driver capabilities that the scenario's faults need."""
    return {capability for entry in scenario.faults for capability in FAULTS.get(entry.fault).needs}


def check_capabilities(scenario: Scenario, driver: Driver) -> None:
    """Raises EnvironmentLacks, before anything starts, if a fault needs what the driver cannot do."""
    for entry in scenario.faults:
        for capability in FAULTS.get(entry.fault).needs:
            if not isinstance(driver, capability):
                raise EnvironmentLacks(
                    f"the fault '{entry.name}' ({entry.fault}) needs {capability.__name__}, "
                    f"which the driver '{driver.name}' has not got; {_who_can(capability)}"
                )


def _who_can(capability: type[Any]) -> str:
    able = [f"'{name}'" for name, driver in DRIVERS.all().items() if issubclass(driver, capability)]
    return f"these drivers have it: {', '.join(able)}" if able else "no driver has it"


async def draft_plan(
    scenario: Scenario,
    ground: Ground,
    system: System,
    server: ServerIdentity,
    *,
    run_id: str,
    seed: int,
    dry: bool,
) -> RunPlan:
    """The whole plan of a run. With `dry` nothing is reserved: another run may take what it names."""
    spec = scenario.cluster
    ground.driver.prepare_for(needed_capabilities(scenario))
    site = await ground.driver.reserve(spec, system.node_names(spec), system.port, dry=dry)
    decided = system.plan(spec, site, server, secured=spec.password_variable is not None, run_id=run_id)
    return RunPlan(
        run_id=run_id,
        scenario=scenario.name,
        system=system.name,
        driver=ground.driver.name,
        engine=ground.engine.description,
        engine_remote=ground.engine.remote,
        server=server,
        seed=seed,
        site=site,
        nodes=decided.nodes,
        shard_slots=dict(decided.shard_slots),
        settings=decided.settings,
        timeline=draw_timeline(scenario, seed),
        defaults=scenario.model_dump(mode="json"),
    )
