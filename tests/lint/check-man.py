#!/usr/bin/env python3
"""Every manual page that was built passes mandoc's lint. TAP; 77 without mandoc."""
import shutil
import subprocess
import sys
from pathlib import Path

# scdoc writes these before every section and list; they change nothing on the page.
HARMLESS = "skipping paragraph macro"


def complaints(page):
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page],
                          capture_output=True, text=True, check=False)
    return [line for line in (lint.stdout + lint.stderr).splitlines() if HARMLESS not in line]


def main():
    pages = sorted(Path(sys.argv[1]).glob("*.[1-9]"))
    if not shutil.which("mandoc"):
        print("1..0 # SKIP mandoc is not installed")
        return 77
    print(f"1..{len(pages) + 1}")
    print("ok" if pages else "not ok", "1 - there are pages")
    failed = not pages
    for number, page in enumerate(pages, 2):
        found = complaints(page)
        failed |= bool(found)
        for line in found:
            print("#", line)
        print("not ok" if found else "ok", number, "-", page.name)
    return 1 if failed else 0


sys.exit(main())
