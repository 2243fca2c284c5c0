"""Reading `faults`: entries in their short and long forms, targets, and each fault's own options.

Three ways to say the same: `kill: master of shard 3`, `kill: {target: master of shard 3}`,
`fault: kill` with `target: master of shard 3` beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from chaos.errors import Misread, nearest
from chaos.scenario.catalogue import Catalogue
from chaos.scenario.document import Entry, Fields, Items, Mark, Node, Scalar, plain
from chaos.scenario.drafts import FaultDraft, PlacedTarget
from chaos.scenario.reading import Reading
from chaos.scenario.targets import Target, list_of, parse_target
from chaos.scenario.vocabulary import ENTRY


def read_faults(reading: Reading, node: Node | None, catalogue: Catalogue) -> list[FaultDraft]:
    """The entries of `faults`, in file order."""
    if node is None:
        return []
    if not isinstance(node, Items):
        reading.note(node.mark, "faults must be a list", "begin each entry with '- '")
        return []
    drafts = []
    for item in node.nodes:
        if fields := reading.fields(item, ENTRY.title):
            drafts.append(_read_entry(reading, fields, catalogue))
    _name_the_nameless(drafts)
    return drafts


def fault_keys(entry: Fields) -> list[Entry]:
    """The keys of an entry that are none of every entry's: the short form's fault, or options of the long form."""
    return [item for item in entry.entries if item.key.text not in ENTRY.keys and item.key.text not in ENTRY.later]


def _read_entry(reading: Reading, fields: Fields, catalogue: Catalogue) -> FaultDraft:
    own = fault_keys(fields)
    common = Fields(fields.mark, tuple(entry for entry in fields.entries if entry not in own))
    comes_later = fields.get("when") or fields.get("any_of")
    # One mistake is enough where something not yet available stands in place of `at`.
    section = reading.section(common, replace(ENTRY, required=()) if comes_later else ENTRY, fields.mark)
    draft = FaultDraft(fields.mark, at=section.values.get("at"), at_mark=section.at("at"))
    draft.name, draft.name_mark = section.values.get("name"), section.at("name")
    draft.hold = section.values.get("for")
    if fields.get("any_of"):
        return draft
    if "fault" in fields:
        _read_long_form(reading, draft, section.values.get("fault"), section.at("fault"), own, catalogue)
        _read_target(reading, draft, section.nodes.get("target"), "target" in section.broken)
    else:
        _read_short_form(reading, draft, fields, own, catalogue)
    return draft


def _read_long_form(
    reading: Reading, draft: FaultDraft, fault: str | None, mark: Mark, options: list[Entry], catalogue: Catalogue
) -> None:
    if fault is None or not _is_fault(reading, fault, mark, catalogue, ()):
        return
    draft.fault = fault
    _read_options(reading, draft, options, catalogue)


def _read_short_form(
    reading: Reading, draft: FaultDraft, fields: Fields, own: list[Entry], catalogue: Catalogue
) -> None:
    named = [entry for entry in own if entry.key.text in catalogue.faults or entry.key.text in catalogue.not_yet.faults]
    if not own:
        reading.note(fields.mark, "the entry names no fault", "add one, as in `kill: master of shard 1`")
        return
    if len(named) > 1:
        reading.note(
            named[1].key.mark, f"'{named[1].key.text}' is a second fault in one entry", "begin an entry of its own"
        )
    chosen = named[0] if named else own[0]
    for entry in own:
        if entry not in named and entry is not chosen:
            _note_stray(reading, entry, chosen.key.text)
    if not _is_fault(reading, chosen.key.text, chosen.key.mark, catalogue, ENTRY.keys):
        return
    draft.fault = chosen.key.text
    if "target" in fields:
        reading.note(chosen.key.mark, "the entry has two targets", f"write `fault: {draft.fault}` beside `target`")
    elif reading.present(chosen):
        _read_short_value(reading, draft, chosen, catalogue)


def _read_short_value(reading: Reading, draft: FaultDraft, chosen: Entry, catalogue: Catalogue) -> None:
    """`kill: TARGET`, or `kill: {target: TARGET, option: …}`."""
    if not isinstance(chosen.value, Fields):
        _read_target(reading, draft, chosen.value, False)
        _read_options(reading, draft, [], catalogue)
        return
    _read_target(reading, draft, chosen.value.get("target"), False, chosen.key.mark)
    options = [entry for entry in chosen.value.entries if entry.key.text != "target"]
    _read_options(reading, draft, options, catalogue)


def _note_stray(reading: Reading, entry: Entry, fault: str) -> None:
    key = entry.key.text
    close = nearest(key, ENTRY.keys)
    right = close if close.startswith("did") else f"an option stands inside: {fault}: {{target: …, {key}: …}}"
    reading.note(entry.key.mark, f"unknown key '{key}' in the {ENTRY.title}", right)


def _is_fault(reading: Reading, name: str, mark: Mark, catalogue: Catalogue, also: Iterable[str]) -> bool:
    """Whether there is such a fault; notes a mistake if there is none, or not yet."""
    if name in catalogue.faults:
        return True
    if name in catalogue.not_yet.faults:
        reading.note(mark, f"the fault '{name}' is not yet available", f"there are: {', '.join(catalogue.faults)}")
        return False
    close = nearest(name, [*catalogue.faults, *also])
    right = close if close.startswith("did") else nearest(name, catalogue.faults)
    reading.note(mark, f"unknown fault '{name}'", right)
    return False


def _read_target(
    reading: Reading, draft: FaultDraft, node: Node | None, broken: bool, mark: Mark | None = None
) -> None:
    if node is None:
        if not broken:
            reading.note(mark or draft.mark, "the fault has no target", "add `target:`, as in `master of shard 1`")
        return
    if isinstance(node, Items):
        parts = [target for item in node.nodes if (target := _one_target(reading, draft, item)) is not None]
        if not node.nodes:
            reading.note(node.mark, "the list of targets is empty", "name at least one")
        draft.target = list_of(parts) if parts and len(parts) == len(node.nodes) else None
    else:
        draft.target = _one_target(reading, draft, node)


def _one_target(reading: Reading, draft: FaultDraft, node: Node) -> Target | None:
    text = reading.text(node)
    if text is None:
        return None
    try:
        target = parse_target(text)
    except Misread as misread:
        reading.note(node.mark, misread.wrong, misread.right)
        return None
    draft.target_parts.append(PlacedTarget(node.mark, target))
    return target


def _read_options(reading: Reading, draft: FaultDraft, options: list[Entry], catalogue: Catalogue) -> None:
    """Validates the options by the fault's own model, and locates what it refuses."""
    model = catalogue.faults[draft.fault or ""].options
    given = {entry.key.text: plain(entry.value) for entry in options if reading.present(entry)}
    try:
        draft.options = model.model_validate(given).model_dump(mode="json")
    except ValidationError as error:
        for detail in error.errors():
            _note_option(reading, detail, options, draft, tuple(model.model_fields))


def _note_option(
    reading: Reading, detail: ErrorDetails, options: list[Entry], draft: FaultDraft, known: tuple[str, ...]
) -> None:
    location = detail["loc"]
    entry = next((entry for entry in options if location and entry.key.text == location[0]), None)
    name = str(location[0]) if location else ""
    if entry is None:
        missing = f"the fault '{draft.fault}' needs the option '{name}'" if name else str(detail["msg"])
        reading.note(draft.mark, missing, f"add `{name}:`" if name else "")
    elif detail["type"] == "extra_forbidden":
        reading.note(entry.key.mark, f"unknown option '{name}' of {draft.fault}", _known_options(name, known))
    else:
        misread = detail.get("ctx", {}).get("error")
        given = f"'{entry.value.text}'" if isinstance(entry.value, Scalar) else "this"
        if isinstance(misread, Misread):
            reading.note(entry.value.mark, misread.wrong, misread.right)
        else:
            reading.note(entry.value.mark, f"{given} is no value of '{name}'", _in_words(detail))


def _known_options(name: str, known: tuple[str, ...]) -> str:
    return nearest(name, known) if known else "it has no options"


def _in_words(detail: ErrorDetails) -> str:
    """Pydantic's message as advice: `Input should be 'kept' or 'emptied'` becomes `write 'kept' or 'emptied'`."""
    return str(detail["msg"]).replace("Input should be ", "write ").replace("Value error, ", "")


def _name_the_nameless(drafts: list[FaultDraft]) -> None:
    """An entry without a name is called after its fault."""
    for draft in drafts:
        if draft.name is None and draft.name_mark == draft.mark:
            draft.name = draft.fault
