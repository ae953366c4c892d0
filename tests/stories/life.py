#!/usr/bin/env python3
"""The life of leases: granted, used, renewed, queued, given back, and ended by whatever ends a process."""
import os
import pty
import re
import signal
import time

from host import ANN, BOB, CARVE, CEM, Host, end, finish, load, same, tell, wait_until

ONE_GPU = "a100-sxm4-80gb"


def instance_of(host, lease):
    """As carve gpus --json shows it, or None."""
    found = [i for gpu in host.carve_json("gpus")["gpus"] for i in gpu["instances"]
             if i["lease"] == lease]
    return found[0] if found else None


def waits_for_processes(host, lease):
    """Its instance, once a process runs on it."""
    return wait_until(lambda: (i := instance_of(host, lease)) and i["processes"] and i,
                      f"a process on the instance of lease {lease}")


# ---- run ----

def passes_on():
    """run passes on the command's end and its output, and the lease remembers it"""
    with Host() as host:
        done = host.carve("run", "--class", "small", "--reason", "a story", "--", "sh", "-c",
                          "echo $CUDA_VISIBLE_DEVICES $CARVE_CLASS; exit 7")
        same("exit status", done.returncode, 7)
        uuid, class_ = done.stdout.split()
        same("its class", class_, "small")
        lease = host.one_lease("ended")
        same("what the lease remembers", (lease["exit_status"], lease["user"], lease["instance"]["uuid"]),
             (7, str(ANN), uuid))
        same("its events", host.kinds(lease["id"]), ["requested", "created", "granted", "released", "ended"])
        done = host.carve("run", "--class", "small", "--reason", "a story", "--", "sh", "-c", "kill -9 $$")
        same("a command that was killed", done.returncode, -9)
        done = host.carve("run", "--class", "small", "--reason", "a story", "--", "/nonexistent")
        same("a command that is not there", done.returncode, 127)
        host.check_agreement()


def keeps_warm():
    """an instance of a class with warm: 1 is kept and given to the next; others are removed"""
    with Host() as host:
        first = host.lease("small")
        second = host.lease("small", BOB)
        host.release(first["id"])
        host.release(second["id"], BOB)
        host.check_agreement()
        same("instances kept", list(host.on_gpus().values()), [first["instance"]["uuid"]])
        third = host.lease("small", BOB)
        same("the next one's", third["instance"]["uuid"], first["instance"]["uuid"])
        same("its events", host.kinds(third["id"]), ["requested", "granted"])
        host.release(host.lease("half")["id"])
        host.check_agreement()
        same("instances", len(host.on_gpus()), 1)


def shows_memory():
    """memory of a process, its name and its user are shown; more than the instance has is refused"""
    with Host() as host:
        run = host.run(*load("2GiB"))
        lease = host.one_lease("active")
        done = host.carve("run", "--class", "small", "--reason", "a story", "--", *load("50GiB"), uid=BOB)
        same("exit status of a process that wants too much", done.returncode, 20)
        same("the reason is told", "out of memory: asked 50 GiB" in done.stderr, True)
        same("the lease's", host.one_lease("ended", user=str(BOB))["exit_status"], 20)
        seen = waits_for_processes(host, lease["id"])
        same("memory used", seen["memory_used_bytes"] >= 2 << 30, True)
        process = seen["processes"][0]
        same("the process", (process["name"], process["user"], process["memory_bytes"]),
             ("carve-sim", str(ANN), 2 << 30))
        same("what show tells", [p["pid"] for p in host.sim_show()["gpus"][0]["processes"]],
             [process["pid"]])
        same("carve run, told to end", end(run)[0], -signal.SIGTERM)
        host.until(lease["id"], "ended")


# ---- time ----

def ends_in_time():
    """a lease ends in time, and one that was renewed when that time is over"""
    with Host() as host:
        short, long = host.lease(), host.lease()
        host.as_if_later({short["id"]: 4, long["id"]: 4})
        done = host.carve("renew", long["id"], "--time", "1h")
        same(f"renewal: {done.stderr}", done.returncode, 0)
        same("why it ended", host.until(short["id"], "ended")["why_ended"], "its time is over")
        renewed = host.get(f"/v1/leases/{long['id']}")
        same("the renewed one", renewed["state"], "active")
        same("its time", 3590 < renewed["ends_s"] - time.time() < 3601, True)
        same("renewal beyond the most",
             host.api("POST", f"/v1/leases/{long['id']}/renew", {"time_s": 86400}, ANN)[0], 403)
        same("renewal of an ended one", host.carve("renew", short["id"], "--time", "1h").returncode, 6)
        same("release", host.carve("release", long["id"]).returncode, 0)
        host.until(long["id"], "ended")
        same("release of an ended one", host.carve("release", long["id"]).returncode, 6)
        host.check_agreement()


# ---- the queue ----

def serves_the_queue():
    """who waits is told his place and is served when another ends; without --wait it is refused"""
    with Host(ONE_GPU) as host:
        held = host.lease("full")
        refused = host.carve("lease", "full", "--reason", "a story", uid=BOB)
        same("without --wait", refused.returncode, 4)
        same("what would help is told", f"lease {held['id']} of {ANN}" in refused.stderr, True)
        run = host.run("true", class_="full", uid=BOB, words=["--wait"])
        queued = host.one_lease("queued")
        same("its place", (queued["position"], queued["user"]), (1, str(BOB)))
        same("its estimate", queued["estimate_s"], held["ends_s"])
        host.release(held["id"])
        status, err = finish(run)
        same(f"the one who waited: {err}", status, 0)
        same("its events", host.kinds(queued["id"])[:4], ["requested", "queued", "created", "granted"])
        host.check_agreement()


def takes_turns():
    """teams that wait take turns, each in its own order"""
    with Host() as host:
        held = [host.lease("full", CEM) for _ in range(2)]
        red, red_too, blue = (host.api("POST", "/v1/leases", {"class": "full", "reason": "a story",
                                                              "wait": True}, uid)[1]["id"]
                              for uid in (ANN, ANN, BOB))
        queue = host.get("/v1/status")["queue"]
        same("the queue", [(lease["position"], lease["id"]) for lease in queue],
             [(1, red), (2, blue), (3, red_too)])
        host.release(held[0]["id"], CEM)
        host.until(red, "active")
        host.release(held[1]["id"], CEM)
        host.until(blue, "active")
        host.release(red)
        host.until(red_too, "active")
        host.check_agreement()


def leaves_the_queue():
    """Ctrl-C and a death leave the queue"""
    with Host(ONE_GPU) as host:
        host.lease("full", BOB)
        for number, why in ((signal.SIGINT, "left the queue"),
                            (signal.SIGKILL, "nobody waits for it any more")):
            run = host.run("true", class_="full", words=["--wait"])
            lease = host.one_lease("queued")
            same("end", end(run, number)[0], -number)
            same(f"after signal {number}", host.until(lease["id"], "ended")["why_ended"], why)
        same("the queue", host.get("/v1/status")["queue"], [])


# ---- ends ----

def dies_with_its_holder():
    """carve run killed by SIGKILL ends its lease and its command"""
    with Host() as host:
        run = host.run(*load())
        lease = host.one_lease("active")
        process = waits_for_processes(host, lease["id"])["processes"][0]["pid"]
        end(run, signal.SIGKILL)
        ended = host.until(lease["id"], "ended")
        same("why", ended["why_ended"], f"process {run.pid} ended")
        wait_until(lambda: not os.path.exists(f"/proc/{process}"), "the command is gone")
        host.check_agreement()


def dies_with_its_terminal():
    """a terminal that is closed ends the lease of what ran on it"""
    with Host() as host:
        master, terminal = pty.openpty()
        words = [CARVE, "run", "--class", "small", "--reason", "a story", "--", *load()]
        run = host.popen("setsid", "--ctty", *words, stdin=terminal, stdout=terminal, stderr=terminal)
        os.close(terminal)
        lease = host.one_lease("active")
        waits_for_processes(host, lease["id"])
        os.close(master)
        host.until(lease["id"], "ended")
        run.wait(20)


def outlived():
    """a grandchild that stays keeps the lease ending, is named, and its end is the lease's"""
    with Host() as host:
        words = " ".join(load("1GiB", 600))
        run = host.run("sh", "-c", f"setsid {words} & echo $!; read never", stdin=-1)
        lease = host.one_lease("active")["id"]
        pid = waits_for_processes(host, lease)["processes"][0]["pid"]
        run.stdin.close()
        same("the command's end", run.wait(20), 1)  # the grandchild keeps the other pipes open
        host.until(lease, "ending")
        note = wait_until(lambda: instance_of(host, lease)["note"], "the instance says why")
        same("who is named", re.findall(r"pid (\d+) \((\S+) of (\d+)\)", note),
             [(str(pid), "carve-sim", str(ANN))])
        time.sleep(1.2)
        same("the process was left alone", os.path.exists(f"/proc/{pid}"), True)
        same("still", host.get(f"/v1/leases/{lease}")["state"], "ending")
        refused = host.carve("run", "--class", "full", "--reason", "a story", "--", "true", uid=BOB)
        same(f"the other GPU is free: {refused.stderr}", refused.returncode, 0)
        os.kill(pid, signal.SIGTERM)
        host.until(lease, "ended")
        host.check_agreement()


def stops():
    """carved stops when it is told, and what it promised is there when it comes back"""
    with Host(ONE_GPU) as host:
        lease = host.lease()
        host.api("POST", "/v1/leases", {"class": "full", "reason": "a story", "wait": True}, BOB)
        same("exit status", host.stop(), 0)
        same("its socket is gone", os.path.exists(host.socket), False)
        same("without it", host.carve("gpus").returncode, 9)
        host.start()
        # Device nodes are looked at anew.
        same("the lease", host.get(f"/v1/leases/{lease['id']}") | {"isolation": None}, lease | {"isolation": None})
        same("the queue", len(host.get("/v1/status")["queue"]), 1)


tell(passes_on, keeps_warm, shows_memory, ends_in_time, serves_the_queue, takes_turns,
     leaves_the_queue, dies_with_its_holder, dies_with_its_terminal, outlived, stops)
