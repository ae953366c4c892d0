#!/usr/bin/env python3
"""Puts a manual page together: assemble.py PAGE CARVE ERRORS PARTS TRANSCRIPTS [PAGE...]

A line of the page may be
  @NAME@             a shared part: PARTS/NAME.scd, or the table of errors
  @columns NAME@     the columns that `carve CMD --help` lists
  @checks all@       the checks that `carve check --help` lists
  @transcript NAME@  TRANSCRIPTS/page-NAME.txt, which the golden tests replay
Text may follow a part on its line. The result, in scdoc's format, goes to standard output.
"""
import re
import subprocess
import sys
from pathlib import Path

page, carve, errors, parts, transcripts = sys.argv[1:6]
LISTS = {"instances": ("gpus", "columns with --instances:"), "steps": ("layout", "columns of plan:"),
         "changes": ("layout", "columns of changes:")}


def columns(name):
    command, heading = LISTS.get(name, (name, "columns:"))
    text = subprocess.run([carve, command, "--help"], check=True, capture_output=True, text=True)
    section = text.stdout.split(f"\n{heading}\n", 1)[1].split("\n\n", 1)[0]
    for line in section.splitlines():
        column, explained = line.split(maxsplit=1)
        yield f"*{escape(column)}*"
        yield f"\t{escape(explained)}"


def checks(_name):
    text = subprocess.run([carve, "check", "--help"], check=True, capture_output=True, text=True)
    for line in text.stdout.split("\nchecks:\n", 1)[1].split("\n\n", 1)[0].splitlines():
        name, rest = line.split(maxsplit=1)
        if name == "group":
            group, title = rest.split(": ", 1)
            yield f"## {title}"
            yield ""
            yield f"The group _{escape(group)}_."
            yield ""
        else:
            yield f"*{escape(name)}*"
            yield f"\t{escape(rest[0].upper() + rest[1:])}"


def escape(text):
    return re.sub(r"([\\_*<>])", r"\\\1", text)


def transcript(name):
    text = (Path(transcripts) / f"page-{name}.txt").read_text()
    return text.replace("\\", "\\\\").rstrip("\n").splitlines()


def part(name):
    path = Path(errors) if name == "errors" else Path(parts) / f"{name}.scd"
    return path.read_text().rstrip("\n").splitlines()


MAKERS = {"checks": checks, "columns": columns, "transcript": transcript}


def expand(line):
    match = re.match(r"@(\w+)(?: ([\w-]+))?@(.*)", line)
    if not match:
        return [line]
    kind, name, rest = match.groups()
    lines = list(MAKERS[kind](name) if name else part(kind))
    lines[-1] += rest
    return lines


for line in Path(page).read_text().splitlines():
    print("\n".join(expand(line)))
