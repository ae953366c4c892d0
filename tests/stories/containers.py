#!/usr/bin/env python3
"""
A lease in a container of podman: what carve describes is what the container
gets, and nothing else; attached, it loses that when the lease is over.
"""
import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from host import ANN, PATIENCE_S, ROOT, SIM, Skip, same, tell, wait_until
from isolation import GROUP, OPENER, YES, Opener, Server, need_groups

ABSENT = "ENOENT"
# Engines differ in what they can do on which layout: the first that runs a container counts.
LAYOUTS = {"v2": "umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup",
           "v1": "umount /sys/fs/cgroup/unified"}


class Engine:
    """podman with nothing but a folder of its own, in the view of a server."""

    def __init__(self, host):
        self.host, self.root = host, Path(host.dir, "root")
        for name in ("dev", "etc", "proc", "run", "sys", "tmp", "usr"):
            (self.root / name).mkdir(parents=True)
        for name in ("bin", "lib", "lib64", "sbin"):
            (self.root / name).symlink_to(f"usr/{name}")
        self.layout, why = None, "podman is not installed"
        for layout in LAYOUTS if shutil.which("podman") else ():
            self.layout = layout
            done = self.run("/bin/true")
            if done.returncode == 0:
                return
            why = done.stderr.strip().splitlines()[-1:]
        raise Skip(f"no container can be run here: {why}")

    def words(self, *command, device=None, options=()):
        inside = (f"mount -t proc proc /proc && {LAYOUTS[self.layout]} && mkdir -p /var/run/cdi "
                  f"{self.host.dir}/cdi && mount --bind {self.host.dir}/cdi /var/run/cdi && exec \"$@\"")
        return [SIM, "run", "--", "unshare", "-m", "sh", "-c", inside, "sh", "podman", "--root",
                f"{self.host.dir}/storage", "--runroot", f"{self.host.dir}/running", "--cgroup-manager",
                "cgroupfs", "run", "--rm", "-i", "--network", "none", "--pids-limit=-1", "--ulimit",
                "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "-v", "/usr:/usr:ro", *options,
                *(("--device", device) if device else ()), "--rootfs", str(self.root), *command]

    def run(self, *command, **kwargs):
        return subprocess.run(self.words(*command, **kwargs), env=self.host.env, text=True,
                              capture_output=True, timeout=3 * PATIENCE_S, check=False,
                              stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def server():
    with Server("auto", gpus="a100-sxm4-80gb:2") as host:
        host.at_end = remove_parents
        yield host, Engine(host)


def remove_parents():
    for path in Path("/sys/fs/cgroup").glob("*/libpod_parent"):
        for folder, _, _ in sorted(os.walk(path), reverse=True):
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def gets_the_lease():
    """podman run --device gives a container the lease's nodes and variables, and takes others away"""
    with server() as (host, engine):
        lease, other = host.lease(uid=ANN), host.lease(uid=ROOT)
        name = host.carve("cdi", lease["id"]).stdout.strip()
        same("its name", name, f"carve/lease=lease-{lease['id']}")
        same("another's", host.carve("cdi", other["id"]).returncode, 8)
        spec = json.loads(next(Path(host.dir, "cdi").iterdir()).read_text())
        same("what it describes", [node["path"] for node in
                                   spec["devices"][0]["containerEdits"]["deviceNodes"]],
             [*host.nodes(lease), "/dev/nvidiactl", "/dev/nvidia-uvm"])
        child = subprocess.Popen(engine.words("/usr/bin/python3", "-c", OPENER, device=name), env=host.env,
                                 text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        host.children.append(child)
        inside = Opener(child)
        same("the lease's", inside.tries(*host.nodes(lease)), [YES] * 3)
        same("others'", inside.tries(*host.nodes(other)[1:], "/dev/nvidia1"), [ABSENT] * 3)
        inside.end()
        script = "mknod /tmp/n c 195 1 || echo cannot; echo $CARVE_LEASE $CUDA_VISIBLE_DEVICES"
        same("nothing can be made", engine.run("/bin/sh", "-c", script, device=name).stdout.split(),
             ["cannot", str(lease["id"]), lease["instance"]["uuid"]])
        bare = engine.run("/bin/sh", "-c", "ls /dev | grep nvidia; echo ${CARVE_LEASE:-none}")
        same("a container without it", bare.stdout.split(), ["none"])
        host.release(lease["id"])
        wait_until(lambda: not list(Path(host.dir, "cdi").iterdir()), "the description is gone")
        same("afterwards", engine.run("/bin/true", device=name).returncode != 0, True)


def loses_it():
    """a container that was attached opens nothing once the lease is over, and goes on; a crash leaves no file"""
    with server() as (host, engine):
        done = host.carve("lease", "small", "--reason", "a story", "--cdi", "--json", uid=ROOT)
        lease = json.loads(done.stdout)
        need_groups(host, lease)
        child = subprocess.Popen(
            engine.words("/usr/bin/python3", "-c", OPENER, device=lease["isolation"]["cdi"],
                         options=("--pidfile", f"{host.dir}/pid")),
            env=host.env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        host.children.append(child)
        inside = Opener(child)
        nodes = host.nodes(lease)
        same("the lease's", inside.tries(*nodes), [YES] * 3)
        pid = Path(host.dir, "pid").read_text()
        done = host.carve("attach", lease["id"], pid, uid=ROOT)
        same(f"attached {done.stderr}", done.returncode, 0)
        same("the same", inside.tries(*nodes, "/dev/null"), [YES] * 3 + ["opened"])
        host.kill()
        host.start()
        same("released", host.carve("release", lease["id"], uid=ROOT).returncode, 0)
        same("nothing any more", inside.tries(*nodes, "/dev/null"), [GROUP] * 3 + ["opened"])
        wait_until(lambda: not list(Path(host.dir, "cdi").iterdir()), "the description is gone")
        inside.end()


if __name__ == "__main__":
    tell(gets_the_lease, loses_it)
