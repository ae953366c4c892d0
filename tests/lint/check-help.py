#!/usr/bin/env python3
"""Every command of carve has a manual page, which explains every option of its --help. TAP; 77 without mandoc.

check-help.py CARVE PAGES
"""
import re
import shutil
import subprocess
import sys
from pathlib import Path

carve, pages = sys.argv[1], Path(sys.argv[2])


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def options(command):
    section = output(carve, command, "--help").split("\noptions:\n", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^  (--[\w-]+)", section, re.MULTILINE)


def unexplained(command):
    page = pages / f"carve-{command}.1"
    if not page.exists():
        return ["it has no page"]
    text = re.sub(".\b", "", output("mandoc", "-Tascii", str(page)))
    return [option for option in options(command) if not re.search(rf"{option}(?![\w-])", text)]


def main():
    if not shutil.which("mandoc"):
        print("1..0 # SKIP mandoc is not installed")
        return 77
    commands = re.findall(r"^  ([\w-]+) ", output(carve, "help"), re.MULTILINE)
    failed = len(commands) < 10
    print(f"1..{len(commands)}")
    for number, command in enumerate(commands, 1):
        found = unexplained(command)
        failed |= bool(found)
        for word in found:
            print("#", word)
        print("not ok" if found else "ok", number, f"- carve-{command}(1) explains carve {command}")
    return 1 if failed else 0


sys.exit(main())
