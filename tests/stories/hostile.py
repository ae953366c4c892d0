#!/usr/bin/env python3
"""
Whatever a hostile client sends: the answer is an error or a closed connection, the
others are answered meanwhile, and the daemon's memory stays bounded.
"""
import contextlib
import json
import os
import random
import threading
import time
from pathlib import Path

from host import ANN, BOB, ROOT, SLOWER, Host, parse, same, tell, wait_until

CROWD = 600
MOST_MIB = 48
ESCAPES = "\x1b]0;evil\x07\x1b[31mred\x9b2J\r\n\u202eabc\x7f"
GOOD = {"class": "small", "reason": "a story"}


def rss_mib(host):
    status = Path(f"/proc/{host.daemon.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def check_alive(host, most_s=1.0):
    """Others are answered, and soon."""
    begin = time.monotonic()
    same("status for somebody else", host.api("GET", "/v1/status", uid=BOB)[0], 200)
    took = time.monotonic() - begin
    assert took < most_s * SLOWER, f"it took {took:.3f} s"


def check_memory(host):
    """AddressSanitizer keeps what was freed."""
    if not os.environ.get("SANITIZED"):
        same(f"resident MiB under {MOST_MIB}", rss_mib(host) < MOST_MIB, True)


@contextlib.contextmanager
def hostile():
    with Host() as host:
        yield host
        check_alive(host)
        check_memory(host)
        host.check_agreement()


# ---- bodies ----

def body(**more):
    return json.dumps({**GOOD, **more}).encode()


BODIES = [
    # what                        the body                                     status, in the text
    ("not JSON", b"class=small", 400, "body:1:"),
    ("cut off", body()[:-1], 400, "body:1:"),
    ("more after it", body() + b"x", 400, "body:1:"),
    ("a list", b"[1]", 400, "not a JSON object"),
    ("a number", b"7", 400, ""),
    ("nothing", b"", 400, "'class' is missing"),
    ("a key twice", b'{"class": "small", "class": "full", "reason": "a story"}', 400, "duplicate"),
    ("not UTF-8", b'{"class": "small", "reason": "\xff\xfe aaaaa"}', 400, "body:1:"),
    ("a surrogate alone", b'{"class": "small", "reason": "\\ud800 aaaa"}', 400, "body:1:"),
    ("NUL in a text", b'{"class": "small", "reason": "a\\u0000b"}', 400, ""),
    ("NUL in a key", b'{"cl\\u0000ass": "small"}', 400, ""),
    ("deeply nested", b'{"class": ' + b"[" * 30000 + b"]" * 30000 + b"}", 400, ""),
    ("a huge number", body(time_s=10**40), 400, ""),
    ("a number as text", body(time_s="60"), 400, "'time_s' is not a whole number"),
    ("a fraction", body(time_s=60.5), 400, "'time_s' is not a whole number"),
    ("less than nothing", body(time_s=-1), 400, "'time_s' is not in the range"),
    ("an unknown field", body(resaon="x"), 400, "'resaon' is not known here"),
    ("an identity", body(user="root"), 400, "'user' is not known here"),
    ("another identity", body(uid=0), 400, "'uid' is not known here"),
    ("a process", body(pid=1), 400, "'pid' is not known here"),
    ("an unknown hold", body(hold="for ever"), 400, "'hold'"),
    ("a long text", body(reason="x" * 5000), 413, "'reason' is longer than"),
    ("longer than allowed", body() + b" " * 65536, 413, "65536"),
    ("an unknown class", body(**{"class": "smal"}), 404, "smal"),
]


def refuses_bodies():
    """malformed, oversized, nested, duplicated and non-UTF-8 bodies are refused, each with its reason"""
    with hostile() as host:
        for what, data, status, text in BODIES:
            got, answer = host.api("POST", "/v1/leases", data, ANN)
            same(f"{what}: {answer}", (got, text in answer["error"]["text"]), (status, True))
        same("leases", host.get("/v1/leases?all=1")["leases"], [])


PATHS = [
    ("GET", "/", 404), ("GET", "/v1", 404), ("GET", "/v1/leases/", 404), ("GET", "/v1/leases/0", 404),
    ("GET", "/v1/leases/-1", 404), ("GET", "/v1/leases/1x", 404), ("GET", "/v1/leases/99", 404),
    ("GET", "/v1/leases/99999999999999999999", 404), ("GET", "/v1/../etc/passwd", 404),
    ("GET", "/v1/status/", 404), ("GET", "/v1/events?limit=0", 400), ("GET", "/v1/events?limit=1001", 400),
    ("GET", "/v1/events?limit=1e3", 400),
    ("GET", "/v1/events?limit=%ff%1b[31m", 400), ("GET", "/v1/events?nonsense=1", 400),
    ("GET", "/v1/events?user=%ff", 400), ("GET", "/v1/leases/1?wait_s=61", 400),
    ("GET", "/v1/events?user='%20OR%201=1--", 200), ("DELETE", "/v1/status", 501), ("PUT", "/v1/leases", 501),
    ("POST", "/v1/leases/1", 501), ("FROB", "/v1/status", 501), ("POST", "/v1/leases/1/renew", 400),
    ("DELETE", "/v1/leases/1", 404), ("GET", "/v1/status?" + "&".join("x" * 17), 400),
]


def refuses_paths():
    """paths, methods and parameters that are not there"""
    with hostile() as host:
        for method, path, status in PATHS:
            same(f"{method} {path}", host.api(method, path, uid=ANN)[0], status)


# ---- whose it is ----

def whose_it_is():
    """another's lease is not released or renewed, whatever the request says of its sender"""
    with hostile() as host:
        lease = host.lease("small", ANN)
        path = f"/v1/leases/{lease['id']}"
        for method, url, data in (("DELETE", path, None), ("DELETE", path, {"exit_status": 0}),
                                  ("POST", path + "/renew", {"time_s": 60})):
            status, answer = host.api(method, url, data, BOB)
            same(f"{method} {url}", (status, answer["error"]["code"]), (403, "denied"))
        for header in ("X-Remote-User: root", "Authorization: Basic cm9vdDo=", "X-Uid: 0", f"From: {ANN}"):
            answer = host.raw(f"DELETE {path} HTTP/1.1\r\nHost: x\r\n{header}\r\nConnection: close\r\n\r\n"
                              .encode(), BOB)
            same(header, parse(answer)[0], 403)
        same("carve release", host.carve("release", lease["id"], uid=BOB).returncode, 8)
        same("the lease", host.get(path), lease)
        same("root may", host.carve("release", lease["id"], uid=ROOT).returncode, 0)


def nothing_raw():
    """what people write never reaches a terminal raw"""
    with hostile() as host:
        lease = host.lease("small", ANN, reason=ESCAPES)
        host.carve("release", lease["id"], "--reason", ESCAPES)
        host.carve("run", "--class", ESCAPES, "--reason", "x", "--", "true")
        active = host.lease("small", ANN, reason=ESCAPES)
        shown = [host.carve(*words, uid=BOB) for words in
                 (["status"], ["leases", "--all"], ["log"], ["leases", "--all", "--json"], ["log", "--json"],
                  ["release", active["id"]], ["log", "--user", ESCAPES], ["lease", ESCAPES, "--reason", "x"])]
        for done in shown:
            text = done.stdout + done.stderr
            bad = [c for c in text if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 or c == "\u202e"]
            same(f"control characters in {done.args}", bad, [])
        same("in the log of carved", "\x1b" in host.log.read_text(), False)


# ---- HTTP ----

GARBAGE = [
    b"\r\n\r\n\r\n", b"\x00" * 1000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
    b"GET / HTTP/1.1\r\nX: " + b"y" * 100000, b"GET /v1/status HTTP/1.1\r\n\r\n",
    b"POST /v1/leases HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n{}",
    b"POST /v1/leases HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
    b"POST /v1/leases HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /v1/leases HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    b"POST /v1/leases HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
    b"GET /v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
    b"POST /v1/leases HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"{" * 1000000,
]


def survives_garbage():
    """what is no HTTP gets an error or an end"""
    with hostile() as host:
        for request in GARBAGE:
            answer = host.raw(request, ANN)
            first = answer.split(b"\r\n")[0]
            same(f"answer to {request[:40]!r}: {first!r}",
                 not answer or (first.startswith(b"HTTP/1.1 4") or first.startswith(b"HTTP/1.1 5")
                                or request.startswith(b"GET /v1/status HTTP")), True)
            check_alive(host)
        same("leases", host.get("/v1/leases?all=1")["leases"], [])


def chunked(data, size):
    parts = [data[at:at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def takes_chunks():
    """chunked bodies are bodies, within the same limit; requests in a row are answered in a row"""
    head = (b"POST /v1/leases HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n")
    with hostile() as host:
        same("one byte a chunk", parse(host.raw(head + chunked(body(), 1), ANN))[0], 201)
        status, answer = parse(host.raw(head + chunked(b" " * 200000, 1000), ANN))
        same("too many chunks", (status, answer["error"]["code"]), (413, "too-large"))
        row = b"".join(b"GET /v1/%s HTTP/1.1\r\nHost: x\r\n%s\r\n" % (path, close) for path, close in
                       ((b"gpus", b""), (b"nothing", b""), (b"classes", b"Connection: close\r\n")))
        with host.connect(ANN) as line:
            line.sendall(row)
            answer = b""
            while chunk := line.recv(65536):
                answer += chunk
        same("answers", [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]], [b"200", b"404", b"200"])
        same("their order", answer.index(b'"gpus"') < answer.index(b'"error"') < answer.index(b'"classes"'), True)


# ---- many at once ----

def crowd(host, request, uid=ANN, size=CROWD):
    """So many connections that have sent this, as far as they are let in."""
    lines = []
    for _ in range(size):
        with contextlib.suppress(OSError):
            line = host.connect(uid)
            lines.append(line)
            line.sendall(request)
    return lines


def survives_a_crowd():
    """600 connections of one user, each with half a request, keep nobody else out"""
    with hostile() as host:
        for request in (b"", b"POST /v1/leases HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + b"{" * 50000,
                        b"GET /v1/leases/1?wait_s=60&state=active HTTP/1.1\r\nHost: x\r\n\r\n"):
            lines = crowd(host, request)
            check_alive(host)
            check_memory(host)
            same("carve of another", host.carve("gpus", uid=BOB).returncode, 0)
            for line in lines:
                line.close()
        wait_until(lambda: host.api("GET", "/v1/status", uid=ANN)[0] == 200, "and he himself is heard again")


def waits_in_a_crowd():
    """many who wait for one lease are all told, and their death is noticed"""
    with hostile() as host:
        lease = host.lease("small", ANN)
        request = (f"GET /v1/leases/{lease['id']}?wait_s=60&state=active HTTP/1.1\r\nHost: x\r\n"
                   "Connection: close\r\n\r\n").encode()
        gone, lines = crowd(host, request, size=20), crowd(host, request, size=40)
        for line in gone:
            line.close()
        check_alive(host)
        host.release(lease["id"])
        for line in lines:
            with line:
                same("what they are told", parse(line.recv(65536))[1]["state"] in ("ending", "ended"), True)


def is_patient_with_the_slow():
    """a client that sends a byte at a time is served, and delays nobody"""
    with hostile() as host, host.connect(ANN) as line:
        for byte in b"GET /v1/gpus HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
            line.sendall(bytes([byte]))
            check_alive(host, 0.5)
        same("the slow one", line.recv(12), b"HTTP/1.1 200")


# ---- anything ----

def mutate(lot, request):
    request = bytearray(request)
    for _ in range(lot.randint(1, 6)):
        at = lot.randrange(len(request) + 1)
        what = lot.randrange(4)
        if what == 0:
            request[at:at] = bytes(lot.randrange(256) for _ in range(lot.randint(1, 40)))
        elif what == 1:
            del request[at:at + lot.randint(1, 30)]
        elif what == 2 and at < len(request):
            request[at] ^= 1 << lot.randrange(8)
        else:
            request[at:at] = request[at - 20:at + 20] * lot.randint(1, 20)
    return bytes(request)


def survives_anything():
    """requests that were mangled by lot"""
    seed = int(os.environ.get("STORY_SEED", time.time_ns() % 100000))
    print(f"# STORY_SEED={seed}")
    seeds = [f"POST /v1/leases HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body())}\r\n\r\n".encode() + body(),
             b"GET /v1/events?user=ann&since_s=1&limit=10 HTTP/1.1\r\nHost: x\r\n\r\n",
             b"DELETE /v1/leases/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n" + b'{"exit_status": 100}',
             b"POST /v1/leases/1/renew HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
             + chunked(b'{"time_s": 60}', 5)]
    with hostile() as host:
        def worker(number):
            lot = random.Random(seed * 10 + number)
            while time.monotonic() < end:
                with contextlib.suppress(OSError):
                    host.raw(mutate(lot, lot.choice(seeds)), ANN, 0.05)

        end = time.monotonic() + 3
        workers = [threading.Thread(target=worker, args=(number,)) for number in range(4)]
        for thread in workers:
            thread.start()
        for thread in workers:
            thread.join()
        same("carved runs", host.daemon.poll(), None)
        for lease in host.get("/v1/leases")["leases"]:
            host.api("DELETE", f"/v1/leases/{lease['id']}")


tell(refuses_bodies, refuses_paths, whose_it_is, nothing_raw, survives_garbage, takes_chunks, survives_a_crowd,
     waits_in_a_crowd, is_patient_with_the_slow, survives_anything)
