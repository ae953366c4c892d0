#!/usr/bin/env python3
"""The story of carve-sim: every command of its manual, as root (when we are) and as an ordinary user.

usage: sim-tool.py CARVE_SIM MANUAL.scd [--child]
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOOL, MANUAL = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
PYTHON = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
NOBODY = 65534
IS_ROOT = os.geteuid() == 0
WHO = "root" if IS_ROOT else f"user {os.geteuid()}"
INVALID, NOT_FOUND, STALE, BUSY, DENIED, OUT_OF_MEMORY, NO_DEVICE = 2, 3, 6, 7, 8, 20, 21



def nvml_command():
    """Python with our client; it must load the runtime of a sanitized library first."""
    library = (TOOL.parent / "libnvidia-ml.so.1").read_bytes()
    runtime = re.search(rb"lib[at]san\.so\.\d+", library)
    client = [PYTHON, str(Path(__file__).resolve().parent / "sim_nvml.py")]
    if not runtime:
        return client
    return ["env", f"LD_PRELOAD={runtime[0].decode()}", "ASAN_OPTIONS=detect_leaks=0", *client]


NVML = nvml_command()
results = []


def check(ok, what, *seen):
    results.append(bool(ok))
    print("ok" if ok else "not ok", len(results), "-", f"{WHO}: {what}", flush=True)
    if not ok:
        for thing in seen:
            for line in str(thing).splitlines():
                print("#", line)


class World:
    """A world in a folder of its own, taken down at the end whatever happens."""

    def __init__(self, *up):
        self.base = tempfile.mkdtemp(prefix="carve-sim-story-")
        os.chmod(self.base, 0o755)
        self.dir = os.path.join(self.base, "w")
        self.env = {key: value for key, value in os.environ.items()
                    if key not in ("CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH")}
        self.env["CARVE_SIM"] = self.dir
        self.loads = []
        self.up = self("up", *up) if up else None

    def __call__(self, *words, visible=None, cwd=None, **kwargs):
        env = dict(self.env)
        if visible is not None:
            env["CUDA_VISIBLE_DEVICES"] = visible
        return subprocess.run([TOOL, *words], env=env, cwd=cwd, text=True, check=False,
                              capture_output=True, timeout=60, **kwargs)

    def nvml(self, *words):
        return self("run", "--", *NVML, *map(str, words))

    def load(self, *words, visible=None, prefix=()):
        """A load that has said where it runs."""
        env = dict(self.env)
        if visible is not None:
            env["CUDA_VISIBLE_DEVICES"] = visible
        child = subprocess.Popen([*prefix, TOOL, "load", *words], env=env, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.loads.append(child)
        child.line = child.stdout.readline().strip()
        return child

    def show(self):
        return json.loads(self("show", "--json").stdout)

    def processes(self):
        return [process for gpu in self.show()["gpus"] for process in gpu["processes"]]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self("down", "--force")
        for child in self.loads:
            child.kill()
            child.communicate()
        shutil.rmtree(self.base)


def manual_block(after):
    """The first ``` block of the manual after a heading."""
    text = MANUAL.read_text(encoding="utf-8")
    return re.search(r"```\n(.*?)```", text[text.index(f"\n# {after}\n"):], re.S)[1]


# ---- making, showing, ending ----

def up_and_down():
    with World("--gpus", "a100-sxm4-80gb:2,h100-sxm5-80gb,h200-sxm-141gb") as world:
        check(world.up.returncode == 0 and "2 a100-sxm4-80gb, 1 h100-sxm5-80gb" in world.up.stdout,
              "up says what it made", world.up)
        before = world("show").stdout
        again = world("up", "--gpus", "a30-24gb")
        check(again.returncode == STALE and world("show").stdout == before,
              "a second up refuses and leaves the world alone", again)
        check(len(before.splitlines()) == 1 + 4 * 4 and
              max(map(len, before.splitlines()[1:])) <= 80, "show: four GPUs, 80 columns", before)
        names = [gpu["name"] for gpu in world.show()["gpus"]]
        check(names[0] == names[1] == "NVIDIA A100-SXM4-80GB" and names[3] == "NVIDIA H200",
              "show --json tells the same", names)
        check(world("check").stdout.startswith("every invariant holds: 4 GPUs"), "check")
        ended = world("down")
        check(ended.returncode == 0 and not os.path.exists(world.dir), "down leaves nothing", ended)
        gone = world("show")
        check(gone.returncode == NOT_FOUND and "carve-sim up" in gone.stderr,
              "without a world, what makes one is said", gone)


def folders_are_respected():
    with World() as world:
        mine = Path(world.dir, "lib")
        mine.mkdir(parents=True)
        (mine / "precious").write_text("mine")
        refused = world("up", "--gpus", "a30-24gb")
        check(refused.returncode == INVALID and (mine / "precious").read_text() == "mine",
              "a folder with something else in it is left alone", refused)
        check(world("down", "--force").returncode == NOT_FOUND and (mine / "precious").exists(),
              "by down --force too")


def wrecks_are_cleared():
    with World("--gpus", "a30-24gb") as world:
        os.truncate(os.path.join(world.dir, "state"), 100)
        shown, refused = world("show"), world("down")
        check(shown.returncode == refused.returncode == INVALID, "a damaged world is refused",
              shown, refused)
        check(world("down", "--force").returncode == 0 and not os.path.exists(world.dir),
              "and cleared by force")
        check(world("down", "--force", "--dir", "").returncode == INVALID, "no folder is no world")
        os.mkdir(world.dir)
        Path(world.dir, "state").write_bytes(b"\0" * 4096)
        other = world("down", "--force")
        check(other.returncode == INVALID and Path(world.dir, "state").exists(),
              "another folder with a file 'state' is left alone", other)


def a_default_folder():
    if IS_ROOT:
        return  # /run/carve-sim may be somebody's
    with World() as world:
        del world.env["CARVE_SIM"]
        world.env["XDG_RUNTIME_DIR"] = world.base
        made = world("up", "--gpus", "a30-24gb")
        check(made.returncode == 0 and made.stdout.startswith(f"{world.base}/carve-sim:"),
              "the default folder is in XDG_RUNTIME_DIR", made)
        check(world("run", "--", "true").returncode == 0 and world("down").returncode == 0,
              "and every command finds it")


def two_worlds():
    with World("--gpus", "a30-24gb", "--mig") as one, World("--gpus", "h200-sxm-141gb:2") as two:
        check(one.nvml("name", 0).stdout == "NVIDIA A30\n" and two.nvml("count").stdout == "2\n",
              "two worlds side by side are two", one.nvml("name", 0), two.nvml("count"))
        two.load("--memory", "1GiB", "--for", "30s")
        check(len(two.processes()) == 1 and not one.processes(), "a load is in one of them")
        check(one("show", "--dir", two.dir).stdout.startswith(two.dir), "--dir names the other")


# ---- run ----

def run_passes_on():
    with World("--gpus", "a100-sxm4-80gb") as world:
        for command, status in (("exit 0", 0), ("exit 3", 3), ("kill -9 $$", -9)):
            got = world("run", "--", "sh", "-c", command).returncode
            check(got == status, f"run passes on the end of '{command}'", got)
        check(world("run", "--", "/nonexistent").returncode == 127, "127: no such command")
        check(world("run", "--", "/dev/null").returncode == 126, "126: cannot be executed")
        seen = world("run", "--", "sh", "-c", "pwd; echo $CARVE_SIM; which carve-sim", cwd="/usr")
        check(seen.stdout == f"/usr\n{world.dir}\n{world.dir}/bin/carve-sim\n",
              "run keeps the folder and sets the paths", seen)
        evaluated = subprocess.run(["sh", "-c", f'eval "$({TOOL} env)"; exec {" ".join(NVML)} count'],
                                   env=world.env, text=True, capture_output=True, check=False)
        check(evaluated.stdout == "1\n", "env does it for a shell", evaluated)
        world.env["SHELL"] = "/bin/sh"
        shell = world("shell", input="echo $CARVE_SIM\n")
        check(shell.stdout.strip().endswith(world.dir), "shell is a shell in the world", shell)


def the_view():
    with World("--gpus", "a100-sxm4-80gb", "--mig") as world:
        first = world("run", "--", "true")
        if "namespaces are not allowed" in first.stderr:
            print("#", first.stderr.strip())
            check(world("run", "--", "true").returncode == 0, "without a view, run runs")
            return
        uuid = world.show()["gpus"][0]["uuid"]
        seen = world("run", "--", "sh", "-c",
                     "test -c /dev/nvidia0 && cat /proc/driver/nvidia/gpus/*/information; "
                     "cat /sys/bus/pci/devices/*/vendor; grep -c nvidia-caps /proc/devices; "
                     "grep gpu0/gi0/access /proc/driver/nvidia-caps/mig-minors")
        check(uuid in seen.stdout and seen.stdout.endswith("0x10de\n1\ngpu0/gi0/access 3\n"),
              "run shows /dev, /proc and /sys of the world", seen, first)
        node = "/proc/driver/nvidia/capabilities/gpu0/mig/gi"
        script = (f"{' '.join(NVML)} create 0 19 && for i in $(seq 100); do "
                  f"cat {node}*/ci0/access 2>/dev/null && exit 0; sleep 0.02; done")
        made = world("run", "--", "sh", "-c", script)
        check("DeviceFileMinor: 121" in made.stdout, "a new instance appears in /proc", made)
        plain = world("run", "--no-jail", "--", "ls", "/proc/driver/nvidia")
        check(plain.returncode != 0, "--no-jail leaves the file system alone", plain)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def ends_within(pid, patience_s):
    end = time.monotonic() + patience_s
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(pid)


def the_keeper_of_a_view():
    with World("--gpus", "a30-24gb") as world:
        record = Path(world.dir, "views", str(os.geteuid()))

        def keeper():
            world("run", "--", "true")
            return int(record.read_text().split()[0])

        pid = keeper()
        if not pid:
            print("# no namespaces here")
            return
        check(alive(pid) and keeper() == pid, "one process keeps the view of all commands")
        os.kill(pid, signal.SIGTERM)
        check(ends_within(pid, 0.5), "it ends on SIGTERM")
        again = keeper()
        check(again != pid and alive(again), "and the next command makes another, at once")
        world("down")
        check(ends_within(again, 0.5), "down ends it")
        world("up", "--gpus", "a30-24gb")
        last = keeper()
        shutil.rmtree(world.dir)
        check(ends_within(last, 3), "so does the folder's deletion, without down")


def without_a_view():
    """Where namespaces are forbidden: in a user namespace whose limit says none."""
    forbid = ["unshare", "-Ur", "sh", "-c",
              'echo 0 >/proc/sys/user/max_mnt_namespaces && "$@"', "sh"]
    if subprocess.run([*forbid, "true"], capture_output=True, check=False).returncode:
        print("# no user namespaces here")
        return
    with World("--gpus", "a30-24gb") as world:
        run = [*forbid, TOOL, "run", "--", *NVML, "name", "0"]
        first, second = (subprocess.run(run, env=world.env, text=True, capture_output=True,
                                        check=False) for _ in range(2))
        check(first.stdout == "NVIDIA A30\n" and
              first.stderr.startswith("carve-sim: no view of /dev, /proc and /sys"),
              "without namespaces run runs, and says what is missing", first)
        check(second.stdout == "NVIDIA A30\n" and not second.stderr, "once", second)


def from_inside():
    with World("--gpus", "a30-24gb:2") as world:
        ended = world("run", "--", "sh", "-c", "carve-sim down")
        made = world("up", "--gpus", "a30-24gb")
        check(ended.returncode == 0 and made.returncode == 0 and
              world.nvml("count").stdout == "1\n", "down from inside the view, and up again",
              ended, made)
        inner = os.path.join(world.base, "inner")
        nested = world("run", "--", "sh", "-c", f"{TOOL} up --dir {inner} --gpus a30-24gb:3 && "
                       f"{TOOL} run --dir {inner} -- {' '.join(NVML)} count && "
                       f"{TOOL} down --dir {inner}")
        check(nested.stdout.endswith("\n3\n"), "a world inside a world", nested)


def state_is_kept():
    with World("--gpus", "h100-sxm5-80gb", "--latency", "0") as world:
        check(world.nvml("mig", 0, 1).stdout == "0\n", "one run turns MIG on")
        made = world.nvml("create", 0, 9, "create", 0, 14)
        check(made.returncode == 0, "the next creates instances", made)
        uuids = world.nvml("uuids", 0).stdout.split()
        shown = [ci["uuid"] for gi in world.show()["gpus"][0]["instances"] for ci in gi["compute"]]
        check(len(uuids) == 2 and uuids == shown, "a third sees them, and so does show", uuids,
              shown)


# ---- load ----

LAYOUT = """
latency: 0
gpus:
  - {board: a100-sxm4-80gb, mig: true, instances: [{profile: 1g.10gb}, {profile: 3g.40gb}]}
  - {board: a30-24gb}
"""


def world_of(text):
    world = World()
    path = os.path.join(world.base, "world.yaml")
    Path(path).write_text(text, encoding="utf-8")
    world.file = path
    world.up = world("up", "--world", path)
    return world


def devices(world):
    """UUIDs of the 3g and the 1g of GPU 0."""
    gis = world.show()["gpus"][0]["instances"]
    return [next(gi["compute"][0]["uuid"] for gi in gis if gi["profile"] == profile)
            for profile in ("3g.40gb", "1g.10gb")]


def a_load_occupies():
    with world_of(LAYOUT) as world:
        large, small = devices(world)
        load = world.load("--memory", "6GiB", "--busy", "60%", "--for", "30s", visible=small)
        check(load.line == "MIG 1g.10gb of GPU 0: 6 GiB, 60% busy, 30s", "load says where it runs",
              load.line)
        [found] = world.processes()
        check((found["pid"], found["memory_bytes"], found["busy"]) == (load.pid, 6 << 30, 0.6),
              "and is there, with its pid", found)
        check(f"pid {load.pid} carve-sim" in world("show").stdout, "show names it")
        refused = world("load", "--memory", "6GiB", "--for", "1s", visible=small)
        check(refused.returncode == OUT_OF_MEMORY and "others use 6 GiB" in refused.stderr,
              "what others use is not available", refused)
        refused = world("load", "--memory", "50GiB", "--for", "1s", visible=large)
        check(refused.returncode == OUT_OF_MEMORY and
              "out of memory: asked 50 GiB, the instance has 39" in refused.stderr,
              "nor what the instance has not", refused)
        load.send_signal(signal.SIGTERM)
        check(load.wait(10) == -signal.SIGTERM and not world.processes(),
              "SIGTERM ends it as it ends any program, and its memory is free")
        load = world.load("--memory", "9GiB", "--for", "30s", visible=small)
        load.kill()
        load.wait()
        again = world("load", "--memory", "9GiB", "--for", "0s", visible=small)
        check(again.returncode == 0 and not world.processes(), "so it is after SIGKILL", again)


def devices_are_found():
    with world_of(LAYOUT) as world:
        large, small = devices(world)
        gpu = world.show()["gpus"][0]
        gi = next(gi["gi"] for gi in gpu["instances"] if gi["profile"] == "1g.10gb")
        for visible, where in ((None, "MIG 3g.40gb of GPU 0"), (small, "MIG 1g.10gb of GPU 0"),
                               (f"{large},{small}", "MIG 3g.40gb of GPU 0"), ("1", "GPU 1"),
                               ("0", "MIG 3g.40gb of GPU 0"),
                               (world.show()["gpus"][1]["uuid"][:12], "GPU 1"),
                               (f"MIG-{gpu['uuid']}/{gi}/0", "MIG 1g.10gb of GPU 0")):
            got = world("load", "--memory", "1MiB", "--for", "0s", visible=visible)
            check(got.stdout.startswith(where + ":"), f"CUDA_VISIBLE_DEVICES={visible} is {where}",
                  got)
        for visible in ("", "-1", "2", "GPU-ffffffff", "MIG-" + gpu["uuid"][4:],
                        f"MIG-{gpu['uuid']}/0/0", "NoDevFiles", "1:0"):
            got = world("load", "--memory", "1MiB", "--for", "0s", visible=visible)
            check(got.returncode == NO_DEVICE, f"CUDA_VISIBLE_DEVICES={visible} is no device", got)


def a_load_grows():
    with world_of(LAYOUT) as world:
        got = world("load", "--memory", "5GiB", "--grow", "3GiB", "--for", "30s", "--quiet",
                    visible=devices(world)[1])
        check(got.returncode == OUT_OF_MEMORY and "asked 11 GiB" in got.stderr and not got.stdout,
              "--grow goes on until it is refused", got)
        started = time.monotonic()
        load = world.load("--memory", "1GiB", "--late", "1s", "--for", "0s")
        check(time.monotonic() - started >= 1 and load.wait() == 0, "--late opens it later")


def access_is_refused():
    if not IS_ROOT:
        return
    with world_of(LAYOUT) as world:
        if world("run", "--", "test", "-c", "/dev/nvidia-caps/nvidia-cap1").returncode:
            print("# no device nodes here")
            return
        visible = devices(world)[1]
        as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        load = ["carve-sim", "load", "--memory", "1GiB", "--for", "0s"]
        allowed = world("run", "--", *as_nobody, *load, visible=visible)
        check(allowed.returncode == 0, "in root's view another user may use an instance", allowed)
        ended = world("run", "--", *as_nobody, "carve-sim", "down", "--force")
        check(ended.returncode == DENIED and "not ours to end" in ended.stderr,
              "but not end the world", ended)
        closed = world("run", "--", "sh", "-c", "chmod 0 /dev/nvidia-caps/nvidia-cap*")
        denied = world("run", "--", *as_nobody, *load, visible=visible)
        check(denied.returncode == NO_DEVICE and "nvidia-cap" in denied.stderr,
              "until its capability node is closed", denied, closed)


def a_service_serves():
    with world_of(LAYOUT) as world:
        small = devices(world)[1]
        words = ("--model", "bert", "--rate", "40", "--batch", "8", "--memory", "4GiB", "--for",
                 "2s")
        got = world("load", *words, visible=small)
        check(got.returncode == 0 and re.search(r"served \d+ of \d+ requests", got.stdout) and
              "99% within" in got.stdout, "load --model serves at measured speed", got)
        got = world("load", *words, "--gpu-model", "h100-sxm5-80gb", visible=small)
        check(got.returncode == NOT_FOUND and "not measured on h100-sxm5-80gb" in got.stderr,
              "a board without figures is refused by name", got)
        got = world("load", "--model", "brt", *words[2:], visible=small)
        check(got.returncode == NOT_FOUND and "did you mean 'bert'?" in got.stderr,
              "so is a model", got)
        got = world("load", *words[:4], "--batch", "1024", *words[6:], visible=small)
        check(got.returncode == INVALID, "and a batch larger than measured", got)


# ---- holders ----

def holders_are_named():
    with world_of(LAYOUT) as world:
        load = world.load("--memory", "1GiB", "--for", "60s", visible=devices(world)[0])
        for words in (("down",), ("reboot",), ("reset", "0")):
            got = world(*words)
            check(got.returncode == BUSY and f"pid {load.pid} (carve-sim) on GPU 0" in got.stderr,
                  f"{words[0]} names who holds a GPU", got)
        check(world("reset", "1").returncode == 0, "a GPU that nobody holds is reset")
        check(load.poll() is None and world("reset", "0", "--force").returncode == 0 and
              load.wait(10) == -signal.SIGKILL, "--force kills")
        check(not world.show()["gpus"][0]["instances"], "and after the reset instances are gone")
        load = world.load("--memory", "1GiB", "--for", "60s", visible="1")
        load.kill()
        load.wait()
        check(world("reset", "1").returncode == 0, "the dead do not hold a GPU")
        load = world.load("--memory", "1GiB", "--for", "60s", visible="1")
        check(world("down", "--force").returncode == 0 and load.wait(10) == -signal.SIGKILL and
              not os.path.exists(world.dir), "down --force ends all")


def reset_and_reboot():
    with World("--gpus", "a100-sxm4-80gb,h100-sxm5-80gb", "--latency", "0") as world:
        load = world.load("--memory", "1GiB", "--for", "60s", visible="0")
        check(world.nvml("mig", 0, 1).stdout == "19\n" and
              "MIG off, on after a reset" in world("show").stdout,
              "a busy A100's MIG mode is pending")
        load.terminate()
        load.wait()
        uuid = world.show()["gpus"][0]["uuid"]
        check(world("reset", uuid).returncode == 0 and world.show()["gpus"][0]["mig"],
              "a reset brings it")
        world.nvml("mig", 1, 1)
        check(world("reboot").returncode == 0 and
              [gpu["mig"] for gpu in world.show()["gpus"]] == [True, False],
              "it survives a reboot where the board keeps it")
        check(world("latency", "0.1").returncode == 0 and world.show()["latency"] == 0.1,
              "latency changes")
        check(world("latency", "x").returncode == INVALID, "by a factor only")
        address = world.show()["gpus"][1]["pci"]
        check(world("reset", address).returncode == 0 and
              world("reset", "7").returncode == NOT_FOUND, "a GPU goes by its address, too")


# ---- faults ----

def faults():
    with World("--gpus", "a100-sxm4-80gb:2", "--mig", "--latency", "0") as world:
        added = world("fault", "add", "call", "nvmlDeviceGetCount_v2", "--fail", "in-use",
                      "--skip", "1")
        check(added.stdout == "fault 1\n", "fault add tells its number", added)
        got = world.nvml("count", "count", "count")
        check(got.returncode == 19 and got.stdout == "2\n", "it lets one pass and strikes the next",
              got)
        check(world.nvml("count").stdout == "2\n", "once")
        world("fault", "add", "call", "nvmlDeviceGetCount_v2", "--kill", "--times", "0")
        check(world.nvml("count").returncode == -9, "a call kills its caller")
        world("fault", "add", "slow", "--factor", "3")
        world("fault", "add", "busy", "1", "--for", "1h")
        listed = world("fault", "list")
        check("nvmlDeviceGetCount_v2 kills" in listed.stdout and "x 3" in listed.stdout and
              re.search(r"busy GPU 1 ", listed.stdout), "fault list tells what is armed", listed)
        kinds = [fault["kind"] for fault in
                 json.loads(world("fault", "list", "--json").stdout)["faults"]]
        check(kinds == ["call", "slow", "busy"] or sorted(kinds) == ["busy", "call", "slow"],
              "as JSON too", kinds)
        check(world.nvml("create", 1, 19).returncode == 19, "a holder nobody sees is in the way")
        check(world("fault", "clear").returncode == 0 and
              world.nvml("create", 1, 19).returncode == 0, "until it is cleared")
        world("fault", "add", "lost", "0")
        check("fallen off the bus" in world("show").stdout and world.nvml("name", 0).returncode == 15,
              "a lost GPU")
        check(world("reboot").returncode == 0 and world.nvml("name", 0).returncode == 0,
              "is back after a reboot")
        check(world("fault", "add", "xid", "0", "79").returncode == 0 and
              world("fault", "add", "ecc", "0", "--uncorrected", "1").returncode == 0,
              "xid and ecc happen once")
        check(world("fault", "clear", "99").returncode == NOT_FOUND, "no fault 99")


def faults_are_checked():
    with World("--gpus", "a30-24gb") as world:
        for words, says in ((("call", "nvmlDeviceGetCuont_v2", "--kill"), "nvmlDeviceGetCount_v2"),
                            (("call", "nvmlInit_v2"), "needs --fail"),
                            (("call", "nvmlDeviceGetCount_v2", "--fail", "inuse"), "in-use"),
                            (("lost", "0", "--factor", "2"), "has no --factor"),
                            (("xid", "0"), "usage: carve-sim fault add xid GPU XID"),
                            (("sloe",), "did you mean 'slow'?"), (("ecc", "0"), "--corrected"),
                            (("lost", "3"), "there is no GPU 3"),
                            (("xid", "0", "43", "--gi", "5"), "GPU 0 has no GPU instance 5")):
            got = world("fault", "add", *words)
            check(got.returncode in (INVALID, NOT_FOUND) and says in got.stderr,
                  f"fault add {' '.join(words)}", got)


# ---- world files ----

def the_manuals_world():
    with world_of(manual_block("WORLD FILES")) as world:
        check(world.up.returncode == 0, "the manual's world file is one", world.up)
        shown = world.show()["gpus"]
        check([gpu["name"] for gpu in shown][2] == "NVIDIA H100 80GB HBM3" and
              [gi["profile"] for gi in shown[2]["instances"]] == ["3g.40gb", "1g.10gb"] and
              shown[2]["minor"] == 5, "with its boards and layout", shown[2])
        check("fails in-use, skips 2, 1 left" in world("fault", "list").stdout, "and its faults")
        child = subprocess.Popen([TOOL, "replay", "--speed", "20", world.file], env=world.env,
                                 text=True, stdout=subprocess.PIPE)
        world.loads.append(child)
        line = child.stdout.readline()
        [found] = world.processes()
        check("trainer on GPU 2: 6 GiB" in line and found["name"] == "trainer" and
              found["ci"] == 1, "replay plays its processes", line, found)
        check(child.wait(20) == 0 and not world.processes(), "and ends with them")
        child = subprocess.Popen([TOOL, "replay", world.file], env=world.env,
                                 stdout=subprocess.DEVNULL)
        child.send_signal(signal.SIGTERM)
        check(child.wait(10) == -signal.SIGTERM, "or by a signal")


def mistakes_have_places():
    with world_of("gpus:\n  - board: a100-sxm4-80g\n") as world:
        check(world.up.returncode == INVALID and "world.yaml:2:12: " in world.up.stderr and
              "did you mean 'a100-sxm4-80gb'?" in world.up.stderr and
              not os.path.exists(world.dir), "a mistake has its line and column", world.up)
    full = "gpus: [{board: a30-24gb, mig: on, instances: [{profile: 4g.24gb}, {profile: 1g.6gb}]}]"
    with world_of(full) as world:
        check(world.up.returncode == 4 and "GPU 0, instance 1 of its list: 1g.6gb" in
              world.up.stderr and not os.path.exists(world.dir),
              "what does not fit is refused by the driver's rules, and nothing is left", world.up)
    with World() as world:
        got = world("up", "--gpus", "a100-sxm4-80gb:17")
        check(got.returncode == INVALID, "17 GPUs are too many", got)


# ---- the rest of the manual ----

def the_manuals_examples():
    lines = [line[2:] for line in manual_block("EXAMPLES").splitlines() if line.startswith("$ ")]
    with World() as world:
        world.env["PATH"] = f"{TOOL.parent}:{world.env['PATH']}"
        has_smi = (TOOL.parent / "nvidia-smi").exists()
        for line in lines:
            if "nvidia-smi" in line and not has_smi:
                got = world.nvml("create", 0, 9, "create", 0, 14)
            elif line.endswith("&"):
                world.loads.append(subprocess.Popen(["sh", "-c", "exec " + line[:-1]],
                                                    env=world.env, stdout=subprocess.PIPE,
                                                    stderr=subprocess.DEVNULL, text=True))
                said = world.loads[-1].stdout.readline()
                check(said.startswith("MIG ") and "60% busy" in said, line, said)
                continue
            elif line == "carve-sim down":
                line += " --force"
            if "nvidia-smi" not in line or has_smi:
                got = subprocess.run(["sh", "-c", line], env=world.env, text=True, check=False,
                                     capture_output=True)
            check(got.returncode == 0, line, got)


def help_and_mistakes():
    with World() as world:
        listed = world("help").stdout
        names = re.findall(r"^  (\w+) ", listed, re.M)
        check(len(names) >= 14 and "keep-view" not in listed, "help lists the commands", listed)
        text = MANUAL.read_text(encoding="utf-8")
        for name in names:
            got = world(name, "--help")
            check(got.returncode == 0 and got.stdout.startswith(f"usage: carve-sim {name}"),
                  f"{name} --help", got)
            options = set(re.findall(r"^  (--[\w-]+)", got.stdout, re.M)) - {"--help", "--dir"}
            missing = [option for option in options if option not in text]
            check(f"*{name}*" in text and not missing, f"{name} is in the manual", missing)
        wrong = world("shwo")
        check(wrong.returncode == INVALID and "did you mean 'show'?" in wrong.stderr, "shwo", wrong)
        check("a100-sxm4-80gb" in world("boards").stdout and
              json.loads(world("boards", "--json").stdout)["boards"], "boards need no world")


STORIES = [up_and_down, folders_are_respected, wrecks_are_cleared, a_default_folder, two_worlds,
           run_passes_on, the_view, the_keeper_of_a_view, without_a_view, from_inside,
           state_is_kept, a_load_occupies, devices_are_found, a_load_grows, access_is_refused,
           a_service_serves, holders_are_named, reset_and_reboot, faults, faults_are_checked,
           the_manuals_world, mistakes_have_places, the_manuals_examples, help_and_mistakes]


def as_nobody():
    """The same once more without rights; its TAP lines become ours."""
    reachable = subprocess.run(["test", "-x", TOOL], user=NOBODY, group=NOBODY, extra_groups=[],
                               check=False).returncode == 0
    if not reachable:
        print("# not as an ordinary user: the build folder is not open to others")
        return
    child = subprocess.run([PYTHON, *map(str, (Path(__file__).resolve(), TOOL, MANUAL)), "--child"],
                           user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", text=True,
                           stdout=subprocess.PIPE, check=False,
                           env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"})
    print("\n".join(line for line in child.stdout.splitlines() if line.startswith("#")))
    for line in re.findall(r"^(ok|not ok) \d+ - (.*)$", child.stdout, re.M):
        results.append(line[0] == "ok")
        print(line[0], len(results), "-", line[1])
    if child.returncode:
        check(False, f"the ordinary user's part ended with {child.returncode}")


def main():
    for story in STORIES:
        print(f"# {story.__name__.replace('_', ' ')}")
        story()
    if IS_ROOT and "--child" not in sys.argv:
        as_nobody()
    print(f"1..{len(results)}")
    return 0 if all(results) else 1


sys.exit(main())
