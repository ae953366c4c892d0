#!/usr/bin/env python3
"""Holds every #include of src/ against tests/lint/layers. TAP."""
import re
import sys
from pathlib import Path

root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()


def read_layers(path):
    layers = {}
    for line in path.read_text().splitlines():
        line = line.split("#")[0].strip()
        if line:
            name, _, allowed = line.partition(":")
            layers[name.strip()] = set(allowed.split()) | {name.strip()}
    return layers


def violations(layers):
    for path in sorted((root / "src").rglob("*.[ch]")):
        folder = path.relative_to(root / "src").parts[0]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([^"/]+)/[^"]+"', line)
            if folder not in layers:
                yield f"{path}: folder '{folder}' is not in tests/lint/layers"
                break
            if match and match[1] not in layers[folder]:
                yield f"{path}:{number}: {folder} may not include {match[1]}"
            if re.match(r'\s*#\s*include\s+"(\.\./|[^"/]+")', line):
                yield f'{path}:{number}: write the folder: #include "folder/file.h"'
            if "backend-nvml.c" in line and "#" in line:
                yield f"{path}:{number}: nobody includes backend-nvml.c"


def main():
    found = list(violations(read_layers(root / "tests/lint/layers")))
    print("1..1")
    for line in found:
        print("#", line)
    print("not ok" if found else "ok", "1 - includes follow tests/lint/layers")
    return 1 if found else 0


sys.exit(main())
