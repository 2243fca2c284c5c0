"""`chaos plan`: everything a run would build and do, and nothing of it done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from tabulate import tabulate

from chaos.cli import options

if TYPE_CHECKING:
    from chaos.model.plan import RunPlan
    from chaos.scenario.language import Scenario


@click.command("plan", epilog="\b\nExample:\n  chaos plan scenarios/master-kill.yml --set cluster.shards=5")
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--driver", default="auto", show_default=True, help="Where nodes would live: auto, docker or local.")
@click.option("--set", "overrides", multiple=True, metavar="K=V", help="Change one value of the scenario; V is YAML.")
@click.option("--seed", type=int, help="The seed of every draw.")
@options.as_json
def command(scenario: Path, driver: str, overrides: Sequence[str], seed: int | None, as_json: bool) -> None:
    """Show every node, setting and injection of a run; start nothing.

    No image is pulled and no network is made: another run may take the addresses shown.
    """
    from chaos.cli.catalogue import build_catalogue
    from chaos.scenario.reader import read_scenario

    wanted = read_scenario(scenario, build_catalogue(), overrides)
    plan = asyncio.run(_plan(wanted, driver, seed))
    click.echo(plan.model_dump_json(indent=2) if as_json else "\n\n".join(_pages(plan)))


async def _plan(scenario: Scenario, driver: str, seed: int | None) -> RunPlan:
    from chaos.runner.draft import check_capabilities, draft_plan, new_run_id, new_seed
    from chaos.runner.parts import make_system, open_ground

    run_id, system = new_run_id(scenario.name), make_system(scenario)
    ground = await open_ground(driver, options.no_run(), scenario.cluster)
    chosen = next(one for one in (seed, scenario.seed, new_seed()) if one is not None)
    try:
        check_capabilities(scenario, ground.driver)
        server = await ground.driver.identify(scenario.cluster, fetch=False)
        return await draft_plan(scenario, ground, system, server, run_id=run_id, seed=chosen, dry=True)
    finally:
        await ground.driver.close()


def _pages(plan: RunPlan) -> Iterator[str]:
    site = plan.site
    network = f", network {site.network.subnet} (gateway {site.network.gateway})" if site.network else ""
    yield (
        f"{plan.scenario}: driver {plan.driver}, {plan.engine}, {plan.server.sentence}{network}\n"
        f"nodes are reached by {site.reach}: {site.reach_reason}; seed {plan.seed}"
    )
    yield tabulate(
        [
            (node.name, node.role, node.shard, f"{node.place.host}:{node.place.port}", " ".join(node.command))
            for node in plan.nodes
        ],
        headers=["node", "starts as", "shard", "address", "command"],
    )
    yield tabulate(
        [(setting.name, setting.value, setting.origin, setting.reason) for setting in plan.settings],
        headers=["setting", "value", "chosen by", "reason"],
    )
    if plan.timeline:
        yield tabulate(
            [
                (entry.name, f"{entry.at:g} s", f"{entry.until:g} s", entry.fault, entry.target, entry.note)
                for entry in plan.timeline
            ],
            headers=["injection", "at", "until", "fault", "target", "note"],
        )
    yield f"The traffic warms up for {plan.defaults['warmup']:g} s; the trial lasts {plan.defaults['duration']:g} s."
