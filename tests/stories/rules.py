#!/usr/bin/env python3
"""
Layouts under a policy: in windows, around those who are protected, after those in the way were told to leave,
and for a time.
"""
import time
from datetime import datetime, timedelta

from host import ANN, BOB, POLICY, ROOT, Host, same, tell, wait_until

COLD = POLICY.replace(", warm: 1", "")
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def far_window():
    """A day that is neither today nor tomorrow, wherever midnight is."""
    return DAYS[(datetime.now() + timedelta(days=3)).weekday()]


def layouts(host):
    return [row["layout"] for row in host.carve_json("layout", "show")["gpus"]]


def apply(host, *words):
    return host.carve("layout", "apply", *words, uid=ROOT)


def applied(host, *words):
    done = apply(host, *words)
    same(f"apply {words}: {done.stderr}", done.returncode, 0)
    return done.stdout


def changes(host):
    return host.carve_json("layout", "changes", uid=ROOT)["changes"]


def in_windows():
    """outside the windows a change is refused, waits for one, or is done with a reason"""
    with Host("a30-24gb", policy=COLD + f"changes: {{windows: [{{days: {far_window()}}}]}}\n") as host:
        refused = apply(host, "gpu0=2g")
        same("refused", (refused.returncode, "rule: changes.windows" in refused.stderr,
                         "--when-open" in refused.stderr), (5, True, True))
        same("not without a reason", apply(host, "gpu0=2g", "--now").returncode, 5)
        applied(host, "gpu0=2g", "--now", "--reason", "the fans")
        same("done", layouts(host), ["2g@0"])
        told = [(e["by"], e["rule"], "the fans" in e["text"]) for e in host.events() if e["kind"] == "overridden"]
        same("told", told, [("root", "changes.windows", True)])
        said = applied(host, "gpu0=4x1g", "--when-open")
        same("waits", "is waiting: the next window of changes.windows begins at " in said, True)
        host.restart()
        same("still", [(c["state"], c["wish"]) for c in changes(host)], [("waiting", "gpu0=4x1g")])
        same("cancel", host.carve("layout", "cancel", changes(host)[0]["id"], uid=ROOT).returncode, 0)
        host.check_agreement()


def around_the_protected():
    """who is protected stays in every plan, and the plan says why"""
    with Host("a100-sxm4-80gb", policy=COLD + "changes: {protect: {teams: red}}\n") as host:
        lease = host.lease("small", ANN)
        place = f"1g@{lease['instance']['start']}"
        for words in (["plan", "gpu0=7g"], ["apply", "gpu0=7g", "--drain"]):
            done = host.carve("layout", *words, uid=ROOT)
            same(f"{words}: {done.stderr}", (done.returncode, "protected by changes.protect" in done.stderr), (7, True))
        instance = host.get("/v1/gpus")["gpus"][0]["instances"][0]
        same("it is told", instance["protected"], True)
        applied(host, "gpu0=3g,1g", "--drain")
        same("beside it", place in layouts(host)[0] and "3g@" in layouts(host)[0], True)
        same("goes on", host.get(f"/v1/leases/{lease['id']}")["state"], "active")


def drained_first():
    """those in the way are told to leave, and the change is done when they have"""
    with Host("a30-24gb", policy=COLD + "changes: {deadline: 2s}\n") as host:
        lease = host.lease("small", BOB)
        same("in use", apply(host, "gpu0=4g").returncode, 7)
        applied(host, "gpu0=4g", "--drain", "--reason", "one big one")
        ended = host.until(lease["id"], "ended")
        same("why", "one big one" in ended["why_ended"], True)
        same("laid", layouts(host), ["4g@0"])
        same("told", [e["rule"] for e in host.events(f"?lease={lease['id']}") if e["kind"] == "drain-notice"],
             ["drained"])
        wait_until(lambda: not host.get("/v1/drains")["drains"], "nothing is drained any more")


def for_a_time():
    """what is laid for a time is followed by what was there, also after a restart; it can be longer, or for ever"""
    with Host("a30-24gb", policy=COLD) as host:
        applied(host, "gpu0=4x1g")
        before = layouts(host)
        applied(host, "gpu0=2g,2g", "--until", "2d", "--reason", "the course")
        back = wait_until(lambda: host.carve_json("layout", "show")["gpus"][0]["returns"], "it is to come back")
        same("which", back["layout"], before[0].replace("gpu0=", ""))
        same("when", abs(back["at_s"] - time.time() - 2 * 86400) < 60, True)
        host.restart()
        refused = apply(host, "gpu0=4g")
        same("not meanwhile", (refused.returncode, f"carve layout extend {back['change']}" in refused.stderr), (7, True))
        same("longer", host.carve("layout", "extend", back["change"], "3d", uid=ROOT).returncode, 0)
        same("only admins", host.carve("layout", "extend", back["change"], "now", uid=ANN).returncode, 8)
        same("now", host.carve("layout", "extend", back["change"], "now", uid=ROOT).returncode, 0)
        wait_until(lambda: layouts(host) == before, "the one before is back")
        wait_until(lambda: not changes(host), "all is done")
        applied(host, "gpu0=4g", "--until", "1h")
        wait_until(lambda: changes(host), "it is to come back")
        same("for ever", host.carve("layout", "cancel", changes(host)[0]["id"], uid=ROOT).returncode, 0)
        same("nothing comes back", host.carve_json("layout", "show")["gpus"][0]["returns"], None)
        same("in the past", apply(host, "gpu0=2g", "--until", "2020-01-01").returncode, 2)
        host.check_agreement()


tell(in_windows, around_the_protected, drained_first, for_a_time)
