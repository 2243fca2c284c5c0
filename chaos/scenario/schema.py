"""The JSON Schema of a scenario file, for editors: made from the tables and models that the reader uses.

It knows the shape of a scenario, all short forms included; contradictions between parts are the reader's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from chaos.model.record import Record
from chaos.scenario import quantities
from chaos.scenario.bounds import Unit
from chaos.scenario.catalogue import Catalogue, CheckRule
from chaos.scenario.language import ClusterSpec, LoadSpec, NetworkSpec, Scenario
from chaos.scenario.vocabulary import CLUSTER, ENTRY, LOAD, NETWORK, SCENARIO, Key, Table

Schema = dict[str, Any]

PATH: Final = Path(__file__).with_name("scenario.schema.json")
"""The committed schema, named by the first line of every shipped scenario."""

_TARGET_PATTERN: Final = (
    r"^\s*((master|primary|replica)\s+of\s+shard\s+\d+|any\s+(master|primary|replica)"
    r"|all\s+(masters|primaries|replicas)|node\s+\S+)\s*$"
)
_DIRECTIVE_VALUE: Final[Schema] = {"type": ["string", "number", "boolean"]}


def scenario_schema(catalogue: Catalogue) -> Schema:
    """The schema (JSON Schema 2020-12) of the scenarios that this catalogue allows."""
    systems = {"system": {"enum": list(catalogue.systems)}, "config": _config()}
    cluster = _object(CLUSTER, ClusterSpec, systems | {"network": _object(NETWORK, NetworkSpec, {})})
    sections = {
        "cluster": cluster,
        "load": _object(LOAD, LoadSpec, {}),
        "faults": {"type": "array", "items": _fault_entry(catalogue)},
        "expect": _expect(catalogue),
    }
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A chaos scenario"}
    return dialect | _object(SCENARIO, Scenario, sections) | {"$defs": {"target": _target()}}


def schema_text(catalogue: Catalogue) -> str:
    """The schema as it is committed."""
    return json.dumps(scenario_schema(catalogue), indent=2, ensure_ascii=False) + "\n"


def write_schema(catalogue: Catalogue, path: Path = PATH) -> None:
    """Writes the committed schema anew."""
    path.write_text(schema_text(catalogue), encoding="utf-8")


def _object(table: Table, record: type[Record], special: Mapping[str, Schema]) -> Schema:
    properties = {name: _property(name, key, record, special) for name, key in table.keys.items()}
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": list(table.required)} if table.required else {})


def _property(name: str, key: Key, record: type[Record], special: Mapping[str, Schema]) -> Schema:
    schema = dict(special[name]) if name in special else dict(key.form.schema) if key.form else {}
    field = record.model_fields.get(key.field or name)
    written = _written_default(schema, field.default if field else None)
    return {"description": key.sentence} | schema | ({} if written is None else {"default": written})


def _written_default(schema: Schema, default: object) -> str | int | None:
    """The default as one would write it, where that is the same as how it is kept."""
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, str) and default:
        return default
    if isinstance(default, int) and (schema.get("type") == "integer" or "oneOf" in schema):
        return default
    if isinstance(default, float) and schema.get("pattern") == quantities.DURATION_PATTERN:
        return quantities.format_duration(default)
    return None


def _config() -> Schema:
    repeated = {"type": "array", "items": _DIRECTIVE_VALUE}
    return {"type": "object", "additionalProperties": {"anyOf": [_DIRECTIVE_VALUE, repeated]}}


def _target() -> Schema:
    one = {"type": "string", "pattern": _TARGET_PATTERN}
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


def _fault_entry(catalogue: Catalogue) -> Schema:
    """Common keys with one fault: as a key of its own (short form), or named by `fault` (long form)."""
    target = {"$ref": "#/$defs/target"}
    entry = _object(ENTRY, Record, {"fault": {"enum": list(catalogue.faults)}, "target": target})
    forms: list[Schema] = [{"required": ["fault", "target"]}]
    for name, rule in catalogue.faults.items():
        options = _options(rule.options)
        entry["properties"] |= {option: schema for option, schema in options.items() if option not in ENTRY.keys}
        inner = {"type": "object", "properties": {"target": target} | options, "additionalProperties": False}
        short = {"anyOf": [target, inner | {"required": ["target"]}]}
        entry["properties"][name] = {"description": rule.sentence} | short
        forms.append({"required": [name]})
    return entry | {"oneOf": forms}


def _options(model: type[Record]) -> Schema:
    schema = model.model_json_schema(mode="validation")
    return {name: _written(name, option, model) for name, option in schema.get("properties", {}).items()}


def _written(name: str, option: Schema, model: type[Record]) -> Schema:
    """An option's schema; its first sentence is the docstring below the field, where the model keeps those."""
    described = model.model_fields[name].description
    return ({"description": described} if described else {}) | {k: v for k, v in option.items() if k != "title"}


def _expect(catalogue: Catalogue) -> Schema:
    checks = {name: _check(rule) for name, rule in catalogue.checks.items()}
    return {"type": "object", "properties": checks, "additionalProperties": False}


def _check(rule: CheckRule) -> Schema:
    bound = _bound((rule.unit, *rule.other_units), rule.awaited)
    scopes = "|".join(_SCOPE_PATTERNS[scope] for scope in rule.scopes)
    scoped = {"type": "object", "additionalProperties": bound, "propertyNames": {"pattern": f"^({scopes})$"}}
    return {"description": rule.sentence, "anyOf": [bound, scoped]}


_SCOPE_PATTERNS: Final = {
    "trial": "trial",
    "before": "before",
    "during": r"during\s+\S+",
    "after": r"after\s+\S+",
    "shard": r"shard\s+\d+",
    "other shards": "other shards",
    "load": r"\S+",
}
_VALUE_PATTERNS: Final[Mapping[Unit, str]] = {
    "seconds": quantities.DURATION_PATTERN,
    "milliseconds": quantities.DURATION_PATTERN,
    "ratio": quantities.SHARE_PATTERN,
    "count": r"^\d+$",
    "per second": quantities.RATE_PATTERN,
    "yes/no": "^yes$",
}


def _bound(units: Iterable[Unit], awaited: bool) -> Schema:
    values = "|".join(re.sub(r"^\^|\$$", "", _VALUE_PATTERNS[unit]) for unit in units)
    words = "|".join(["within prediction", *(["yes"] if awaited else [])])
    compared = rf"((<=|<|>=|>|at most|at least|within)\s*)?({values})"
    text = {"type": "string", "pattern": rf"^(median |p95 )?({compared}|({values}) to ({values})|{words})$"}
    return {"anyOf": [text, {"type": "integer", "minimum": 0}]} if "count" in units else text
