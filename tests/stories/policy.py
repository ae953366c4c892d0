#!/usr/bin/env python3
"""Another policy while everything runs: loaded by who may, refused when it has a mistake."""
import signal
import subprocess

from host import ANN, BOB, CARVE, CEM, POLICY, ROOT, Host, finish, same, tell, wait_until

ADMIN_BOB = POLICY.replace('["0", root]', '["70002"]')
MISTAKE = POLICY.replace("profiles: 3g", "profils: 3g")
WITHOUT_HALF = "\n".join(line for line in POLICY.splitlines() if "half:" not in line) + "\n"
ONLY_BLUE = POLICY.replace("{profiles: 3g,", "{profiles: 3g, allow: {teams: blue},")


def reload(host, text, uid=ROOT):
    host.policy.write_text(text)
    return host.carve("policy", "reload", uid=uid)


def policy_of(host):
    return host.get("/v1/status")["policy"]


def classes(host):
    return [class_["name"] for class_ in host.get("/v1/classes")["classes"]]


def takes_a_good_one():
    """a good file is in force at once, by carve policy reload or SIGHUP"""
    with Host() as host:
        same("classes", classes(host), ["small", "half", "full"])
        done = reload(host, WITHOUT_HALF)
        same(f"reload: {done.stderr}", done.returncode, 0)
        same("classes", classes(host), ["small", "full"])
        host.policy.write_text(POLICY.replace("name: story", "name: second"))
        host.daemon.send_signal(signal.SIGHUP)
        wait_until(lambda: policy_of(host)["name"] == "second", "SIGHUP loads it")
        same("classes", classes(host), ["small", "half", "full"])
        same("events", [(e["by"], e["text"]) for e in host.events() if e["kind"] == "policy"][-2:],
             [("root", "story"), ("carved", "second")])


def refuses_a_bad_one():
    """a file with a mistake is refused with its place, and the former stays in force"""
    with Host() as host:
        lease = host.lease("half")
        done = reload(host, MISTAKE)
        same("exit status", done.returncode, 2)
        place = f"{host.policy}:6:10: "
        same("where the mistake is", place in done.stderr and "profiles" in done.stderr, True)
        same("status tells it", policy_of(host)["error"].startswith(place), True)
        host.policy.unlink()
        host.daemon.send_signal(signal.SIGHUP)
        wait_until(lambda: str(host.policy) in policy_of(host)["error"] and
                   place not in policy_of(host)["error"], "a missing file is told")
        same("classes", classes(host), ["small", "half", "full"])
        same("the lease", host.get(f"/v1/leases/{lease['id']}"), lease)
        same("events", [e["by"] for e in host.events() if e["kind"] == "policy-refused"], ["root", "carved"])
        same("a good one again", reload(host, POLICY).returncode, 0)
        same("no error is left", policy_of(host)["error"], None)


def only_admins():
    """only admins reload, and root always may"""
    with Host() as host:
        for uid, status in ((ANN, 8), (BOB, 8), (ROOT, 0), (BOB, 0), (ANN, 8), (ROOT, 0)):
            done = reload(host, ADMIN_BOB, uid)
            same(f"reload by {uid}: {done.stderr}", done.returncode, status)
        lease = host.lease("small", ANN)
        same("an admin revokes", host.carve("release", lease["id"], uid=BOB).returncode, 0)
        ended = host.until(lease["id"], "ended")
        same("why it ended", ended["why_ended"].startswith("revoked"), True)


def leaves_the_queue():
    """who waits for a class that is no more, or no more for him, is told; what runs goes on"""
    with Host("a30-24gb", POLICY.replace("3g", "4g")) as host:
        held = host.lease("half", BOB)
        for text in (WITHOUT_HALF, ONLY_BLUE.replace("3g", "4g")):
            waiting = host.run("true", class_="half", words=["--wait"])
            queued = host.one_lease("queued")["id"]
            same("reload", reload(host, text).returncode, 0)
            host.until(queued, "ended")
            status, err = finish(waiting)
            same(f"carve run: {err}", (status != 0, "half" in err), (True, True))
            same("the lease goes on", host.get(f"/v1/leases/{held['id']}")["state"], "active")
            reload(host, POLICY.replace("3g", "4g"))
        host.release(held["id"], BOB)
        host.check_agreement()


def quota_waits():
    """who waits because of a quota keeps his place"""
    quota = POLICY.replace('red: {users: ["70001"]}', 'red: {users: ["70001"], quota: {slices: 3}}')
    with Host("a100-sxm4-80gb", quota) as host:
        first, other = host.lease("half", ANN), host.lease("half", BOB)
        status, refused = host.api("POST", "/v1/leases", {"class": "half", "reason": "a story", "wait": True},
                                   ANN)
        same("over the quota", (status, refused["error"]["rule"]), (403, "teams.red.quota.slices"))
        host.release(first["id"])
        queued = host.api("POST", "/v1/leases", {"class": "full", "reason": "a story", "wait": True}, CEM)[1]
        same("waits", queued["state"], "queued")
        host.release(other["id"], BOB)
        host.until(queued["id"], "active")


def starts_with_a_mistake():
    """carved does not start on a policy with a mistake, or without one"""
    with Host() as host:
        host.stop()
        for text, status in ((MISTAKE, 2), (None, 3)):
            if text:
                host.policy.write_text(text)
            else:
                host.policy.unlink()
            host.daemon = host.launch()
            same(f"exit status with {text}", host.daemon.wait(20), status)
        checked = subprocess.run([CARVE, "policy", "check", str(host.policy)], capture_output=True, check=False)
        same("carve policy check of a missing one", checked.returncode, 3)


tell(takes_a_good_one, refuses_a_bad_one, only_admins, leaves_the_queue, quota_waits, starts_with_a_mistake)
