#!/usr/bin/env python3
"""gen-boards.py takes the house's table and refuses each broken copy of it, naming the row. TAP."""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

generator, boards_json = sys.argv[1:3]
GOOD = Path(boards_json).read_text(encoding="ascii")


def board(data):
    return next(b for b in data["boards"] if b["id"] == "h100-sxm5-80gb")


def profile(data):
    return next(p for p in board(data)["profiles"] if p["name"] == "3g.40gb")


def put(find, key, value):
    def change(data):
        find(data)[key] = value
    return change


def drop(find, key):
    def change(data):
        del find(data)[key]
    return change


def first_ci(data):
    return profile(data)["cis"][0]


def engines(data):
    return profile(data)["engines"]


def copy_board(data):
    data["boards"].append(json.loads(json.dumps(board(data))))


P = "h100-sxm5-80gb 3g.40gb"
SUGGESTED = {"memory_mib": None, "sm": 60, "basis": "a guess"}
# story, change to the good table, words the message must have
BROKEN = [
    ("an unknown key of a board", put(board, "colour", "red"), ["h100-sxm5-80gb:", "'colour'"]),
    ("an unknown key of a profile", put(profile, "smm", 1), [P, "'smm'"]),
    ("an unknown key at the top", put(lambda d: d, "x", 1), ["'x'"]),
    ("a missing key", drop(profile, "starts"), [P, "'starts' is missing"]),
    ("a missing name", drop(profile, "name"), ["h100-sxm5-80gb ?", "'name'"]),
    ("another schema", put(lambda d: d, "schema", "carve-boards/2"), ["'schema'"]),
    ("text for a number", put(profile, "sm", "60"), [P, "'sm'"]),
    ("true for a number", put(profile, "compute_slices", True), [P, "'compute_slices'"]),
    ("a fraction", put(profile, "size", 4.0), [P, "'size'"]),
    ("null where unknown is not allowed", put(profile, "id", None), [P, "'id'"]),
    ("zero for unknown", put(profile, "memory_mib", 0), [P, "'memory_mib'"]),
    ("an id beyond a byte", put(profile, "id", 256), [P, "'id'"]),
    ("a negative start", put(profile, "starts", [-1, 4]), [P, "'starts'"]),
    ("a start beyond the GPU", put(profile, "starts", [0, 5]), [P, "beyond 8"]),
    ("overlapping windows", put(profile, "starts", [0, 3]), [P, "overlaps"]),
    ("starts out of order", put(profile, "starts", [4, 0]), [P, "order"]),
    ("a start twice", put(profile, "starts", [0, 0]), [P, "repetition"]),
    ("more instances than windows", put(profile, "max_instances", 3), [P, "'max_instances'"]),
    ("memory slices that are not the size", put(profile, "memory_slices", 3), [P, "share"]),
    ("an id of another profile", put(profile, "id", 14), [P, "2g.20gb"]),
    ("a constant of another shape", put(profile, "constant", 1), [P, "constant 1"]),
    ("a flag without its constant", put(profile, "flags", ["me"]), [P, "flag"]),
    ("an unknown flag", put(profile, "flags", ["turbo"]), [P, "'flags'"]),
    ("a name of another shape", put(profile, "name", "4g.40gb"), ["h100-sxm5-80gb 4g.40gb"]),
    ("a name that says more", put(profile, "name", "3g.40gb+me"), ["3g.40gb+me", "name"]),
    ("an unknown confidence", put(profile, "confidence", "sure"), [P, "'confidence'"]),
    ("a source that nobody knows", put(profile, "source", "hearsay"), [P, "hearsay"]),
    ("a figure that is also suggested", put(profile, "suggested", SUGGESTED), [P, "suggested"]),
    ("an unknown engine", put(engines, "coffee", 1), [P, "'coffee'"]),
    ("an engine short", drop(engines, "ofa"), [P, "'ofa'"]),
    ("no compute instance", put(profile, "cis", []), [P, "'cis'"]),
    ("a compute instance too wide", put(first_ci, "starts", [0, 1, 2, 3]), [P, "1c", "beyond 3"]),
    ("a compute instance id twice", put(first_ci, "id", 2), [P, "'id' 2"]),
    ("a compute constant of another size", put(first_ci, "constant", 3), [P, "1c", "constant 3"]),
    ("a board twice", copy_board, ["h100-sxm5-80gb:", "also"]),
    ("a PCI id on two boards", put(board, "pci_device_ids", ["0x20b0"]), ["'pci_device_ids'"]),
    ("a PCI id as a number", put(board, "pci_device_ids", [0x2330]), ["'pci_device_ids'"]),
    ("a name that ends its C string", put(board, "product", 'NVIDIA "X'), ["'product'"]),
    ("a source that ends its C string", put(profile, "source", 'UG-start \\'), [P, "'source'"]),
    ("a figure of a board without source", drop(lambda d: board(d)["sources"], "sm"), ["'sm'"]),
    ("no boards", put(lambda d: d, "boards", []), ["'boards'"]),
]
TEXTS = [
    ("an empty file", "", []),
    ("a list", "[]", ["object"]),
    ("half a file", GOOD[: len(GOOD) // 2], []),
    ("a key twice", GOOD.replace('"product":', '"id":', 1), ["twice", "id"]),
    ("not a number", GOOD.replace('"memory_mib": 24576', '"memory_mib": NaN'), ["NaN"]),
    ("a letter beyond ASCII", GOOD.replace("Ampere", "Amp\u00e8re", 1), []),
    ("deeper than any table", "[" * 100000, []),
]


def generate(text):
    """Exit status, message, table (None when there is none)."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "boards.json"), Path(folder, "table.c")
        source.write_text(text, encoding="utf-8")
        run = subprocess.run([sys.executable, generator, source, target], capture_output=True,
                             text=True, check=False)
        return run.returncode, run.stderr, target.read_text() if target.exists() else None


def refuses(text, words):
    status, message, table = generate(text)
    good = status == 1 and table is None and message.count("\n") == 1
    if good and all(word in message for word in words):
        return True
    print(f"# status {status}, table {table is not None}, wanted {words}, got: {message!r}")
    return False


def changed(change):
    data = json.loads(GOOD)
    change(data)
    return json.dumps(data)


def main():
    results = []

    def ok(passed, story):
        results.append(passed)
        print("ok" if passed else "not ok", len(results), "-", story)

    print(f"1..{1 + len(BROKEN) + len(TEXTS)}")
    first, second = generate(GOOD), generate(json.dumps(json.loads(GOOD)))
    ok(first[0] == 0 and first == second, "the table is the same whatever the layout of the file")
    for story, change, words in BROKEN:
        ok(refuses(changed(change), words), "refused: " + story)
    for story, text, words in TEXTS:
        ok(refuses(text, words), "refused: " + story)
    return 0 if all(results) else 1


sys.exit(main())
