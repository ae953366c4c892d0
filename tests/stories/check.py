#!/usr/bin/env python3
"""
carve check on simulated hosts: a tree of files for what a host has, a world for its GPUs. Each row of the report is seen in
order and out of order, and carved keeps its hands off where another manager is at work.
"""
import json
import os
import random
import shutil
import stat
import subprocess
import tempfile
import time
import unicodedata
from pathlib import Path

from host import ANN, CARVE, CARVED, SIM, Host, Skip, same, tell, wait_until

LIBRARY = Path(SIM).parent / "libnvidia-ml.so.1"
DAY = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 5 * 86400))
LONG_AGO = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 500 * 86400))
POLICY = f"""\
version: 1
reason: {{min_length: 10}}
review: {{last: {DAY}, every: 90d, tested: {DAY}}}
changes: {{windows: [{{days: [sat, sun]}}]}}
classes:
  small: {{profiles: 1g}}
  full: {{profiles: full, allow: {{users: ann}}}}
teams: {{everyone: {{per_user: {{instances: 1}}}}}}
"""
WANTS = "etc/systemd/system/multi-user.target.wants"
CAPS = (66, 67)  # minors of the first instance and its compute instance


SEEN = {}  # every check's verdicts


def note(row):
    SEEN.setdefault(row["check"], set()).add(row["verdict"])
    return row


class Server:
    """A host that is in order; then something is changed and looked at."""

    def __init__(self, gpus="a100-sxm4-80gb", sim=("--mig",), cut=True):
        self.dir = Path(tempfile.mkdtemp(prefix="carve-check-"))
        self.root = self.dir / "root"
        self.env = {**os.environ, "CARVE_SIM": str(self.dir / "world"), "CARVE_SOCKET": str(self.dir / "none")}
        self.children = []
        self.run(SIM, "up", "--gpus", gpus, "--latency", "0", *sim)
        if cut:
            self.run(SIM, "run", "--no-jail", "--", "nvidia-smi", "mig", "-i", "0", "-cgi", "19", "-C")
        self.world = json.loads(self.run(SIM, "show", "--json"))
        self.make()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.kill()
            child.wait()
        self.run(SIM, "down", "--force")
        shutil.rmtree(self.dir)

    def run(self, *words):
        done = subprocess.run([str(word) for word in words], env=self.env, text=True, capture_output=True, timeout=60,
                              check=False)
        assert not done.returncode, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    # ---- the tree ----

    def put(self, path, text="", mode=0o644):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def link(self, path, to):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(to)

    def node(self, path, minor, mode):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.mknod(path, stat.S_IFCHR | mode, os.makedev(511, minor))
        except PermissionError as error:
            raise Skip("no device nodes can be made here") from error
        path.chmod(mode)

    def drop(self, path):
        (self.root / path).unlink()

    def process(self, pid, name, kernel=False, uid=987654, exe=None, **files):
        self.put(f"proc/{pid}/comm", name + "\n")
        self.put(f"proc/{pid}/stat", f"{pid} ({name}) S 1 0 0 0 0 {0x200000 * kernel} 0 0 0 0 0 0 0 0 0 0 0 0 0 7 0\n")
        self.put(f"proc/{pid}/status", f"Name:\t{name}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t0\n")
        self.put(f"proc/{pid}/maps")
        (self.root / f"proc/{pid}/fd").mkdir()
        if exe:
            self.link(f"proc/{pid}/exe", exe)
        for file, text in files.items():
            self.put(f"proc/{pid}/{file}", text)

    def make(self):
        driver, instances = self.world["driver"], self.world["gpus"][0]["instances"]
        gi = instances[0]["gi"] if instances else 0
        self.process(1, "systemd")
        self.process(2, "kthreadd", kernel=True)
        self.process(40, "nv-hostengine")
        self.put("proc/modules", "nvidia 1 0 - Live 0\n")
        self.put("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vme\n\n")
        self.put("proc/driver/nvidia/version", f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {driver}  Tue\nGCC\n")
        self.put("proc/driver/nvidia-caps/mig-minors",
                 f"config 1\nmonitor 2\ngpu0/gi{gi}/access 66\ngpu0/gi{gi}/ci0/access 67\n")
        self.put("sys/class/dmi/id/sys_vendor", "Supermicro\n")
        for name, value in (("vendor", "0x10de"), ("device", "0x20b2"), ("class", "0x030200")):
            self.put(f"sys/bus/pci/devices/0000:07:00.0/{name}", value + "\n")
        self.link("sys/bus/pci/devices/0000:07:00.0/driver", "../../../bus/pci/drivers/nvidia")
        for minor, name in enumerate(("nvidiactl", "nvidia-uvm", "nvidia0")):
            self.node(f"dev/{name}", minor, 0o666)
        self.node("dev/nvidia-caps/nvidia-cap1", 11, 0o400)
        for minor in CAPS:
            self.node(f"dev/nvidia-caps/nvidia-cap{minor}", minor, 0o440)
        self.link(f"{WANTS}/carved.service", "/usr/lib/systemd/system/carved.service")
        self.put("etc/carve/policy.yaml", POLICY)
        self.toolkit("1.17.8-1", "accept-nvidia-visible-devices-envvar-when-unprivileged = false\n")

    def toolkit(self, version, config):
        self.put("var/lib/dpkg/status", "Package: nvidia-container-toolkit\nStatus: install ok installed\n"
                 f"Version: {version}\n")
        self.put("etc/nvidia-container-runtime/config.toml", config)

    def policy(self, old, new):
        assert old in POLICY
        self.put("etc/carve/policy.yaml", POLICY.replace(old, new))

    # ---- looking ----

    def look(self, *words, status=None):
        done = subprocess.run([CARVE, "check", "--root", str(self.root), "--library", str(LIBRARY), *words], env=self.env,
                              text=True, capture_output=True, timeout=60, check=False)
        assert not done.stderr, done.stderr
        assert status is None or done.returncode == status, done.stdout
        return done.stdout

    def verdicts(self):
        answer = json.loads(self.look("--json"))
        return {row["check"]: note(row) for row in answer["checks"]}

    def expect(self, check, verdict, words=""):
        row = json.loads(self.look("--json", "--only", check))["checks"][0]
        note(row)
        assert row["verdict"] == verdict and words in row["reason"], \
            f"{check}: {row['verdict']}, not {verdict}: {row['reason']} ({words})"


def in_order():
    """on a host that is in order everything passes but what only carved knows, and what no policy can say yet"""
    with Server() as host:
        bad = {name: row["reason"] for name, row in host.verdicts().items() if row["verdict"] != "pass"}
        same("what does not pass", sorted(bad), ["carved", "idle", "strangers"])
        text = host.look(status=31)
        same("the widest line", max(map(len, text.splitlines())) <= 80, True)
        same("the last lines", "minimum rules of use: 5 of 6, missing: idle" in " ".join(text.split()), True)
        same("colours", "\033" in text, False)
        same("twice the same", host.look(), text)


def out_of_order():
    """each thing that is not in order is one row's, with its reason"""
    with Server() as host:
        for change, check, verdict, words in CHANGES:
            shutil.rmtree(host.root)
            host.make()
            change(host)
            host.expect(check, verdict, words)


CHANGES = [
    (lambda h: h.put("proc/driver/nvidia/version", "NVRM version: NVIDIA  550.90.07  Tue\n"), "driver-pair", "fail",
     "the module is 550.90.07"),
    (lambda h: h.put("proc/cpuinfo", "processor\t: 0\nflags\t: fpu hypervisor vme\n"), "virtual-machine", "pass",
     "a guest (Supermicro)"),
    (lambda h: h.link("sys/bus/pci/devices/0000:07:00.0/driver", "../vfio-pci"), "virtual-machine", "warn",
     "1 GPU is given to virtual machines"),
    (lambda h: h.put("usr/local/cuda/version.json", '{"cuda": {"version": "13.1.0"}}'), "cuda", "warn", "13.1.0"),
    (lambda h: h.put("usr/local/cuda/version.json", "{"), "cuda", "pass", ""),
    (lambda h: h.put("dev/nvidia-nvswitchctl"), "fabric-manager", "warn", "no fabric manager"),
    (lambda h: (h.put("dev/nvidia-nvswitchctl"), h.process(50, "nv-fabricmanage")), "fabric-manager", "pass", "50"),
    (lambda h: h.toolkit("1.17.3-1", ""), "toolkit-version", "fail", "CVE-2025-23359"),
    (lambda h: h.toolkit("1.17.8-1", ""), "toolkit-config", "warn", "true by default"),
    (lambda h: h.put("etc/cdi/nvidia.yaml", "kind: nvidia.com/gpu\nname: MIG-00000000-0000-5000-8000-000000000002\n"),
     "cdi", "warn", "gone (1); 1 instance is not in them"),
    (lambda h: h.put("run/cdi/nvidia.yaml", "kind: nvidia.com/gpu\nname: " +
                     h.world["gpus"][0]["instances"][0]["compute"][0]["uuid"] + "\n"),
     "cdi", "pass", "they name the instances"),
    (lambda h: h.drop("dev/nvidiactl"), "device-nodes", "fail", "/dev/nvidiactl"),
    (lambda h: (h.drop("dev/nvidia0"), h.put("dev/nvidia0")), "device-nodes", "fail", "/dev/nvidia0 is no device"),
    (lambda h: h.drop("dev/nvidia-uvm"), "device-nodes", "warn", "/dev/nvidia-uvm"),
    (lambda h: h.drop("dev/nvidia-caps/nvidia-cap67"), "cap-nodes", "warn", "1 of 2 are missing"),
    (lambda h: h.drop("proc/driver/nvidia-caps/mig-minors"), "cap-nodes", "unknown", "mig-minors"),
    (lambda h: (h.root / "dev/nvidia-caps/nvidia-cap1").chmod(0o444), "cap-config", "fail", "mode 0444"),
    (lambda h: (h.root / "dev/nvidia-caps/nvidia-cap66").chmod(0o444), "cap-modes", "warn", "1 of 2"),
    (lambda h: h.link(f"{WANTS}/nvidia-mig-manager.service", "/x"), "mig-manager", "fail", "is enabled"),
    (lambda h: (h.link(f"{WANTS}/nvidia-mig-manager.service", "/x"),
                h.link("etc/systemd/system/nvidia-mig-manager.service", "/dev/null")), "mig-manager", "pass", ""),
    (lambda h: h.process(60, "nvidia-mig-mana", uid=0, exe="/usr/bin/nvidia-mig-manager"), "mig-manager", "fail",
     "process 60"),
    (lambda h: h.process(60, "nvidia-mig-mana", exe="/tmp/nvidia-mig-manager"), "mig-manager", "pass", "not at work"),
    (lambda h: h.process(60, "nvidia-mig-mana", uid=0, exe="/usr/bin/sudo"), "mig-manager", "pass", "not at work"),
    (lambda h: h.process(60, "nvidia-vgpu-mgr", uid=0, exe="/usr/bin/nvidia-vgpu-mgr"), "vgpu", "fail", "process 60"),
    (lambda h: h.process(61, "gpu-kubelet-plu", uid=0, exe="/usr/bin/gpu-kubelet-plugin", cmdline="gpu-kubelet-plugin\0", environ="FEATURE_GATES=DynamicMIG=true\0"),
     "dra", "fail", "with DynamicMIG (process 61)"),
    (lambda h: h.process(61, "gpu-kubelet-plu", uid=0, exe="/usr/bin/gpu-kubelet-plugin", cmdline="gpu-kubelet-plugin\0", environ="A=b\0"), "dra", "pass",
     "without DynamicMIG"),
    (lambda h: h.process(61, "gpu-kubelet-plu", uid=0, exe="/usr/bin/gpu-kubelet-plugin", cmdline="gpu-kubelet-plugin\0"), "dra", "unknown", "may not be read"),
    (lambda h: h.put("var/lib/kubelet/plugins/gpu.nvidia.com/x"), "dra", "unknown", "exists"),
    (lambda h: h.put("etc/lsf.conf", "LSF_MANAGE_MIG=Y\n"), "lsf", "fail", "/etc/lsf.conf"),
    (lambda h: h.process(62, "sbatchd"), "lsf", "unknown", "sbatchd"),
    (lambda h: h.put("proc/modules", "nvidia_vgpu_vfio 1 0 - Live 0\n"), "vgpu", "fail", "nvidia_vgpu_vfio"),
    (lambda h: h.put("var/lib/kubelet/device-plugins/nvidia-mig-1g.10gb.sock"), "kubernetes", "warn", "once"),
    (lambda h: h.process(63, "kubelet"), "kubernetes", "pass", "without NVIDIA's device plugin"),
    (lambda h: h.put("etc/slurm/gres.conf", "\n\nAutoDetect=nvml\n"), "slurm", "warn", "/etc/slurm/gres.conf:3"),
    (lambda h: h.put("etc/slurm/slurm.conf", "NodeName=n1 Gres=gpu:h100:8\n"), "slurm", "pass", "names no instances"),
    (lambda h: h.process(64, "slurmd"), "slurm", "unknown", "not found"),
    (lambda h: h.put("proc/40/comm", "sleep\n"), "monitoring", "warn", "only DCGM"),
    (lambda h: shutil.rmtree(h.root / "proc/1") or h.put("proc/40/comm", "sleep\n"), "monitoring", "unknown", "hidden"),
    (lambda h: shutil.rmtree(h.root / "proc/2") or h.put("proc/40/comm", "sleep\n"), "monitoring", "unknown", "hidden"),
    (lambda h: h.drop("etc/carve/policy.yaml"), "classes", "warn", "there is no"),
    (lambda h: h.policy("classes:", "clases:"), "classes", "fail", "/etc/carve/policy.yaml:5:1:"),
    (lambda h: h.policy(f"tested: {DAY}", f"tested: {LONG_AGO}"), "tested", "warn", "more than a year"),
    (lambda h: h.policy(f"last: {DAY}", f"last: {LONG_AGO}"), "review", "warn", "overdue for 41"),
    (lambda h: h.policy("{per_user: {instances: 1}}", "{}"), "allocation", "warn", "no limit for team everyone"),
    (lambda h: h.policy(", allow: {users: ann}", ""), "full-gpus", "warn", "everybody may ask for full"),
    (lambda h: h.policy("changes: {windows: [{days: [sat, sun]}]}\n", ""), "change-policy", "warn", "at any time"),
    (lambda h: h.policy("reason: {min_length: 10}", ""), "reason", "warn", "none need be given"),
    (lambda h: h.drop(f"{WANTS}/carved.service"), "carved-boot", "warn", "not enabled"),
]


def other_gpus():
    """boards and drivers of other kinds, and MIG mode in all its states"""
    for gpus, sim, check, verdict, words in (
            ("h100-sxm5-80gb", ("--mig",), "mig-persistence", "unknown", "off again after a reboot"),
            ("h100-sxm5-80gb", ("--mig",), "monitoring", "pass", "NVML measures"),
            ("h100-sxm5-80gb", ("--mig", "--driver", "470.57.02"), "driver-board", "fail", "needs driver 525.85.12"),
            ("a100-sxm4-80gb", ("--mig", "--driver", "470.57.02"), "driver-profiles", "warn", "4g beside 3g (R510)"),
            ("a100-sxm4-80gb", ("--mig", "--driver", "570.133.20"), "driver-known", "warn", "wrong devices"),
            ("a100-sxm4-80gb", (), "mig-mode", "warn", "off"),
            ("gh200-96gb", ("--mig",), "driver-board", "unknown", "not known")):
        with Server(gpus, sim, cut=False) as host:
            host.expect(check, verdict, words)


def before_the_change():
    """with MIG mode off: who holds the GPU, by descriptor or by mapping, and what blocks a reset"""
    with Server(sim=(), cut=False) as host:
        host.expect("clients", "pass", "nobody")
        host.expect("nvidia-drm", "pass", "not loaded")
        host.process(77, "python3", cgroup="0::/system.slice/ollama.service\n")
        host.link("proc/77/fd/3", str(host.root / "dev/nvidia0"))
        host.expect("clients", "warn", "GPU 0: python3 (pid 77, uid 987654, ollama.service)")
        host.put("proc/modules", "nvidia_drm 1 0 - Live 0\n")
        host.expect("nvidia-drm", "warn", "blocks")
        host.put("proc/cpuinfo", "processor\t: 0\nflags\t: fpu hypervisor\n")
        host.expect("virtual-machine", "warn", "when the guest is started again")
        host.run(SIM, "fault", "add", "lost", "0")
        host.expect("board", "fail", "fallen off the bus")


def without_a_driver():
    """the bus tells which boards there are before there is a driver"""
    with Server() as host:
        look = json.loads(subprocess.run([CARVE, "check", "--root", str(host.root), "--library", "/nonexistent", "--json"],
                                         env=host.env, capture_output=True, check=False, timeout=60).stdout)
        rows = {row["check"]: note(row) for row in look["checks"]}
        same("driver", rows["driver"]["verdict"], "fail")
        same("board", rows["board"]["reason"], "0000:07:00.0: NVIDIA A100-SXM4-80GB, by its PCI device id 20b2")
        same("what needs it", rows["mig-mode"]["verdict"], "unknown")


def hostile_tree():
    """FIFOs, loops, links out of the root, garbage and huge files are looked at in bounded time, and nothing is believed"""
    with Server() as host:
        garbage = random.Random(7).randbytes(1 << 16)
        for path in ("etc/carve/policy.yaml", "etc/slurm/gres.conf", "etc/lsf.conf", "proc/cpuinfo", "proc/modules",
                     "etc/nvidia-container-runtime/config.toml", "etc/cdi/x.yaml", "usr/local/cuda/version.json",
                     "proc/1/comm", "proc/1/stat", "proc/1/maps", "proc/1/cgroup", "proc/driver/nvidia/version",
                     "proc/driver/nvidia-caps/mig-minors", "sys/class/dmi/id/sys_vendor", "var/lib/dpkg/status"):
            host.put(path)
            (host.root / path).write_bytes(garbage)
        printable(host.look())
        for number, path in enumerate(("etc/carve/policy.yaml", "etc/slurm/slurm.conf", "etc/lsf.conf", "proc/cpuinfo")):
            host.put(path)
            host.drop(path)
            if number % 2:
                host.link(path, Path(path).name)  # a loop
            else:
                os.mkfifo(host.root / path)
        with open(host.root / "var/lib/dpkg/status", "wb") as file:
            file.truncate(1 << 40)  # sparse, and longer than any memory
        host.link("etc/slurm/gres.conf", "/proc/self/environ")
        host.link("proc/driver/nvidia/version", "../../../../../../../../etc/hostname")
        for number in range(500):
            (host.root / f"proc/{100000 + number}").mkdir()
        began = time.monotonic()
        rows = host.verdicts()
        same("in bounded time", time.monotonic() - began < 20, True)
        same("a FIFO is no policy", rows["classes"]["reason"], "'/etc/carve/policy.yaml' may not be read")
        same("a loop is no configuration", rows["lsf"]["verdict"], "pass")
        printable(host.look())


def printable(text):
    bad = [c for c in text if c != "\n" and (unicodedata.category(c) == "Cc" or c in "\u202a\u202b\u202d\u202e\u2066\u2067")]
    same("can harm no terminal", bad, [])


# ---- the daemon ----

class Managed(Host):
    """carved whose files of the host can be made up."""
    view = ("--no-jail",)

    def launch(self):
        self.root = Path(self.dir) / "root"
        (self.root / WANTS).mkdir(parents=True, exist_ok=True)
        return subprocess.Popen(
            [SIM, "run", *self.view, "--", CARVED, "--policy", str(self.policy), "--ledger", self.ledger,
             "--socket", self.socket, "--root", str(self.root)], env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=self.log.open("a"))

    def row(self, check):
        child = self.popen(CARVE, "check", "--root", self.root, "--library", LIBRARY, "--policy", self.policy, "--only",
                           check, "--json", uid=0)
        return note(json.loads(child.communicate(timeout=60)[0])["checks"][0])


def observe_only():
    """where mig-manager is enabled carved makes, removes and grants nothing, and goes on when it is gone"""
    with Managed() as host:
        lease, other = host.lease("half"), host.lease("half")
        host.release(host.lease("small")["id"])  # which is kept warm
        same("carved", host.row("carved")["verdict"], "pass")
        os.utime(host.policy, (time.time() + 5, time.time() + 5))
        same("a newer file", "written after" in host.row("carved")["reason"], True)
        os.utime(host.policy, (1, 1))
        unit = host.root / WANTS / "nvidia-mig-manager.service"
        unit.symlink_to("/x")
        host.api("POST", "/v1/policy/reload")
        why = "NVIDIA's mig-manager decides about MIG here: nvidia-mig-manager.service is enabled"
        same("told", host.get("/v1/status")["observing"], why)
        same("told to people", f"! {why}; carve only observes" in " ".join(host.carve("status").stdout.split()), True)
        status, answer = host.api("POST", "/v1/leases", {"class": "small", "reason": "a story"}, ANN)
        same("a request", (status, answer["error"]["code"]), (501, "unsupported"))
        same("and what helps", "systemctl disable --now nvidia-mig-manager" in answer["error"]["hint"], True)
        there = host.on_gpus()
        done = host.carve("layout", "apply", "gpu1=7g", "--yes", uid=0)
        same(f"a change of the layout: {done.stderr}", (done.returncode, "only observes" in done.stderr), (10, True))
        host.release(lease["id"])
        host.restart()
        time.sleep(0.3)
        same("nothing was removed", host.on_gpus(), there)
        same("the row", host.row("mig-manager")["verdict"], "fail")
        unit.unlink()
        host.api("POST", "/v1/policy/reload")
        same("not any more", host.get("/v1/status")["observing"], None)
        wait_until(lambda: len(host.on_gpus()) == len(there) - 1, "the instance is removed after all")
        host.lease("small")
        host.release(other["id"])
        kinds = [event["kind"] for event in host.events()]
        same("told as events", ("observing" in kinds, "acting" in kinds), (True, True))
        host.check_agreement()


class Shown(Managed):
    """The same, in the view of its world: with device nodes."""
    view = ()

    def mode(self):
        return self.sim("run", "--", "stat", "-c", "%t %a", "/dev/nvidia0").split()


def nodes_of_others():
    """where another manager decides no node of an empty GPU is closed; where none does it is"""
    def enable(host):
        if host.mode()[0] != "c3":
            raise Skip("no device nodes can be made here")
        (Path(host.dir) / "root" / WANTS).mkdir(parents=True)
        (Path(host.dir) / "root" / WANTS / "nvidia-mig-manager.service").symlink_to("/x")

    with Shown("a100-sxm4-80gb", prepare=enable) as host:
        before = host.mode()
        wait_until(lambda: host.get("/v1/status")["gpus"], "the GPUs are looked at")
        time.sleep(0.5)
        same("left alone", host.mode(), before)
        (host.root / WANTS / "nvidia-mig-manager.service").unlink()
        host.api("POST", "/v1/policy/reload")
        wait_until(lambda: host.mode() != before, "the node is closed")


def strangers():
    """instances that carve did not make are counted"""
    with Managed() as host:
        same("none", host.row("strangers")["verdict"], "pass")
        subprocess.run([SIM, "run", "--no-jail", "--", "nvidia-smi", "mig", "-i", "0", "-cgi", "19", "-C"], env=host.env,
                       check=True, stdout=subprocess.DEVNULL, timeout=60)
        wait_until(lambda: host.row("strangers")["verdict"] == "warn", "the stranger is counted")


def every_check():
    """no check that was not seen to pass and not to pass, but for what nothing can fulfil yet"""
    same("only one way", sorted(name for name, seen in SEEN.items() if len(seen) < 2 or "pass" not in seen), ["idle"])
    same("how many", len(SEEN) > 35, True)


tell(in_order, out_of_order, other_gpus, before_the_change, without_a_driver, hostile_tree, observe_only, nodes_of_others,
     strangers, every_check)
