#!/usr/bin/env python3
"""Replays transcripts against a stand-in daemon. TAP. replay.py CARVE TRANSCRIPT...

A transcript is what one would see in a terminal: "$ command", then its output (standard output and standard error
together). A command's exit status must be 0, or the next command must be "echo $?". Two more words are understood:
"requests" prints what the daemon was asked since the last time, "served PATH" prints a GET's answer as JSON.
Times near now are told as if the test had begun at 2026-11-24 16:00.
page-*.txt are at the same time the examples of the manual pages. With --update the files are rewritten.
"""
import difflib
import math
import os
import re
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import fake_carved

HERE = Path(__file__).parent.resolve()
SERVED = """#!/usr/bin/env python3
import http.client, json, os, socket, sys
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(os.environ["CARVE_SOCKET"])
connection.request("GET", sys.argv[1])
print(json.dumps(json.load(connection.getresponse()), indent=2))
"""


def environment(carve, folder):
    (folder / "bin").mkdir()
    (folder / "bin/carve").symlink_to(Path(carve).resolve())
    (folder / "bin/served").write_text(SERVED)
    (folder / "bin/served").chmod(0o755)
    return {"PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": str(folder), "TZ": "UTC", "LC_ALL": "C.UTF-8",
            "CARVE_SOCKET": f"{folder}/socket", "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}


def settled(text, start):
    """Local times near the start of the test, moved to a fixed day."""
    def move(match):
        minutes = math.ceil((datetime.strptime(match[0] + "+0000", "%Y-%m-%d %H:%M%z").timestamp()
                             - start - fake_carved.SLACK_S) / 60)
        if abs(minutes) > 3 * 24 * 60:
            return match[0]
        return (datetime(2026, 11, 24, 16, 0) + timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M")
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", move, text)


class Session:
    def __init__(self, carve, name, folder):
        self.daemon = fake_carved.Carved(f"{folder}/socket", fake_carved.load_world(HERE, name))
        self.environment = environment(carve, folder)
        self.folder = folder
        self.status = 0
        self.seen = 0

    def run(self, command):
        if command == "echo $?":
            output, self.status = f"{self.status}\n", 0
            return output
        if command == "requests":
            fresh, self.seen = self.daemon.requests[self.seen:], len(self.daemon.requests)
            return "".join(f"{line}\n" for line in fresh)
        ran = subprocess.run(["bash", "-c", command], cwd=HERE, env=self.environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        self.status = ran.returncode if ran.returncode >= 0 else 128 - ran.returncode
        return settled(ran.stdout.decode().replace(str(self.folder), "/run/carve"), self.daemon.start)


def replay(carve, path):
    """What a terminal would show now for the commands of a transcript; it ends at the first that fails unexpectedly."""
    lines = path.read_text().splitlines()
    with tempfile.TemporaryDirectory(prefix="carve-golden-") as folder:
        session = Session(carve, path.stem, Path(folder))
        shown = []
        for command in [line[2:] for line in lines if line.startswith("$ ")]:
            if session.status and command != "echo $?":
                break
            shown += [f"$ {command}", *session.run(command).splitlines()]
        session.daemon.close()
    return shown, session.status


def main():
    update = "--update" in sys.argv
    carve, *paths = [word for word in sys.argv[1:] if word != "--update"]
    print(f"1..{len(paths)}")
    failed = 0
    for number, path in enumerate(map(Path, paths), 1):
        shown, status = replay(carve, path)
        if update and not status:
            path.write_text("\n".join(shown) + "\n")
        wanted = path.read_text().splitlines()
        for line in difflib.unified_diff(wanted, shown, "wanted", "shown", lineterm=""):
            print("#", line)
        if status:
            print(f"# exit status {status}, and no 'echo $?' behind it")
        good = shown == wanted and not status
        failed += not good
        print("ok" if good else "not ok", number, "-", path.stem)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
