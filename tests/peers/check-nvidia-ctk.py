#!/usr/bin/python3
"""nvidia-ctk describes to containers the device nodes that the world's /dev has."""
import json
import sys
from pathlib import Path

from peer import BIN, driver_root, flaw, go_version, judge, same, world

MODULE = "github.com/NVIDIA/nvidia-container-toolkit"
NVIDIA_CTK = BIN / "nvidia-ctk"


def command(made, *options):
    folder = Path(made.dir).parent
    root = folder / "root"
    if not root.exists():
        driver_root(made, root)
    return [NVIDIA_CTK, "cdi", "generate", "--mode=nvml", f"--driver-root={root}", "--dev-root=/",
            "--format=json", f"--output={folder}/cdi.json", *options]


def generate(made, *options):
    """The specification: device name -> its nodes, and the nodes that all containers get."""
    made.run(*command(made, *options))
    spec = json.loads((Path(made.dir).parent / "cdi.json").read_text())
    same("kind", spec["kind"], "nvidia.com/gpu")
    return ({d["name"]: d["containerEdits"]["deviceNodes"] for d in spec["devices"]},
            spec["containerEdits"]["deviceNodes"])


def paths(nodes):
    return [node["path"] for node in nodes]


def mig_nodes(gpu, gi, ci):
    """By the driver's rule for the minors of capability files."""
    access = 3 + 135 * gpu["minor"] + 9 * gi["gi"]
    return [f"/dev/nvidia{gpu['minor']}", f"/dev/nvidia-caps/nvidia-cap{access}",
            f"/dev/nvidia-caps/nvidia-cap{access + 1 + ci['ci']}"]


def whole_gpus():
    """GPUs that are not divided, by index and all together"""
    with world("a100-sxm4-40gb,h100-sxm5-80gb") as made:
        devices, common = generate(made)
        gpus = made.show()["gpus"]
        wanted = {str(g["index"]): [f"/dev/nvidia{g['minor']}"] for g in gpus}
        wanted |= {g["uuid"]: [f"/dev/nvidia{g['minor']}"] for g in gpus}
        wanted["all"] = [f"/dev/nvidia{g['minor']}" for g in gpus]
        same("devices", {name: paths(nodes) for name, nodes in devices.items()}, wanted)
        same("common", sorted(paths(common)),
             ["/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidiactl"])


def mig_devices():
    """each MIG device by index and UUID with three nodes: GPU, GPU instance, compute instance"""
    with world("a30-24gb,a100-sxm4-40gb:2", "--mig") as made:
        made.divide(0, "2g.12gb", "1g.6gb")
        made.divide(2, "3g.20gb", "1g.5gb", "1g.5gb")
        devices, _ = generate(made)
        wanted = {}
        for gpu in made.show()["gpus"]:
            for gi in gpu["instances"]:
                for ci in gi["compute"]:
                    nodes = mig_nodes(gpu, gi, ci)
                    wanted[f"{gpu['index']}:{ci['index']}"] = wanted[ci["uuid"]] = nodes
        del devices["all"]
        same("devices", {name: paths(nodes) for name, nodes in devices.items()}, wanted)


def numbers():
    """major and minor numbers are those of the nodes in /dev"""
    with world("a100-sxm4-40gb:2", "--mig") as made:
        made.divide(0, "7g.40gb")
        made.divide(1, "2g.10gb", "2g.10gb")
        devices, common = generate(made)
        nodes = [node for listed in [*devices.values(), common] for node in listed]
        there = made.run("stat", "-c", "%n %Hr %Lr", *sorted(set(paths(nodes)))).splitlines()
        for node in nodes:
            number = f"{node['path']} {node['major']} {node.get('minor', 0)}"
            assert number in there, f"{number} is not in {there}"
        return f"{len(there)} nodes"


def parts_of_an_instance():
    """two compute instances that share a GPU instance"""
    with world("a100-sxm4-80gb", "--mig") as made:
        made.run("nvidia-smi", "mig", "-cgi", "3g.40gb")
        made.run("nvidia-smi", "mig", "-cci", "2c.3g.40gb,1c.3g.40gb")
        devices, _ = generate(made)
        gpu = made.show()["gpus"][0]
        for ci in gpu["instances"][0]["compute"]:
            same(ci["profile"], paths(devices[ci["uuid"]]), mig_nodes(gpu, gpu["instances"][0], ci))


@flaw("it leaves the node out and ends with 0")
def missing_node():
    """a capability node that is not there is an error"""
    with world("a100-sxm4-40gb", "--mig") as made:
        made.divide(0, "7g.40gb")
        made.run("unshare", "-m", "sh", "-c", 'mount -t tmpfs none /dev/nvidia-caps; exec "$@"', "sh",
                 *command(made))
        spec = json.loads((Path(made.dir).parent / "cdi.json").read_text())
        nodes = next(d for d in spec["devices"] if d["name"] == "0:0")
        same("nodes", paths(nodes["containerEdits"]["deviceNodes"]), ["/dev/nvidia0"])


sys.exit(judge("nvidia-ctk", go_version(MODULE), [
    whole_gpus, mig_devices, numbers, parts_of_an_instance, missing_node,
]))
