#!/usr/bin/env python3
"""Verifies a ledger's chain of events as carve-audit(1) describes it: audit-verify.py LEDGER [NUMBER:HASH...]"""
import hashlib
import sqlite3
import sys


def events(db):
    cursor = db.execute("SELECT e.*, c.hash FROM event e LEFT JOIN chain c ON c.event = e.id ORDER BY e.id")
    names = [column[0] for column in cursor.description[:-1]]
    for *values, stored in cursor:
        yield dict(zip(names, values)), stored


def digest(before, event):
    lines = "".join(f"{name}={len(str(value).encode())}:{value}\n"
                    for name, value in sorted(event.items()) if value is not None)
    return hashlib.sha256(f"{before}\n{lines}".encode()).hexdigest()


def verify(db, kept):
    number, before, told = db.execute("SELECT upto, hash, event FROM cut ORDER BY upto DESC LIMIT 1").fetchone() \
        or (0, "0" * 64, None)
    cut = f"events up to {number} are given up; the chain goes on from {before}"
    for event, stored in events(db):
        if event["id"] <= number and (told is None or event["id"] < told):
            continue  # given up, and not yet removed
        if event["id"] != number + 1:
            return f"event {number + 1} is missing"
        number, before = event["id"], digest(before, event)
        if stored != before:
            return f"event {number} does not fit"
        if number == told and (event["kind"], event["text"]) != ("cut", cut):
            return f"event {number} does not tell of the cut"
        if kept.pop(number, before) != before:
            return f"event {number} is not the one whose head was kept"
    return f"event {min(kept)}, whose head was kept, is not there" if kept else f"intact up to {number}:{before}"


def main():
    path, *heads = sys.argv[1:]
    kept = {int(head.partition(":")[0]): head.partition(":")[2] for head in heads}
    said = verify(sqlite3.connect(f"file:{path}?mode=ro", uri=True), kept)
    print(said)
    return not said.startswith("intact")


if __name__ == "__main__":
    sys.exit(main())
