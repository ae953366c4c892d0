#!/usr/bin/env python3
"""A GPU is to be left: nobody new comes, who is there is told and goes, and it stays so until it is taken back."""
import signal
import time

from host import ANN, BOB, CEM, POLICY, ROOT, Host, load, same, tell, wait_until

PROTECTING = POLICY + 'changes: {protect: {classes: half}, deadline: 2h, notice: 10m}\n'


def drain(host, *words, uid=ROOT):
    return host.carve_json("drain", *words, uid=uid)


def drains(host):
    return host.get("/v1/drains")["drains"]


def gpu_of(lease):
    return lease["instance"]["gpu_index"]


def at_the_deadline():
    """holders are told, their leases end at the deadline, their processes are named and waited for"""
    with Host() as host:
        child = host.run(*load())
        ann = host.one_lease("active")
        bob = host.lease("half", BOB)
        same("both on GPU 0", (gpu_of(ann), gpu_of(bob)), (0, 0))
        tried = drain(host, "gpu0", "--deadline", "1h", "--dry-run")
        same("a dry run", (tried["id"], drains(host)), (None, []))
        said = drain(host, "gpu0", "--deadline", "1h", "--reason", "new fans")
        same("who is there", sorted(lease["id"] for lease in said["leases"]), sorted([ann["id"], bob["id"]]))
        wait_until(lambda: [p["pid"] for p in drains(host)[0]["processes"] or []], "the process is named")
        for lease in ann, bob:
            notices = [e for e in host.events(f"?lease={lease['id']}") if e["kind"] == "drain-notice"]
            same("told once", [(e["by"], "new fans" in e["text"], e["rule"]) for e in notices],
                 [("root", True, "drained")])
        same("nobody new", gpu_of(host.lease("small", CEM)), 1)
        renewed = host.carve("renew", bob["id"], "--time", "2h", uid=BOB)
        same("not beyond it", (renewed.returncode, "rule: drained" in renewed.stderr), (5, True))
        same("status tells it", any("GPU 0 is drained by root" in note
                                    for note in host.get("/v1/status")["notes"]), True)
        host.restart()
        same("over a restart", [d["reason"] for d in drains(host)], ["new fans"])
        drain(host, "0", "--deadline", "now", "--reason", "new fans")
        ended = host.until(bob["id"], "ended")
        same("why", ended["why_ended"], "drained: new fans")
        host.until(ann["id"], "ending")
        same("is not stopped", (child.poll(), len(host.on_gpus())), (None, 2))
        child.terminate()
        host.until(ann["id"], "ended")
        wait_until(lambda: drains(host)[0]["state"] == "drained", "nothing is there any more")
        states = [row["state"] for row in host.get("/v1/gpus")["gpus"]]
        same("the GPU is well", states, ["ok", "ok"])
        same("and shown", "drained" in host.carve("gpus").stdout, True)
        same("undrain", host.carve("undrain", "gpu0", uid=ROOT).returncode, 0)
        same("again used", gpu_of(host.lease("full", BOB)), 0)
        kinds = [e["kind"] for e in host.events() if e["kind"] in ("drain", "drained", "undrained")]
        same("events", kinds, ["drain", "drain", "drained", "undrained"])


def by_policy():
    """the policy gives the deadline, and keeps those it protects"""
    with Host("a100-sxm4-80gb", policy=PROTECTING) as host:
        ann, bob = host.lease("half", ANN), host.lease("small", BOB)
        said = drain(host, f"lease{ann['id']}")
        same("deadline", 7100 < said["deadline_s"] - time.time() <= 7200, True)
        same("protected", said["leases"][0]["protected"], True)
        drain(host, "gpu0", "--deadline", "now")
        host.until(bob["id"], "ended")
        same("goes on", host.get(f"/v1/leases/{ann['id']}")["state"], "active")
        same("still", [d["state"] for d in drains(host)], ["draining", "draining"])
        waiting = host.run("true", uid=CEM, words=["--wait"])
        queued = host.one_lease("queued")
        host.release(ann["id"])
        wait_until(lambda: {d["state"] for d in drains(host)} == {"drained"}, "both are drained")
        same("waits", (host.get(f"/v1/leases/{queued['id']}")["state"], host.on_gpus()), ("queued", {}))
        place = ann["instance"]["start"]
        same("one by its place", host.carve("undrain", f"0/{place}", uid=ROOT).returncode, 0)
        same("one by its GPU", host.carve("undrain", "0", uid=ROOT).returncode, 0)
        same("served", waiting.wait(20), 0)
        host.check_agreement()


def only_admins():
    """only admins drain and undrain; what is not there is refused"""
    with Host("a100-sxm4-80gb") as host:
        for words, uid, status in ((["drain", "0"], ANN, 8), (["drain", "1"], ROOT, 3), (["drain", "0/1"], ROOT, 3),
                                   (["drain", "lease7"], ROOT, 3), (["drain"], ANN, 0), (["undrain", "0"], ANN, 3),
                                   (["drain", "0"], ROOT, 0), (["undrain", "0"], ANN, 8), (["undrain", "0"], ROOT, 0)):
            done = host.carve(*words, uid=uid)
            same(f"{words} by {uid}: {done.stderr}", done.returncode, status)
        for body in ({}, {"gpu": "0", "lease": 1}, {"gpu": "0", "profile": "1g"}, {"lease": 1, "start": 0},
                     {"gpu": "0", "deadline_s": 5, "no_deadline": True}, {"gpu": 0}, {"gpu": "0", "start": 256}):
            same(f"{body}", host.api("POST", "/v1/drains", body)[0], 400)
        host.daemon.send_signal(signal.SIGHUP)
        same("nothing came of it", drains(host), [])


tell(at_the_deadline, by_policy, only_admins)
