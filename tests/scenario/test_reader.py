"""The reader: valid scenarios with their defaults, and every mistake with its place and its remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chaos.errors import Mistake, ScenarioError
from chaos.scenario.catalogue import Catalogue
from chaos.scenario.document import parse
from chaos.scenario.language import ClusterSpec, LoadSpec, Scenario, Scope
from chaos.scenario.reader import interpret, read_scenario
from tests.scenario.fake_catalogue import make_catalogue

Read = Callable[..., Scenario]
Mistakes = Callable[..., list[str]]

TEN_MISTAKES = """\
name: ten mistakes
cluster:
  system: redis-clustre
  shards: three
load:
  rate: 2000
faults:
  - name: death
    at: 10
    kil: master of shard 3
  - name: death
    at: 50s
    kill: {target: mastr of shard 1, signal: HUP}
duration: 45s
expect:
  recovery_time: 9s
  lost_writes: <= 5s
"""


def test_ten_mistakes_are_ten_located_errors(mistakes: Mistakes) -> None:
    """All mistakes of a file are reported at once, in file order, each with line, column and what would be right."""
    assert mistakes(TEN_MISTAKES) == [
        "1:7: 'ten mistakes' is no name; ten-mistakes?",
        "3:11: unknown system 'redis-clustre'; did you mean 'redis-cluster'?",
        "4:11: 'three' is no whole number; write plain digits, as in 3",
        "6:9: a rate needs a unit: '2000'; 2000/s?",
        "9:9: a duration needs a unit: '10'; 10s?",
        "10:5: unknown fault 'kil'; did you mean 'kill'?",
        "11:11: two injections are called 'death'; the first is in line 8; give each a `name` of its own",
        "12:9: at 50s the trial is over: its duration is 45s; a smaller `at`, or a longer `duration`",
        "13:20: 'mastr of shard 1' is no target; did you mean 'master of shard 1'?",
        "13:46: 'HUP' is no value of 'signal'; write 'KILL' or 'TERM'",
        "16:18: '9s' would mean exactly 9s; at most 9s?",
        "17:16: '5s' is a duration, and this is measured as a count; write it like: at most 3",
    ]


def test_what_is_left_out_has_its_default(read: Read) -> None:
    """A scenario with nothing but a cluster is complete, and is called after its file."""
    assert read("cluster: {}") == Scenario(name="case", cluster=ClusterSpec())
    assert read("{cluster: {}, load: {}}").load == LoadSpec()


def test_values_come_in_their_units(read: Read) -> None:
    """Durations are seconds, rates per second, shares ratios, sizes bytes."""
    load = read("{cluster: {}, load: {rate: 600/m, writes: 25%, keys: unique, value_size: 1KiB, timeout: 250ms}}").load
    assert load == LoadSpec(rate=10.0, writes=0.25, keys="unique", value_size=1024, timeout=0.25)


def test_directives_keep_the_servers_own_words(read: Read) -> None:
    """A directive's value is its source text; a list repeats it, and quotes may write an empty one."""
    config = read('{cluster: {config: {appendonly: yes, x: 7.10, save: ["900 1", "300 10"], bind: ""}}}').cluster.config
    assert config == {"appendonly": ("yes",), "x": ("7.10",), "save": ("900 1", "300 10"), "bind": ("",)}


@pytest.mark.parametrize(
    "entry",
    [
        "kill: master of shard 3",
        "kill: {target: master of shard 3}",
        "fault: kill, target: master of shard 3",
        "kill: primary of shard 3",
    ],
)
def test_the_forms_of_a_fault_are_the_same(read: Read, entry: str) -> None:
    """Short, long and mixed forms of an entry read as the same fault."""
    [fault] = read(f"{{cluster: {{}}, faults: [{{name: death, at: 10s, for: 5s, {entry}}}]}}").faults
    assert (fault.name, fault.at, fault.hold, fault.fault) == ("death", 10.0, 5.0, "kill")
    assert fault.target.text == "master of shard 3"
    assert fault.options == {"signal": "KILL", "disk": "kept", "grace": 0.0}


def test_options_are_read_by_the_faults_own_model(read: Read) -> None:
    """An option is validated and converted by its model, durations included."""
    [fault] = read("{cluster: {}, faults: [{at: 1s, kill: {target: any master, grace: 250ms}}]}").faults
    assert fault.options["grace"] == 0.25


def test_a_nameless_fault_is_called_after_its_kind(read: Read) -> None:
    """Without `name`, an entry bears its fault's name."""
    assert read("{cluster: {}, faults: [{at: 1s, pause: any master}]}").faults[0].name == "pause"


def test_a_list_of_targets_is_one_target(read: Read) -> None:
    """A list of targets reads as one target with its parts."""
    [fault] = read("{cluster: {}, faults: [{at: 1s, kill: [any master, node redis-4]}]}").faults
    assert fault.target.text == "[any master, node redis-4]"


def test_scopes_stand_between_check_and_bound(read: Read) -> None:
    """A mapping from scopes to bounds reads as one expectation each."""
    expect = read(
        """
        cluster: {}
        load: {name: near}
        faults: [{name: death, at: 1s, kill: any master}]
        expect:
          error_rate: {before: 0%, during death: <= 50%, shard 2: <= 1%, other shards: <= 2%, near: <= 9%}
        """
    ).expect
    assert [str(entry.scope) for entry in expect] == [
        "before", "during death", "shard 2", "other shards", "load near",
    ]  # fmt: skip
    assert expect[2].scope == Scope(kind="shard", name="2")


def test_a_password_is_the_name_of_a_variable(read: Read) -> None:
    """`password: env NAME` keeps the variable's name and never a value."""
    assert read("{cluster: {password: env REDIS_PASSWORD}}").cluster.password_variable == "REDIS_PASSWORD"


CLUSTER_MISTAKES = {
    "shardz: 3": "1:11: unknown key 'shardz' in the cluster; did you mean 'shards'?",
    "duration: 3s": "1:11: unknown key 'duration' in the cluster; it belongs in the scenario",
    "system: galera": "1:19: the system 'galera' is not yet available; there is: redis-cluster",
    "shards: 2": "1:19: 2 shards are too few for this system; at least 3",
    "replicas: -1": "1:21: '-1' is no whole number; write plain digits, as in 3",
    "reach: port": "1:18: 'port' is not possible here; did you mean 'ports'?",
    "publish: maybe": "1:20: 'maybe' is neither yes nor no; yes or no?",
    "pull: {x}": "1:17: '{' begins a mapping in YAML, and one value is expected here; quote it",
    "config: {port: 7000}": "1:20: 'port' is set by the harness: it is part of each node's place; leave it out",
    "config: {save: {a: b}}": "1:26: '{' begins a mapping in YAML, and one value is expected here; quote it",
    "config: {save: }": "1:25: 'save' has no value; write one; an empty text is \"\"",
    "network: {mode: namespace}": "1:21: 'mode' is not yet available in the network; leave it out",
    "network: {subnet: 198.18.16.9/24}": "is not the beginning of a subnet; 198.18.16.0/24?",
    "network: {subnet: 198.18.16.0}": "has no prefix length; 198.18.16.0/24?",
    "network: {subnet: 198.18.300.0/24}": "'198.18.300.0/24' is no subnet; write it like 198.18.16.0/24",
    "network: {subnet: 'fd00::/64'}": "is not an IPv4 subnet; only IPv4 is supported",
    "network: {subnet: 198.18.16.0/31}": "'198.18.16.0/31' has no room for nodes",
    "network: {subnet: 198.18.16.0/29, first_host: 4}": "6 nodes from host 4 on do not fit into 198.18.16.0/29",
    "network: {first_host: 250}": "6 nodes from host 250 on do not fit into a /24; its last host is 254",
    "network: {first_host: 1}": "host 1 is the gateway, and a node would have its address; begin above it",
    "network: {subnet: 198.18.16.0/24, gateway: 198.18.17.1}": "is no host of the subnet 198.18.16.0/24; 198.18.16.1?",
    "network: {subnet: 198.18.16.0/24, gateway: 198.18.16.13}": "host 13 is the gateway",
    "network: {gateway: 198.18.16.1}": "a gateway without a subnet; add `subnet:`",
}

FAULT_MISTAKES = {
    "at: 1s": "the entry names no fault; add one, as in `kill: master of shard 1`",
    "kill: any master": "'at' is missing in the fault entry; add `at:`",
    "at: 1s, kil: any master": "unknown fault 'kil'; did you mean 'kill'?",
    "at: 1s, partition: any master": "the fault 'partition' is not yet available",
    "at: 1s to 2s, kill: any master": "the range '1s to 2s' is not yet available; write one duration, as in 1s",
    "at: 1s, every: 5s, kill: any master": "'every' is not yet available in the fault entry; leave it out",
    "when: promoted, kill: any master": "'when' is not yet available in the fault entry; leave it out",
    "at: 1s, any_of: [x]": "'any_of' is not yet available in the fault entry; leave it out",
    "at: 1s, kill: any master, pause: any master": "'pause' is a second fault in one entry; begin an entry of its own",
    "at: 1s, kill: any master, signal: TERM": "an option stands inside: kill: {target: …, signal: …}",
    "at: 1s, kill: {signal: TERM}": "the fault has no target; add `target:`",
    "at: 1s, kill: any master, target: any master": "the entry has two targets; write `fault: kill` beside `target`",
    "at: 1s, kill: {target: any master, disc: kept}": "unknown option 'disc' of kill; did you mean 'disk'?",
    "at: 1s, pause: {target: any master, disk: kept}": "unknown option 'disk' of pause; it has no options",
    "at: 1s, kill: {target: any master, grace: 3}": "a duration needs a unit: '3'; 3s?",
    "at: 1s, kill: []": "the list of targets is empty; name at least one",
    "at: 1s, kill: [minority]": "the target 'minority' is not yet available",
    "at: 1s, kill: master of shard 4": "there is no shard 4; the cluster has 3",
    "at: 1s, kill: node redis-7": "there is no node 'redis-7'; there are: redis-1 … redis-6",
    "at: 1s, for: 0s, kill: any master": "'0s' is no time at all; more than 0s",
    "at: 30s, kill: any master": "at 30s the trial is over: its duration is 30s",
}

EXPECT_MISTAKES = {
    "recovery_tim: <= 9s": "unknown check 'recovery_tim'; did you mean 'recovery_time'?",
    "split_brain: 0": "the check 'split_brain' is not yet available; leave it out",
    "recovery_time: no worse than baseline": "bounds against a baseline are not yet available",
    "recovery_time: {during deth: <= 9s}": "'during deth' names no injection; did you mean 'death'?",
    "recovery_time: {during: <= 9s}": "'during' is no scope; name the injection: during NAME",
    "recovery_time: {shard 4: <= 9s}": "there is no shard 4; the cluster has 3",
    "failovers: {during death: 1}": "'failovers' cannot be judged 'during death'; possible: the bound itself",
    "recovery_time: [9s]": "'[' begins a list in YAML, and one value is expected here; quote it",
    "recovery_time: ": "'recovery_time' has no value; write one, or leave the key out",
    "error_rate: <= 9%": "'error_rate' needs a load, and there is none; add `load:`",
    "failovers: yes": "'yes' is no bound of this check; write a limit, as in: at most 3",
}

SCENARIO_MISTAKES = {
    "trials: 3": "'trials' is not yet available in the scenario; leave it out",
    "shards: 3": "unknown key 'shards' in the scenario; it belongs in the cluster",
    "durration: 3s": "unknown key 'durration' in the scenario; did you mean 'duration'?",
    "services: {a: {}}": "'services' is not yet available in the scenario; leave it out",
    "warmup:": "'warmup' has no value; write one, or leave the key out",
    "faults: {a: b}": "faults must be a list; begin each entry with '- '",
    "expect: [a]": "the expectations must be a mapping, and this is a list",
    "load: [{name: near}]": "a list of loads is not yet available; write one mapping",
    "load: {http: GET /}": "'http' is not yet available in the load; leave it out",
    "load: {rate: 0/s}": "'0/s' is no load at all",
    "load: {writes: 0.5}": "a share needs a percent sign: '0.5'; 50%?",
    "load: {keys: 0}": "0 is too few; at least 1",
    "load: {keys: many}": "'many' is no number of keys; write plain digits, or: unique",
    "seed: 99999999999999999999": "is no whole number",
}


@pytest.mark.parametrize(("written", "mistake"), CLUSTER_MISTAKES.items())
def test_a_mistake_in_the_cluster(mistakes: Mistakes, written: str, mistake: str) -> None:
    """A mistake in `cluster` is the only one reported, with its remedy."""
    [found] = mistakes(f"cluster: {{{written}}}")
    assert mistake in found


@pytest.mark.parametrize(("written", "mistake"), FAULT_MISTAKES.items())
def test_a_mistake_in_a_fault(mistakes: Mistakes, written: str, mistake: str) -> None:
    """A mistake in an entry of `faults` is the only one reported, with its remedy."""
    [found] = mistakes(f"cluster: {{}}\nfaults:\n  - {{name: death, {written}}}\n")
    assert mistake in found


@pytest.mark.parametrize(("written", "mistake"), EXPECT_MISTAKES.items())
def test_a_mistake_in_an_expectation(mistakes: Mistakes, written: str, mistake: str) -> None:
    """A mistake in `expect` is the only one reported, with its remedy."""
    text = "cluster: {}\nfaults: [{name: death, at: 1s, kill: any master}]\nexpect:\n  "
    [found] = mistakes(text + written)
    assert mistake in found


@pytest.mark.parametrize(("written", "mistake"), SCENARIO_MISTAKES.items())
def test_a_mistake_in_the_scenario_or_its_load(mistakes: Mistakes, written: str, mistake: str) -> None:
    """A mistake in another part is the only one reported, with its remedy."""
    [found] = mistakes(f"cluster: {{}}\n{written}\n")
    assert mistake in found


def test_a_scope_that_is_no_load_is_answered_with_the_nearest(mistakes: Mistakes) -> None:
    """A single word that names no load is refused with the load's name."""
    [found] = mistakes("{cluster: {}, load: {name: near}, expect: {error_rate: {naer: <= 1%}}}")
    assert "'naer' is neither a scope nor a load; did you mean 'near'?" in found


def test_a_replica_of_a_cluster_without_replicas_is_refused(mistakes: Mistakes) -> None:
    """A target that can never be anything is a mistake before the run."""
    [found] = mistakes("{cluster: {replicas: 0}, faults: [{at: 1s, kill: any replica}]}")
    assert "'any replica' will be nothing: the cluster has no replicas" in found


def test_a_literal_password_is_refused_without_repeating_it(mistakes: Mistakes) -> None:
    """The message for a literal secret does not contain it."""
    [found] = mistakes("cluster: {password: hunter2}")
    assert "name the environment variable that holds it: env NAME" in found
    assert "hunter2" not in found


def test_an_experiment_of_the_chaos_toolkit_is_one_error(mistakes: Mistakes) -> None:
    """Another tool's file is recognised and answered once."""
    [found] = mistakes("version: 1.0.0\ntitle: x\nmethod: []\nrollbacks: []\n")
    assert found.startswith("3:1: 'method' belongs to a Chaos Toolkit experiment")


def test_a_file_name_that_is_no_name_asks_for_one(tmp_path: Path, catalogue: Catalogue) -> None:
    """Where the file's name cannot name the scenario, `name` is asked for."""
    path = tmp_path / "1 2.yml"
    path.write_text("cluster: {}")
    with pytest.raises(ScenarioError, match="'name' is missing"):
        read_scenario(path, catalogue)


def test_a_missing_file_is_one_clear_error(tmp_path: Path, catalogue: Catalogue) -> None:
    """A file that is not there is named, with the reason."""
    with pytest.raises(ScenarioError, match=r"nowhere\.yml:1:1: the file cannot be read: No such file or directory"):
        read_scenario(tmp_path / "nowhere.yml", catalogue)


def test_a_file_that_is_not_utf8_is_one_clear_error(tmp_path: Path, catalogue: Catalogue) -> None:
    """The first byte that is no UTF-8 is located."""
    path = tmp_path / "latin.yml"
    path.write_bytes(b"name: x\ndescription: \xe9t\xe9\n")
    with pytest.raises(ScenarioError, match=r"latin\.yml:2:14: this byte is not UTF-8; save the file as UTF-8"):
        read_scenario(path, catalogue)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path, catalogue: Catalogue) -> None:
    """A file saved with a byte order mark reads like one without."""
    path = tmp_path / "bom.yml"
    path.write_bytes(b"\xef\xbb\xbfcluster: {}\n")
    assert read_scenario(path, catalogue).name == "bom"


VOCABULARY = (
    "name cluster load faults expect duration at for kill pause target fault config network subnet gateway system"
    " shards recovery_time failovers during lost_writes rate keys - : { } [ ] , > | ' \" # & * ! % @ 10s 9 50% env"
    " any master node x <= within yes trials"
)
WORDS = st.sampled_from(VOCABULARY.split()) | st.sampled_from(["\n", "\n  ", "\n    ", ": ", "- ", " "])


@given(st.text(max_size=80) | st.lists(WORDS, max_size=40).map("".join))
@example("cluster: {network: {subnet: 0.0.0.0/0}}")
@example("cluster: {shards: 999999999999}\nfaults: [{at: 0s, kill: node x}]")
def test_any_text_is_a_scenario_or_a_scenario_error(text: str) -> None:
    """Whatever stands in a file, the answer is a scenario or a list of located mistakes, never another failure."""
    try:
        interpret(parse(text, "f"), make_catalogue())
        found: tuple[Mistake, ...] = ()
    except ScenarioError as error:
        found = error.mistakes
    assert all(mistake.line >= 1 and mistake.column >= 1 and mistake.wrong for mistake in found)
