"""
host.py - a GPU server of a story's own: a world, carved on it, and the people who use it

A story is a function; tell() runs them and prints TAP. It makes a Host, which
lives in a folder of its own and takes everything down when it is left: every
process it started, the daemon, the world. Nothing here waits for ever. The
programs under test are named by the environment: CARVE, CARVED, CARVE_SIM_PROGRAM.

People are numbers without an entry in /etc/passwd; carve calls them by their
number. To be several people takes root, so without it stories are skipped.
"""
import atexit
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path


def may_all_enter(path):
    """Can everybody run what lies in this folder?"""
    return all(folder.stat().st_mode & 0o001 for folder in [path, *path.parents])


def programs():
    """
    carve, carved and carve-sim where everybody can run them: a checkout may lie
    where only its owner gets in (/root). Then copies, with what carve-sim wants beside it.
    """
    built = [Path(os.environ[name]) for name in ("CARVE", "CARVED", "CARVE_SIM_PROGRAM")]
    if all(may_all_enter(path.parent) for path in built):
        return list(map(str, built))
    folder = Path(tempfile.mkdtemp(prefix="carve-programs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    for path in [*built, built[2].parent / "libnvidia-ml.so.1", built[2].parent / "nvidia-smi"]:
        shutil.copy2(path, folder)
    return [str(folder / path.name) for path in built]


CARVE, CARVED, SIM = programs()
ROOT, ANN, BOB, CEM = 0, 70001, 70002, 70003
SLOWER = float(os.environ.get("STORIES_SLOWER", "1"))  # than an ordinary build
PATIENCE_S = 20 * SLOWER
SYS_SETRESUID = {"x86_64": 117, "aarch64": 147}.get(os.uname().machine)

POLICY = """\
version: 1
name: story
admins: {users: ["0", root]}
classes:
  small: {profiles: 1g, time: 1h, max_time: 4h, warm: 1}
  half: {profiles: 3g, time: 1h}
  full: {profiles: full, time: 1h}
teams:
  red: {users: ["70001"]}
  blue: {users: ["70002"]}
  everyone: {share: 1}
"""


class Skip(Exception):
    """A story that cannot be told here, and why."""


def same(what, said, expected):
    assert said == expected, f"{what}: {said!r}, not {expected!r}"


def wait_until(fn, what, seconds=PATIENCE_S):
    """What fn() says as soon as it is true."""
    end = time.monotonic() + seconds
    while not (answer := fn()):
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
    return answer


def become(uid):
    """This thread only, so that others may be somebody else; for SO_PEERCRED."""
    if uid != os.geteuid() and ctypes.CDLL(None).syscall(SYS_SETRESUID, -1, uid, -1):
        raise PermissionError(f"cannot be {uid}")


class Host:
    def __init__(self, gpus="a100-sxm4-80gb:2", policy=POLICY, sim=(), prepare=lambda host: None):
        self.dir = tempfile.mkdtemp(prefix="carve-story-")
        os.chmod(self.dir, 0o755)
        self.world, self.socket = f"{self.dir}/world", f"{self.dir}/carved.sock"
        self.ledger, self.prepare = f"{self.dir}/ledger.db", prepare
        self.policy, self.log = Path(self.dir, "policy.yaml"), Path(self.dir, "carved.log")
        self.policy.write_text(policy)
        self.env = {key: value for key, value in os.environ.items()
                    if not key.startswith(("CUDA_", "CARVE_", "LD_"))}
        self.env.update(CARVE_SIM=self.world, CARVE_SOCKET=self.socket)
        self.children, self.daemon, self.at_end = [], None, lambda: None
        self.sim("up", "--gpus", gpus, "--mig", "--latency", "0", *sim)

    def __enter__(self):
        try:
            self.prepare(self)
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, _error, _trace):
        for child in self.children:
            child.kill()
            child.wait()
            for pipe in filter(None, (child.stdin, child.stdout, child.stderr)):
                pipe.close()
        try:
            if not kind:
                self.sim("check")
                self.check_log()
        finally:
            if self.daemon and self.daemon.poll() is None:
                self.kill()
            if kind and self.log.exists():
                print("# carved said:", *self.log.read_text().splitlines()[-30:], sep="\n#   ")
            self.sim("down", "--force", check=False)
            self.at_end()
            shutil.rmtree(self.dir)

    def check_log(self):
        found = re.search(r".*(Sanitizer|runtime error).*(\n.*){,40}", self.log.read_text())
        assert not found, found[0]

    # ---- the world ----

    def sim(self, *words, check=True):
        done = subprocess.run([SIM, *words], env=self.env, text=True, capture_output=True,
                              timeout=60, check=False)
        assert done.returncode == 0 or not check, f"carve-sim {words}: {done.stderr}"
        return done.stdout

    def sim_show(self):
        return json.loads(self.sim("show", "--json"))

    def fault(self, call, *words):
        return self.sim("fault", "add", "call", call, *words)

    def on_gpus(self):
        """What is there: {(GPU UUID, profile id, start): UUID of the MIG device}"""
        return {(gpu["uuid"], gi["profile_id"], gi["start"]): gi["compute"][0]["uuid"]
                if gi["compute"] else None
                for gpu in self.sim_show()["gpus"] for gi in gpu["instances"]}

    # ---- the daemon ----

    def launch(self):
        """carved, on its way."""
        return subprocess.Popen(
            [SIM, "run", "--no-jail", "--", CARVED, "--policy", str(self.policy), "--ledger",
             self.ledger, "--socket", self.socket], env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=self.log.open("a"))

    def start(self):
        self.daemon = self.launch()
        wait_until(self.answers, "carved answers")

    def answers(self):
        assert self.daemon.poll() is None, f"carved ended: {self.log.read_text()}"
        try:
            return self.api("GET", "/v1/status")[0] == 200
        except OSError:
            return False

    def stop(self):
        self.daemon.terminate()
        return self.daemon.wait(PATIENCE_S)

    def as_if_later(self, leases):
        """The daemon was down for as long as these leases had left, but for {lease: seconds}."""
        self.kill()
        with contextlib.closing(sqlite3.connect(self.ledger)) as db, db:
            for lease, seconds in leases.items():
                db.execute("UPDATE lease SET ends_s = ? WHERE id = ?",
                           (int(time.time()) + seconds, lease))
        self.start()

    def kill(self):
        self.daemon.kill()
        self.daemon.wait(PATIENCE_S)

    def restart(self):
        """As after a crash."""
        self.kill()
        self.start()

    # ---- people ----

    def connect(self, uid=ROOT):
        line = socket.socket(socket.AF_UNIX)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(PATIENCE_S), 0))
        become(uid)
        try:
            line.connect(self.socket)  # waits while many others knock
        except OSError:
            line.close()
            raise
        finally:
            become(ROOT)
        line.settimeout(PATIENCE_S)
        return line

    def raw(self, request, uid=ROOT, patience_s=0.3):
        """The bytes that come back until the other end closes or has been silent for so long."""
        with self.connect(uid) as line:
            line.settimeout(patience_s * SLOWER)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
                line.sendall(request)  # when it would not hear more, what it answered counts
            return read_all(line)

    def api(self, method, path, body=None, uid=ROOT):
        """(HTTP status, answer)"""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        with self.connect(uid) as line:
            line.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                         f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
            return parse(read_all(line))

    def get(self, path):
        status, answer = self.api("GET", path)
        same(f"status of {path}", status, 200)
        return answer

    def lease(self, class_="small", uid=ANN, **wish):
        """A lease that is granted, and whose device nodes were looked at."""
        wish = {"class": class_, "reason": "a story", **wish}
        status, lease = self.api("POST", "/v1/leases", wish, uid)
        same(f"POST of {wish}: {lease}", status, 201)
        self.until(lease["id"], "active")
        return self.looked_at(lease["id"])

    def looked_at(self, id_):
        """The lease, once its device nodes were looked at; again after each start of carved."""
        return wait_until(lambda: (lease := self.get(f"/v1/leases/{id_}"))["isolation"]["nodes"]
                          and lease, f"the nodes of lease {id_} were looked at")

    def until(self, id_, state):
        """The lease, once it is in that state."""
        return wait_until(lambda: (lease := self.get(f"/v1/leases/{id_}"))["state"] == state and lease,
                          f"lease {id_} is {state}")

    def release(self, id_, uid=ANN):
        same(f"release of {id_}", self.api("DELETE", f"/v1/leases/{id_}", uid=uid)[0], 200)
        return self.until(id_, "ended")

    def popen(self, *words, uid=ANN, **kwargs):
        kwargs = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL,
                  "text": True, **kwargs}
        child = subprocess.Popen([str(word) for word in words], user=uid, group=uid, extra_groups=[],
                                 env=self.env, cwd="/", **kwargs)
        self.children.append(child)
        return child

    def carve(self, *words, uid=ANN):
        """A command of carve that ended; .returncode, .stdout, .stderr"""
        child = self.popen(CARVE, *words, uid=uid)
        out, err = child.communicate(timeout=3 * PATIENCE_S)
        return subprocess.CompletedProcess(words, child.returncode, out, err)

    def carve_json(self, *words, uid=ANN):
        done = self.carve(*words, "--json", uid=uid)
        same(f"carve {words}: {done.stderr}", done.returncode, 0)
        return json.loads(done.stdout)

    def run(self, *command, class_="small", uid=ANN, words=(), **kwargs):
        """carve run, on its way."""
        return self.popen(CARVE, "run", "--class", class_, "--reason", "a story", *words, "--",
                          *command, uid=uid, **kwargs)

    def leases(self, state, **match):
        """The leases in that state, those that have ended too."""
        return [lease for lease in self.get("/v1/leases?all=1")["leases"]
                if lease["state"] == state and all(lease[k] == v for k, v in match.items())]

    def one_lease(self, state, **match):
        return wait_until(lambda: self.leases(state, **match), f"a lease {match} is {state}")[0]

    def events(self, query=""):
        return self.get("/v1/events" + query)["events"]

    def kinds(self, lease):
        return [event["kind"] for event in self.events(f"?lease={lease}")]

    # ---- promises ----

    def at_rest(self):
        """Nothing is going on: nobody is being served, nothing is made or removed."""
        status = self.get("/v1/status")
        busy = [lease for lease in status["leases"] if lease["state"] != "active"]
        words = {i["state"] for gpu in status["gpus"] for i in gpu["instances"]}
        return not busy and words <= {"leased", "free", "stranger"} and status

    def check_agreement(self):
        """Ledger, GPUs and answers tell the same, and the ledger's chain of events is whole."""
        same("the chain", self.carve("audit", "verify", "--file", self.ledger, uid=ROOT).stderr, "")
        status = wait_until(self.at_rest, "the daemon is at rest")
        there = self.on_gpus()
        with contextlib.closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT id, gpu, profile_id, start, mig_uuid, state FROM instance "
                              "WHERE state <> 'gone'").fetchall()
            held = db.execute("SELECT id, instance FROM lease WHERE state = 'active'").fetchall()
        strangers = [i["uuid"] for gpu in status["gpus"] for i in gpu["instances"]
                     if i["state"] == "stranger"]
        ours = {key: uuid for key, uuid in there.items() if uuid not in strangers}
        same("the ledger's instances", {row[1:4]: row[4] for row in rows}, ours)
        same("their states", {row[5] for row in rows} - {"present"}, set())
        same("leases", sorted(id_ for id_, _ in held),
             sorted(lease["id"] for lease in status["leases"]))
        same("instances with two holders", len({i for _, i in held}), len(held))
        uuids = {row[0]: row[4] for row in rows}
        for lease in status["leases"]:
            same(f"instance of lease {lease['id']}", lease["instance"]["uuid"],
                 uuids[dict(held)[lease["id"]]])


def read_all(line):
    answer = b""
    try:
        while chunk := line.recv(65536):
            answer += chunk
    except (ConnectionResetError, TimeoutError):
        pass
    return answer


def parse(answer):
    head, _, text = answer.partition(b"\r\n\r\n")
    if not head:
        raise ConnectionResetError("no answer")
    return int(head.split()[1]), json.loads(text) if text else None


def load(memory="1GiB", seconds=60, *words):
    """The words of a process that occupies the device it is given."""
    return SIM, "load", "--quiet", "--memory", memory, "--for", f"{seconds}s", *words


def end(process, number=signal.SIGTERM):
    """Exit status, standard error."""
    process.send_signal(number)
    return finish(process)


def finish(process):
    _, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, err


def cannot():
    """Why no story can be told here, if so."""
    if os.geteuid() != 0:
        return "several people and a daemon that divides GPUs take root"
    if not SYS_SETRESUID:
        return f"how a thread becomes somebody else is not known on {os.uname().machine}"
    return None


def tell(*stories):
    """Each by its docstring; ends the process."""
    if why := cannot():
        print(f"1..0 # SKIP {why}")
        sys.exit(0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # through the ends of all with
    print(f"1..{len(stories)}")
    failed = 0
    for number, story in enumerate(stories, 1):
        begin = time.monotonic()
        try:
            story()
            print(f"ok {number} - {story.__doc__}", flush=True)
        except Skip as why:
            print(f"ok {number} - {story.__doc__} # SKIP {why}", flush=True)
        except Exception:  # whatever goes wrong is the story's end, and the next begins
            failed += 1
            print(f"not ok {number} - {story.__doc__}")
            print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
        print(f"# {time.monotonic() - begin:.1f} s", flush=True)
    sys.exit(failed != 0)
