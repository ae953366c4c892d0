#!/usr/bin/env python3
"""
Instances that carve did not make, and other programs that look at the same GPUs:
unmodified clients of Debian contrib (scripts/contrib-clients brings them).
"""
import importlib.util
import json
import os
import sys
from pathlib import Path

from host import ANN, Host, Skip, load, same, tell, wait_until

CLIENTS = Path(os.environ["CLIENTS"])
SCRIPTS = Path(__file__).resolve().parent.parent / "clients"
ONE_SLICE, HALF = "19", "9"  # profile ids
MIB = 1 << 20


def need(*packages, modules=()):
    absent = [p for p in packages if not (CLIENTS / p / ".complete").exists()]
    absent += [f"python3-{m}" for m in modules if not importlib.util.find_spec(m)]
    if absent:
        raise Skip(f"{' '.join(absent)} not there: scripts/deps and scripts/contrib-clients fetch them")


def client(host, *args):
    """What a client in Debian's Python prints, run beside carve."""
    path = [str(p) for p in CLIENTS.glob("*/usr/lib/python3/dist-packages")]
    host.env["PYTHONPATH"] = ":".join(path)
    return host.sim("run", "--no-jail", "--", sys.executable, *map(str, args))


def divide(host, *profile_ids):
    client(host, SCRIPTS / "pynvml-divide.py", *profile_ids)


def strangers(host):
    return [i for gpu in host.get("/v1/gpus")["gpus"] for i in gpu["instances"]
            if i["state"] == "stranger"]


def class_named(host, name):
    return next(c for c in host.get("/v1/classes")["classes"] if c["name"] == name)


def left_alone():
    """an instance of a pynvml script is told within 2 s, counted as taken, never touched"""
    need("python3-pynvml")
    with Host("a100-sxm4-80gb") as host:
        same("whole cards free before", class_named(host, "full")["free"], 1)
        divide(host, HALF)
        seen = wait_until(lambda: strangers(host), "the stranger is seen", 2)[0]
        there = host.on_gpus()
        same("what is seen", (seen["profile"], seen["start"], seen["uuid"], seen["lease"]),
             ("3g.40gb", *[(key[2], uuid) for key, uuid in there.items()][0], None))
        same("halves free", class_named(host, "half")["free"], 1)
        same("whole cards free", class_named(host, "full")["free"], 0)
        same("asking for one", host.api("POST", "/v1/leases", {"class": "full", "reason": "a story"},
                                        ANN)[1]["error"]["code"], "no-room")
        same("what an admin reads", host.get("/v1/status")["notes"],
             ["GPU 0: 1 instance not made by carve, left alone"])
        lease = host.lease("half")
        host.restart()
        host.release(lease["id"])
        host.check_agreement()
        host.stop()
        host.start()
        same("after all that", host.on_gpus(), there)
        same("told once a start", len([e for e in host.events() if e["kind"] == "stranger"]) <= 3, True)


def in_the_way():
    """a place that a stranger took a moment ago is not granted; the next free one is"""
    need("python3-pynvml")
    with Host("a100-sxm4-80gb") as host:
        host.fault("nvmlDeviceCreateGpuInstanceWithPlacement", "--hang", "1s")
        status, lease = host.api("POST", "/v1/leases", {"class": "full", "reason": "a story"}, ANN)
        same("promised", (status, lease["state"]), (201, "granting"))
        divide(host, ONE_SLICE)
        ended = host.until(lease["id"], "ended")
        same("the driver's reason is told", "could not be made" in ended["why_ended"], True)
        same("strangers", len(strangers(host)), 1)
        host.lease("half")
        host.check_agreement()


# ---- the same GPUs ----

def compare_instances(gpu, seen):
    """MIG devices of pynvml with the instances of carve."""
    devices = sorted((d["gi"], d["ci"], d["uuid"], d["memory_bytes"], d["memory_used_bytes"], d["slices"],
                      [tuple(p) for p in d["processes"]]) for d in seen["devices"])
    instances = sorted((i["gi"], i["ci"], i["uuid"], i["memory_bytes"], i["memory_used_bytes"], i["slices"],
                        [(p["pid"], p["memory_bytes"]) for p in i["processes"]])
                       for i in gpu["instances"])
    same(f"instances of GPU {gpu['index']}", instances, devices)


def compare(host):
    seen = json.loads(client(host, SCRIPTS / "pynvml-look.py"))
    gpus = host.carve_json("gpus")["gpus"]
    same("the driver", host.get("/v1/status")["driver"], seen["driver"])
    same("number of GPUs", len(gpus), len(seen["gpus"]))
    for gpu, other in zip(gpus, seen["gpus"]):
        for key in ("index", "uuid", "name", "minor", "memory_bytes", "memory_used_bytes", "mig_pending"):
            same(f"{key} of GPU {gpu['index']}", gpu[key], other[key] != other["mig"]
                 if key == "mig_pending" else other[key])
        same("MIG", gpu["mig"] == "on", other["mig"])
        compare_instances(gpu, other)
    return gpus


def compare_gpustat(host, gpus):
    stat = json.loads(client(host, "-m", "gpustat", "--json"))["gpus"]
    for gpu, other in zip(gpus, stat):
        used = sorted((p["pid"], p["memory_bytes"] // MIB) for i in gpu["instances"] for p in i["processes"])
        same(f"gpustat of GPU {gpu['index']}",
             (other["index"], other["uuid"], other["name"], other["memory.total"],
              sorted((p["pid"], p["gpu_memory_usage"]) for p in other["processes"])),
             (gpu["index"], gpu["uuid"], gpu["name"], gpu["memory_bytes"] // MIB, used))
    same("GPUs of gpustat", len(stat), len(gpus))


def looks_the_same():
    """pynvml, gpustat and carve gpus see the same GPUs, instances, memory and processes"""
    need("python3-pynvml", "gpustat", modules=("blessed", "psutil", "six"))
    with Host("a100-sxm4-80gb,a30-24gb,h100-sxm5-80gb,h200-sxm-141gb") as host:
        divide(host, ONE_SLICE)
        wait_until(lambda: strangers(host), "the stranger is seen")
        runs = [host.run(*load(memory), class_=class_) for class_, memory in
                (("small", "1GiB"), ("half", "8GiB"), ("full", "10GiB"), ("small", "3GiB"))]
        wait_until(lambda: sum(len(i["processes"]) for gpu in host.get("/v1/gpus")["gpus"]
                               for i in gpu["instances"]) == len(runs), "all processes are seen")
        compare_gpustat(host, compare(host))


tell(left_alone, in_the_way, looks_the_same)
