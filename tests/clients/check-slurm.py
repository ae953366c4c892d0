#!/usr/bin/python3
"""Slurm's slurmd with its NVML plugin finds the MIG devices of the world."""
import contextlib
import getpass
import re
import socket
import sys
import tempfile
from collections import Counter
from pathlib import Path

from judge import CLIENTS, judge, same, world

NODE = socket.gethostname().split(".")[0]
PACKAGES = ["slurm-wlm-nvml-plugin", "slurm-wlm-basic-plugins", "libmunge2", "libhwloc15",
            "liblua5.1-0", "libdbus-1-3", "libjson-c5", "libnuma1"]
CONF = f"""\
ClusterName=lab
SlurmctldHost={NODE}
SlurmUser={getpass.getuser()}
SlurmdUser={getpass.getuser()}
PluginDir=FOLDER/plugins
SlurmdSpoolDir=FOLDER
StateSaveLocation=FOLDER
SlurmdPidFile=FOLDER/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
GresTypes=gpu
NodeName={NODE} Gres=GRES
PartitionName=all Nodes=ALL
"""
LINE = re.compile(r"Gres Name=gpu Type=(\S+) Count=1 Index=\d+ ID=\d+ File=(\S+) ")


def libraries():
    """Folders of the unpacked packages' libraries; Slurm's own lies among its plugins."""
    return [str(p) for pattern in ("*/lib/*-linux-gnu", "*/usr/lib/*-linux-gnu",
                                "*/usr/lib/*-linux-gnu/slurm-wlm")
            for p in CLIENTS.glob(pattern)]


@contextlib.contextmanager
def node(gres):
    """A folder with slurmd, its plugins and its configuration."""
    with tempfile.TemporaryDirectory(prefix="carve-slurm-") as name:
        folder = Path(name)
        (folder / "plugins").mkdir()
        for plugin in CLIENTS.glob("slurm-wlm-*/usr/lib/*/slurm-wlm/*.so"):
            (folder / "plugins" / plugin.name).symlink_to(plugin.resolve())
        # By another name than this it does not look for GPUs.
        (folder / "slurmd").symlink_to((CLIENTS / "slurmd/usr/sbin/slurmd-wlm").resolve())
        (folder / "slurm.conf").write_text(CONF.replace("FOLDER", name).replace("GRES", gres))
        (folder / "gres.conf").write_text("AutoDetect=nvml\n")
        yield folder


def slurmd(made, gres, *options):
    """What slurmd says, and its exit status."""
    with node(gres) as folder:
        path = ":".join([f"{made.dir}/lib", *libraries()])
        done = made.inside("env", f"LD_LIBRARY_PATH={path}", f"{folder}/slurmd", *options,
                           "-f", f"{folder}/slurm.conf")
    return done.returncode, done.stdout + done.stderr


def gres_of(made):
    """Every profile of the world with its count, as slurm.conf wants it."""
    count = Counter(ci["profile"] for _, _, ci in devices(made))
    return ",".join(f"gpu:{profile}:{n}" for profile, n in count.items())


def files(gpu, gi, ci):
    """The GPU and the two capabilities, numbered as the open driver numbers them."""
    access = 3 + 135 * gpu["minor"] + 9 * gi["gi"]
    caps = [f"/dev/nvidia-caps/nvidia-cap{n}" for n in (access, access + 1 + ci["ci"])]
    return ",".join([f"/dev/nvidia{gpu['minor']}", *caps])


def devices(made):
    return [(gpu, gi, ci) for gpu in made.show()["gpus"] for gi in gpu["instances"]
            for ci in gi["compute"]]


def lists_mig_devices():
    """slurmd -G with AutoDetect=nvml: every MIG device, its type and its three files

    22.05 derives the type from sizes, not from the driver's name, so on boards where the two
    differ it is wrong (1g.16gb for a 1g.18gb of H200).
    """
    with world("a100-sxm4-40gb:2", "--mig") as made:
        made.run("nvidia-smi", "mig", "-i", "0", "-cgi", "9,14,19", "-C")
        made.run("nvidia-smi", "mig", "-i", "1", "-cgi", "19,19,19,19,19,19,19", "-C")
        code, said = slurmd(made, gres_of(made), "-G")
        same("exit status", code, 0)
        assert "2 GPU system device(s) detected" in said, said
        same("devices", sorted(LINE.findall(said)),
             sorted((ci["profile"], files(gpu, gi, ci)) for gpu, gi, ci in devices(made)))


def nodes_are_there():
    """the files it names are device nodes of the world"""
    with world("h100-sxm5-80gb", "--mig") as made:
        made.run("nvidia-smi", "mig", "-cgi", "9,14", "-C")
        _, said = slurmd(made, gres_of(made), "-G")
        named = [file for _, line in LINE.findall(said) for file in line.split(",")]
        same("files", len(named), 6)
        same("stat", made.inside("stat", "-c", "%F", *named).stdout.splitlines(),
             ["character special file"] * 6)


def knows_uuids_and_wants_instances():
    """MIG devices by UUID; a GPU in MIG mode without instances is fatal to it

    22.05 does not start on a node with such a GPU.
    """
    with world("a100-sxm4-40gb:2", "--mig") as made:
        made.run("nvidia-smi", "mig", "-i", "0", "-cgi", "9,14,19", "-C")
        code, said = slurmd(made, "gpu:3", "-D", "-vvv")
        same("UUIDs", re.findall(r"UniqueID: (\S+)", said), [ci["uuid"] for _, _, ci in devices(made)])
        assert code and "MIG mode is enabled, but no MIG devices were found" in said, said


def lists_whole_gpus():
    """GPUs that are not divided"""
    with world("a30-24gb:2") as made:
        _, said = slurmd(made, "gpu:nvidia_a30:2", "-G")
        same("devices", LINE.findall(said),
             [("nvidia_a30", "/dev/nvidia0"), ("nvidia_a30", "/dev/nvidia1")])


sys.exit(judge("slurmd", [
    lists_mig_devices, nodes_are_there, knows_uuids_and_wants_instances, lists_whole_gpus,
], packages=PACKAGES))
