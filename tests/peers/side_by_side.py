"""
side_by_side.py - one change of a GPU's layout by carve and by nvidia-mig-parted, on the same simulated GPU

A pair is a GPU with instances at given places and what is wanted of it instead, as a mig-parted
configuration. Each tool gets a world of its own that begins alike; its NVML calls are counted there
(carve-sim fault: a fault that never strikes counts what it lets pass). carve has its daemon running and
takes the instances over; mig-parted sees the world's /dev, /proc and /sys.
"""
import json
import random
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml

BOARDS = ["a100-sxm4-80gb", "h100-sxm5-80gb", "h200-sxm-141gb", "a30-24gb", "rtx-pro-6000-blackwell-server"]
CREATES = ["nvmlDeviceCreateGpuInstance", "nvmlDeviceCreateGpuInstanceWithPlacement"]
DESTROY = "nvmlGpuInstanceDestroy"
CATALOGUE = Path(__file__).resolve().parent.parent.parent / "data/boards.json"
POLICY = "version: 1\nclasses: {small: {profiles: 1g}}\nteams: {everyone: {}}\n"


class Failed(Exception):
    """The tool did not bring the GPU to what is wanted."""


@dataclass
class Pair:
    board: str
    before: list  # (profile, start)
    after: Counter  # of profiles


@dataclass
class Change:
    destroyed: int
    created: int
    kept: int
    calls: int
    seconds: float


class Tools:
    """The programs: a build folder of ours, and mig-parted."""

    def __init__(self, build, parted):
        self.sim, self.carve, self.carved = (str(Path(build) / "src" / name) for name in
                                             ("sim/carve-sim", "cli/carve", "daemon/carved"))
        self.parted = str(parted)


def plain(board):
    """Profiles without variants, which exist once or ask for more than a place."""
    return [p for p in board["profiles"] if "+" not in p["name"] and "-" not in p["name"]]


def random_layout(board, chance):
    """Instances one after the other where they fit, until nothing does or chance has had enough."""
    taken, compute, layout = 0, 0, []
    while True:
        fits = [(p, start) for p in plain(board) for start in p["starts"]
                if not taken & ((1 << p["size"]) - 1) << start and compute + p["compute_slices"] <= board["compute_slices"]]
        if not fits or (layout and chance.random() < 0.1):
            return sorted((p["name"], start) for p, start in layout)
        profile, start = chance.choice(fits)
        taken |= ((1 << profile["size"]) - 1) << start
        compute += profile["compute_slices"]
        layout.append((profile, start))


def pairs(n, seed):
    """n pairs whose profiles differ, the boards in turn; the same for the same seed."""
    boards = {board["id"]: board for board in json.loads(CATALOGUE.read_text())["boards"]}
    chance, made = random.Random(seed), []
    while len(made) < n:
        board = boards[BOARDS[len(made) % len(BOARDS)]]
        before = random_layout(board, chance)
        after = Counter(name for name, _ in random_layout(board, chance))
        if after != Counter(name for name, _ in before):
            made.append(Pair(board["id"], before, after))
    return made


class Bench:
    """A world that begins as a pair says."""

    def __init__(self, tools, pair, latency, folder):
        self.tools, self.pair, self.dir = tools, pair, f"{folder}/world"
        self.config = f"{folder}/config.yaml"
        faults = [{"call": call, "fail": "unknown", "skip": 10**6, "times": 1} for call in ["*", DESTROY, *CREATES]]
        Path(f"{folder}/world.yaml").write_text(yaml.safe_dump({
            "latency": latency, "faults": faults,
            "gpus": [{"board": pair.board, "mig": True,
                      "instances": [{"profile": name, "start": start} for name, start in pair.before]}]}))
        Path(self.config).write_text(yaml.safe_dump({"version": "v1", "mig-configs": {"wanted": [
            {"devices": "all", "mig-enabled": True, "mig-devices": dict(pair.after)}]}}))
        self.sim("up", "--world", f"{folder}/world.yaml")

    def sim(self, command, *arguments):
        return subprocess.run([self.tools.sim, command, "--dir", self.dir, *arguments], check=True,
                              capture_output=True, text=True).stdout

    def counts(self):
        return {fault["call"]: fault["seen"] for fault in json.loads(self.sim("fault", "list", "--json"))["faults"]}

    def profiles(self):
        return Counter(gi["profile"] for gi in json.loads(self.sim("show", "--json"))["gpus"][0]["instances"])

    def measure(self, *command):
        """Run it and tell what it did."""
        before, begun = self.counts(), time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        seconds, after = time.monotonic() - begun, self.counts()
        if self.profiles() != self.pair.after:
            raise Failed(f"{self.pair}: status {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
        destroyed = after[DESTROY] - before[DESTROY]
        had = len(self.pair.before)
        return Change(destroyed, sum(self.pair.after.values()) - had + destroyed, max(0, had - destroyed),
                      after["*"] - before["*"], seconds)

    def by_parted(self):
        return self.measure(self.tools.sim, "run", "--dir", self.dir, "--",
                            self.tools.parted, "apply", "-f", self.config, "-c", "wanted")

    def by_carve(self):
        folder = Path(self.dir).parent
        (folder / "policy.yaml").write_text(POLICY)
        socket = str(folder / "socket")
        with open(folder / "log", "w", encoding="utf-8") as log:
            daemon = subprocess.Popen([self.tools.sim, "run", "--dir", self.dir, "--no-jail", "--", self.tools.carved,
                                       "--policy", str(folder / "policy.yaml"), "--ledger", str(folder / "ledger.db"),
                                       "--socket", socket], stdout=log, stderr=log)
        try:
            while subprocess.run([self.tools.carve, "layout", "show", "--socket", socket], check=False,
                                 capture_output=True, text=True).stdout.count(self.pair.board) == 0:
                if daemon.poll() is not None:
                    raise Failed("carved ended: " + (folder / "log").read_text()[-300:])
                time.sleep(0.02)
            return self.measure(self.tools.sim, "run", "--dir", self.dir, "--", self.tools.carve, "layout", "apply",
                                "--yes", "--adopt", "--file", self.config, "--config", "wanted", "--socket", socket)
        finally:
            daemon.terminate()
            daemon.wait()


def change(tools, pair, tool, latency):
    """What `tool` ("carve" or "parted") does for a pair; Failed when it does not."""
    with tempfile.TemporaryDirectory(prefix="carve-side-") as folder:
        bench = Bench(tools, pair, latency, folder)
        try:
            return bench.by_carve() if tool == "carve" else bench.by_parted()
        finally:
            bench.sim("down", "--force")
