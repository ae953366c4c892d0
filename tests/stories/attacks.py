#!/usr/bin/env python3
"""
What a hostile local user tries: against files, sockets, other people's leases and
whoever reads the answers. Each attempt is refused with a clear error, and nothing is lost.
(What he may send over the socket is hostile.py.)
"""
import contextlib
import os
import signal
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path

from host import ANN, BOB, CARVE, CARVED, POLICY, ROOT, SIM, Host, Skip, same, tell, wait_until

ESCAPES = "\x1b]0;evil\x07\x1b[31m\x9b2J\u202e"
EVE = 70009


def as_user(uid, fn):
    """What a process of that user gets: "ok", or the name of its error."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            fn()
            word = b"ok"
        except OSError as error:
            word = error.__class__.__name__.encode()
        os.write(writer, word)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        word = file.read()
    os.waitpid(child, 0)
    return word


def bind_there(path):
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as line:
        line.bind(path)


def files_are_closed():
    """nobody else reads or changes the ledger, or takes the place of the socket"""
    with Host() as host:
        host.lease("small", ANN)
        tries = {
            "read the ledger": lambda: open(host.ledger, "rb"),
            "read its log": lambda: open(host.ledger + "-wal", "rb"),
            "lock the ledger": lambda: open(host.ledger + ".lock", "rb"),
            "remove the ledger": lambda: os.unlink(host.ledger),
            "remove the socket": lambda: os.unlink(host.socket),
            "move the socket": lambda: os.rename(host.socket, host.socket + ".x"),
            "listen in its place": lambda: bind_there(host.socket + ".new"),
            "change the policy": lambda: open(host.policy, "a"),
            "signal carved": lambda: os.kill(host.daemon.pid, signal.SIGHUP),
        }
        for what, fn in tries.items():
            same(what, as_user(BOB, fn), "PermissionError")
        same("the ledger's mode", stat.S_IMODE(os.stat(host.ledger).st_mode), 0o600)
        host.check_agreement()


def start_fails(host, *words):
    """What carved says when it does not start with these."""
    done = subprocess.run([SIM, "run", "--no-jail", "--", CARVED, "--policy", str(host.policy), *words],
                          env=host.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False)
    same(f"carved {words} starts", done.returncode == 0, False)
    return done.stderr


def links_lead_nowhere():
    """a link or a file put where ledger or socket will be is neither followed nor removed"""
    with Host() as host:
        host.stop()
        victim = Path(host.dir, "victim")
        victim.write_text("precious")
        link = Path(host.dir, "link")
        link.symlink_to(victim)
        fresh = f"{host.dir}/fresh.db"
        for what, words, why in (
                ("a link for the ledger", ("--ledger", str(link), "--socket", host.socket), "symbolic link"),
                ("a link for the socket", ("--ledger", fresh, "--socket", str(link)), "is there already"),
                ("a file for the socket", ("--ledger", fresh, "--socket", str(victim)), "is there already")):
            said = start_fails(host, *words)
            same(f"{what}: {said}", why in said, True)
            same(f"{what}: the file", victim.read_text(), "precious")
        host.start()


def policy_is_guarded():
    """a policy that anybody may write, or that is no file, does not come into force"""
    with Host() as host:
        folder = Path(host.dir)
        for mode, parent in ((0o666, 0o755), (0o644, 0o777)):
            host.policy.chmod(mode)
            folder.chmod(parent)
            done = host.carve("policy", "reload", uid=ROOT)
            same(f"reload, {mode:o} in {parent:o}: {done.stderr}",
                 (done.returncode != 0, "may be changed by anybody" in done.stderr,
                  "chmod o-w" in done.stderr), (True, True, True))
            host.policy.chmod(0o644)
            folder.chmod(0o755)
        host.policy.unlink()
        os.mkfifo(host.policy)
        done = host.carve("policy", "reload", uid=ROOT)
        same(f"reload of a pipe: {done.stderr}", "not a regular file" in done.stderr, True)
        host.policy.unlink()
        host.policy.mkdir()
        same("reload of a folder", host.carve("policy", "reload", uid=ROOT).returncode != 0, True)
        host.policy.rmdir()
        host.policy.write_text(POLICY)
        same("a good one", host.carve("policy", "reload", uid=ROOT).returncode, 0)
        host.lease("small", ANN)


def ledger_is_replaced():
    """a ledger that is moved or replaced under the daemon gets no promises; put back, all goes on"""
    with Host() as host:
        lease, aside = host.lease("small", ANN), host.ledger + ".aside"
        os.rename(host.ledger, aside)
        for what in ("moved", "replaced"):
            status, answer = host.api("POST", "/v1/leases", {"class": "small", "reason": "x"}, BOB)
            same(f"{what}: {answer}", (status >= 500, "replaced or removed" in answer["error"]["text"]),
                 (True, True))
            same(f"{what}: the lease", host.get(f"/v1/leases/{lease['id']}")["state"], "active")
            Path(host.ledger).write_bytes(b"")
        same("status tells", any("replaced" in note for note in host.get("/v1/status")["notes"]), True)
        os.rename(aside, host.ledger)
        wait_until(lambda: host.get("/v1/status")["ledger_writable"], "the ledger is written again")
        host.lease("small", BOB)
        host.restart()
        same("after a restart", host.get(f"/v1/leases/{lease['id']}")["state"], "active")
        host.check_agreement()


def asks_and_dies():
    """who asks in the name of his process and dies, before or after the answer, keeps nothing"""
    def ask(host, waits):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as line:
            line.connect(host.socket)
            body = b'{"class": "full", "reason": "hit and run", "hold": "caller"}'
            line.sendall(b"POST /v1/leases HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            if waits:
                line.recv(1)

    with Host() as host:
        for waits in (False, True, True, False, True):
            same("to ask", as_user(BOB, lambda: ask(host, waits)), "ok")
        same("some were heard", "requested" in {event["kind"] for event in host.events(f"?user={BOB}")}, True)
        wait_until(lambda: not host.get("/v1/leases")["leases"], "nothing of it is held")
        host.lease("full", ANN)
        host.check_agreement()


def queue_is_bounded():
    """one person fills his part of the queue, not the queue"""
    with Host("a30-24gb", POLICY + "queue: {max: 12, max_per_user: 5}\n") as host:
        host.lease("full", ANN)
        wish = {"class": "full", "reason": "a flood", "wait": True}
        said = [host.api("POST", "/v1/leases", wish, BOB) for _ in range(30)]
        same("how many wait", [status for status, _ in said].count(202), 5)
        same("why", {answer["error"]["rule"] for status, answer in said if status != 202},
             {"queue.max_per_user"})
        same("another one waits", host.api("POST", "/v1/leases", wish, ANN)[0], 202)


def vanishes():
    """the lease of a user who is no more goes on to its end; he gets nothing new, root may end it"""
    def names(host, *lines):
        for kind, real in (("passwd", f"root:x:0:0:::\n"), ("group", "root:x:0:\n")):
            Path(host.dir, kind).write_text(real + "".join(line for of, line in lines if of == kind))

    eve = (("passwd", f"eve:x:{EVE}:{EVE}::/:/bin/sh\n"), ("group", f"eves:x:{EVE}:\n"))
    policy = POLICY.replace('  everyone: {share: 1}\n', '  green: {groups: eves}\n')

    class Private(Host):
        """carved with names of its own; changes of the two files are seen by it alone."""

        def launch(self):
            names(self, *eve)
            binds = "".join(f"mount --bind {self.dir}/{kind} /etc/{kind} && " for kind in ("passwd", "group"))
            return subprocess.Popen(
                ["unshare", "-m", "sh", "-c", binds + 'exec "$@"', "sh", SIM, "run", "--no-jail", "--", CARVED,
                 "--policy", str(self.policy), "--ledger", self.ledger, "--socket", self.socket],
                env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log.open("a"))

    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        raise Skip("no mount namespaces here")
    with Private(policy=policy) as host:
        lease = host.lease("small", EVE)
        same("her name", lease["user"], "eve")
        names(host)
        same("a reload, which forgets names", host.carve("policy", "reload", uid=ROOT).returncode, 0)
        status, answer = host.api("POST", "/v1/leases", {"class": "small", "reason": "again"}, EVE)
        same(f"a new one: {answer}", (status, answer["error"]["code"]), (403, "refused"))
        same("the old one", host.get(f"/v1/leases/{lease['id']}")["state"], "active")
        same("of another", host.api("DELETE", f"/v1/leases/{lease['id']}", uid=BOB)[0], 403)
        host.release(lease["id"], ROOT)
        host.check_agreement()


def forks_a_storm():
    """hundreds of processes that ask, release and die at once leave no lease and no instance behind"""
    with Host() as host:
        script = ('for i in $(seq 60); do "$0" run --class small --reason storm -- true & done; '
                  'for i in $(seq 60); do "$0" run --class small --reason storm -- sleep 9 & p=$!; '
                  'kill -9 $p; done; wait')
        storm = host.popen("sh", "-c", script, CARVE, uid=BOB, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        same("others are answered", host.api("GET", "/v1/status", uid=ANN)[0], 200)
        storm.wait(timeout=100)
        wait_until(lambda: not host.get("/v1/leases")["leases"], "every lease is over")
        same("some were granted", "granted" in {event["kind"] for event in host.events(f"?user={BOB}")}, True)
        host.lease("small", ANN)
        host.check_agreement()


ANSWERS = [
    b"", b"\x00" * 300, b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b" " * 100000,
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100000,
]


def lies():
    """a socket that lies: carve says what is wrong, in bounded time, and shows nothing raw"""
    told = ('{"error": {"code": "refused", "text": "%s", "hint": "%s", "rule": null, "retry": false}}'
            % ((ESCAPES.replace("\x1b", "\\u001b").replace("\x07", "\\u0007").replace("\x9b", "\\u009b"),) * 2)
            ).encode()
    answers = [*ANSWERS, b"HTTP/1.1 403 No\r\nContent-Length: %d\r\n\r\n" % len(told) + told]
    with Host() as host:
        path = f"{host.dir}/liar.sock"
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as liar:
            liar.bind(path)
            liar.listen(9)
            os.chmod(path, 0o777)
            for answer in answers:
                def tell_a_lie(answer=answer):
                    line, _ = liar.accept()
                    with line, contextlib.suppress(OSError):
                        line.recv(65536)
                        line.sendall(answer)

                thread = threading.Thread(target=tell_a_lie)
                thread.start()
                host.env["CARVE_SOCKET"] = path
                begin = time.monotonic()
                done = host.carve("leases")
                host.env["CARVE_SOCKET"] = host.socket
                thread.join()
                shown = done.stdout + done.stderr
                same(f"{answer[:60]!r}: {shown[:200]!r}", done.returncode not in (0, -11, -6), True)
                same("characters", [c for c in shown if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160], [])
                assert time.monotonic() - begin < 30


tell(files_are_closed, links_lead_nowhere, policy_is_guarded, ledger_is_replaced, asks_and_dies,
     queue_is_bounded, vanishes, forks_a_storm, lies)
