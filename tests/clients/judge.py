"""
judge.py - unmodified clients in a simulated world

A test makes a world, lets a client loose in it and compares what the client
says with what `carve-sim show` says. TAP on standard output, and a row a test in
$CONFORMANCE/CLIENT.tsv (client, version, what, result, note) for the table in
docs/simulator.md, which scripts/conformance writes. A client that is not there is
skipped, unless CI=true: scripts/contrib-clients fetches it.
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
CONFORMANCE = Path(os.environ["CONFORMANCE"])


class Skip(Exception):
    """What a test needs is not allowed here."""


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

    def inside(self, *command):
        """A command, ended or not, that sees the world's /dev, /proc and /sys too."""
        line = [CARVE_SIM, "run", "--dir", self.dir, "--", *command]
        done = subprocess.run(line, text=True, capture_output=True, timeout=60)
        if "carve-sim: no view" in done.stderr:
            raise Skip("no namespaces here")
        return done

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


def outcome(test):
    """"ok", "SKIP" or "not ok", and why."""
    try:
        test()
    except Skip as reason:
        return "not ok" if os.environ.get("CI") == "true" else "SKIP", str(reason)
    except Exception as error:  # whatever a client does to us is its verdict
        return "not ok", traceback.format_exc() + (getattr(error, "stderr", None) or "")
    return "ok", ""


def report(number, test, verdict, why):
    what = test.__doc__.splitlines()[0]
    if verdict == "SKIP":
        print(f"ok {number} - {what} # SKIP {why}", flush=True)
        return
    print(f"{verdict} {number} - {what}", flush=True)
    for line in why.splitlines():
        print(f"# {line}")


def record(client, verdicts):
    """What was tried and how it went. A docstring is "what" and, after a blank line, a note."""
    version = (CLIENTS / client / ".complete").read_text().strip()
    rows = []
    for test, verdict in verdicts:
        what, _, note = test.__doc__.partition("\n\n")
        result = {"ok": "holds", "not ok": "does not hold", "SKIP": "not tried"}[verdict]
        rows.append("\t".join((client, version, what, result, " ".join(note.split()))) + "\n")
    CONFORMANCE.mkdir(exist_ok=True)
    (CONFORMANCE / f"{client}.tsv").write_text("".join(rows))


def judge(client, tests, packages=(), modules=()):
    """
    Run the test functions. client is a package, None for our own nvidia-smi; packages and
    modules of Debian are what else it needs.
    """
    absent = missing([*([client] if client else []), *packages], modules)
    if absent:
        reason = f"{' '.join(absent)} not there: scripts/deps and scripts/contrib-clients fetch them"
        print("Bail out!" if os.environ.get("CI") == "true" else "1..0 # SKIP", reason)
        return os.environ.get("CI") == "true"
    print(f"1..{len(tests)}")
    verdicts = []
    for number, test in enumerate(tests, 1):
        verdict, why = outcome(test)
        report(number, test, verdict, why)
        verdicts.append((test, verdict))
    if client:
        record(client, verdicts)
    return any(verdict == "not ok" for _, verdict in verdicts)
