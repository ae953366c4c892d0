#!/usr/bin/python3
"""gpu-feature-discovery labels a node with what the world has."""
import os
import sys
from collections import defaultdict
from pathlib import Path

from peer import BIN, flaw, go_version, judge, same, world

MODULE = "github.com/NVIDIA/k8s-device-plugin"
GFD = BIN / "gpu-feature-discovery"


def labels(made, strategy):
    """Without "nvidia.com/"."""
    machine = Path(made.dir).parent / "machine"
    machine.write_text("carve box\n")
    told = made.run(GFD, "--oneshot", "--no-timestamp", "--use-node-feature-api=false",
                    "--output-file=", f"--mig-strategy={strategy}", f"--machine-type-file={machine}",
                    env={"NODE_NAME": "n1"})
    return {key.removeprefix("nvidia.com/"): value
            for key, value in (line.split("=", 1) for line in told.split())}


def check(told, **wanted):
    """Labels by name, with _ for the dots and dashes."""
    words = {key.replace(".", "_").replace("-", "_"): value for key, value in told.items()}
    for key, value in wanted.items():
        same(f"label {key}", words.get(key), value)


def whole_gpus():
    """strategy none: product, memory, compute capability, driver"""
    with world("a100-sxm4-40gb:2") as made:
        told = labels(made, "none")
        check(told, gpu_count="2", gpu_replicas="1", gpu_product="NVIDIA-A100-SXM4-40GB",
              gpu_memory="40960", gpu_family="ampere", gpu_compute_major="8", gpu_compute_minor="0",
              mig_capable="true", mig_strategy=None, gpu_machine="carve-box", gpu_mode="compute",
              cuda_driver_version_full=made.show()["driver"])


def architectures():
    """family and compute capability of each generation"""
    for board, family, major in (("a30-24gb", "ampere", "8"), ("h200-sxm-141gb", "hopper", "9"),
                                 ("b200-180gb", "blackwell", "10"),
                                 ("rtx-pro-6000-blackwell-server", "blackwell", "12")):
        with world(board) as made:
            check(labels(made, "none"), gpu_family=family, gpu_compute_major=major,
                  gpu_memory=str(made.show()["gpus"][0]["memory_bytes"] >> 20))


def single():
    """strategy single: MIG devices of one profile stand for GPUs"""
    with world("a100-sxm4-40gb:2", "--mig") as made:
        for gpu in range(2):
            made.divide(gpu, "2g.10gb", "2g.10gb", "2g.10gb")
        instance = made.show()["gpus"][0]["instances"][0]
        check(labels(made, "single"), gpu_count="6", mig_strategy="single",
              gpu_product="NVIDIA-A100-SXM4-40GB-MIG-2g.10gb", gpu_multiprocessors="28",
              gpu_memory=str(instance["memory_bytes"] >> 20), gpu_slices_gi="2", gpu_slices_ci="2",
              gpu_engines_copy="2", gpu_engines_decoder="1", gpu_engines_encoder="0",
              gpu_engines_jpeg="0", gpu_engines_ofa="0")


def single_of_several_profiles():
    """strategy single with several profiles: named invalid, and no GPU counted"""
    with world("a100-sxm4-40gb", "--mig") as made:
        made.divide(0, "3g.20gb", "1g.5gb")
        check(labels(made, "single"), gpu_product="NVIDIA-A100-SXM4-40GB-MIG-INVALID",
              gpu_count="0", gpu_memory="0")


def mixed():
    """strategy mixed: count, memory and slices of each profile"""
    with world("a100-sxm4-40gb:3", "--mig") as made:
        made.divide(0, "3g.20gb", *["1g.5gb"] * 4)
        made.divide(1, "4g.20gb", "1g.5gb+me")
        made.divide(2, "1g.10gb", "3g.20gb")
        told = labels(made, "mixed")
        counts, memory = defaultdict(int), {}
        for gpu in made.show()["gpus"]:
            for gi in gpu["instances"]:
                name = f"mig-{gi['profile'].replace('+', '.')}"
                counts[name] += 1
                memory[name] = gi["memory_bytes"] >> 20
        for name, count in counts.items():
            same(f"{name}.count", told[f"{name}.count"], str(count))
            same(f"{name}.memory", told[f"{name}.memory"], str(memory[name]))
            same(f"{name}.slices.gi", told[f"{name}.slices.gi"], name[4])
        same("labels of a profile", sum(key.startswith("mig-1g.5gb.") for key in told) - 13, 13)
        check(told, mig_strategy="mixed", gpu_count="3")
        return f"{len(counts)} profiles on 3 GPUs"


@flaw("it says 0")
def replicas_of_divided_gpus():
    """strategy mixed: gpu.replicas of a GPU with MIG on is 1"""
    with world("a100-sxm4-40gb", "--mig") as made:
        made.divide(0, "7g.40gb")
        check(labels(made, "mixed"), gpu_count="1", gpu_replicas="0")


@flaw("it labels one model and counts only the GPUs of that one")
def several_models():
    """GPUs of several models are all counted"""
    with world("a100-sxm4-40gb,h100-sxm5-80gb:2") as made:
        count = labels(made, "none")["gpu.count"]
        assert count in ("1", "2"), count


def some_divided():
    """strategy mixed with one GPU divided and one not"""
    with world("a100-sxm4-40gb:2") as made:
        made.run("nvidia-smi", "-i", "1", "-mig", "1")
        made.divide(1, "7g.40gb")
        check(labels(made, "mixed"), gpu_count="2", gpu_replicas="1", mig_7g_40gb_count="1")


os.environ.pop("KUBECONFIG", None)
sys.exit(judge("gpu-feature-discovery", go_version(MODULE), [
    whole_gpus, architectures, single, single_of_several_profiles, mixed, replicas_of_divided_gpus,
    several_models, some_divided,
]))
