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

notices = re.findall(r'^\tX\("([\w-]+)", "', (root / "src/policy/policy-notices.h").read_text(), re.M)
described = re.search(r"can be told: (.*?)\.", (root / "man/carve-notices.5.scd").read_text(), re.S)[1]

print("1..2")
for row in sorted(set(wanted) ^ set(told)):
    print("# only in one of them:", row)
good = len(kinds) > 10 and wanted == told
print("ok" if good else "not ok", "1 - carve-events(7) and event-kinds.h say the same")
fits = len(notices) > 10 and set(notices) <= {name for name, _ in kinds} \
    and re.findall(r"\*([\w-]+)\*", described) == notices
print("ok" if fits else "not ok", "2 - what carve-notices(5) and policy-notices.h tell of are events")
sys.exit(0 if good and fits else 1)
