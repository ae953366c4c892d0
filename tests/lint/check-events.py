#!/usr/bin/env python3
"""carve-events(7) explains exactly the kinds of src/reconcile/event-kinds.h, in the same words. TAP."""
import re
import sys
from pathlib import Path

root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
table = (root / "src/reconcile/event-kinds.h").read_text()
page = (root / "man/carve-events.7.scd").read_text()
kinds = re.findall(r'X\(\w+, "([\w-]+)",\s*"([^"]+)"\)', table)
told = re.findall(r"^\*([\w-]+)\*\n\t(.+)\.$", page, re.M)
wanted = [(name, meaning[0].upper() + meaning[1:]) for name, meaning in kinds]

print("1..1")
for row in sorted(set(wanted) ^ set(told)):
    print("# only in one of them:", row)
good = len(kinds) > 10 and wanted == told
print("ok" if good else "not ok", "1 - carve-events(7) and event-kinds.h say the same")
sys.exit(0 if good else 1)
