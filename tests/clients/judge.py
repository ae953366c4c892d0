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
# An interpreter that has the clients from its own registry: then those are judged, not Debian's.
PYTHON = os.environ.get("CLIENT_PYTHON")


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
        """The same of Debian's Python with the client packages, or of PYTHON."""
        if PYTHON:
            return self.run(PYTHON, *args)
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


def flaw(why):
    """Marks a test of a known weakness of the client: it passes when the client fails so."""
    def mark(test):
        test.flaw = why
        return test
    return mark


def outcome(test):
    """"ok", "SKIP" or "not ok", and what the test says of it or why."""
    try:
        return "ok", test() or ""
    except Skip as reason:
        return "not ok" if os.environ.get("CI") == "true" else "SKIP", str(reason)
    except Exception as error:  # whatever a client does to us is its verdict
        return "not ok", traceback.format_exc() + (getattr(error, "stderr", None) or "")


def report(number, test, verdict, why):
    what = test.__doc__.splitlines()[0]
    if hasattr(test, "flaw"):
        what += " (it does not, as known)"
    if verdict == "SKIP":
        print(f"ok {number} - {what} # SKIP {why}", flush=True)
        return
    print(f"{verdict} {number} - {what}", flush=True)
    for line in why.splitlines():
        print(f"# {line}")


def row(test, verdict, why):
    """
    What, result and note. A docstring is "what" and, after a blank line, a note; a known flaw is
    one, and so is what the test returned.
    """
    what, _, note = test.__doc__.partition("\n\n")
    result = {"ok": "holds", "not ok": "does not hold", "SKIP": "not tried"}[verdict]
    if verdict == "ok":
        result = "does not hold" if hasattr(test, "flaw") else result
        note = getattr(test, "flaw", None) or note or why
    return what, result, " ".join(note.split())


def record(file, client, version, verdicts):
    """What was tried and how it went."""
    CONFORMANCE.mkdir(exist_ok=True)
    (CONFORMANCE / f"{file}.tsv").write_text("".join(
        "\t".join((client, version, *row(*verdict))) + "\n" for verdict in verdicts))


def verdicts(tests):
    """Run the test functions: (test, verdict, why) of each."""
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        verdict, why = outcome(test)
        report(number, test, verdict, why)
        yield test, verdict, why


def failed(passed):
    return any(verdict == "not ok" for _, verdict, _ in passed)


def judge_registry(client, tests):
    """The same client of PYTHON."""
    name = {"python3-pynvml": "nvidia-ml-py"}.get(client, client)
    ask = f"import importlib.metadata as m; print(m.version({name!r}))"
    version = subprocess.run([PYTHON, "-c", ask], check=True, text=True, capture_output=True).stdout
    found = list(verdicts(tests))
    record(f"peers-{name}", name, version.strip(), found)
    return failed(found)


def judge(client, tests, packages=(), modules=()):
    """
    client is a package, None for our own nvidia-smi; packages and modules of Debian are what
    else it needs. Exit status.
    """
    if PYTHON:
        return judge_registry(client, tests)
    absent = missing([*([client] if client else []), *packages], modules)
    if absent:
        reason = f"{' '.join(absent)} not there: scripts/deps and scripts/contrib-clients fetch them"
        print("Bail out!" if os.environ.get("CI") == "true" else "1..0 # SKIP", reason)
        return os.environ.get("CI") == "true"
    found = list(verdicts(tests))
    if client:
        record(client, client, (CLIENTS / client / ".complete").read_text().strip(), found)
    return failed(found)
