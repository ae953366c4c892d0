#!/usr/bin/env python3
"""The record of what happened: shown, verified by two verifiers, tampered with, and given up by the policy."""
import contextlib
import csv
import importlib.util
import io
import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from host import ANN, BOB, CARVE, POLICY, ROOT, Host, same, tell, wait_until

OTHER = Path(sys.argv[1])  # a verifier that shares no code with carve
FORMULA = '=HYPERLINK("http://x";"y"), or not'


def verify(path, *words):
    done = subprocess.run([CARVE, "audit", "verify", "--file", path, *words], capture_output=True, text=True, check=False)
    other = subprocess.run([sys.executable, OTHER, path, *[w for w in words if w != "--head"]],
                           capture_output=True, text=True, check=False)
    same(f"what the other says: {other.stdout}{other.stderr}; carve: {done.stderr}", other.returncode == 0, done.returncode == 0)
    return done


def intact(path, *words):
    done = verify(path, *words)
    same(f"verify: {done.stderr}", done.returncode, 0)
    return done.stdout


def verifier_says(path):
    return subprocess.run([sys.executable, OTHER, path], capture_output=True, text=True, check=True).stdout


def a_day(host):
    """A lease that is given back, one that is revoked, a refusal."""
    first = host.lease("small", ANN, reason=FORMULA)
    host.release(first["id"])
    second = host.lease("half", BOB)
    same("revoked", host.carve("release", "--reason", "maintenance", second["id"], uid=ROOT).returncode, 0)
    host.until(second["id"], "ended")
    refused = host.api("POST", "/v1/leases", {"class": "small", "reason": "x", "time_s": 86400}, ANN)
    same("refused", refused[0], 403)


def shows_rows():
    """a row for each lease and each refusal, as table, csv and json"""
    with Host() as host:
        a_day(host)
        rows = host.carve_json("audit")["rows"]
        told = [[row[k] for k in ("kind", "user", "class", "decision", "rule", "profile", "reason", "ended_by")]
                for row in rows]
        same("rows", told, [
            ["lease", str(ANN), "small", "granted", "classes.small", "1g.10gb", FORMULA, str(ANN)],
            ["lease", str(BOB), "half", "granted", "classes.half", "3g.40gb", "a story", "root"],
            ["refusal", str(ANN), "small", "refused", "classes.small.max_time", None, None, None]])
        same("why", rows[1]["why"], "revoked: maintenance")
        done = host.carve("audit", "--format", "csv")
        cells = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
        same("csv", [cell["reason"] for cell in cells], ["'" + FORMULA, "a story", ""])
        same("what is not known is empty", cells[2]["granted_s"] + cells[2]["fields"], "")
        same("times", cells[0]["granted_s"], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(rows[0]["granted_s"])))
        same("of a class", len(host.carve_json("audit", "--class", "half")["rows"]), 1)
        same("of a user", len(host.carve_json("audit", "--user", ANN)["rows"]), 2)
        same("since", host.carve_json("audit", "--until", "1h")["rows"], [])
        same("a format that is none", host.carve("audit", "--format", "xls").returncode, 2)


def by_pages():
    """more rows than the daemon gives at once, in the order of time"""
    with Host() as host:
        host.stop()
        with contextlib.closing(sqlite3.connect(host.ledger)) as db, db:
            db.executemany("INSERT INTO lease(uid, user, team, class, state, requested_s, time_s, granted_s, ended_s,"
                           " pid_holds) VALUES(1, 'ann', 't', 'c', 'ended', ?, 1, ?, ?, 0)",
                           [(n, n, n) for n in range(1000, 6000, 2)])
            db.executemany("INSERT INTO event(time_s, kind, uid, user, class) VALUES(?, 'refused', 1, 'ann', 'c')",
                           [(n,) for n in range(1001, 6000, 4)])
        host.start()
        rows = host.carve_json("audit")["rows"]
        same("how many", len(rows), 2500 + 1250)
        asked = [row["requested_s"] for row in rows]
        same("in order", asked, sorted(asked))


def intact_and_not():
    """verify says intact, with the daemon running too; a change is named, and a kept head tells of a new file"""
    with Host() as host:
        a_day(host)
        head = host.carve("audit", "head").stdout.strip()
        same("the API's", head, "{event}:{hash}".format(**host.get("/v1/audit/head")))
        same("says from where", "intact from event 1 to " in intact(host.ledger), True)
        a_day(host)
        host.restart()
        same("says so", "1 kept head is in the chain" in intact(host.ledger, "--head", head), True)
        host.stop()
        last = host.log.read_text().split("audit head ")[-1].split()[0]
        same("the log has the last head", last in verifier_says(host.ledger), True)
        intact(host.ledger, "--head", head)
        copy = f"{host.dir}/copy.db"
        with contextlib.closing(sqlite3.connect(host.ledger)) as db:
            db.execute("VACUUM INTO ?", (copy,))
        with contextlib.closing(sqlite3.connect(copy)) as db, db:
            db.execute("DROP TRIGGER event_no_update")
            number, = db.execute("SELECT id FROM event WHERE kind = 'refused' LIMIT 1").fetchone()
            db.execute("UPDATE event SET user = 'somebody' WHERE id = ?", (number,))
        done = verify(copy)
        same("named", (done.returncode, f"event {number} does not fit" in done.stderr), (20, True))
        other = Host()
        with other:
            for _ in range(3):
                a_day(other)
            other.stop()
            done = verify(other.ledger, "--head", head)
            same("another file", (done.returncode, "whose head was kept" in done.stderr), (20, True))


def given_up():
    """what is older than the policy keeps it goes, and the rest is still verified"""
    with Host() as host:
        a_day(host)
        host.stop()
        with contextlib.closing(sqlite3.connect(host.ledger)) as db, db:  # all of it was long ago
            db.execute("DROP TRIGGER event_no_update")
            db.execute("DROP TRIGGER chain_no_delete")
            db.execute("UPDATE event SET time_s = time_s - 864000")
            db.execute("UPDATE lease SET requested_s = requested_s - 864000, granted_s = granted_s - 864000,"
                       " ended_s = ended_s - 864000")
            db.execute("DELETE FROM chain")
        done = verify(host.ledger)
        same("no hashes", done.returncode, 20)
        rehash(host.ledger)
        before = json.loads(subprocess.run([CARVE, "audit", "verify", "--json", "--file", host.ledger],
                                           capture_output=True, check=True).stdout)
        host.policy.write_text(POLICY + "retention: {events: 2d, leases: 5d}\n")
        host.start()
        wait_until(lambda: [e for e in host.events() if e["kind"] == "cut"], "it is cut")
        wait_until(lambda: host.events()[0]["id"] > before["last"], "and swept")
        wait_until(lambda: not host.get("/v1/leases?all=1")["leases"], "leases too")
        a_day(host)
        same("says so", f"events up to {before['last']} were given up" in intact(host.ledger), True)


def rehash(path):
    """As somebody does who knows how."""
    spec = importlib.util.spec_from_file_location("audit_verify", OTHER)
    verifier = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(verifier)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        before = "0" * 64
        for event, _ in list(verifier.events(db)):
            before = verifier.digest(before, event)
            db.execute("INSERT INTO chain(event, hash) VALUES(?, ?)", (event["id"], before))


def adds_up():
    """what was held is added up, weighed and priced; what was used is not known"""
    with Host(policy=POLICY + "price: {per_gpu_hour: 2, currency: EUR}\n") as host:
        half, small = host.lease("half", ANN), host.lease("small", BOB)
        host.stop()
        with contextlib.closing(sqlite3.connect(host.ledger)) as db, db:  # ten hours ago already
            db.execute("UPDATE lease SET granted_s = granted_s - 36000, ends_s = ends_s + 36000")
        host.start()
        answer = host.carve_json("usage", "--by", "user", "--since", "5h")
        rows = {row["key"]: row for row in answer["rows"]}
        for user, slices, part in ((ANN, 3, 1 / 2), (BOB, 1, 1 / 7)):
            row = rows[str(user)]
            same(f"hours of {user}", row["held_s"], 5 * 3600)
            same("slices", row["slice_s"], 5.0 * 3600 * slices)
            same("GPU", abs(row["gpu_s"] - 5 * 3600 * part) < 0.01, True)
            same("cost", abs(row["cost"] - 5 * 2 * part) < 0.0001, True)
            same("used", row["used_gpu_s"], None)
        same("total", answer["total"]["leases"], 2)
        same("a key that is none", host.carve("usage", "--by", "mood").returncode, 2)
        for lease, uid in ((half, ANN), (small, BOB)):
            host.release(lease["id"], uid)


tell(shows_rows, by_pages, intact_and_not, given_up, adds_up)
