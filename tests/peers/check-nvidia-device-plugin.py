#!/usr/bin/python3
"""nvidia-device-plugin offers a kubelet what the world has, and tells when it is broken."""
import contextlib
import queue
import re
import sys
import time
from pathlib import Path

from kubelet import Kubelet
from peer import BIN, driver_root, flaw, go_version, judge, same, world

MODULE = "github.com/NVIDIA/k8s-device-plugin"
PLUGIN = BIN / "nvidia-device-plugin"
HEALTHY = "Healthy"
# Its own sockets lie in the one folder it knows; here that is the test's.
IN_FOLDER = """
mount -t tmpfs none /var/lib && mkdir -p /var/lib/kubelet/device-plugins &&
mount --bind "$1" /var/lib/kubelet/device-plugins && shift && exec "$@"
"""


@contextlib.contextmanager
def plugged(made, strategy):
    """A kubelet with which the device plugin talks."""
    folder = Path(made.dir).parent
    root = driver_root(made, folder / "root")
    kubelet = Kubelet(folder)
    try:
        with open(folder / "plugin.log", "w") as log:
            made.start("unshare", "-m", "sh", "-c", IN_FOLDER, "sh", folder, PLUGIN,
                       f"--mig-strategy={strategy}", "--device-discovery-strategy=nvml",
                       f"--driver-root-ctr-path={root}", f"--nvidia-driver-root={root}",
                       "--nvidia-dev-root=/", "--device-list-strategy=envvar",
                       "--pass-device-specs=true", stderr=log)
            try:
                yield kubelet
            except queue.Empty:
                raise AssertionError(f"the plugin said no more:\n{said(made)}") from None
    finally:
        made.end_loads()
        kubelet.end()


def said(made):
    return "".join(line for line in open(Path(made.dir).parent / "plugin.log")
                   if re.match(r"[IWEF]\d{4} ", line))


def mig_uuids(made, profile):
    return {ci["uuid"]: gpu for gpu in made.show()["gpus"] for gi in gpu["instances"]
            for ci in gi["compute"] if ci["profile"] == profile}


def whole_gpus():
    """strategy none: every GPU is a device of nvidia.com/gpu"""
    with world("a100-sxm4-40gb:2,h100-sxm5-80gb") as made, plugged(made, "none") as kubelet:
        same("devices", kubelet.plugin("nvidia.com/gpu").devices(),
             {gpu["uuid"]: (HEALTHY, gpu["numa"]) for gpu in made.show()["gpus"]})


def mixed():
    """strategy mixed: a resource a profile, its devices are the MIG UUIDs with their NUMA node"""
    with world("a100-sxm4-40gb:2", "--mig") as made:
        made.divide(0, "3g.20gb", "1g.5gb", "1g.5gb")
        made.divide(1, "4g.20gb", "1g.5gb", "2g.10gb")
        with plugged(made, "mixed") as kubelet:
            profiles = ["1g.5gb", "2g.10gb", "3g.20gb", "4g.20gb"]
            for profile in profiles:
                plugin = kubelet.plugin(f"nvidia.com/mig-{profile}")
                same(profile, plugin.devices(), {uuid: (HEALTHY, gpu["numa"]) for uuid, gpu
                                                 in mig_uuids(made, profile).items()})
            return f"{len(profiles)} resources"


@flaw("the name of a profile is looked for anywhere in a device's, and 1g.5gb is in 1g.5gb+me")
def media_extensions():
    """strategy mixed: 1g.5gb+me has a resource of its own"""
    with world("a100-sxm4-40gb", "--mig") as made:
        made.divide(0, "1g.5gb+me")
        with plugged(made, "mixed") as kubelet:
            same("devices of 1g.5gb", set(kubelet.plugin("nvidia.com/mig-1g.5gb").devices()),
                 set(mig_uuids(made, "1g.5gb+me")))


def single():
    """strategy single: MIG devices of one profile are nvidia.com/gpu"""
    with world("a30-24gb:2", "--mig") as made:
        for gpu in range(2):
            made.divide(gpu, *["1g.6gb"] * 4)
        with plugged(made, "single") as kubelet:
            same("devices", sorted(kubelet.plugin("nvidia.com/gpu").devices()),
                 sorted(mig_uuids(made, "1g.6gb")))


def allocates():
    """Allocate names the MIG device and its nodes, and these exist in the world's /dev"""
    with world("a100-sxm4-40gb:2", "--mig") as made:
        made.divide(1, "3g.20gb", "2g.10gb")
        gpu = made.show()["gpus"][1]
        gi = next(gi for gi in gpu["instances"] if gi["profile"] == "2g.10gb")
        uuid = gi["compute"][0]["uuid"]
        with plugged(made, "mixed") as kubelet:
            plugin = kubelet.plugin("nvidia.com/mig-2g.10gb")
            plugin.devices()
            environment, nodes = plugin.allocate(uuid)
        same("NVIDIA_VISIBLE_DEVICES", environment["NVIDIA_VISIBLE_DEVICES"], uuid)
        minor = 3 + 135 * gpu["minor"] + 9 * gi["gi"]
        own = {f"/dev/nvidia{gpu['minor']}", f"/dev/nvidia-caps/nvidia-cap{minor}",
               f"/dev/nvidia-caps/nvidia-cap{minor + 1}"}
        paths = {path for path, _, _ in nodes}
        assert own <= paths, f"{own} in {paths}"
        same("other GPUs and instances", [p for p in paths - own if "cap" in p or p[-1].isdigit()], [])
        same("permissions", {node[2] for node in nodes}, {"rw"})
        kinds = made.run("stat", "-c", "%F", *[host for _, host, _ in nodes])
        same("kinds", set(kinds.splitlines()), {"character special file"})


def prefers():
    """GetPreferredAllocation chooses among the devices that are free"""
    with world("a100-sxm4-40gb:4") as made, plugged(made, "none") as kubelet:
        plugin = kubelet.plugin("nvidia.com/gpu")
        uuids = sorted(plugin.devices())
        chosen = plugin.preferred(uuids, 2)
        assert len(set(chosen)) == 2 and set(chosen) <= set(uuids), chosen


def break_until(made, plugin, unhealthy, *xid):
    """
    The list in which this device is unhealthy, after an XID. Its watcher registers for events
    at some time after the plugin has: an XID before that is lost, as with a driver.
    """
    for _ in range(40):
        made.sim("fault", "add", "xid", *xid)
        with contextlib.suppress(queue.Empty):
            while True:
                health = {uuid: told[0] for uuid, told in plugin.devices(wait_s=0.25).items()}
                if health[unhealthy] != HEALTHY:
                    return health
    raise queue.Empty


def gpu_breaks():
    """an XID of a whole GPU makes this GPU unhealthy, and no other"""
    with world("a100-sxm4-40gb:2") as made, plugged(made, "none") as kubelet:
        uuids = [gpu["uuid"] for gpu in made.show()["gpus"]]
        health = break_until(made, kubelet.plugin("nvidia.com/gpu"), uuids[1], "1", "79")
        same("health", [health[uuid] for uuid in uuids], [HEALTHY, "Unhealthy"])


def instance_breaks():
    """an XID of an instance makes its MIG device unhealthy, and no other"""
    with world("a100-sxm4-40gb", "--mig") as made:
        made.divide(0, "3g.20gb", "2g.10gb")
        gi = next(g for g in made.show()["gpus"][0]["instances"] if g["profile"] == "2g.10gb")
        uuid = gi["compute"][0]["uuid"]
        with plugged(made, "mixed") as kubelet:
            plugin, other = (kubelet.plugin(f"nvidia.com/mig-{p}") for p in ("2g.10gb", "3g.20gb"))
            other.devices()
            health = break_until(made, plugin, uuid, "0", "79", "--gi", str(gi["gi"]), "--ci", "0")
            same("health", health, {uuid: "Unhealthy"})
            same("lists of the other instance", other.lists.qsize(), 0)
            words = f"Xid=79 on Device={uuid}"
            assert words in said(made), f"{words!r} is not in {said(made)}"


def application_errors():
    """an XID that is an application's fault (31) harms no device"""
    with world("a100-sxm4-40gb:3") as made, plugged(made, "none") as kubelet:
        uuids = [gpu["uuid"] for gpu in made.show()["gpus"]]
        plugin = kubelet.plugin("nvidia.com/gpu")
        break_until(made, plugin, uuids[2], "2", "79")
        made.sim("fault", "add", "xid", "0", "31")
        health = break_until(made, plugin, uuids[1], "1", "79")
        same("health", [health[uuid] for uuid in uuids], [HEALTHY, "Unhealthy", "Unhealthy"])


@flaw("it enumerates once, at its start")
def layout_changes():
    """a new instance is offered"""
    with world("a100-sxm4-40gb", "--mig") as made:
        made.divide(0, "3g.20gb")
        with plugged(made, "mixed") as kubelet:
            plugin = kubelet.plugin("nvidia.com/mig-3g.20gb")
            plugin.devices()
            made.divide(0, "3g.20gb")
            same("instances", len(made.show()["gpus"][0]["instances"]), 2)
            with contextlib.suppress(queue.Empty):
                raise AssertionError(f"it told of {plugin.devices(wait_s=2)}")


@flaw("error building device map; no resource is registered")
def single_of_several_profiles():
    """strategy single with several profiles offers something"""
    with world("a100-sxm4-40gb", "--mig") as made:
        made.divide(0, "3g.20gb", "1g.5gb")
        with plugged(made, "single") as kubelet:
            for _ in range(100):
                if "error building device map" in said(made):
                    break
                time.sleep(0.1)
            else:
                raise AssertionError(said(made))
            assert kubelet.registered.empty()


sys.exit(judge("nvidia-device-plugin", go_version(MODULE), [
    whole_gpus, mixed, media_extensions, single, allocates, prefers, gpu_breaks, instance_breaks, application_errors,
    layout_changes, single_of_several_profiles,
]))
