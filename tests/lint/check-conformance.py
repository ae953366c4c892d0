#!/usr/bin/env python3
"""The table in docs/simulator.md names only what a test has, and why it does not hold. TAP."""
import re
import sys
from pathlib import Path

root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
page = (root / "docs/simulator.md").read_text()
table = re.search(r"<!-- conformance: begin -->\n(.*)<!-- conformance: end -->", page, re.S)[1]
tests = " ".join(path.read_text() for folder in ("clients", "peers")
                for path in sorted((root / "tests" / folder).glob("*.py")))
tests = " ".join(tests.split())
rows = [re.split(r"(?<!\\)\|", text)[1:-1] for text in table.splitlines()[2:]]
unknown = [cells for cells in ([cell.strip().replace("\\|", "|") for cell in row] for row in rows)
           if len(cells) != 5 or cells[0] not in tests or cells[2] not in tests
           or cells[3] not in ("holds", "does not hold", "not tried")
           or (cells[3] == "does not hold" and not cells[4])]

print("1..2")
print("ok" if len(rows) > 10 else "not ok", "1 - there is a table")
for cells in unknown:
    print("# no test has it, or it lacks a reason:", cells)
print("not ok" if unknown else "ok", "2 - each row is of a test, and has a reason if it does not hold")
sys.exit(len(rows) <= 10 or bool(unknown))
