"""Writes the generated pages of the documentation: `python docs/pages.py`. A test keeps them equal to the code.

reference.md: every key, target, fault, check and system of the scenario language, from the tables and
families that the reader uses. result.md: every field of result.json, from its model.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

from chaos.checks.check import CHECKS, Check
from chaos.cli.catalogue import build_catalogue
from chaos.drivers.driver import DRIVERS
from chaos.faults.fault import FAULTS, Fault
from chaos.model import evidence, result
from chaos.model import plan as plans
from chaos.model.record import Record
from chaos.model.result import RunResult
from chaos.scenario import forms, quantities
from chaos.scenario.bounds import Unit, parse_bound
from chaos.scenario.language import ClusterSpec, FaultEntry, LoadSpec, NetworkSpec, Scenario
from chaos.scenario.schema import scenario_schema
from chaos.scenario.targets import SENTENCES
from chaos.scenario.vocabulary import CLUSTER, ENTRY, LOAD, NETWORK, SCENARIO, Table
from chaos.systems.system import SYSTEMS

FOLDER = Path(__file__).parent
MADE = "<!-- Made by `python docs/pages.py`; a test keeps it equal to the code. -->"
Schema = Mapping[str, Any]

WRITTEN = {
    quantities.DURATION_PATTERN: "duration: `250ms`, `5s`, `1m30s`",
    quantities.RATE_PATTERN: "rate: `2000/s`",
    quantities.SHARE_PATTERN: "share: `50%`",
    quantities.SIZE_PATTERN: "size: `64B`, `1KiB`",
    forms.NAME_PATTERN: "name",
    forms.ENV_PATTERN: "`env NAME`",
    str(forms.SUBNET.schema["pattern"]): "IPv4 subnet: `198.18.16.0/24`",
    str(forms.WORD.schema["pattern"]): "word",
}
"""The pattern of a value → how it is written, in words."""

EXAMPLES: Mapping[Unit, str] = {
    "seconds": "<= 9s",
    "milliseconds": "<= 50ms",
    "ratio": "<= 25%",
    "count": "at most 3",
    "per second": "at least 1000/s",
    "yes/no": "yes",
}
FLOORS = {"availability": "at least 99.9%"}
"""Checks of which more is better, where the unit's example would not say so."""


def pages() -> dict[str, str]:
    """File name → text of every generated page."""
    return {"reference.md": reference_page(), "result.md": result_page()}


# The reference of the scenario language


def reference_page() -> str:
    """Every name that a scenario may use."""
    blocks = ["# Reference of the scenario language", MADE]
    blocks += ["How the parts go together is told in [scenarios.md](scenarios.md).", "## Keys", *_keys()]
    blocks += ["## Targets", _rows(("target", "chooses"), ((f"`{form}`", said) for form, said in SENTENCES.items()))]
    blocks += ["## Faults", *(block for fault in FAULTS.all().values() for block in _fault(fault))]
    blocks += ["## Checks", _checks(), "## Systems", *_systems(), "## Drivers", _drivers(), "## Not yet", *_later()]
    return "\n\n".join(blocks) + "\n"


def _keys() -> Iterator[str]:
    scenario = scenario_schema(build_catalogue())["properties"]
    cluster = scenario["cluster"]["properties"]
    yield from _table("The file", SCENARIO, Scenario, scenario)
    yield from _table("`cluster`", CLUSTER, ClusterSpec, cluster)
    yield from _table("`cluster: network`", NETWORK, NetworkSpec, cluster["network"]["properties"])
    yield from _table("`load`", LOAD, LoadSpec, scenario["load"]["properties"])
    yield from _table("An entry of `faults`", ENTRY, FaultEntry, scenario["faults"]["items"]["properties"])
    yield "Besides these, an entry holds the options of its fault; `kill: {target: T, …}` holds them too."


def _table(title: str, table: Table, record: type[Record], schemas: Schema) -> Iterator[str]:
    yield f"### {title}"
    yield _rows(
        ("key", "written as", "default", "meaning"),
        (
            (f"`{name}`", _written(schemas[name]), _default(schemas[name], record, key.field or name), key.sentence)
            for name, key in table.keys.items()
        ),
    )
    if table.required:
        yield f"Required: {_codes(table.required)}."


def _written(schema: Schema) -> str:
    """How a value is written, in words."""
    if "enum" in schema:
        return _codes(word for word in schema["enum"] if isinstance(word, str))
    if "pattern" in schema:
        return WRITTEN[schema["pattern"]]
    if "oneOf" in schema:
        return " or ".join(_written(each) for each in schema["oneOf"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "$ref" in schema:
        return "target, or a list of targets"
    if schema["type"] == "integer":
        least, most = schema.get("minimum", 0), schema.get("maximum")
        return f"whole number from {least}" + (f" to {most}" if most is not None and most < 2**31 else "")
    words = {"object": "mapping", "array": "list", "string": "text"}
    return "IPv4 address" if schema.get("format") == "ipv4" else words[schema["type"]]


def _default(schema: Schema, record: type[Record], field: str) -> str:
    """The default as one would write it; empty where there is none, or none that can be written."""
    if "default" in schema:
        return f"`{schema['default']}`"
    default = record.model_fields[field].default if field in record.model_fields else None
    if schema.get("pattern") == quantities.SHARE_PATTERN and isinstance(default, float):
        return f"`{default:.0%}`"
    if schema.get("pattern") == quantities.SIZE_PATTERN and isinstance(default, int):
        return f"`{default}B`"
    return ""


def _fault(fault: type[Fault]) -> Iterator[str]:
    yield f"### `{fault.name}`"
    needs = ", ".join(capability.__name__.lower() for capability in fault.needs)
    yield f"{inspect.cleandoc(fault.__doc__ or '')} How: {fault.mechanism}. It needs a driver that can: {needs}."
    options = fault.model_json_schema()["properties"] if fault.model_fields else {}
    if options:
        yield _rows(
            ("option", "written as", "default", "meaning"),
            (
                (f"`{name}`", _written(option), f"`{option['default']}`", option.get("description", ""))
                for name, option in options.items()
            ),
        )


def _checks() -> str:
    return _rows(
        ("check", "measures", "a bound", "scopes"),
        ((f"`{name}`", check.sentence, _bound(check), _scopes(check)) for name, check in CHECKS.all().items()),
    )


def _bound(check: type[Check]) -> str:
    """A bound of each unit that the check has, and `yes` where that is one."""
    units = (check.unit, *check.other_units)
    written = [FLOORS.get(check.name, EXAMPLES[unit]) for unit in units] + (["yes"] if check.awaited else [])
    for text in written:
        parse_bound(text, units, allow_yes=check.awaited)  # an example that is not valid ends here
    return _codes(written)


def _scopes(check: type[Check]) -> str:
    return "the whole trial" if check.scopes == ("trial",) else _codes(check.scopes[1:])


def _systems() -> Iterator[str]:
    for name, system in SYSTEMS.all().items():
        yield f"### `{name}`"
        said = system.sentence.removesuffix(".")
        yield f"{said[0].upper()}{said[1:]}. Directives that `config` may not hold:"
        yield _rows(("directive", "because"), ((f"`{key}`", why) for key, why in system.reserved_config.items()))


def _drivers() -> str:
    return _rows(
        ("driver", "what it is"),
        ((f"`{name}`", inspect.cleandoc(each.__doc__ or "").splitlines()[0]) for name, each in DRIVERS.all().items()),
    )


def _later() -> Iterator[str]:
    yield 'These words belong to the language; a scenario that uses one is refused with "not yet".'
    later = build_catalogue().not_yet
    tables = (SCENARIO, CLUSTER, NETWORK, LOAD, ENTRY)
    lines = [f"keys of {_title(table)}: {_codes(sorted(table.later))}" for table in tables]
    lines += [f"systems: {_codes(sorted(later.systems))}", f"faults: {_codes(sorted(later.faults))}"]
    yield "\n".join(f"- {line}" for line in [*lines, f"checks: {_codes(sorted(later.checks))}"])


def _title(table: Table) -> str:
    return "the file" if table is SCENARIO else f"a {table.title}" if table is ENTRY else f"`{table.title}`"


# The page of result.json


def result_page() -> str:
    """Every record in result.json: the outermost, then those inside it by name."""
    schema = RunResult.model_json_schema(by_alias=True)
    said = docstrings(result, plans, evidence)
    blocks = ["# result.json", MADE, _RESULT_HEAD]
    for name, record in {"RunResult": schema, **schema["$defs"]}.items():
        about = record.get("description", "").splitlines()
        blocks += [f"## {name}", *([about[0]] if about else [])]
        fields = ((field, _type(each), said.get((name, field), "")) for field, each in record["properties"].items())
        blocks.append("\n".join(f"- `{field}`: {kind}{f'. {text}' if text else ''}" for field, kind, text in fields))
    return "\n\n".join(blocks) + "\n"


_RESULT_HEAD = """\
One file a run, and the one source of every report. Times are seconds since t = 0, the end of the warm-up, unless the
name or the text says otherwise; phases are seconds since their own injection took effect. What is not known is `null`,
never 0. `schema` is the version of this format.

The JSON Schema is [result.schema.json](../chaos/model/result.schema.json), printed by `chaos schema --result` too."""


def docstrings(*modules: ModuleType) -> dict[tuple[str, str], str]:
    """(class, field) → the docstring below the field, as one line."""
    found: dict[tuple[str, str], str] = {}
    for module in modules:
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.ClassDef):
                found |= {(node.name, field): text for field, text in _documented(node.body)}
    return found


def _documented(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name.rstrip("_"), " ".join(text.split())


def _type(schema: Schema) -> str:
    """A JSON type in words, with a link to the record it leads to."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if schema["type"] == "array" and "prefixItems" in schema:
        return f"[{', '.join(_type(each) for each in schema['prefixItems'])}]"
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}"
    if schema["type"] == "object":
        return f"mapping to {_type(schema['additionalProperties'])}"
    return str(schema["type"])


# What both pages are made of


def _rows(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def _codes(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


if __name__ == "__main__":
    for file, text in pages().items():
        (FOLDER / file).write_text(text, encoding="utf-8")
