#!/usr/bin/python3
"""The world's own nvidia-smi, as scripts and hooks call it: texts, tables and exit codes."""
import re
import sys

from judge import judge, same, world

IN_USE, NO_ROOM, NOT_FOUND, BAD = 19, 23, 6, 2

# The form of the listings in NVIDIA's MIG User Guide; the figures are the A100's.
GPU_INSTANCES = """\
+-------------------------------------------------------+
| GPU instances:                                        |
| GPU   Name             Profile  Instance   Placement  |
|                          ID       ID       Start:Size |
|=======================================================|
|   0  MIG 1g.5gb          19        7          0:1     |
+-------------------------------------------------------+
|   0  MIG 2g.10gb         14        4          2:2     |
+-------------------------------------------------------+
|   0  MIG 3g.20gb          9        2          4:4     |
+-------------------------------------------------------+
"""
PROFILES_HEAD = """\
+-----------------------------------------------------------------------------+
| GPU instance profiles:                                                      |
| GPU   Name             ID    Instances   Memory     P2P    SM    DEC   ENC  |
|                              Free/Total   GiB              CE    JPEG  OFA  |
|=============================================================================|
|   0  MIG 1g.5gb        19     7/7        4.75       No     14     0     0   |
|                                                             1     0     0   |
+-----------------------------------------------------------------------------+
|   0  MIG 1g.5gb+me     20     1/1        4.75       No     14     1     0   |
|                                                             1     1     1   |
+-----------------------------------------------------------------------------+
"""
COMPUTE_PROFILES_TAIL = """\
|   0      2       MIG 2c.3g.20gb       1      1/1           28        2     0     0   |
|                                                                      3     0         |
+--------------------------------------------------------------------------------------+
|   0      2       MIG 3g.20gb          2*     1/1           42        2     0     0   |
|                                                                      3     0         |
+--------------------------------------------------------------------------------------+
"""
COMPUTE_INSTANCES_TAIL = """\
|   0      2       MIG 3g.20gb          2         0          0:3     |
+--------------------------------------------------------------------+
"""
PLACEMENTS = """\
GPU  0 Profile ID 19 Placements: {0,1,2,3,4,5,6}:1
GPU  0 Profile ID 20 Placements: {0,1,2,3,4,5,6}:1
GPU  0 Profile ID 15 Placements: {0,2,4,6}:2
GPU  0 Profile ID 14 Placements: {0,2,4}:2
GPU  0 Profile ID  9 Placements: {0,4}:4
GPU  0 Profile ID  5 Placement : {0}:4
GPU  0 Profile ID  0 Placement : {0}:8
"""


def smi(made, line, status=0):
    """Standard output of nvidia-smi, which must end so."""
    code, output = made.ask("nvidia-smi", *line.split())
    same(f"exit status of nvidia-smi {line} ({output!r})", code, status)
    return output


def divided():
    return world("a100-sxm4-40gb", "--mig")


def lists():
    """profiles, placements and instances as the public listings show them"""
    with divided() as made:
        same("head of -lgip", smi(made, "mig -lgip")[:len(PROFILES_HEAD)], PROFILES_HEAD)
        same("-lgipp", smi(made, "mig -lgipp"), PLACEMENTS)
        smi(made, "mig -cgi 9,19,2g.10gb")
        same("-lgi", smi(made, "mig -lgi"), GPU_INSTANCES)
        listed = smi(made, "mig -lcip -gi 2")
        same("tail of -lcip", listed[-len(COMPUTE_PROFILES_TAIL):], COMPUTE_PROFILES_TAIL)
        smi(made, "mig -cci -gi 2")
        same("tail of -lci", smi(made, "mig -lci")[-len(COMPUTE_INSTANCES_TAIL):],
             COMPUTE_INSTANCES_TAIL)


def creates_and_destroys():
    """instances with and without a place, by number and by name"""
    with divided() as made:
        same("-cgi", smi(made, "mig -cgi 3g.20gb:0 -C"),
             "Successfully created GPU instance ID  1 on GPU  0 using profile MIG 3g.20gb (ID  9)\n"
             "Successfully created compute instance ID  0 on GPU  0 GPU instance ID  1 using "
             "profile MIG 3g.20gb (ID  2)\n")
        smi(made, "mig -cgi 9")
        smi(made, "mig -cci 0,1c.3g.20gb:2 -gi 2")
        same("compute instances", [(c["ci"], c["start"]) for c in
             made.show()["gpus"][0]["instances"][1]["compute"]], [(0, 0), (1, 2)])
        same("-dci", smi(made, "mig -dci -gi 2 -ci 1"),
             "Successfully destroyed compute instance ID  1 from GPU  0 GPU instance ID  2\n")
        smi(made, "mig -dci")
        same("-dgi", smi(made, "mig -dgi -gi 1"),
             "Successfully destroyed GPU instance ID  1 from GPU  0\n")
        smi(made, "mig -dgi")
        same("instances", made.show()["gpus"][0]["instances"], [])


def refuses():
    """with NVML's code as the exit status"""
    with divided() as made:
        same("no instances", smi(made, "mig -lgi", NOT_FOUND), "No GPU instances found: Not Found\n")
        smi(made, "mig -dci", NOT_FOUND)
        smi(made, "mig -cgi 0 -C")
        same("no room", smi(made, "mig -cgi 19", NO_ROOM),
             "Unable to create a GPU instance on GPU  0 using profile 19: Insufficient Resources\n"
             "Failed to create GPU instances: Insufficient Resources\n")
        smi(made, "mig -cci", NO_ROOM)
        same("in use", smi(made, "mig -dgi", IN_USE),
             "Unable to destroy GPU instance ID  0 from GPU  0: In use by another client\n"
             "Failed to destroy GPU instances: In use by another client\n")
        for line in ("mig -cgi", "mig -cgi 77", "mig -cgi 9:x", "mig", "mig -lgi -lci", "-i",
                     "mig -cgi 9:3", "--frobnicate", "-i 7 -L", "--query-gpu=index",
                     "--query-gpu=color --format=csv", "-mig 2"):
            smi(made, line, BAD)
        same("instances", len(made.show()["gpus"][0]["instances"]), 1)
    with world("a100-sxm4-40gb") as made:
        same("not divided", smi(made, "mig -lgip", NOT_FOUND), "No MIG-enabled devices found.\n")


def changes_mode():
    """at once, or pending until a reset while somebody is in the way"""
    with world("a100-sxm4-40gb") as made:
        bus = "00000000:07:00.0"
        same("-mig 1", smi(made, "-mig 1"), f"Enabled MIG Mode for GPU {bus}\nAll done.\n")
        smi(made, "mig -cgi 9 -C")
        uuid = made.show()["gpus"][0]["instances"][0]["compute"][0]["uuid"]
        made.load(uuid, "1MiB")
        same("pending", smi(made, "-i 0 -mig 0"),
             f"Warning: MIG mode is in pending disable state for GPU {bus}:"
             "In use by another client\nAll done.\n")
        same("modes", smi(made, "--query-gpu=mig.mode.current,mig.mode.pending "
                                "--format=csv,noheader"), "Enabled, Disabled\n")
        smi(made, "-r", IN_USE)
        made.end_loads()
        same("-r", smi(made, f"-r -i {bus}"),
             f"GPU {bus} was successfully reset.\nAll done.\n")
        same("mode", made.show()["gpus"][0]["mig"], False)


def lists_gpus():
    """-L, with MIG devices"""
    with world("a30-24gb,a100-sxm4-40gb", "--mig") as made:
        smi(made, "mig -i 1 -cgi 9 -C")
        gpus = made.show()["gpus"]
        uuid = gpus[1]["instances"][0]["compute"][0]["uuid"]
        same("-L", smi(made, "-L"),
             f"GPU 0: NVIDIA A30 (UUID: {gpus[0]['uuid']})\n"
             f"GPU 1: NVIDIA A100-SXM4-40GB (UUID: {gpus[1]['uuid']})\n"
             f"  MIG 3g.20gb     Device  0: (UUID: {uuid})\n")
        same("-L of one", smi(made, f"-i {gpus[0]['uuid']} -L"),
             f"GPU 0: NVIDIA A30 (UUID: {gpus[0]['uuid']})\n")


def answers_queries():
    """GPUs and processes as comma separated values"""
    with world("a100-sxm4-40gb:2") as made:
        pid = made.load("1", "2GiB")
        same("--query-gpu", smi(made, "--query-gpu=index,name,memory.total,utilization.gpu,"
                                      "mig.mode.current,fan.speed --format=csv"),
             "index, name, memory.total [MiB], utilization.gpu [%], mig.mode.current, "
             "fan.speed [%]\n"
             "0, NVIDIA A100-SXM4-40GB, 40960 MiB, 0 %, Disabled, [N/A]\n"
             "1, NVIDIA A100-SXM4-40GB, 40960 MiB, 100 %, Disabled, [N/A]\n")
        same("without units", smi(made, "-i 1 --query-gpu=memory.total,power.limit "
                                        "--format=csv,nounits"),
             "memory.total [MiB], power.limit [W]\n40960, 400.00\n")
        uuid = made.show()["gpus"][1]["uuid"]
        apps = smi(made, "--query-compute-apps=pid,used_memory,gpu_uuid,name "
                         "--format=csv,noheader")
        found = re.fullmatch(rf"{pid}, 2048 MiB, {uuid}, (\S+)\n", apps)
        assert found and found[1].endswith("carve-sim"), apps


def has_no_driver_without_a_world():
    """exit status 9 where there is no world"""
    with divided() as made:
        code, output = made.ask("env", "CARVE_SIM=/nonexistent", "nvidia-smi")
        same("exit status", code, 9)
        assert output.startswith("NVIDIA-SMI has failed"), output


sys.exit(judge(None, [
    lists, creates_and_destroys, refuses, changes_mode, lists_gpus, answers_queries,
    has_no_driver_without_a_world,
]))
