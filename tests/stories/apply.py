#!/usr/bin/env python3
"""
Layouts that carved lays: applied, interrupted and gone on with, given back after a
reboot, undone when the driver fails; what others hold and what others made is left alone.
"""
from host import ANN, BOB, CARVE, ROOT, Host, load, same, tell, wait_until

COLD = """\
version: 1
name: story
admins: {users: ["0", root]}
classes:
  small: {profiles: 1g, time: 1h}
  half: {profiles: 3g, time: 1h}
teams:
  everyone: {share: 1}
"""
SO, CHANGED, BUSY, DENIED, IMPOSSIBLE, UNDONE = 21, 0, 7, 8, 17, 18


def layouts(host):
    return [row["layout"] for row in host.carve_json("layout", "show", uid=ROOT)["gpus"]]


def apply(host, *words, want=CHANGED):
    done = host.carve("layout", "apply", *words, uid=ROOT)
    same(f"apply {words}: {done.stdout}{done.stderr}", done.returncode, want)
    return done


def changes(host):
    return host.carve_json("layout", "changes", "--all", uid=ROOT)["changes"]


def exit_codes():
    """an apply says by its status what became of it, and keeps what it need not touch"""
    with Host("h100-sxm5-80gb,a100-sxm4-80gb", policy=COLD) as host:
        apply(host, "gpu0=3g@4,1g@0", "gpu1=2g@0")
        kept = host.on_gpus()
        apply(host, "gpu0=3g@4,1g@0", "gpu1=2g@0", want=SO)
        apply(host, "gpu0=3g,2g,1g", "gpu1=2g,3g")
        same("what was there is there", {k: u for k, u in host.on_gpus().items() if k in kept}, kept)
        apply(host, "gpu0=5x2g", want=IMPOSSIBLE)
        same("only admins", host.carve("layout", "apply", "gpu0=empty", uid=ANN).returncode, DENIED)
        before = host.on_gpus()
        host.fault("nvmlDeviceCreateGpuInstanceWithPlacement", "--fail", "unknown", "--gpu", "1",
                   "--times", "1", "--skip", "1")
        failed = apply(host, "gpu0=7g", "gpu1=1g@0,1g@1,1g@2", want=UNDONE)
        same("why", "nvmlDeviceCreateGpuInstanceWithPlacement" in failed.stderr, True)
        same("the places are as before", set(host.on_gpus()), set(before))
        same("the last is undone", changes(host)[-1]["state"], "undone")
        host.check_agreement()
        # A lease takes what lies there and leaves it there.
        there = host.on_gpus()
        host.release(host.lease("small", uid=ANN)["id"])
        same("it stays", host.on_gpus(), there)


def in_use():
    """who holds an instance is named, and waited for when asked to"""
    with Host("a100-sxm4-80gb", policy=COLD) as host:
        apply(host, "gpu0=3g@0,3g@4")
        run = host.run(*load(), class_="half", uid=BOB)
        lease = host.one_lease("active")
        wait_until(lambda: host.get("/v1/gpus")["gpus"][0]["instances"][0]["processes"] or
                   host.get("/v1/gpus")["gpus"][0]["instances"][1]["processes"], "its process is seen")
        refused = apply(host, "gpu0=7g", want=BUSY)
        same("named", f"lease {lease['id']} of " in refused.stderr and "pid " in refused.stderr, True)
        waiting = host.popen(CARVE, *("layout", "apply", "--wait", "gpu0=7g"), uid=ROOT)
        first = wait_until(lambda: [c for c in changes(host) if c["state"] == "waiting"], "it waits")[0]
        same("a second one is refused", "is under way" in apply(host, "gpu0=empty", want=BUSY).stderr, True)
        same("nothing is placed there", host.carve("lease", "half", "--reason", "x").returncode, 4)
        run.terminate()
        run.wait()
        same("the first", waiting.wait(30), CHANGED)
        same("it is so", layouts(host), ["7g@0"])
        same("its number", changes(host)[-1]["id"], first["id"])
        host.check_agreement()


def others():
    """what others made stays; an admin can take it over"""
    with Host("a100-sxm4-80gb", policy=COLD) as host:
        host.sim("run", "--no-jail", "--", "nvidia-smi", "mig", "-i", "0", "-cgi", "9:4", "-C")
        wait_until(lambda: layouts(host) == ["3g@4"], "it is seen")
        there = host.on_gpus()
        apply(host, "gpu0=7g", want=BUSY)
        apply(host, "gpu0=3g,2g")
        same("untouched", {k: u for k, u in host.on_gpus().items() if k in there}, there)
        apply(host, "gpu0=7g", want=BUSY)
        apply(host, "--adopt", "gpu0=7g")
        same("taken over first", "adopted" in [event["kind"] for event in host.events()], True)
        same("it is so", layouts(host), ["7g@0"])
        host.check_agreement()


def interrupted():
    """killed in the middle, the daemon goes on where it was; after a reboot the layout is back"""
    with Host("h100-sxm5-80gb,a100-sxm4-80gb", policy=COLD) as host:
        apply(host, "gpu0=7x1g", "gpu1=off")
        host.sim("latency", "0.5")
        going = host.popen(CARVE, *("layout", "apply", "gpu0=3g,2g,1g,1g", "gpu1=2g,2g,2g"), uid=ROOT)
        wait_until(lambda: any(step["state"] == "done" for step in
                               host.get("/v1/changes/2")["steps"]) if len(changes(host)) > 1 else False,
                   "it is on its way")
        host.kill()
        host.start()
        same("the one who asked hears of the end", going.wait(60), CHANGED)
        same("done", changes(host)[-1]["state"], "done")
        goal = layouts(host)
        same("its places", [sorted(row.split(",")) for row in goal],
             [sorted(gpu["goal"].split(",")) for gpu in host.get("/v1/changes/2")["gpus"]])
        host.sim("latency", "0")
        host.check_agreement()
        gis = {key: gi["gi"] for gpu in host.sim_show()["gpus"] for gi in gpu["instances"]
               for key in [(gpu["uuid"], gi["profile_id"], gi["start"])]}
        host.stop()
        host.sim("reboot", "--force")
        same("nothing is there", host.on_gpus(), {})
        host.start()
        wait_until(lambda: layouts(host) == goal, "the layout is there again")
        again = {key: gi["gi"] for gpu in host.sim_show()["gpus"] for gi in gpu["instances"]
                 for key in [(gpu["uuid"], gi["profile_id"], gi["start"])]}
        same("with the ids of before", again, gis)
        host.check_agreement()


def pending():
    """a MIG mode that waits for a reset is said so, and the change goes on when it is in force"""
    with Host("a100-sxm4-80gb", policy=COLD) as host:
        apply(host, "gpu0=off")
        host.sim("fault", "add", "busy", "0")
        refused = apply(host, "gpu0=2g,2g", want=BUSY)
        same("what would help", "nvidia-smi --gpu-reset -i 0" in refused.stderr, True)
        same("it waits", changes(host)[-1]["state"], "needs-reset")
        host.sim("fault", "clear")
        host.sim("reset", "0")
        wait_until(lambda: changes(host)[-1]["state"] == "done", "it is done after the reset")
        host.check_agreement()


def by_name():
    """layouts are kept by name, restored and forgotten"""
    with Host("a100-sxm4-80gb:2", policy=COLD) as host:
        apply(host, "gpu0=3g,3g", "gpu1=7x1g")
        night = layouts(host)
        same("save", host.carve("layout", "save", "night", uid=ROOT).returncode, 0)
        apply(host, "all=empty")
        same("restore", host.carve("layout", "restore", "night", uid=ROOT).returncode, CHANGED)
        same("it is as it was", layouts(host), night)
        same("again", host.carve("layout", "restore", "night", uid=ROOT).returncode, SO)
        same("forget", host.carve("layout", "forget", "night", uid=ROOT).returncode, 0)
        same("it is gone", host.carve("layout", "restore", "night", uid=ROOT).returncode, 3)


tell(exit_codes, in_use, others, interrupted, pending, by_name)
