#!/usr/bin/env python3
"""The installed tree, and docs/simulator.md played in it. TAP.

usage: install.py SOURCE BUILD

In the ```console blocks a line after "$ " is a command and the lines below it are what it must
print; "..." stands for anything, in a line or for lines; [N] is an exit status that is not 0.
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE, BUILD = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
WORLD = "/tmp/my-world"  # the page's; ours lies elsewhere
results = []


def check(ok, what, *seen):
    results.append(bool(ok))
    print("ok" if ok else "not ok", len(results), "-", what, flush=True)
    if not ok:
        for thing in seen:
            for line in str(thing).splitlines():
                print("#", line)


def installed(destination):
    """The tree that make install makes, as names below the prefix."""
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir",
                    destination], check=True, capture_output=True)
    [prefix] = {path.parent.parent for path in destination.rglob("bin/carve-sim")}
    return prefix, {str(path.relative_to(prefix)) for path in prefix.rglob("*")
                    if not path.is_dir()}


def steps(page):
    """Commands of the page with what they print and their exit status."""
    for block in re.findall(r"```console\n(.*?)```", page, re.S):
        for step in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, expected = step.partition("\n")
            status = re.search(r"^\[(\d+)\]\n\Z", expected, re.M)
            if status:
                expected = expected[:status.start()]
            yield command, expected, int(status[1]) if status else 0


def pattern(expected):
    lines = [".*" if line == "..." else re.escape(line).replace(r"\.\.\.", "[^\n]*")
             for line in expected.splitlines()]
    return re.compile("\n".join(lines) + "\n?", re.S)


class Shell:
    """One shell for all steps, so that what one exports the next one has."""

    def __init__(self, env):
        self.shell = subprocess.Popen(["sh"], env=env, text=True, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __call__(self, command):
        said = ""
        self.shell.stdin.write(f"{command}\necho \"[end $?]\"\n")
        self.shell.stdin.flush()
        for line in self.shell.stdout:
            end = re.fullmatch(r"\[end (\d+)\]\n", line)
            if end:
                return said, int(end[1])
            said += line
        return said, None

    def end(self):
        self.shell.stdin.close()
        self.shell.wait()
        self.shell.stdout.close()


def play(page, prefix, world):
    shell = Shell({"PATH": f"{prefix}/bin:/usr/bin:/bin", "HOME": world})
    for command, expected, status in steps(page.replace(WORLD, world)):
        said, code = shell(command)
        check(pattern(expected).fullmatch(said) and code == status,
              command.replace(world, WORLD), f"exit status {code}", said)
    shell.end()
    subprocess.run([f"{prefix}/bin/carve-sim", "down", "--dir", world, "--force"], check=False,
                   capture_output=True)


with tempfile.TemporaryDirectory(prefix="carve-install-") as folder:
    prefix, names = installed(Path(folder, "tree"))
    for name in ("bin/carve", "bin/carve-sim", "sbin/carved", "carve-sim/libnvidia-ml.so.1",
                 "carve-sim/nvidia-smi", "man/man1/carve-sim.1", "man/man1/carve.1",
                 "man/man8/carved.8"):
        check([found for found in names if found.endswith(name)], f"{name} is installed")
    outside = [name for name in names if "nvidia" in name and "/carve-sim/" not in name]
    check(not outside, "nothing of NVIDIA's names lies where the system looks", outside)
    play((SOURCE / "docs/simulator.md").read_text(), prefix, os.path.join(folder, "my-world"))

print(f"1..{len(results)}")
sys.exit(0 if all(results) else 1)
