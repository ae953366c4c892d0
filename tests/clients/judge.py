"""
judge.py - unmodified clients in a simulated world

A test makes a world, lets a client loose in it and compares what the client
says with what `carve-sim show` says. TAP on standard output. A client that is
not there is skipped, unless CI=true: scripts/contrib-clients fetches it.
"""
import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

CARVE_SIM = os.environ["CARVE_SIM_PROGRAM"]
CLIENTS = Path(os.environ["CLIENTS"])


class World:
    """A world in a folder of its own; nothing in it takes time."""

    def __init__(self, folder, gpus, *options):
        self.dir = folder
        self.loads = []
        self.sim("up", "--gpus", gpus, "--latency", "0", *options)

    def sim(self, command, *args, **kwargs):
        line = [CARVE_SIM, command, "--dir", self.dir, *args]
        return subprocess.run(line, check=True, text=True, capture_output=True, **kwargs).stdout

    def run(self, *command, env=None):
        """Standard output of a command that sees the world."""
        return self.sim("run", "--no-jail", "--", *command, env={**os.environ, **(env or {})})

    def ask(self, *command):
        """Exit status and standard output of a command that may fail."""
        line = [CARVE_SIM, "run", "--dir", self.dir, "--no-jail", "--", *command]
        done = subprocess.run(line, text=True, capture_output=True)
        return done.returncode, done.stdout

    def python(self, *args):
        """The same of Debian's Python with the client packages."""
        path = [str(p) for p in CLIENTS.glob("*/usr/lib/python3/dist-packages")]
        return self.run(sys.executable, *args, env={"PYTHONPATH": ":".join(path)})

    def show(self):
        return json.loads(self.sim("show", "--json"))

    def load(self, device, memory):
        """A process on a device; its pid. It is there when this returns."""
        line = [CARVE_SIM, "load", "--dir", self.dir, "--memory", memory, "--for", "600s"]
        load = subprocess.Popen(line, stdout=subprocess.PIPE, text=True,
                                env={**os.environ, "CUDA_VISIBLE_DEVICES": device})
        self.loads.append(load)
        assert load.stdout.readline(), "the load ended at once"
        return load.pid

    def end_loads(self):
        for load in self.loads:
            load.kill()
            load.wait()
            load.stdout.close()
        self.loads = []

    def end(self):
        self.end_loads()
        self.sim("check")
        self.sim("down", "--force")


@contextlib.contextmanager
def world(gpus, *options):
    with tempfile.TemporaryDirectory(prefix="carve-clients-") as folder:
        made = World(f"{folder}/world", gpus, *options)
        try:
            yield made
        finally:
            made.end()


def same(what, said, expected):
    assert said == expected, f"{what}: {said!r}, not {expected!r}"


def missing(packages, modules):
    return ([p for p in packages if not (CLIENTS / p / ".complete").exists()]
            + [f"python3-{m}" for m in modules if not importlib.util.find_spec(m)])


def judge(packages, tests, modules=()):
    """Run the test functions, each by its docstring. modules: what the packages need of Debian."""
    absent = missing(packages, modules)
    if absent:
        reason = f"{' '.join(absent)} not there: scripts/deps and scripts/contrib-clients fetch them"
        print("Bail out!" if os.environ.get("CI") == "true" else "1..0 # SKIP", reason)
        return os.environ.get("CI") == "true"
    print(f"1..{len(tests)}")
    failed = 0
    for number, test in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {test.__doc__}", flush=True)
        except Exception as error:  # whatever a client does to us is its verdict
            failed = 1
            print(f"not ok {number} - {test.__doc__}")
            output = getattr(error, "stderr", None) or ""
            for line in (traceback.format_exc() + output).splitlines():
                print(f"# {line}")
    return failed
