#!/usr/bin/env python3
"""
An instance is its holder's alone: device nodes that open to him, and control
groups that keep what he runs to them. The nodes are real ones, made by
carve-sim with numbers that no driver has here: whoever may open one is told
ENXIO, whoever may not EACCES (the node's mode) or EPERM (the control group).
"""
import contextlib
import os
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from host import ANN, BOB, CARVE, CARVED, POLICY, ROOT, SIM, Host, Skip, same, tell, wait_until

YES, MODE, GROUP = "ENXIO", "EACCES", "EPERM"  # how open() answers

# Opens what it is told, line by line, for as long as it is asked.
OPENER = """
import errno, os, sys
for line in sys.stdin:
    path = line.strip()
    try:
        os.close(os.open(path, os.O_RDONLY if "caps" in path else os.O_RDWR))
        print("opened", flush=True)
    except OSError as why:
        print(errno.errorcode[why.errno], flush=True)
"""

# What is mounted where the daemon looks for control groups.
LAYOUTS = {
    "v2": "mount -t cgroup2 none /sys/fs/cgroup",
    "v1": "mount -t tmpfs none /sys/fs/cgroup && mkdir /sys/fs/cgroup/devices && "
          "mount -t cgroup -o devices none /sys/fs/cgroup/devices",
    "hybrid": "mount -t tmpfs none /sys/fs/cgroup && cd /sys/fs/cgroup && mkdir devices unified && "
              "mount -t cgroup -o devices none devices && mount -t cgroup2 none unified && cd /",
}


def remove_group(name):
    """Where the daemon saw it mounted is not where we see it."""
    for top in Path("/sys/fs/cgroup").glob("*"), [Path("/sys/fs/cgroup")]:
        for folder in top:
            with contextlib.suppress(OSError):
                (folder / name).rmdir()


class Server(Host):
    """A host whose people see the world's /dev and /proc."""

    def __init__(self, isolation="acl", layout=None, policy=POLICY, root=None, **kwargs):
        self.layout, self.root = layout, root
        super().__init__(policy=policy + f"isolation: {isolation}\n", **kwargs)

    def __enter__(self):
        self.need_nodes()
        return super().__enter__()

    def need_nodes(self):
        kind = self.inside("stat", "-c", "%t", "/dev/nvidia0").strip()
        if kind != "c3":
            self.__exit__(Skip, None, None)
            raise Skip("no device nodes can be made here")

    def inside(self, *words):
        return self.sim("run", "--", *words, check=False)

    def launch(self):
        words = [SIM, "run", "--"]
        if self.layout:
            words += ["unshare", "-m", "sh", "-c", "umount -R /sys/fs/cgroup && "
                      f"{LAYOUTS[self.layout]} && exec \"$@\"", "sh"]
        return subprocess.Popen(
            [*words, CARVED, "--policy", str(self.policy), "--ledger", self.ledger, "--socket",
             self.socket, "--cdi", f"{self.dir}/cdi",
             *(("--root", f"{self.dir}/{self.root}") if self.root else ())], env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=self.log.open("a"))

    def popen(self, *words, uid=ANN, **kwargs):
        """In the view of root, as somebody else."""
        if uid != ROOT:
            words = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *words]
        return super().popen(SIM, "run", "--", *words, uid=ROOT, **kwargs)

    def __exit__(self, *why):
        places = self.places() if os.path.exists(self.ledger) else []
        try:
            super().__exit__(*why)
        finally:
            for name in map(os.path.basename, places):
                remove_group(name)

    def rows(self, query):
        with contextlib.closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as db:
            return db.execute(query).fetchall()

    def places(self):
        return [path for (path,) in self.rows("SELECT path FROM place WHERE kind = 'cgroup'")]

    def nodes(self, lease):
        """The three nodes of a lease that is held."""
        at = lease["instance"]
        caps = [3 + 135 * at["gpu_index"] + 9 * at["gi"], None]
        caps[1] = caps[0] + 1 + at["ci"]
        return [f"/dev/nvidia{at['gpu_index']}", *(f"/dev/nvidia-caps/nvidia-cap{c}" for c in caps)]

    def modes(self, *paths):
        return self.inside("stat", "-c", "%a", *paths).split()

    def opener(self, uid=ANN):
        return Opener(self.popen(sys.executable, "-c", OPENER, uid=uid, stdin=subprocess.PIPE))

    def tries(self, paths, uid):
        opener = self.opener(uid)
        try:
            return opener.tries(*paths)
        finally:
            opener.end()


class Opener:
    def __init__(self, process):
        self.process = process

    def tries(self, *paths):
        answers = []
        for path in paths:
            self.process.stdin.write(f"{path}\n")
            self.process.stdin.flush()
            answers.append(self.process.stdout.readline().strip())
        return answers

    def end(self):
        self.process.stdin.close()
        self.process.wait(20)


def only_the_holder():
    """nodes open to the holder; not to another, not to him when it is over; ours alone are touched"""
    with Server(gpus="a100-sxm4-80gb:2") as host:
        lease, other = host.lease(uid=ANN), host.lease(uid=BOB)
        nodes, others = host.nodes(lease), host.nodes(other)
        same("the holder", host.tries(nodes, ANN), [YES, YES, YES])
        same("another's nodes", host.tries(others, ANN)[1:], [MODE, MODE])
        same("another user", host.tries(nodes[1:], BOB), [MODE, MODE])
        same("one without a lease", host.tries(nodes + others, 70003), [MODE] * 6)
        same("what all share", host.tries(["/dev/nvidiactl", "/dev/nvidia-uvm"], 70003), [YES, YES])
        same("modes", host.modes("/dev/nvidia1", "/dev/nvidia-caps/nvidia-cap1",
                                 "/dev/nvidia-caps/nvidia-cap2", "/dev/nvidia-caps/nvidia-cap5"),
             ["600", "400", "444", "444"])
        same("what is told", host.get(f"/v1/leases/{lease['id']}")["isolation"],
             {"nodes": "closed", "why": None, "groups": None, "processes": None, "cdi": None})
        host.release(lease["id"])
        wait_until(lambda: "closed" in host.kinds(lease["id"]), "the nodes are closed")
        same("the same user without a lease", host.tries(nodes, ANN), [MODE, MODE, MODE])
        same("the other one goes on", host.tries(others, BOB), [YES, YES, YES])
        same("what happened", [kind for kind in host.kinds(lease["id"]) if kind in ("opened", "closed")],
             ["opened", "closed"])


def need_groups(host, lease):
    """Whether the kernel takes a program, or has the controller, is known when it was tried."""
    if host.get(f"/v1/leases/{lease['id']}")["isolation"]["groups"] is None:
        raise Skip("; ".join(host.get("/v1/status")["notes"]))


def kept_to_it(layout):
    with contextlib.ExitStack() as stack:
        host = enter(stack, layout)
        other, second = host.lease(uid=BOB), host.lease(uid=ANN)
        need_groups(host, other)
        run = host.run(sys.executable, "-c", OPENER, stdin=subprocess.PIPE)
        child = Opener(run)
        lease = wait_until(lambda: [lease for lease in host.leases("active", user=str(ANN))
                                    if lease["id"] != second["id"]], "the lease of the run")[0]
        same("the run began", child.tries("/dev/null"), ["opened"])
        nodes, others = host.nodes(lease), host.nodes(other)
        same("its own", child.tries(*nodes), [YES, YES, YES])
        same("all share these", child.tries("/dev/nvidiactl", "/dev/nvidia-uvm"), [YES, YES])
        same("others'", child.tries(others[1], "/dev/nvidia1"), [MODE, MODE])
        same("another lease of the same user", child.tries(*host.nodes(second)[1:]), [GROUP, GROUP])
        same("ordinary ones", child.tries("/dev/null", "/dev/zero", "/dev/ptmx"), ["opened"] * 3)
        same("how many live there", host.get(f"/v1/leases/{lease['id']}")["isolation"]["processes"] >= 2,
             True)
        root = host.run(sys.executable, "-c", OPENER, uid=ROOT, stdin=subprocess.PIPE)
        by_root = Opener(root)
        mine = host.nodes(host.one_lease("active", user="root"))
        same("root's own", by_root.tries(*mine), [YES, YES, YES])
        same("root, others'", by_root.tries(*nodes[1:], others[1], "/dev/nvidia1",
                                            "/dev/nvidia-caps/nvidia-cap1"), [GROUP] * 5)
        same("released", host.api("DELETE", f"/v1/leases/{host.one_lease('active', user='root')['id']}",
                                  uid=ROOT)[0], 200)
        same("still running, over", by_root.tries(*mine, "/dev/nvidiactl", "/dev/nvidia-uvm"), [GROUP] * 5)
        same("and the others go on", child.tries(*nodes), [YES, YES, YES])
        by_root.end()
        child.end()
        wait_until(lambda: not host.places(), "groups are removed")
        return host.events()


def enter(stack, layout, isolation="cgroup", **kwargs):
    try:
        return stack.enter_context(Server(isolation, layout, gpus="a100-sxm4-80gb:2", **kwargs))
    except AssertionError as why:
        if "carved ended" not in str(why):
            raise
        raise Skip(f"control groups cannot be mounted like that here: {str(why)[-120:]!r}") from why


def kept_by_v2():
    """cgroup v2: what a lease runs opens its own devices alone, also as root; none when it is over"""
    kept_to_it("v2")


def kept_by_v1():
    """the same with the devices controller of cgroup v1"""
    kept_to_it("v1")


def kept_by_hybrid():
    """the same with v2 beside v1"""
    kept_to_it("hybrid")


def attached():
    """a process that runs, and what it started, are put into the lease's group; others' are not"""
    with contextlib.ExitStack() as stack:
        host = enter(stack, "v2", "auto")
        lease, other = host.lease(uid=ANN), host.lease(uid=ROOT)
        need_groups(host, lease)
        script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {OPENER!r}])"
        server = host.popen(sys.executable, "-c", script, uid=ROOT, stdin=subprocess.PIPE)
        kernel = Opener(server)
        mine, others = host.nodes(lease), host.nodes(other)
        same("root before", kernel.tries(*mine, *others), [YES] * 6)
        pid = str(server.pid)  # carve-sim becomes what it runs
        same("not one's own", host.carve("attach", lease["id"], pid).returncode, 8)
        same("another's lease", host.carve("attach", other["id"], pid).returncode, 8)
        same("not there", host.carve("attach", lease["id"], "4194305").returncode, 6)
        same("a later process of that number", host.api(
            "POST", f"/v1/leases/{other['id']}/attach", {"pid": int(pid), "pid_start": 1})[0], 409)
        same("still free", kernel.tries(*mine), [YES] * 3)
        done = host.carve("attach", other["id"], pid, "--tree", uid=ROOT)
        same(f"attached: {done.stderr}", done.returncode, 0)
        same("its own", kernel.tries(*others), [YES] * 3)
        same("another's", kernel.tries(*mine[1:]), [GROUP] * 2)
        same("released", host.carve("release", other["id"], uid=ROOT).returncode, 0)
        same("after it", kernel.tries(*others), [GROUP] * 3)
        # In another lease it lives beside the first one's group, not below it.
        third = host.lease(uid=ROOT)
        same("attached again", host.carve("attach", third["id"], pid, "--tree", uid=ROOT).returncode, 0)
        same("its new ones", kernel.tries(*host.nodes(third)), [YES] * 3)
        kernel.end()
        same("stopped", host.stop(), 0)
        same("no group stays behind", host.places(), [])


def held_together():
    """a process attached to one of several leases that were granted in one has the devices of all"""
    several = POLICY.replace("full: {profiles: full, time: 1h}", "full: {profiles: full, time: 1h, per_job: 2}")
    with contextlib.ExitStack() as stack:
        host = enter(stack, "v2", "cgroup", policy=several)
        done = host.carve("lease", "--gpus", 2, "--reason", "a story", uid=ROOT)
        same(f"both {done.stderr}", done.returncode, 0)
        first, second = host.leases("active")
        need_groups(host, first)
        process = host.opener(ROOT)
        same("attached", host.carve("attach", first["id"], process.process.pid, uid=ROOT).returncode, 0)
        same("all of them", process.tries(*host.nodes(first), *host.nodes(second)), [YES] * 6)
        same("no others", process.tries("/dev/nvidia-caps/nvidia-cap1"), [GROUP])
        same("one is released", host.carve("release", second["id"], uid=ROOT).returncode, 0)
        wait_until(lambda: process.tries(*host.nodes(second)[1:]) == [GROUP] * 2, "its devices are gone")
        same("the other one's stay", process.tries(*host.nodes(first)), [YES] * 3)
        process.end()


def watches_only():
    """while another manager decides about MIG here, nodes are left as they are"""
    wants = "etc/systemd/system/multi-user.target.wants"

    def managed(host):
        (Path(host.dir, "root", wants)).mkdir(parents=True)
        Path(host.dir, "root", wants, "nvidia-mig-manager.service").symlink_to("/x")

    with Server(prepare=managed, root="root") as host:
        same("observing", host.get("/v1/status")["observing"] is not None, True)
        time.sleep(0.5)
        same("as they were", host.modes("/dev/nvidia0", "/dev/nvidia1"), ["666", "666"])
        Path(host.dir, "root", wants, "nvidia-mig-manager.service").unlink()
        same("reloaded", host.api("POST", "/v1/policy/reload")[0], 200)
        wait_until(lambda: host.modes("/dev/nvidia0", "/dev/nvidia1") == ["600", "600"], "they are closed")


def survives():
    """nodes made anew or changed by others, a crash, a reboot: closed again; "off" puts all back"""
    with Server() as host:
        lease = host.lease(uid=ANN)
        gpu, gi, ci = nodes = host.nodes(lease)
        host.inside("sh", "-c", f"chmod 0666 {gpu} {gi} && rm {ci} && mknod -m 0444 {ci} c "
                    f"$((0x$(stat -c %t {gi}))) {ci.rsplit('cap', 1)[1]}")
        same("open to all", host.tries(nodes, BOB), [YES] * 3)
        wait_until(lambda: host.tries(nodes, BOB) == [MODE] * 3, "it is put right")
        same("the holder", host.tries(nodes, ANN), [YES] * 3)
        host.kill()
        host.inside("chmod", "0666", *nodes)
        host.start()
        wait_until(lambda: host.tries(nodes, BOB) == [MODE] * 3, "closed after a crash")
        host.policy.write_text(POLICY + "isolation: off\n")
        same("reloaded", host.api("POST", "/v1/policy/reload")[0], 200)
        wait_until(lambda: host.modes(*nodes, "/dev/nvidia1") == ["666", "444", "444", "666"],
                   "all is as it was")
        wait_until(lambda: not host.rows("SELECT path FROM node"), "nothing is remembered any more")
        host.policy.write_text(POLICY)
        same("reloaded", host.api("POST", "/v1/policy/reload")[0], 200)
        wait_until(lambda: host.tries(nodes, BOB) == [MODE] * 3, "closed again")


def fails_closed():
    """a node that cannot be opened: told, tried again, then the lease ends; nothing stays open"""
    with Server() as host:
        host.inside("sh", "-c", "for i in $(seq 3 137); do rm /dev/nvidia-caps/nvidia-cap$i; "
                    "echo > /dev/nvidia-caps/nvidia-cap$i; done")
        status, lease = host.api("POST", "/v1/leases", {"class": "small", "reason": "a story"}, ANN)
        same("granting", (status, lease["state"]), (201, "granting"))
        ended = host.until(lease["id"], "ended")
        same("why", re.sub(r"\d+", "N", ended["why_ended"]), "its device nodes could not be opened: "
             "'/dev/nvidia-caps/nvidia-capN' is not a character device")
        same("told once", host.kinds(lease["id"]).count("open-failed"), 1)


def strangers_keep_theirs():
    """a GPU with an instance that carve did not make keeps its node open; the capabilities are closed"""
    with Server(gpus="a100-sxm4-80gb") as host:
        lease = host.lease(uid=ANN)
        gpu, gi, ci = host.nodes(lease)
        same("closed", host.tries([gpu], BOB), [MODE])
        host.sim("run", "--", "nvidia-smi", "mig", "-cgi", "9", "-C")
        wait_until(lambda: host.tries([gpu], BOB) == [YES], "the GPU is open to the stranger's users")
        same("the lease's own", host.tries([gi, ci], BOB), [MODE] * 2)
        same("the holder's", host.tries([gpu, gi, ci], ANN), [YES] * 3)


if __name__ == "__main__":
    tell(only_the_holder, kept_by_v2, kept_by_v1, kept_by_hybrid, attached, held_together,
         watches_only, survives, fails_closed,
         strangers_keep_theirs)
