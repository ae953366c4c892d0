#!/usr/bin/python3
"""gpustat shows the world as it is."""
import json
import sys
from pathlib import Path

from judge import judge, same, world

HERE = Path(__file__).parent
MIB = 1 << 20


def look(made):
    seen = json.loads(made.python("-m", "gpustat", "--json"))
    shown = made.show()
    same("driver", seen["driver_version"], shown["driver"])
    same("number of GPUs", len(seen["gpus"]), len(shown["gpus"]))
    for gpu, expected in zip(seen["gpus"], shown["gpus"]):
        same("index", gpu["index"], expected["index"])
        same("name", gpu["name"], expected["name"])
        same("uuid", gpu["uuid"], expected["uuid"])
        same("total memory", gpu["memory.total"], expected["memory_bytes"] // MIB)
        same("power limit", gpu["enforced.power.limit"], expected["power_limit_mw"] // 1000)
        same("utilisation is known", gpu["utilization.gpu"] is not None, not expected["mig"])
    return seen["gpus"]


def shows_gpus():
    """divided and whole GPUs side by side

    The utilisation of a divided GPU is unknown, as on hardware.
    """
    with world("a100-sxm4-80gb:2,h200-sxm-141gb", "--mig") as made:
        look(made)
    with world("a100-sxm4-80gb:2,h200-sxm-141gb") as made:
        look(made)


def shows_processes():
    """a process, its memory and its command"""
    with world("a100-sxm4-40gb") as made:
        before = look(made)[0]
        pid = made.load("0", "3GiB")
        after = look(made)[0]
        same("memory it took", after["memory.used"] - before["memory.used"], 3072)
        same("load", after["utilization.gpu"], 100)
        same("processes", [(p["pid"], p["gpu_memory_usage"], p["command"])
                           for p in after["processes"]], [(pid, 3072, "carve-sim")])


def shows_processes_in_instances():
    """a process inside an instance, on the GPU it belongs to

    It shows no MIG devices; it does not know them.
    """
    with world("a30-24gb,a100-sxm4-40gb", "--mig") as made:
        made.python(HERE / "pynvml-divide.py", "14", "14")
        uuid = made.show()["gpus"][0]["instances"][1]["compute"][0]["uuid"]
        pid = made.load(uuid, "512MiB")
        gpus = look(made)
        same("processes", [(p["pid"], p["gpu_memory_usage"]) for p in gpus[0]["processes"]],
             [(pid, 512)])
        same("of the other GPU", gpus[1]["processes"], [])


def prints_a_line_a_gpu():
    """its table for people"""
    with world("a100-sxm4-40gb", "--mig") as made:
        line = made.python("-m", "gpustat", "--no-color", "-a").splitlines()[1]
        for part in ("[0] NVIDIA A100-SXM4-40GB", "?? %", "/ 400 W", "/ 40960 MB"):
            assert part in line, f"{part!r} is not in {line!r}"


sys.exit(judge("gpustat", [
    shows_gpus, shows_processes, shows_processes_in_instances, prints_a_line_a_gpu,
], packages=["python3-pynvml"], modules=["blessed", "psutil", "six"]))
