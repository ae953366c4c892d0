"""
peer.py - unmodified clients of the Go and Python registries judge a simulated world

A test is a function whose docstring says what holds. It makes a world, lets a
client loose in the view that `carve-sim run` gives (/dev, /proc, /sys), and
compares with `carve-sim show --json`. What it ran goes to standard output as
TAP comments, and each verdict becomes a row of $CONFORMANCE/peers-CLIENT.tsv
(judge.py of tests/clients). A test marked with @flaw proves a weakness of the
client that is known and no fault of the world.
"""
import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "clients"))
from judge import (  # noqa: E402, F401
    CARVE_SIM, Skip, World, failed, flaw, record, same, verdicts,
)

PEERS = Path(os.environ["PEERS"])
BIN = PEERS / "bin"


def go_modules():
    """Module name to version, as pinned."""
    lines = (Path(__file__).parent / "go-modules.txt").read_text().splitlines()
    return dict(line.split()[:2] for line in lines if not line.startswith("#"))


def go_version(name):
    return go_modules()[name]


def go_sources(name):
    """Folder of a module as the registry's client unpacked it."""
    return Path((PEERS / "sources" / name.rsplit("/", 1)[1]).read_text().strip())


class View(World):
    """A world whose commands see its /dev, /proc and /sys."""

    def line(self, command, end=()):
        """The command line of a command in the view; says what will be run."""
        line = [str(part) for part in command]
        print("# $", *shlex.join([Path(line[0]).name, *line[1:]]).split(), *end, flush=True)
        return [CARVE_SIM, "run", "--dir", self.dir, "--", *line]

    def call(self, *command, env=None):
        """The finished process: returncode, stdout, stderr."""
        done = subprocess.run(self.line(command), text=True, capture_output=True,
                              env={**os.environ, **(env or {})}, timeout=120)
        if "carve-sim: no view" in done.stderr:
            raise Skip("no namespaces here")
        return done

    def start(self, *command, **kwargs):
        """A process that goes on in the view; end_loads() ends it."""
        process = subprocess.Popen(self.line(command, "&"), text=True, stdout=subprocess.PIPE,
                                   **kwargs)
        self.loads.append(process)
        return process

    def run(self, *command, env=None):
        """Standard output of a command that must succeed."""
        done = self.call(*command, env=env)
        done.check_returncode()
        return done.stdout

    def divide(self, gpu, *profiles):
        """GPU instances by nvidia-smi, each with the compute instance that fills it."""
        self.run("nvidia-smi", "mig", "-i", str(gpu), "-cgi", ",".join(profiles), "-C")


@contextlib.contextmanager
def world(gpus, *options):
    with tempfile.TemporaryDirectory(prefix="carve-peers-") as folder:
        made = View(f"{folder}/world", gpus, *options)
        try:
            yield made
        finally:
            made.end()


def driver_root(made, folder):
    """A folder that looks like the root of the driver: what finds libraries there finds ours."""
    lib = Path(folder) / "usr/lib64"
    lib.mkdir(parents=True)
    driver = made.show()["driver"]
    shutil.copy(Path(made.dir, "lib/libnvidia-ml.so.1").resolve(), lib / f"libnvidia-ml.so.{driver}")
    (lib / "libnvidia-ml.so.1").symlink_to(f"libnvidia-ml.so.{driver}")
    (lib / f"libcuda.so.{driver}").touch()
    return folder


def judge(client, version, tests):
    """Run the test functions; exit status."""
    found = list(verdicts(tests))
    record(f"peers-{client.replace(' ', '-')}", client, version, found)
    return failed(found)
