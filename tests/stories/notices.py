#!/usr/bin/env python3
"""People are told: by mail, webhook and terminal, once they are, however it goes; and nothing waits for it."""
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import re
import sqlite3
import threading
import time
from pathlib import Path

from host import ANN, BOB, POLICY, SLOWER, Host, same, tell, wait_until

SECRET = b"not to be told"


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        self.server.released.wait(self.server.hang)
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def webhook(answers=(), hang=0):
    """An HTTP server: .got is what came."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.got, server.answers, server.hang, server.released = [], list(answers), hang, threading.Event()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()


def sendmail(host, script='cat > "$0.$$.tmp" && mv "$0.$$.tmp" "$0.$$.mail"'):
    """A mail server that keeps what it is given beside itself."""
    path = Path(host.dir, "sendmail")
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def mails(host):
    return [path.read_text() for path in sorted(Path(host.dir).glob("sendmail.*.mail"), key=lambda p: p.stat().st_mtime_ns)]


def policy(host, send, hook=None, more=""):
    port = hook.server_address[1] if hook else 1
    Path(host.dir, "key").write_bytes(SECRET + b"\n")
    return POLICY + f"""notices:
  send: [{send}]
  mail: {{command: {host.dir}/sendmail, domain: example.org, admins: root}}
  webhook: {{url: "http://127.0.0.1:{port}/x", secret_file: {host.dir}/key}}
{more}"""


def use(host, text):
    host.policy.write_text(text)
    status, answer = host.api("POST", "/v1/policy/reload")
    same(f"reload: {answer}", status, 200)


def counts(host, way):
    return host.get("/v1/status")["notices"][way]


def by_mail_and_webhook():
    """a grant and its end are told by mail and by a signed webhook, in the policy's words"""
    with webhook() as hook, Host() as host:
        sendmail(host)
        use(host, policy(host, "{on: [granted, revoked], by: [mail, webhook]}", hook,
                         "  templates: {granted: 'here is {class} for {user}, {{really}}: {lease}'}\n"))
        lease = host.lease("small", ANN, reason="=cmd; \"quoted\" üml")
        wait_until(lambda: mails(host) and hook.got, "both came")
        head, _, body = mails(host)[0].partition("\n\n")
        same("to", re.search(r"^To: (.*)$", head, re.M)[1], f"{ANN}@example.org")
        same("words", body.splitlines()[0], f"here is small for {ANN}, {{really}}: {lease['id']}")
        headers, bytes_ = hook.got[0]
        same("signature", headers["X-Carve-Signature"], "sha256=" + hmac.new(SECRET, bytes_, hashlib.sha256).hexdigest())
        said = json.loads(bytes_)
        same("JSON", [said[k] for k in ("kind", "user", "lease", "class")], ["granted", str(ANN), lease["id"], "small"])
        event = [e for e in host.events() if e["kind"] == "granted"][0]
        same("its event", said["event"], event["id"])
        same("revoked", host.carve("release", "--reason", "maintenance", lease["id"], uid=0).returncode, 0)
        wait_until(lambda: len(mails(host)) == 2 and len(hook.got) == 2, "the end too")
        same("says why", "maintenance" in mails(host)[1], True)
        wait_until(lambda: counts(host, "mail")["sent"] == 2 and counts(host, "webhook")["sent"] == 2, "counted")
        same("another number", len({h["X-Carve-Notice"] for h, _ in hook.got}), 2)


def whoever_asked():
    """only whom the policy says: teams, quiet people, admins"""
    with Host() as host:
        sendmail(host)
        use(host, policy(host, "{on: granted, by: mail, teams: blue}, {on: policy-refused, by: mail, to: admins}",
                         more="  quiet: {users: ['70001']}\n"))
        host.release(host.lease("small", ANN)["id"])
        host.release(host.lease("small", BOB)["id"], BOB)
        good = host.policy.read_text()
        host.policy.write_text("nonsense")
        host.api("POST", "/v1/policy/reload")
        host.policy.write_text(good)
        wait_until(lambda: len(mails(host)) == 2, "two mails")
        same("to whom", [re.search(r"^To: (.*)$", m, re.M)[1] for m in mails(host)], [f"{BOB}@example.org", "root"])
        wait_until(lambda: not any(counts(host, way)["waiting"] for way in ("mail", "webhook", "terminal")), "nothing waits")


def survives():
    """what could not be told is tried again, also by the next daemon, with the same number"""
    with Host() as host:
        sendmail(host, "exit 75")
        with webhook(answers=[500]) as hook:
            use(host, policy(host, "{on: granted, by: [mail, webhook]}", hook))
            host.lease("small", ANN)
            wait_until(lambda: counts(host, "mail")["error"] and counts(host, "webhook")["error"], "both failed")
            same("status says so", sorted(n for n in host.get("/v1/status")["notes"] if n.startswith("notices")),
                 [f"notices by mail: '{host.dir}/sendmail' exited with 75", "notices by webhook: webhook: it answers 500"])
            same("they wait", [counts(host, way)["waiting"] for way in ("mail", "webhook")], [1, 1])
            host.kill()
            sendmail(host)
            with contextlib.closing(sqlite3.connect(host.ledger)) as db, db:
                db.execute("UPDATE notice SET next_s = 0")
            host.start()
            wait_until(lambda: len(mails(host)) == 1 and len(hook.got) == 2, "told after all")
            same("the same", hook.got[0][0]["X-Carve-Notice"], hook.got[1][0]["X-Carve-Notice"])
            wait_until(lambda: counts(host, "webhook")["waiting"] == 0, "and settled")


def nothing_waits():
    """a mail server and a webhook that hang hold up nobody, and the daemon ends all the same"""
    with webhook(hang=60) as hook, Host() as host:
        sendmail(host, "sleep 600 & sleep 600")
        use(host, policy(host, "{on: [granted, ended], by: [mail, webhook]}", hook))
        lease = host.lease("small", ANN)
        wait_until(lambda: hook.got, "it hangs")
        slowest = 0
        for _ in range(20):
            begin = time.monotonic()
            host.get("/v1/status")
            slowest = max(slowest, time.monotonic() - begin)
        same(f"answers meanwhile, {slowest:.2f} s", slowest < 2 * SLOWER, True)
        host.release(lease["id"])
        host.release(host.lease("half", BOB)["id"], BOB)
        begin = time.monotonic()
        same("ends", host.stop(), 0)
        same(f"soon: {time.monotonic() - begin:.1f} s", time.monotonic() - begin < 8 * SLOWER, True)
        same("nothing of it is left", [line for line in os.popen("ps -eo args") if f"{host.dir}/sendmail" in line], [])
        host.start()


def no_flood():
    """who would be told too often is told how much it was, once"""
    with Host() as host:
        sendmail(host)
        use(host, policy(host, "{on: refused, by: mail}", more="  per_hour: 3\n"))
        for _ in range(8):
            same("refused", host.api("POST", "/v1/leases", {"class": "small", "reason": "x", "time_s": 86400}, ANN)[0], 403)
        wait_until(lambda: len(mails(host)) == 3, "three")
        wait_until(lambda: counts(host, "mail")["sent"] == 3, "counted")
        same("the rest waits", counts(host, "mail")["waiting"], 1)
        host.kill()
        with contextlib.closing(sqlite3.connect(host.ledger)) as db, db:
            db.execute("UPDATE notice SET next_s = 0 WHERE kind = 'digest'")
        host.start()
        wait_until(lambda: len(mails(host)) == 4, "the digest")
        same("how many", "5 further notices" in mails(host)[3], True)


tell(by_mail_and_webhook, whoever_asked, survives, nothing_waits, no_flood)
