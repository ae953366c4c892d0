#!/usr/bin/env python3
"""Every test that docs/security.md names exists and is told."""
import re
import sys
from pathlib import Path

root = Path(sys.argv[1])
stories = root / "tests/stories"
named = re.findall(r"\b(hostile|attacks|isolation): (`\w+`(?:, `\w+`)*)", (root / "docs/security.md").read_text())
missing = []
for story, names in named:
    told = re.search(r"^ *tell\((.*)\)", (stories / f"{story}.py").read_text(), re.S | re.M)[1]
    missing += [f"{story}: {name}" for name in re.findall(r"\w+", names) if not re.search(rf"\b{name}\b", told)]
print("1..1")
print("not ok" if missing or len(named) < 15 else "ok", "1 - every test it names is told")
for name in missing:
    print("#", name)
sys.exit(bool(missing) or len(named) < 15)
