#!/usr/bin/env python3
"""What stands on a request, who approves it, and what comes with a lease: by the commands people type."""
import time
from pathlib import Path

from host import ANN, BOB, CEM, POLICY, ROOT, Host, same, tell, wait_until

GRANTS = POLICY.replace('admins: {users: ["0", root]}', """\
approvers: {users: ["70002"]}
fields: {project: {required: yes, pattern: 'P-##'}, ticket: {}}""").replace(
    "full: {profiles: full, time: 1h}", "full: {profiles: full, time: 1h, approval: required}").replace(
    "small: {", "small: {bundle: {cpus: 1.5, memory: 2GiB}, ")


def fields_are_asked_for():
    """a field that is required, wrong or unknown is refused with its rule; a right one is shown with the lease"""
    with Host(policy=GRANTS) as host:
        for words, status, said in (
                ((), 5, "fields.project.required"), (("--project", "P-1"), 5, "fields.project.pattern"),
                (("--project", "P-12", "--field", "team=x"), 2, "no field 'team'"),
                (("--field", "project"), 2, "NAME=VALUE"), (("--project", "P-12", "--field", "project=P-13"), 2, "twice"),
                (("--project", "P-12", "--field", "ticket=" + "x" * 65), 15, "longer than 64")):
            done = host.carve("lease", "small", "--reason", "a story", *words)
            same(f"{words}: {done.stderr}", (done.returncode, said in done.stderr), (status, True))
        lease = host.carve_json("lease", "small", "--reason", "a story", "--project", "P-12", "--field", "ticket=a b")
        same("fields", lease["fields"], {"project": "P-12", "ticket": "a b"})
        same("bundle", lease["bundle"], {"cpus": 1.5, "memory_bytes": 2 << 30, "enforced": False, "note": None})
        shown = host.carve("leases", "--columns", "fields,cpus,host_memory", "--no-heading").stdout
        same("carve leases", shown.split(), "ticket=a b project=P-12 1.5 2 GiB".split())
        ran = host.carve("run", "--class", "small", "--reason", "a story", "--project", "P-77", "--",
                         "sh", "-c", "echo $CARVE_CPUS $CARVE_MEMORY")
        same(f"environment {ran.stderr}", ran.stdout.split(), ["1.5", str(2 << 30)])


def somebody_approves():
    """a request waits until an approver answers it, whoever asked is told, and nobody answers his own"""
    with Host(policy=GRANTS) as host:
        asked = host.carve("lease", "full", "--reason", "a story", "--project", "P-01")
        same(f"without --wait {asked.stderr}", asked.returncode, 4)
        same("only comments", {line[0] for line in asked.stdout.splitlines()}, {"#"})
        one = host.carve_json("leases", "--waiting-approval")["leases"]
        same("waiting", [(row["id"], row["state"], row["rule"]) for row in one],
             [(1, "requested", "classes.full.approval")])
        for uid, status in ((ANN, 8), (CEM, 8), (BOB, 0), (BOB, 6)):
            done = host.carve("approve", 1, "--reason", "agreed", uid=uid)
            same(f"approved by {uid}: {done.stderr}", done.returncode, status)
        lease = host.until(1, "active")
        same("who and why", (lease["approval"]["by"], lease["approval"]["reason"]), (str(BOB), "agreed"))
        own = host.api("POST", "/v1/leases", {"class": "full", "reason": "x", "fields": {"project": "P-02"}}, BOB)[1]
        done = host.carve("approve", own["id"], "--reason", "mine", uid=BOB)
        same(f"his own: {done.stderr}", done.returncode, 8)
        waiting = host.run("true", class_="full", words=["--wait", "--project", "P-03"])
        request = wait_until(lambda: host.leases("requested", user=str(ANN)), "a request")[0]
        same("denied", host.carve("deny", request["id"], "--reason", "too much", uid=ROOT).returncode, 0)
        same("told", "denied by root: too much" in waiting.communicate(timeout=20)[1], True)
        same("exit status", waiting.returncode, 6)
        same("events", host.kinds(request["id"]), ["requested", "approval-needed", "denied", "ended"])
        host.restart()
        same("after a crash", host.get(f"/v1/leases/{own['id']}")["state"], "requested")


def several_go_together():
    """several instances of a class are refused unless it allows them; several GPUs are whole ones, all or none"""
    whole = POLICY.replace("full: {profiles: full, time: 1h}", "full: {profiles: full, time: 1h, per_job: 2}")
    with Host(policy=whole) as host:
        done = host.carve("lease", "small", "--count", 2, "--reason", "a story")
        same(f"two small {done.stderr}", (done.returncode, "exchange data" in done.stderr, "rule: classes.small.per_job"
                                         in done.stderr), (5, True, True))
        same("three GPUs", host.carve("lease", "--gpus", 3, "--reason", "a story").returncode, 5)
        one = host.lease("full", BOB)
        done = host.carve("lease", "--gpus", 2, "--reason", "a story")
        same(f"one is not free {done.stderr}", (done.returncode, "1 is free now" in done.stderr), (4, True))
        same("none was granted", len(host.leases("active")), 1)
        host.release(one["id"], BOB)
        wait_until(host.at_rest, "its instance is gone")
        done = host.carve("lease", "--gpus", 2, "--reason", "a story")
        same(f"both {done.stderr}", done.returncode, 0)
        devices = done.stdout.split("CUDA_VISIBLE_DEVICES=")[1].split("\n")[0].split(",")
        held = host.leases("active")
        same("devices", sorted(devices), sorted(lease["instance"]["uuid"] for lease in held))
        same("together", [lease["together"] for lease in held], [held[0]["id"]] * 2)
        same("not both ways", host.api("POST", "/v1/leases", {"class": "full", "gpus": 2})[0], 400)


def places_are_kept():
    """an admin keeps places for a team: others are told what fits, members get them, and it can be taken back"""
    with Host("a100-sxm4-80gb") as host:
        soon = time.localtime(time.time() + 3600)
        begins = time.strftime("%Y-%m-%d %H:%M", soon)
        ends = time.strftime("%Y-%m-%d %H:%M", time.localtime(time.mktime(soon) + 7200))
        words = ("full", "--team", "red", "--instances", 1, "--from", begins, "--to", ends, "--reason", "a course")
        same("not an admin", host.carve("reserve", *words).returncode, 8)
        same("no such team", host.carve("reserve", "full", "--team", "rde", *words[3:], uid=ROOT).returncode, 3)
        done = host.carve("reserve", *words, uid=ROOT)
        same(f"made {done.stderr}", (done.returncode, done.stdout), (0, "reservation 1 is made\n"))
        shown = host.carve_json("reservations")["reservations"]
        same("shown", [(r["id"], r["team"], r["missing"], r["rule"]) for r in shown], [(1, "red", 0, "reservation.1")])
        done = host.carve("lease", "half", "--time", "2h", "--reason", "a story", uid=BOB)
        same(f"runs into it {done.stderr}", (done.returncode, "fits" in done.stderr, "reservation.1" in done.stderr),
             (4, True, True))
        host.lease("half", BOB, time_s=1800)
        host.restart()
        same("after a crash", len(host.get("/v1/reservations")["reservations"]), 1)
        own = host.api("POST", "/v1/leases", {"class": "full", "reason": "x", "time_s": 7200, "wait": True}, ANN)[1]
        same("a member waits for the other's end", own["state"], "queued")
        same("taken back", host.carve("unreserve", 1, uid=ROOT).returncode, 0)
        host.lease("half", BOB, time_s=7200)
        same("events", [e["kind"] for e in host.events() if "reserved" in e["kind"]], ["reserved", "unreserved"])


def another_policy_is_tried_first():
    """carve policy diff tells what a policy would touch, changes nothing, and loading it does just that"""
    with Host("a100-sxm4-80gb") as host:
        held = host.lease("half", ANN)
        waiting = host.api("POST", "/v1/leases", {"class": "full", "reason": "x", "wait": True}, BOB)[1]
        next_one = Path(host.dir, "next.yaml")
        next_one.write_text(POLICY.replace("  full: {profiles: full, time: 1h}\n", "").replace("half: {", "half: {allow: {teams: blue}, "))
        next_one.chmod(0o644)
        same("not an admin", host.carve("policy", "diff", next_one).returncode, 8)
        said = host.carve_json("policy", "diff", next_one, uid=ROOT)
        same("keys", {(c["key"], c["change"]) for c in said["changes"]}, {("classes.full", "removed"), ("classes.half", "changed")})
        same("effects", [(e["lease"], e["kind"], e["rule"]) for e in said["effects"]],
             [(held["id"], "no-access", "classes.half.allow"), (waiting["id"], "class-gone", "classes")])
        same("nothing has happened", host.get(f"/v1/leases/{waiting['id']}")["state"], "queued")
        done = host.carve("policy", "diff", host.policy, next_one, uid=ROOT)
        same(f"for people {done.stderr}", "lease 1 of 70001 (half): " in done.stdout, True)
        same("the same", "no lease and no request" in host.carve("policy", "diff", host.policy, uid=ROOT).stdout, True)
        next_one.write_text(POLICY.replace("profiles: 3g", "profils: 3g"))
        done = host.carve("policy", "diff", next_one, uid=ROOT)
        same(f"a mistake {done.stderr}", (done.returncode, f"{next_one}:6:10" in done.stderr), (2, True))
        host.policy.write_text(POLICY.replace("  full: {profiles: full, time: 1h}\n", ""))
        same("loaded", host.carve("policy", "reload", uid=ROOT).returncode, 0)
        same("left the queue", host.until(waiting["id"], "ended")["why_ended"], "there is no class 'full'")
        same("goes on", host.get(f"/v1/leases/{held['id']}")["state"], "active")


def shapes_are_noted():
    """carve status and carve policy check tell of shapes that strand slices, until a policy mends it"""
    stranding = POLICY.replace("  small: {profiles: 1g, time: 1h, max_time: 4h, warm: 1}\n", "")
    note = "a100-sxm4-80gb: beside a 3g.40gb at most 6 of the 7 compute slices are ever used: no class fits into the rest"
    with Host("a100-sxm4-80gb", stranding) as host:
        same("status", host.get("/v1/status")["notes"], [note])
        same("check", note in host.carve("policy", "check", host.policy, uid=ROOT).stdout, True)
        host.policy.write_text(POLICY)
        same("reload", host.carve("policy", "reload", uid=ROOT).returncode, 0)
        same("mended", host.get("/v1/status")["notes"], [])


tell(fields_are_asked_for, somebody_approves, several_go_together, places_are_kept, another_policy_is_tried_first, shapes_are_noted)
