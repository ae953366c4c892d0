#!/usr/bin/python3
"""nvidia-mig-parted carves the world as its configurations say, and reads back what is there."""
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import yaml

import side_by_side
from peer import BIN, CARVE_SIM, flaw, go_sources, go_version, judge, same, world

MODULE = "github.com/NVIDIA/mig-parted"
MIG_PARTED = BIN / "nvidia-mig-parted"


def boards():
    listed = subprocess.run([CARVE_SIM, "boards", "--json"], text=True, check=True,
                            capture_output=True).stdout
    return [board for board in json.loads(listed)["boards"] if board["usable"]]


def example_configs():
    """Every configuration of the module's own files: name to entries; alike ones once."""
    found = {}
    for folder in ("examples", "deployments"):
        for path in sorted((go_sources(MODULE) / folder).rglob("*.yaml")):
            for document in yaml.safe_load_all(path.read_text()):
                texts = (document or {}).get("data", {}).values()
                for part in [document or {}, *map(yaml.safe_load, texts)]:
                    for name, entries in part.get("mig-configs", {}).items():
                        found.setdefault(json.dumps(entries, sort_keys=True), (name, entries))
    return list(found.values())


def allowed(board, profiles):
    """Whether a GPU of this board can be divided so: known profiles, no more than fit."""
    known = {p["name"]: p for p in board["profiles"]}
    return all(name in known and count <= known[name]["max_instances"]
               for name, count in profiles.items())


def wanted(entries, board, device_id, gpus):
    """Profiles of each GPU as the configuration says, None where it does not suit the board."""
    layouts = {}
    for entry in entries:
        filters = entry.get("device-filter", [])
        filters = [filters] if isinstance(filters, str) else filters
        if filters and device_id not in [int(f, 16) for f in filters]:
            continue
        devices = range(gpus) if entry["devices"] == "all" else entry["devices"]
        for gpu in devices:
            layouts[gpu] = (entry["mig-enabled"], entry.get("mig-devices", {}))
    if sorted(layouts) != list(range(gpus)):
        return None
    if not all(allowed(board, profiles) for _, profiles in layouts.values()):
        return None
    return [layouts[gpu] for gpu in range(gpus)]


def device_id(made):
    """The PCI id that device filters are written in: device and vendor."""
    texts = made.run("sh", "-c", "cd /sys/bus/pci/devices/*:07:00.0 && cat device vendor").split()
    return int(texts[0], 16) << 16 | int(texts[1], 16)


def layout(gpu):
    """What show says of a GPU, in the form of a configuration."""
    for gi in gpu["instances"]:
        same(gi["profile"], [ci["slices"] for ci in gi["compute"]], [int(gi["profile"][0])])
    return gpu["mig"], dict(Counter(gi["profile"] for gi in gpu["instances"]))


def agree(made, config, name, expected):
    """apply, assert and show."""
    made.run(MIG_PARTED, "apply", "-f", config, "-c", name)
    made.run(MIG_PARTED, "assert", "-f", config, "-c", name)
    same(name, [layout(gpu) for gpu in made.show()["gpus"]], expected)


def every_example():
    """apply, assert and show agree on each configuration of its own files that a board allows"""
    configs = example_configs()
    used, runs = set(), 0
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        names = [f"{name}-{number}" for number, (name, _) in enumerate(configs)]
        yaml.safe_dump({"version": "v1", "mig-configs": {
            name: entries for name, (_, entries) in zip(names, configs)}}, file)
        file.flush()
        for board in boards():
            with world(board["id"], "--mig") as made:
                number = device_id(made)
                for name, (_, entries) in zip(names, configs):
                    expected = wanted(entries, board, number, 1)
                    if expected:
                        agree(made, file.name, name, expected)
                        used.add(name)
                        runs += 1
    return f"{len(used)} of {len(configs)} configurations on {len(boards())} boards, {runs} times"


def config_of(folder, text):
    path = Path(folder) / "config.yaml"
    path.write_text("version: v1\nmig-configs:\n" + text)
    return path


def refused(made, *arguments, words):
    """mig-parted fails and says why."""
    done = made.call(MIG_PARTED, *arguments)
    same("exit status", done.returncode, 1)
    said = done.stdout + done.stderr
    assert words in said, f"{words!r} is not in {said!r}"


BALANCED = """\
  balanced:
  - {devices: all, mig-enabled: true, mig-devices: {1g.5gb: 2, 2g.10gb: 1, 3g.20gb: 1}}
"""


def many_gpus():
    """custom-config of its example on 8 GPUs, each divided in its own way"""
    config = go_sources(MODULE) / "examples/config.yaml"
    entries = yaml.safe_load(config.read_text())["mig-configs"]["custom-config"]
    board = next(b for b in boards() if b["id"] == "a100-sxm4-40gb")
    with world("a100-sxm4-40gb:8", "--mig") as made:
        agree(made, config, "custom-config", wanted(entries, board, device_id(made), 8))


def mixed_server():
    """all-balanced of config-default.yaml on six boards at once"""
    config = go_sources(MODULE) / "deployments/systemd/config-default.yaml"
    entries = yaml.safe_load(config.read_text())["mig-configs"]["all-balanced"]
    names = ["a30-24gb", "a100-sxm4-80gb", "h100-sxm5-80gb", "h200-sxm-141gb", "b200-180gb",
             "rtx-pro-6000-blackwell-server"]
    with world(",".join(names), "--mig") as made:
        made.run(MIG_PARTED, "apply", "-f", config, "-c", "all-balanced")
        made.run(MIG_PARTED, "assert", "-f", config, "-c", "all-balanced")
        shown = [layout(gpu) for gpu in made.show()["gpus"]]
    known = [entry["mig-devices"] for entry in entries]
    for name, (mig, profiles) in zip(names, shown):
        assert mig and profiles in known, f"{name}: {profiles}"


@flaw("it takes a profile's constants from the first board that has the name, here the H100 NVL's "
      "double-memory 1g.24gb")
def ambiguous_names():
    """a profile name of two boards is divided on each as that board has it"""
    with world("h100-nvl-94gb,rtx-pro-6000-blackwell-server", "--mig") as made:
        config = config_of(Path(made.dir).parent, """\
  two:
  - {device-filter: "0x2BB510DE", devices: all, mig-enabled: true, mig-devices: {1g.24gb: 4}}
  - {device-filter: "0x232110DE", devices: all, mig-enabled: true, mig-devices: {7g.94gb: 1}}
""")
        refused(made, "apply", "-f", config, words="all orderings failed")


def exports():
    """export says what show says, and its output can be applied again"""
    with world("a100-sxm4-40gb:2", "--mig") as made:
        made.divide(0, "3g.20gb", "1g.5gb", "1g.5gb")
        exported = made.run(MIG_PARTED, "export")
        told = {gpu: (entry["mig-enabled"], entry.get("mig-devices", {}))
                for entry in yaml.safe_load(exported)["mig-configs"]["current"]
                for gpu in entry["devices"]}
        before = [layout(gpu) for gpu in made.show()["gpus"]]
        same("export", [told[gpu] for gpu in range(2)], before)
        config = Path(made.dir).parent / "exported.yaml"
        config.write_text(exported)
        made.run("nvidia-smi", "mig", "-dci")
        made.run("nvidia-smi", "mig", "-dgi")
        agree(made, config, "current", before)


def asserts():
    """assert fails where the layout is another one"""
    with world("a100-sxm4-40gb:2", "--mig") as made:
        config = config_of(Path(made.dir).parent, BALANCED)
        refused(made, "assert", "-f", config, words="configuration not currently applied")
        made.run(MIG_PARTED, "apply", "-f", config)
        made.run(MIG_PARTED, "assert", "-f", config)
        made.run("nvidia-smi", "mig", "-i", "1", "-dci", "-gi", "2")
        refused(made, "assert", "-f", config, words="configuration not currently applied")


def places(made):
    return [sorted((gi["profile"], gi["start"]) for gi in gpu["instances"])
            for gpu in made.show()["gpus"]]


def checkpoints():
    """checkpoint and restore bring instances back to their places"""
    with world("a100-sxm4-40gb:2", "--mig") as made:
        saved = Path(made.dir).parent / "checkpoint.json"
        made.run("nvidia-smi", "mig", "-i", "0", "-cgi", "3g.20gb:0,1g.5gb:6,2g.10gb", "-C")
        before = places(made)
        made.run(MIG_PARTED, "checkpoint", "-f", saved)
        made.run("nvidia-smi", "mig", "-dci")
        made.run("nvidia-smi", "mig", "-dgi")
        made.divide(1, "7g.40gb")
        made.run(MIG_PARTED, "restore", "-f", saved)
        same("places", places(made), before)


def generates():
    """generate-config names every profile of the board with how many fit"""
    for board in boards():
        with world(board["id"], "--mig") as made:
            told = yaml.safe_load(made.run(MIG_PARTED, "generate-config"))["mig-configs"]
        counts = {name: count for configs in told.values() for entry in configs
                  if len(entry.get("mig-devices", {})) == 1
                  for name, count in entry["mig-devices"].items()}
        same(board["id"], counts, {p["name"]: p["max_instances"] for p in board["profiles"]})


# Stands before the world's nvidia-smi in PATH: what a server does whose clients are stopped first.
STOP_AND_RESET = """\
#!/bin/sh
kill -9 {holder}
while read -r line </proc/{holder}/maps; do sleep 0.02; done 2>/dev/null
exec {nvidia_smi} "$@"
"""


def pending_mode():
    """a mode change that a process keeps pending counts after the world's nvidia-smi -r"""
    with world("a100-sxm4-40gb:2") as made:
        folder = Path(made.dir).parent
        config = config_of(folder, BALANCED)
        script = folder / "nvidia-smi"
        script.write_text(STOP_AND_RESET.format(holder=made.load("1", "1MiB"),
                                                nvidia_smi=f"{made.dir}/bin/nvidia-smi"))
        script.chmod(0o755)
        done = made.call("sh", "-c", f'PATH={folder}:$PATH exec "$@"', "sh",
                         MIG_PARTED, "-d", "apply", "-f", config)
        same(f"exit status ({done.stderr})", done.returncode, 0)
        for words in ("At least one mode change pending", "Resetting all GPUs",
                      "was successfully reset"):
            assert words in done.stdout + done.stderr, f"{words!r} is not in {done.stderr!r}"
        made.run(MIG_PARTED, "assert", "-f", config)
        same("layout", [layout(gpu) for gpu in made.show()["gpus"]],
             [(True, {"1g.5gb": 2, "2g.10gb": 1, "3g.20gb": 1})] * 2)


def disables():
    """all-disabled ends MIG mode, at once on Hopper and by a reset on Ampere"""
    with world("a100-sxm4-40gb,h100-sxm5-80gb", "--mig") as made:
        made.divide(0, "7g.40gb")
        config = config_of(Path(made.dir).parent, "  off:\n  - {devices: all, mig-enabled: false}\n")
        made.run(MIG_PARTED, "apply", "-f", config)
        made.run(MIG_PARTED, "assert", "-f", config)
        same("layout", [layout(gpu) for gpu in made.show()["gpus"]], [(False, {})] * 2)


@flaw("it clears the GPU and then tries one order after another; the GPUs after it are not reached")
def failed_apply():
    """a configuration that does not fit leaves the GPU as it was"""
    with world("a100-sxm4-40gb:2", "--mig") as made:
        for gpu in range(2):
            made.divide(gpu, "7g.40gb")
        config = config_of(Path(made.dir).parent,
                           "  much:\n  - {devices: all, mig-enabled: true, mig-devices: {3g.20gb: 3}}\n")
        refused(made, "apply", "-f", config, words="all orderings failed")
        same("layouts", [layout(gpu)[1] for gpu in made.show()["gpus"]], [{}, {"7g.40gb": 1}])


@flaw("assert wants every GPU of the server matched by an entry")
def partial_config():
    """a configuration of some GPUs asserts after it was applied"""
    with world("a100-sxm4-40gb:2", "--mig") as made:
        config = config_of(Path(made.dir).parent,
                           "  one:\n  - {devices: [0], mig-enabled: true, mig-devices: {7g.40gb: 1}}\n")
        made.run(MIG_PARTED, "apply", "-f", config)
        same("layout", layout(made.show()["gpus"][0]), (True, {"7g.40gb": 1}))
        refused(made, "assert", "-f", config, words="configuration not currently applied")


@flaw("an entry with count 0 never equals what is there")
def zero_count():
    """a configuration with a profile counted 0 asserts after it was applied"""
    with world("a100-sxm4-40gb", "--mig") as made:
        config = config_of(Path(made.dir).parent, "  none:\n  - {devices: all, mig-enabled: true, "
                           "mig-devices: {7g.40gb: 1, 1g.5gb: 0}}\n")
        made.run(MIG_PARTED, "apply", "-f", config)
        refused(made, "assert", "-f", config, words="configuration not currently applied")


@flaw("it takes the GPUs from /sys; where it finds none, nothing is left to do or to disagree with")
def no_gpu():
    """apply fails where no GPU is in sight"""
    with world("a100-sxm4-40gb", "--mig") as made:
        config = config_of(Path(made.dir).parent, BALANCED)
        without = ("sh", "-c", 'umount /sys/bus/pci/devices; exec "$@"', "sh")
        hidden = ("unshare", "-m", "--propagation", "private", *without)
        for command in ("apply", "assert"):
            made.run(*hidden, MIG_PARTED, command, "-f", config)
        same("instances", made.show()["gpus"][0]["instances"], [])


@flaw("index out of range")
def lost_gpu():
    """restore refuses a checkpoint of more GPUs than there are"""
    with world("a100-sxm4-40gb:2", "--mig") as made:
        saved = Path(made.dir).parent / "checkpoint.json"
        made.run(MIG_PARTED, "checkpoint", "-f", saved)
        text = saved.read_text()
    with world("a100-sxm4-40gb", "--mig") as made:
        saved = Path(made.dir).parent / "checkpoint.json"
        saved.write_text(text)
        done = made.call(MIG_PARTED, "restore", "-f", saved)
        assert "index out of range" in done.stderr, done.stderr


def side_by_side_changes():
    """it reaches what carve reaches, and carve destroys no more for it"""
    tools = side_by_side.Tools(Path(CARVE_SIM).parents[2], MIG_PARTED)
    destroyed = Counter()
    for pair in side_by_side.pairs(20, 7):
        ours, theirs = (side_by_side.change(tools, pair, tool, 0) for tool in ("carve", "parted"))
        assert ours.destroyed <= theirs.destroyed, f"{pair}: {ours}, {theirs}"
        destroyed.update(carve=ours.destroyed, parted=theirs.destroyed)
    return f"20 changes: {destroyed['parted']} instances destroyed, by carve {destroyed['carve']}"


sys.exit(judge("nvidia-mig-parted", go_version(MODULE), [
    every_example, many_gpus, mixed_server, ambiguous_names, exports, asserts, checkpoints, generates, pending_mode,
    disables, failed_apply, partial_config, zero_count, no_gpu, lost_gpu,
    side_by_side_changes,
]))
