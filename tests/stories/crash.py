#!/usr/bin/env python3
"""carved killed in the middle of its work and started again: nothing is lost, disturbed or left over."""
import os
import random
import signal
import threading
import time

from host import ANN, BOB, CEM, Host, end, finish, load, same, tell, wait_until

CREATES = "nvmlDeviceCreateGpuInstanceWithPlacement", "nvmlGpuInstanceCreateComputeInstance"
DESTROYS = "nvmlComputeInstanceDestroy", "nvmlGpuInstanceDestroy"
WHEN = (), ("--after",)  # the call has done its work, or not


class Neighbour:
    """A command that runs all the while, and must not notice."""

    def __init__(self, host):
        self.host = host
        self.run = host.run(*load(seconds=600), uid=CEM)
        self.lease = host.looked_at(host.one_lease("active", user=str(CEM))["id"])
        self.pids = wait_until(self.processes, "the neighbour runs")

    def processes(self):
        return [p["pid"] for gpu in self.host.sim_show()["gpus"] for p in gpu["processes"]]

    def check(self):
        same("the neighbour's command", self.run.poll(), None)
        same("the neighbour's processes", self.processes(), self.pids)
        same("the neighbour's lease", self.host.looked_at(self.lease["id"]), self.lease)

    def leave(self):
        end(self.run)
        self.host.until(self.lease["id"], "ended")


def check_report(status, err):
    """Of carve run true: it was served, or it says that carved was not there to answer."""
    assert status in (0, 9), f"exit {status}: {err}"
    assert status == 0 or "carved" in err, f"exit {status} says: {err}"


def dies(host):
    """Wait for the end that a fault has in store for carved."""
    same("end of carved", host.daemon.wait(20), -signal.SIGKILL)


def killed_creating():
    """killed in a create: after the restart the one who asked is served, unless he heard of it"""
    with Host() as host:
        neighbour = Neighbour(host)
        for call in CREATES:
            for when in WHEN:
                host.fault(call, "--kill", *when)
                run = host.run("true", class_="half")
                dies(host)
                same("without carved the neighbour runs", neighbour.run.poll(), None)
                host.start()
                check_report(*finish(run))
                neighbour.check()
                host.check_agreement()
                same("instances left", len(host.on_gpus()), 1)
        neighbour.leave()


def killed_destroying():
    """killed in a destroy: after the restart it is finished"""
    with Host() as host:
        neighbour = Neighbour(host)
        for call in DESTROYS:
            for when in WHEN:
                lease = host.lease("half")
                host.fault(call, "--kill", *when)
                host.api("DELETE", f"/v1/leases/{lease['id']}", uid=ANN)
                dies(host)
                host.start()
                host.until(lease["id"], "ended")
                host.check_agreement()
                neighbour.check()
                same(f"instances left after {call} {when}", len(host.on_gpus()), 1)
        neighbour.leave()


def holder_dies_meanwhile():
    """who ends while carved is down has ended for it when it is back"""
    with Host("a100-sxm4-80gb") as host:
        run = host.run(*load())
        lease = host.one_lease("active")["id"]
        waiting = host.run("true", class_="full", uid=BOB, words=["--wait"])
        queued = host.one_lease("queued")["id"]
        host.kill()
        end(run, signal.SIGKILL)
        end(waiting, signal.SIGKILL)
        host.start()
        host.until(lease, "ended")
        same("the one who waited", host.until(queued, "ended")["why_ended"], "nobody waits for it any more")
        host.check_agreement()


# ---- at any moment ----

class Worker(threading.Thread):
    """Asks and gives back, again and again; what it was told is its report."""

    def __init__(self, host, number):
        super().__init__()
        self.host, self.uid, self.class_ = host, (ANN, BOB)[number % 2], ("small", "half", "small")[number % 3]
        self.enough, self.report = threading.Event(), []

    def run(self):
        while not self.enough.is_set():
            done = self.host.carve("run", "--quiet", "--class", self.class_, "--reason", "a story", "--wait",
                                   "--", "sleep", "0.05", uid=self.uid)
            self.report.append((done.returncode, done.stderr))


def check_reports(workers):
    reports = [report for worker in workers for report in worker.report]
    served = sum(status == 0 for status, _ in reports)
    for report in reports:
        check_report(*report)
    print(f"# {served} of {len(reports)} commands were served")
    assert served > len(workers)


def killed_at_any_moment():
    """killed at random times while six clients work: they succeed or hear that carved is away"""
    seed = int(os.environ.get("STORY_SEED", time.time_ns() % 100000))
    print(f"# STORY_SEED={seed}")
    lot = random.Random(seed)
    with Host(sim=("--linger", "100")) as host:
        neighbour = Neighbour(host)
        workers = [Worker(host, number) for number in range(6)]
        for worker in workers:
            worker.start()
        try:
            for _ in range(10):
                time.sleep(lot.uniform(0.02, 0.6))
                host.restart()
        finally:
            for worker in workers:
                worker.enough.set()
            for worker in workers:
                worker.join()
        neighbour.check()
        check_reports(workers)
        host.check_agreement()
        same("leases left", [lease["id"] for lease in host.get("/v1/leases")["leases"]],
             [neighbour.lease["id"]])
        same("instances left", len(host.on_gpus()) <= 2, True)  # the neighbour's and a warm one
        neighbour.leave()


tell(killed_creating, killed_destroying, holder_dies_meanwhile, killed_at_any_moment)
