#!/usr/bin/env python3
"""Servers and GPUs that are reset: leases are made again at their place, or end with their process."""
from host import BOB, Host, finish, load, same, tell, wait_until

KEEPS_MIG, LOSES_MIG = "a100-sxm4-80gb", "h100-sxm5-80gb"


def place(lease):
    return {key: lease["instance"][key] for key in ("gpu_uuid", "profile", "start")}


def made_again(host, lease):
    """The lease once it has another instance at its old place."""
    new = wait_until(lambda: (new := host.get(f"/v1/leases/{lease['id']}"))["instance"]["uuid"]
                     in host.on_gpus().values() and new, f"lease {lease['id']} has its instance again")
    same("its place", place(new), place(lease))
    same("its state and end", (new["state"], new["ends_s"]), ("active", lease["ends_s"]))
    wait_until(lambda: host.kinds(lease["id"])[-1] == "restored", "its history tells it")
    same("the loss is told, too", "lost" in host.kinds(lease["id"]), True)


def gpu_reset():
    """a GPU reset under a running daemon: the lease without a process is made again at its place"""
    with Host(KEEPS_MIG) as host:
        first, lease = host.lease("small"), host.lease("half")
        run = host.run(*load(seconds=600), uid=BOB)
        held = host.one_lease("active", user=str(BOB))
        wait_until(lambda: host.sim_show()["gpus"][0]["processes"], "its process runs")
        host.sim("reset", "0", "--force")
        same("carve run", finish(run)[0] != 0, True)
        host.until(held["id"], "ended")
        for kept in (first, lease):
            made_again(host, kept)
        host.check_agreement()
        # That of carve run may have been made again before its end was seen; it is then kept warm.
        states = [at["state"] for gpu in host.get("/v1/gpus")["gpus"] for at in gpu["instances"]]
        same("instances", (states.count("leased"), set(states) <= {"leased", "free"}), (2, True))


def server_reset(host):
    """The server reboots; carved was stopped before."""
    host.sim("reboot", "--force")
    same("instances after the reboot", host.on_gpus(), {})
    host.start()


def reboot():
    """a reboot where MIG stays on: leases are made again, those of dead processes and the queue's end"""
    with Host(KEEPS_MIG) as host:
        lease = host.lease("half")
        run = host.run(*load(seconds=600), class_="half", uid=BOB)
        held = host.one_lease("active", user=str(BOB))
        waiting = host.run("true", class_="full", uid=BOB, words=["--wait"])
        queued = host.one_lease("queued")
        wait_until(lambda: host.sim_show()["gpus"][0]["processes"], "its process runs")
        host.stop()
        for child in (run, waiting):
            child.kill()
            child.wait()
        server_reset(host)
        made_again(host, lease)
        for ended in (held, queued):
            host.until(ended["id"], "ended")
        host.check_agreement()
        same("instances", len(host.on_gpus()), 1)
        same("the next one", host.lease("half", BOB)["instance"]["start"] != lease["instance"]["start"], True)


def restored_with_trouble():
    """an instance that cannot be made again at once is tried again; one that never can ends its lease"""
    with Host(KEEPS_MIG) as host:
        lease = host.lease("half")
        host.fault("nvmlGpuInstanceCreateComputeInstance", "--fail", "unknown")
        host.sim("reset", "0")
        made_again(host, lease)
        host.check_agreement()
        host.fault("nvmlDeviceCreateGpuInstanceWithPlacement", "--fail", "unknown", "--times", "0")
        host.sim("reset", "0")
        why = host.until(lease["id"], "ended")["why_ended"]
        same(f"why it ended: {why}", why.startswith("the instance could not be made: "), True)
        host.check_agreement()


def reboot_without_mig():
    """where MIG is off after a reboot, leases wait until somebody turns it on, and are given back meanwhile"""
    with Host(LOSES_MIG) as host:
        lease, other = host.lease("half"), host.lease("small")
        host.stop()
        server_reset(host)
        gpu = host.get("/v1/gpus")["gpus"][0]
        same("the GPU", (gpu["mig"], sorted(i["state"] for i in gpu["instances"])), ("off", ["creating"] * 2))
        same("their note", {i["note"] for i in gpu["instances"]}, {"waits for MIG mode on GPU 0"})
        same("status tells", host.get("/v1/status")["notes"], ["GPU 0: MIG is off, so it is not used"])
        same("the lease", host.get(f"/v1/leases/{lease['id']}")["state"], "active")
        same("another", host.api("POST", "/v1/leases", {"class": "small", "reason": "x"}, BOB)[0], 409)
        host.release(other["id"])
        host.sim("run", "--no-jail", "--", "nvidia-smi", "-i", "0", "-mig", "1")
        made_again(host, lease)
        host.check_agreement()
        same("instances", len(host.on_gpus()), 1)


def destroyed_behind_its_back():
    """compute instances that somebody destroys: that of a lease is made again, a free one is removed whole"""
    with Host(KEEPS_MIG) as host:
        lease, warm = host.lease("half"), host.lease("small", BOB)
        host.release(warm["id"], BOB)
        wait_until(lambda: any(i["state"] == "free" for i in host.get("/v1/gpus")["gpus"][0]["instances"]),
                   "one is kept warm")
        host.sim("run", "--no-jail", "--", "nvidia-smi", "mig", "-dci")
        made_again(host, lease)
        host.check_agreement()
        same("instances", len(host.on_gpus()), 1)
        same("strangers", [e for e in host.events() if e["kind"] == "stranger"], [])


tell(gpu_reset, restored_with_trouble, reboot, reboot_without_mig, destroyed_behind_its_back)
