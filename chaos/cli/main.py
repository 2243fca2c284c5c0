"""The command line: finds the command, and turns every way it can end into an exit code."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from chaos import __version__
from chaos.errors import ChaosError, ScenarioError, UnknownName, UsageError

COMMANDS = {
    "run": "Run scenarios: build, load, break, measure, judge, tear down.",
    "validate": "Say every mistake in scenario files; start nothing.",
    "plan": "Show every node, setting and injection of a run; start nothing.",
    "list": "List drivers, systems, faults, checks, targets or runs.",
    "report": "Render the report of a run again.",
    "heal": "Undo the faults that a run left behind.",
    "clean": "Remove the nodes and networks that dead runs left behind.",
    "image": "Make server images from this machine's own binaries.",
    "doctor": "Say what this machine lacks, and how to mend it.",
    "schema": "Print the JSON Schema of scenarios or results.",
}
"""Every command with its sentence; it lives in the module of its name and is imported only when it is used."""

LATER = ("open", "compare", "sweep", "bisect", "baseline", "history", "schedule", "init")
"""Commands that are promised and do not exist yet."""

EPILOG = """\
\b
First steps:
  chaos doctor                          what does this machine lack?
  chaos run scenarios/master-kill.yml   kill a master under load and see what happens
  chaos report latest                   read the report of that run again
  chaos list faults                     what else can go wrong?

\b
Exit codes:
  0  every expectation holds        3  this machine cannot do it
  1  an expectation does not hold   4  inconclusive
  2  wrong usage or scenario        5  the harness or an undo failed
"""

HARNESS_FAILED, INTERRUPTED = 5, 130


class CommandsOnDemand(click.Group):
    """A group that imports a command's module only when that command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in LATER:
            raise UsageError(f"the command '{cmd_name}' does not exist yet")
        if cmd_name not in COMMANDS:
            raise UnknownName("command", cmd_name, COMMANDS)
        command: click.Command = importlib.import_module(f"chaos.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=CommandsOnDemand, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="chaos %(version)s")
def group() -> None:
    """Find out what a cluster really does when something breaks.

    A scenario (a YAML file) says what to build, what traffic to drive, what to break and what must hold;
    a run does it on real nodes and measures.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs one command and ends the process with its exit code."""
    sys.exit(exit_code_of(arguments))


def exit_code_of(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; says on standard error what went wrong and returns the exit code of that.

    A command ends with a code other than 0 by `click.Context.exit` or by raising a ChaosError.
    """
    try:
        code = group.main(arguments, prog_name="chaos", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return UsageError.exit_code
    except click.Abort:
        return INTERRUPTED
    except ChaosError as error:
        # The lines of a scenario's mistakes begin with file:line:column, so that editors can jump there.
        click.echo(str(error) if isinstance(error, ScenarioError) else f"chaos: {error}", err=True)
        return error.exit_code
    except Exception:  # the last boundary: any other error is a defect of ours, and 1 would say "does not hold"
        traceback.print_exc()
        return HARNESS_FAILED
    return code if isinstance(code, int) else 0
