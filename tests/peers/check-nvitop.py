#!/usr/bin/python3
"""nvitop shows the GPUs, MIG devices, memory and processes that the world has."""
import importlib.metadata
import json
import sys
from pathlib import Path

from peer import judge, same, world

HERE = Path(__file__).parent
KEYS = ("uuid", "memory_bytes", "memory_used_bytes")


def processes(gpu, gi=None, ci=None):
    return sorted([p["pid"], p["memory_bytes"]] for p in gpu["processes"]
                  if gi is None or (p["gi"], p["ci"]) == (gi, ci))


def compare(made):
    """What its API sees against show; returns how many MIG devices there are."""
    seen = json.loads(made.run(sys.executable, HERE / "nvitop-look.py"))
    shown = made.show()["gpus"]
    same("number of GPUs", len(seen), len(shown))
    for gpu, expected in zip(seen, shown):
        for key in (*KEYS, "name", "mig", "power_limit_mw"):
            same(f"GPU {expected['index']}: {key}", gpu[key], expected[key])
        same("PCI address", gpu["bus"].lower(), "0000" + expected["pci"])
        same("processes", gpu["processes"], processes(expected))
        devices = {ci["index"]: (gi, ci) for gi in expected["instances"] for ci in gi["compute"]}
        same("MIG devices", [d["index"][1] for d in gpu["devices"]], sorted(devices))
        for device in gpu["devices"]:
            gi, ci = devices[device["index"][1]]
            same("UUID", device["uuid"], ci["uuid"])
            same("instances", (device["gi"], device["ci"]), (gi["gi"], ci["ci"]))
            same("memory", [device[key] for key in KEYS[1:]], [gi[key] for key in KEYS[1:]])
            same("processes", device["processes"], processes(expected, gi["gi"], ci["ci"]))
    return sum(len(gpu["devices"]) for gpu in seen)


def whole_gpus():
    """GPUs that are not divided, with their processes"""
    with world("a30-24gb,h100-sxm5-80gb:2,rtx-pro-6000-blackwell-server") as made:
        made.load("1", "3GiB")
        same("MIG devices", compare(made), 0)


def mig_devices():
    """MIG devices with their memory, GPU instance and compute instance"""
    with world("a100-sxm4-40gb:2,h200-sxm-141gb", "--mig") as made:
        made.divide(0, "3g.20gb", "2g.10gb", "1g.5gb")
        made.divide(2, *["1g.18gb"] * 7)
        made.run("nvidia-smi", "mig", "-i", "1", "-cgi", "4g.20gb")
        made.run("nvidia-smi", "mig", "-i", "1", "-cci", "2c.4g.20gb,2c.4g.20gb")
        same("MIG devices", compare(made), 12)


def processes_in_instances():
    """a process is on its MIG device and no other"""
    with world("a100-sxm4-80gb", "--mig") as made:
        made.divide(0, "3g.40gb", "3g.40gb")
        uuid = made.show()["gpus"][0]["instances"][1]["compute"][0]["uuid"]
        made.load(uuid, "5GiB")
        made.load(uuid, "1GiB")
        compare(made)


def table():
    """its table names MIG devices by profile and instance, and processes by pid"""
    with world("a100-sxm4-40gb", "--mig") as made:
        made.divide(0, "3g.20gb", "1g.5gb")
        uuid = made.show()["gpus"][0]["instances"][0]["compute"][0]["uuid"]
        pid = made.load(uuid, "1GiB")
        told = made.run(sys.executable, "-m", "nvitop", "-1", "--ascii")
        for words in ("A100-SXM4-40GB", "3g.20gb @ GI/CI: 2/0", "1g.5gb @ GI/CI: 7/0", str(pid),
                      "1024MiB"):
            assert words in told, f"{words!r} is not in\n{told}"


sys.exit(judge("nvitop", importlib.metadata.version("nvitop"), [
    whole_gpus, mig_devices, processes_in_instances, table,
]))
