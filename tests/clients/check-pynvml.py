#!/usr/bin/python3
"""python3-pynvml sees the world as it is, and changes it."""
import json
import sys
from pathlib import Path

from judge import judge, same, world

HERE = Path(__file__).parent
GPU_KEYS = ("index", "uuid", "name", "serial", "minor", "mig", "mig_pending", "memory_bytes",
            "memory_used_bytes", "power_limit_mw")


def look(made):
    return json.loads(made.python(HERE / "pynvml-look.py"))


def divide(made, *profile_ids):
    return made.python(HERE / "pynvml-divide.py", *profile_ids).split()


def compare_devices(seen, gpu):
    """MIG devices by index, with their instance's memory."""
    expected = [(gi, ci) for gi in gpu["instances"] for ci in gi["compute"]]
    expected.sort(key=lambda pair: pair[1]["index"])
    same("number of MIG devices", len(seen), len(expected))
    for device, (gi, ci) in zip(seen, expected):
        for key in ("index", "uuid", "ci", "slices"):
            same(key, device[key], ci[key])
        for key in ("gi", "memory_bytes", "memory_used_bytes"):
            same(key, device[key], gi[key])
        same("name", device["name"], f"{gpu['name']} MIG {ci['profile']}")
        same("utilisation", device["utilisation"], None)


def compare(made):
    seen, shown = look(made), made.show()
    same("driver", seen["driver"], shown["driver"])
    same("number of GPUs", len(seen["gpus"]), len(shown["gpus"]))
    for gpu, expected in zip(seen["gpus"], shown["gpus"]):
        for key in GPU_KEYS:
            same(f"GPU {gpu['index']}: {key}", gpu[key], expected[key])
        same("PCI address", gpu["pci"].lower(), "0000" + expected["pci"])
        compare_devices(gpu["devices"], expected)
        same("utilisation is known", gpu["utilisation"] is not None, not gpu["mig"])
    return seen


def sees_every_gpu():
    """GPUs of several boards, with MIG off"""
    with world("a30-24gb,a100-sxm4-80gb:2,h100-sxm5-80gb,h200-sxm-141gb") as made:
        same("MIG devices", [gpu["devices"] for gpu in compare(made)["gpus"]], [[]] * 5)


def creates_and_sees_instances():
    """instances it creates have the ids of public captures"""
    with world("a100-sxm4-40gb,a30-24gb", "--mig") as made:
        same("instance ids", divide(made, "9", "19", "14", "19"), ["2", "7", "4", "8"])
        same("MIG devices", len(compare(made)["gpus"][0]["devices"]), 4)


def sees_processes():
    """processes on the GPU and on the MIG device they use"""
    with world("a100-sxm4-40gb", "--mig") as made:
        divide(made, "9", "9")
        first = compare(made)["gpus"][0]["devices"][0]
        pid = made.load(first["uuid"], "1GiB")
        gpu = compare(made)["gpus"][0]
        same("processes of the GPU", gpu["processes"], [[pid, 1 << 30]])
        same("processes of its device", gpu["devices"][0]["processes"], [[pid, 1 << 30]])
        same("processes of the other", gpu["devices"][1]["processes"], [])
        same("memory it took", gpu["devices"][0]["memory_used_bytes"]
             - first["memory_used_bytes"], 1 << 30)


def sees_load_of_a_whole_gpu():
    """load and memory of a GPU that is not divided"""
    with world("h100-sxm5-80gb") as made:
        pid = made.load("0", "2GiB")
        gpu = compare(made)["gpus"][0]
        same("processes", gpu["processes"], [[pid, 2 << 30]])
        same("utilisation", gpu["utilisation"], 100)


sys.exit(judge("python3-pynvml", [
    sees_every_gpu, creates_and_sees_instances, sees_processes, sees_load_of_a_whole_gpu,
]))
