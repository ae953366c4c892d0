#!/usr/bin/env python3
"""carve in the hands of somebody at a terminal: signals, colour, the queue. TAP. terminal.py CARVE"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import fake_carved

HERE = Path(__file__).parent.resolve()
CARVE = str(Path(sys.argv[1]).resolve())
QUEUED = {"status": 202, "body": {"id": 16, "state": "queued", "class": "large", "position": 2,
                                  "estimate_s": "@+3h12m", "instance": None}}


class World:
    """A stand-in daemon and commands that see it."""

    def __init__(self, **own):
        self.folder = tempfile.TemporaryDirectory(prefix="carve-terminal-")
        world = fake_carved.load_world(HERE, "world")
        world.update({key: value for key, value in own.items()})
        self.daemon = fake_carved.Carved(f"{self.folder.name}/socket", world)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.daemon.close()
        self.folder.cleanup()

    def environment(self, **more):
        return {"PATH": os.environ["PATH"], "HOME": self.folder.name, "TZ": "UTC", "LC_ALL": "C.UTF-8",
                "TERM": "xterm", "CARVE_SOCKET": f"{self.folder.name}/socket", **more}

    def start(self, *words, **more):
        return subprocess.Popen([CARVE, *words], env=self.environment(), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **more)

    def asked(self, what):
        return [line for line in self.daemon.requests if line.startswith(what)]

    def terminal(self, *words, columns=80, keys=b"", after="", **more):
        """What a terminal gets; keys are typed once `after` was shown. (text, wait status)"""
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(CARVE, [CARVE, *words], self.environment(**more))
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        text, end = "", time.time() + 20
        while time.time() < end and select.select([fd], [], [], end - time.time())[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                break
            if not data:
                break
            text += data.decode()
            if keys and after in text:
                os.write(fd, keys)
                keys = b""
        os.close(fd)
        return text, os.waitpid(pid, 0)[1]


def until(condition, what):
    end = time.time() + 10
    while not condition():
        assert time.time() < end, f"waited in vain until {what}"
        time.sleep(0.01)


def run_shell(world, script, *options, **more):
    """carve run -- sh -c script, once the shell has said that it is there."""
    process = world.start("run", "--quiet", "--class", "small", "--reason", "x", *options, "--",
                          "bash", "-c", f"{script}", **more)
    assert process.stdout.readline() == "there\n"
    return process


# ---- signals of carve run ----

def signals_are_passed_on():
    for name in ["TERM", "HUP", "USR1", "USR2"]:
        with World() as world:
            process = run_shell(world, f"trap 'echo got {name}; exit 9' {name}; echo there; while :; do sleep 0.05; done")
            process.send_signal(getattr(signal, f"SIG{name}"))
            text, errors = process.communicate(timeout=20)
            assert (text, process.returncode) == (f"got {name}\n", 9), (name, text, errors, process.returncode)
            assert world.asked("DELETE") == ['DELETE /v1/leases/15 {"exit_status":9}']


def int_and_quit_are_not_passed_on_twice():
    for number in [signal.SIGINT, signal.SIGQUIT]:
        with World() as world:
            process = run_shell(world, "trap 'echo got it' INT QUIT; echo there; read -r; exit 4", stdin=subprocess.PIPE)
            process.send_signal(number)
            time.sleep(0.2)
            text, _ = process.communicate("on\n", timeout=20)
            assert (text, process.returncode) == ("", 4), (text, process.returncode)


def carve_dies_of_the_same_signal():
    for name in ["TERM", "KILL", "INT", "SEGV"]:
        with World() as world:
            process = run_shell(world, f"ulimit -c 0; echo there; kill -{name} $$; sleep 5")
            process.communicate(timeout=20)
            number = getattr(signal, f"SIG{name}")
            assert process.returncode == -number, (name, process.returncode)
            assert world.asked("DELETE") == [f'DELETE /v1/leases/15 {{"exit_status":{128 + number}}}']


def ctrl_c_reaches_the_command_once():
    with World() as world:
        text, status = world.terminal("run", "--quiet", "--class", "small", "--reason", "x", "--", "bash", "-c",
                                      "trap 'echo got it; exit 5' INT; echo there; while :; do sleep 0.05; done",
                                      keys=b"\x03", after="there")
        assert text.count("got it") == 1 and os.waitstatus_to_exitcode(status) == 5, (text, status)


def the_command_dies_with_carve():
    with World() as world:
        process = run_shell(world, "trap 'echo told; exit' TERM; echo there; while :; do sleep 0.05; done")
        process.kill()
        assert process.stdout.read() == "told\n"
        process.communicate()


def the_command_gets_our_mask_and_dispositions():
    with World() as world:
        process = run_shell(world, "echo there; read -r; grep -E '^Sig(Blk|Ign)' /proc/self/status", stdin=subprocess.PIPE,
                            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        text, _ = process.communicate("on\n", timeout=20)
        masks = dict(re.findall(r"(Sig\w+):\s+(\w+)", text))
        assert int(masks["SigBlk"], 16) == 0, text
        assert int(masks["SigIgn"], 16) & 1 << signal.SIGHUP - 1, text


def a_daemon_that_is_gone_does_not_matter():
    with World() as world:
        process = run_shell(world, "echo there; read -r; exit 6", stdin=subprocess.PIPE)
        world.daemon.hang_up()
        os.rename(f"{world.folder.name}/socket", f"{world.folder.name}/gone")
        _, errors = process.communicate("on\n", timeout=30)
        os.rename(f"{world.folder.name}/gone", f"{world.folder.name}/socket")
        assert process.returncode == 6, process.returncode
        assert errors.startswith("carve: lease 15 could not be given back; carved will see"), errors
        assert errors.count("\n") == 1, errors


# ---- time ----

def ending(span):
    lease = fake_carved.load_world(HERE, "world")["POST /v1/leases"][-2]["body"]
    return {**lease, "ends_s": int(time.time()) + span}


def the_end_of_time_is_told_and_kept():
    lease = ending(3)
    with World(**{"POST /v1/leases": {"status": 201, "body": lease}, "GET /v1/leases/15": lease}) as world:
        process = run_shell(world, "trap 'echo told; exit 3' TERM; echo there; while :; do sleep 0.05; done",
                            "--time", "1s")
        text, errors = process.communicate(timeout=20)
        assert (text, process.returncode) == ("told\n", 3), (text, process.returncode)
        assert errors == "carve: the lease is over: SIGTERM now, SIGKILL in 30 seconds\n", errors
        assert len(world.asked("GET /v1/leases/15")) == 1


def a_renewed_lease_goes_on():
    with World(**{"POST /v1/leases": {"status": 201, "body": ending(1)}, "GET /v1/leases/15": ending(3600)}) as world:
        process = run_shell(world, "echo there; sleep 3; exit 2", "--time", "1s")
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (2, ""), (process.returncode, errors)


def without_time_the_command_goes_on():
    lease = ending(1)
    with World(**{"POST /v1/leases": {"status": 201, "body": lease}}) as world:
        process = run_shell(world, "echo there; sleep 2; exit 2")
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (2, ""), (process.returncode, errors)


# ---- layouts ----

def at_a_terminal_a_layout_that_touches_somebody_is_only_shown():
    with World() as world:
        text, status = world.terminal("layout", "apply", "gpu0=3g,3g")
        assert "waits for lease 12 of bob" in text and "--yes --wait" in text, text
        assert (os.waitstatus_to_exitcode(status), world.asked("POST")) == (7, []), text
        text, status = world.terminal("layout", "apply", "gpu0=3g,3g", "--yes")
        assert (os.waitstatus_to_exitcode(status), len(world.asked("POST"))) == (7, 1), text
        text, status = world.terminal("layout", "apply", "gpu1=1g,1g,3g", NO_COLOR="1")
        assert os.waitstatus_to_exitcode(status) == 0 and "\033[0" not in text, text
        assert "step 1 of 1: create 3g.40gb at 4 on GPU 1" in text, text


def interrupting_does_not_stop_a_change():
    with World(**{"GET /v1/changes/7": {"delay_s": 8, "status": 200, "body": {"id": 7, "state": "running"}}}) as world:
        process = world.start("layout", "apply", "gpu1=1g,1g,3g")
        until(lambda: world.asked("GET /v1/changes/7"), "it is watched")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == -signal.SIGINT and "change 7 goes on" in errors, errors
        assert not world.asked("DELETE")


# ---- the queue ----

def waiting(**more):
    return World(**{"POST /v1/leases": QUEUED, "GET /v1/leases/16": {**QUEUED, "status": 200, "delay_s": 5},
                    "DELETE /v1/leases/16": {**QUEUED["body"], "state": "ended"}, **more})


def interrupting_leaves_the_queue():
    for words in [["lease", "large"], ["run", "--class", "large"]]:
        for number in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]:
            with waiting() as world:
                process = world.start(*words, "--reason", "x", "--wait", *(["--", "true"] if words[0] == "run" else []))
                until(lambda w=world: w.asked("GET /v1/leases/16"), "carve waits")
                begin = time.time()
                process.send_signal(number)
                process.communicate(timeout=20)
                assert time.time() - begin < 3, "it did not leave at once"
                assert process.returncode == -number, process.returncode
                assert world.asked("DELETE") == ['DELETE /v1/leases/16 {"reason":"interrupted"}'], world.daemon.requests


def a_terminal_rewrites_one_line():
    with World() as world:
        text, status = world.terminal("lease", "large", "--reason", "x", "--wait")
        assert status == 0, (text, status)
        told, _, rest = text.rpartition("\r\x1b[K")
        assert told.count("\r\x1b[K") == 3 and "\n" not in told, repr(text)
        assert "place 2 in the queue" in told and "place 1 in the queue" in told and "being made" in told, repr(text)
        assert rest.startswith("# lease 16: large on GPU 0"), repr(text)


def a_queue_that_ends_is_an_error():
    over = {**QUEUED["body"], "state": "ended", "why_ended": "taken out by root"}
    with waiting(**{"GET /v1/leases/16": over}) as world:
        process = world.start("run", "--class", "large", "--reason", "x", "--wait", "--", "echo", "never")
        text, errors = process.communicate(timeout=20)
        assert (text, process.returncode) == ("", 6), (text, process.returncode)
        assert errors.endswith("carve: lease 16: large is over: taken out by root\n"), errors


def a_daemon_that_restarts_keeps_the_queue():
    broken = {"status": 503, "once": True, "body": {"no": "error"}}
    granted = {**fake_carved.load_world(HERE, "world")["POST /v1/leases"][-1]["body"], "id": 16}
    with waiting(**{"GET /v1/leases/16": [broken, dict(broken), granted]}) as world:
        process = world.start("lease", "large", "--reason", "x", "--wait")
        text, errors = process.communicate(timeout=20)
        assert process.returncode == 0 and text.startswith("# lease 16"), (text, errors)


# ---- colour and width ----

def colour_is_for_terminals_only():
    with World() as world:
        coloured, _ = world.terminal("status")
        plain, _ = world.terminal("status", NO_COLOR="1")
        dumb, _ = world.terminal("status", TERM="dumb")
        piped, _ = world.start("status").communicate(timeout=20)
        assert "\x1b[1mGPU 0" in coloured and "\x1b[33m!" in coloured, repr(coloured)
        for text in [plain, dumb, piped]:
            assert "\x1b" not in text, repr(text)
        assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == plain
        assert plain.replace("\r\n", "\n") == piped
        assert max(map(len, piped.splitlines())) <= 80


def tables_fit_a_terminal():
    with World() as world:
        for columns in [60, 80]:
            text, _ = world.terminal("leases", columns=columns)
            assert max(map(len, text.splitlines())) <= columns, text
            assert "sweep of" in text


TESTS = [
    signals_are_passed_on, int_and_quit_are_not_passed_on_twice, carve_dies_of_the_same_signal,
    ctrl_c_reaches_the_command_once, the_command_dies_with_carve, the_command_gets_our_mask_and_dispositions,
    a_daemon_that_is_gone_does_not_matter, the_end_of_time_is_told_and_kept, a_renewed_lease_goes_on, without_time_the_command_goes_on,
    at_a_terminal_a_layout_that_touches_somebody_is_only_shown, interrupting_does_not_stop_a_change,
    interrupting_leaves_the_queue, a_terminal_rewrites_one_line, a_queue_that_ends_is_an_error,
    a_daemon_that_restarts_keeps_the_queue, colour_is_for_terminals_only, tables_fit_a_terminal,
]


def main():
    failed = 0
    print(f"1..{len(TESTS)}")
    for number, test in enumerate(TESTS, 1):
        try:
            test()
            print("ok", number, "-", test.__name__, flush=True)
        except (AssertionError, KeyError, subprocess.TimeoutExpired) as error:
            failed += 1
            print("#", str(error).replace("\n", "\n# "))
            print("not ok", number, "-", test.__name__, flush=True)
    return 1 if failed else 0


sys.exit(main())
