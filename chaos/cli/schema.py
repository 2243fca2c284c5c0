"""`chaos schema`: the JSON Schema of what users write and read."""

from __future__ import annotations

import json

import click


@click.command("schema", epilog="\b\nExample:\n  chaos schema > scenario.schema.json")
@click.option("--result", is_flag=True, help="The schema of result.json instead of a scenario's.")
def command(result: bool) -> None:
    """Print the JSON Schema of scenarios or results."""
    click.echo(_result_schema() if result else _scenario_schema(), nl=False)


def _scenario_schema() -> str:
    from chaos.cli.catalogue import build_catalogue
    from chaos.scenario.schema import schema_text

    return schema_text(build_catalogue())


def _result_schema() -> str:
    from chaos.model.result import RunResult

    return json.dumps(RunResult.model_json_schema(by_alias=True), indent=2) + "\n"
