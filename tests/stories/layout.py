#!/usr/bin/env python3
"""
Layouts of a server that lives: what carve layout plans, the driver takes step by
step (by the world's own nvidia-smi, so that carve did not make it), and what it
exports, it asserts.
"""
from pathlib import Path

from host import BOB, Host, load, same, tell, wait_until

COLD = """\
version: 1
name: story
admins: {users: ["0", root]}
classes:
  small: {profiles: 1g, time: 1h}
teams:
  everyone: {share: 1}
"""


def layouts(host):
    return [row["layout"] for row in host.carve_json("layout", "show")["gpus"]]


def profile_id(host, gpu, name):
    board = host.get("/v1/gpus")["gpus"][gpu]["board"]
    rows = host.carve_json("profiles", board)["profiles"]
    return next(row["profile_id"] for row in rows if row["name"] == name)


def do(host, step):
    where = f"{profile_id(host, step['gpu'], step['profile'])}:{step['start']}"
    same("what is to do", step["do"], "create")
    host.sim("run", "--no-jail", "--", "nvidia-smi", "mig", "-i", str(step["gpu"]), "-cgi", where, "-C")


def follow(host, *wish):
    """Do what the plan says; then it is so."""
    plan = host.carve_json("layout", "plan", *wish)
    same("it is not so yet", host.carve("layout", "assert", *wish).returncode, 1)
    for step in plan["steps"]:
        do(host, step)
    goals = [gpu["goal"] for gpu in plan["gpus"]]
    wait_until(lambda: layouts(host) == goals, f"{goals} is seen, not {layouts(host)}")
    said = host.carve("layout", "assert", *wish)
    same(f"it is so: {said.stdout}{said.stderr}", said.returncode, 0)
    same("nothing is left to do", host.carve_json("layout", "plan", *wish)["steps"], [])
    return plan


def driver_takes_it():
    """the driver takes every step of a plan, and what was there stays"""
    with Host("a100-sxm4-80gb:2", policy=COLD) as host:
        follow(host, "gpu0=2g,1g", "gpu1=3g@0")
        there = host.on_gpus()
        plan = follow(host, "gpu0=3g,2g,1g", "gpu1=3g,3g")
        same("kept", [gpu["kept"] for gpu in plan["gpus"]], [2, 1])
        same("still there", {key: uuid for key, uuid in host.on_gpus().items() if key in there}, there)
        refused = host.carve("layout", "plan", "gpu1=7g")
        same("what others made stays", (refused.returncode, "not made by carve" in refused.stderr), (7, True))
        for form in "words", "yaml", "mig-parted":
            text = host.carve("layout", "export", "--format", form).stdout
            Path(host.dir, "exported").write_text(text)
            wish = text.split() if form == "words" else ["-f", f"{host.dir}/exported"]
            same(form, host.carve("layout", "assert", *wish).returncode, 0)


def names_the_holder():
    """a plan names the lease and the processes it waits for"""
    with Host("h100-sxm5-80gb", policy=COLD) as host:
        child = host.run(*load(), uid=BOB)
        lease = host.one_lease("active")  # before that the plan says that it is being made
        step = wait_until(lambda: next((step for step in host.carve_json("layout", "plan", "all=empty")["waits"]
                                        if step["pids"]), None), "its process is seen")
        same("who", (step["lease"], step["do"], step["time_s"]), (lease["id"], "destroy", 0.21))
        same("until when", step["ends_s"], lease["ends_s"])
        text = host.carve("layout", "plan", "all=empty").stdout
        same("in words", f"waits for lease {lease['id']} of " in text, True)
        child.terminate()
        child.wait()


tell(driver_takes_it, names_the_holder)
