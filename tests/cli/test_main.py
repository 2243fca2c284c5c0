"""The command line: quick to help, and every way to end has its exit code."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable

import click
import pytest

from chaos import __version__
from chaos.cli.main import COMMANDS, LATER, CommandsOnDemand, exit_code_of
from chaos.errors import ChaosError, EnvironmentLacks, Inconclusive, Mistake, ScenarioError, UndoFailed, UsageError

Ending = Callable[[BaseException], int]

HEAVY = ("docker", "locust", "numpy", "prometheus_client", "pydantic", "redis", "rich", "ruamel", "scipy", "tabulate")


def chaos(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "chaos", *arguments], capture_output=True, text=True, timeout=60)


@pytest.fixture
def ending_with(monkeypatch: pytest.MonkeyPatch) -> Ending:
    """Makes every command raise the error given."""

    def let(error: BaseException) -> int:
        def fail() -> None:
            raise error

        monkeypatch.setattr(CommandsOnDemand, "get_command", lambda *_: click.Command("any", callback=fail))
        return exit_code_of(["any"])

    return let


def test_help_lists_every_command() -> None:
    """`python -m chaos --help` names every command with its sentence, and ends with examples."""
    answer = chaos("--help")
    assert answer.returncode == 0
    assert all(f"  {name} " in answer.stdout for name in COMMANDS)
    assert "chaos run scenarios/master-kill.yml" in answer.stdout


def test_help_imports_nothing_heavy() -> None:
    """Showing the help imports none of the libraries that take long to import."""
    code = (
        "import sys; from chaos.cli.main import exit_code_of; exit_code_of(['--help']);"
        f"print('imported:', sorted(set(sys.modules) & set({HEAVY!r})))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert answer.stdout.splitlines()[-1] == "imported: []"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_has_its_sentence(name: str) -> None:
    """The sentence in the list of commands is the first one of the command's own help."""
    command: click.Command = importlib.import_module(f"chaos.cli.{name}").command
    assert (command.help or "").partition("\n")[0] == COMMANDS[name]


def test_version() -> None:
    """`--version` says the version of the package."""
    assert chaos("--version").stdout == f"chaos {__version__}\n"


def test_unknown_command() -> None:
    """A misspelt command ends with 2 and the nearest one."""
    answer = chaos("lst")
    assert answer.returncode == 2
    assert answer.stderr == "chaos: unknown command 'lst'; did you mean 'list'?\n"


@pytest.mark.parametrize("name", LATER)
def test_a_command_to_come(name: str) -> None:
    """A command that is promised and not there yet says so and ends with 2."""
    answer = chaos(name)
    assert (answer.returncode, answer.stderr) == (2, f"chaos: the command '{name}' does not exist yet\n")


def test_wrong_option() -> None:
    """An option that a command has not got ends with 2."""
    answer = chaos("list", "faults", "--nonsense")
    assert answer.returncode == 2
    assert "--nonsense" in answer.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (EnvironmentLacks("x"), 3),
        (Inconclusive("x"), 4),
        (UndoFailed("x"), 5),
        (ChaosError("x"), 5),
        (KeyboardInterrupt(), 130),
        (RuntimeError("a defect"), 5),
    ],
)
def test_each_error_has_its_exit_code(ending_with: Ending, error: BaseException, code: int) -> None:
    """Whatever a command raises ends with the exit code that is promised for it."""
    assert ending_with(error) == code


def test_the_reason_stands_on_standard_error(ending_with: Ending, capsys: pytest.CaptureFixture[str]) -> None:
    """The reason of an error is one line on standard error, and standard output stays empty."""
    ending_with(EnvironmentLacks("no engine answers"))
    assert capsys.readouterr() == ("", "chaos: no engine answers\n")


def test_mistakes_begin_with_their_place(ending_with: Ending, capsys: pytest.CaptureFixture[str]) -> None:
    """A scenario's mistakes are lines that begin with file:line:column, in order."""
    ending_with(ScenarioError([Mistake("a.yml", 7, 1, "second", "b"), Mistake("a.yml", 3, 5, "first")]))
    assert capsys.readouterr().err == "a.yml:3:5: first\na.yml:7:1: second; b\n"


def test_a_defect_shows_where_it_is(ending_with: Ending, capsys: pytest.CaptureFixture[str]) -> None:
    """An error that nobody expected is shown with its traceback."""
    ending_with(RuntimeError("a defect"))
    assert "RuntimeError: a defect" in capsys.readouterr().err
