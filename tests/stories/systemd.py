#!/usr/bin/env python3
"""
carved and a service with a lease under a real systemd, in a container of
systemd-nspawn that is made of this host's /usr. The daemon is started by the
unit of contrib/systemd, the service gets its lease by the drop-in beside it.
Device nodes are made by mknod, with numbers no driver has here.
"""
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from host import CARVE, CARVED, PATIENCE_S, POLICY, SIM, SLOWER, Skip, same, tell

CONTRIB = Path(__file__).resolve().parent.parent.parent / "contrib/systemd"
CAPS, UVM = 236, 511  # majors
YES, MODE, GROUP = "ENXIO", "EACCES", "EPERM"

POLICY_USERS = POLICY + "isolation: cgroup\n"

# What the service does: it writes down how its devices answer, again and again.
SERVICE = """\
import errno, json, os, time
gpu, gi = 0, None
while True:
    answers = {}
    for name in sorted(os.listdir("/dev/nvidia-caps")) + ["../nvidia0", "../nvidia1", "../null"]:
        try:
            os.close(os.open("/dev/nvidia-caps/" + name, os.O_RDONLY))
            answers[name] = "opened"
        except OSError as why:
            answers[name] = errno.errorcode[why.errno]
    now = {"device": os.environ.get("CUDA_VISIBLE_DEVICES"), "lease": os.environ.get("CARVE_LEASE"),
           "uid": os.getuid(), "answers": answers}
    with open("/story/out/new", "w") as file:
        json.dump(now, file)
    os.rename("/story/out/new", "/story/out/app.json")
    time.sleep(0.05)
"""

# What happens inside, told as JSON.
INSIDE = """\
import json, subprocess, time
def do(*words):
    done = subprocess.run(words, text=True, capture_output=True)
    return done.returncode, done.stdout.strip(), done.stderr.strip()
def carve(*words):
    return do("/story/bin/carve", *words)
def seen():
    time.sleep(0.5 * SLOWER)
    return json.load(open("/story/out/app.json"))
def leases():
    return json.loads(carve("leases", "--json", "--all")[1])["leases"]
told = {}
try:
    for _ in range(int(200 * SLOWER)):
        if carve("status")[0] == 0:
            break
        time.sleep(0.05)
    told["start"] = do("systemctl", "start", "app.service")
    told["state"] = do("systemctl", "is-active", "carved.service", "app.service")
    told["running"] = seen()
    told["leases"] = leases()
    pid = do("systemctl", "show", "-P", "MainPID", "app.service")[1]
    told["group"] = open(f"/proc/{pid}/cgroup").read()
    told["daemon"] = open("/proc/%s/status" % do("systemctl", "show", "-P", "MainPID", "carved.service")[1]).read()
    told["restart"] = do("systemctl", "restart", "carved.service")
    told["after restart"] = seen()
    told["release"] = carve("release", str(told["leases"][0]["id"]))
    told["over"] = seen()
    told["stop"] = do("systemctl", "stop", "app.service")
    told["again"] = do("systemctl", "start", "app.service")
    told["leases again"] = leases()
    told["stop again"] = do("systemctl", "stop", "app.service")
    time.sleep(1)
    told["at the end"] = leases()
except Exception as why:
    told["failed"] = repr(why)
told["journal"] = do("sh", "-c", "cat /story/out/*.log")[1][-3000:]
json.dump(told, open("/story/out/told.json", "w"))
subprocess.run(["systemctl", "--force", "--force", "poweroff"])
"""

UNITS = {
    "default.target": "[Unit]\nDescription=the story\nWants=driver.service\n",
    "devices.service": "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nRemainAfterExit=yes\n"
                       "ExecStart=/bin/sh /story/devices.sh\n",
    "carved.service.d/story.conf": "[Unit]\nRequires=devices.service\nAfter=devices.service\n[Service]\nExecStart=\n"
                                   "Environment=CARVE_SIM=/story/world\n"
                                   "ExecStart=/story/bin/carve-sim run --no-jail -- /story/bin/carved --policy "
                                   "/story/policy.yaml --ledger /var/lib/carve/ledger.db\n"
                                   "StandardError=append:/story/out/carved.log\n",
    "app.service": "[Service]\nType=exec\nUser=nobody\nExecStart=/usr/bin/python3 /story/app.py\n"
                   "StandardError=append:/story/out/app.log\n",
    "driver.service": "[Unit]\nWants=carved.service\nAfter=carved.service\n[Service]\n"
                      "ExecStart=/usr/bin/python3 /story/inside.py\nStandardError=append:/story/out/driver.log\n",
}


def lay_out(root):
    """A root of a container: this host's /usr, and little else."""
    root.chmod(0o755)
    for name in ("dev", "etc/systemd/system", "proc", "run", "story/bin", "story/out", "sys", "tmp", "usr", "var/lib"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        (root / name).symlink_to(f"usr/{name}")
    (root / "etc/os-release").write_text("ID=debian\n")
    (root / "etc/machine-id").write_text("")
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")
    (root / "story/out").chmod(0o777)
    for program in (CARVE, CARVED, SIM, Path(SIM).parent / "libnvidia-ml.so.1"):
        shutil.copy2(program, root / "story/bin")


def write_units(root):
    units = {**UNITS, "carved.service": (CONTRIB / "carved.service").read_text().replace("@sbindir@", "/story/bin"),
             "app.service.d/carve.conf": (CONTRIB / "carve-lease.conf").read_text().replace("@bindir@", "/story/bin")}
    for name, text in units.items():
        path = root / "etc/systemd/system" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def write_story(root):
    story = root / "story"
    minors = [f"gpu{g}/gi{i}/{c}access {3 + 135 * g + 9 * i + n}\n" for g in range(2) for i in range(15)
              for n, c in enumerate(["", "ci0/"])]
    (story / "devices").write_text(f"Character devices:\n  1 mem\n195 nvidia-frontend\n{CAPS} nvidia-caps\n"
                                   f"{UVM} nvidia-uvm\n\nBlock devices:\n")
    (story / "driver/nvidia-caps").mkdir(parents=True)
    (story / "driver/nvidia-caps/mig-minors").write_text("".join(minors))
    caps = " ".join(line.split()[1] for line in minors)
    (story / "devices.sh").write_text(f"""set -e
mount --bind /story/devices /proc/devices
mount --bind /story/driver /proc/driver
mkdir /dev/nvidia-caps
for m in {caps}; do mknod -m 0444 /dev/nvidia-caps/nvidia-cap$m c {CAPS} $m; done
mknod -m 0666 /dev/nvidia0 c 195 0
mknod -m 0666 /dev/nvidia1 c 195 1
mknod -m 0666 /dev/nvidiactl c 195 255
CARVE_SIM=/story/world /story/bin/carve-sim up --gpus a100-sxm4-80gb:2 --mig --latency 0
""")
    (story / "policy.yaml").write_text(POLICY_USERS)
    (story / "app.py").write_text(SERVICE)
    (story / "inside.py").write_text(f"SLOWER = {SLOWER}\n" + INSIDE)


def boot(root):
    group = f"carve-story-{os.getpid()}"
    script = (f"umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && mkdir /sys/fs/cgroup/{group} && "
              f"echo $$ > /sys/fs/cgroup/{group}/cgroup.procs && exec env SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --register=no --keep-unit "
              f"--directory={root} --bind-ro=/usr --private-network --console=pipe --system-call-filter=bpf --boot "
              "quiet systemd.log_level=warning")
    return subprocess.run(["unshare", "-m", "sh", "-c", script], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=6 * PATIENCE_S, check=False)


def remove_groups():
    for top in Path("/sys/fs/cgroup").glob("*"), [Path("/sys/fs/cgroup")]:
        for path in top:
            for folder, _, _ in sorted(os.walk(path / f"carve-story-{os.getpid()}"), reverse=True):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)


def told_inside():
    if not shutil.which("systemd-nspawn"):
        raise Skip("systemd-nspawn is not installed: scripts/deps")
    root = Path(tempfile.mkdtemp(prefix="carve-systemd-"))
    try:
        lay_out(root)
        write_units(root)
        write_story(root)
        done = boot(root)
        told = root / "story/out/told.json"
        if not told.exists():
            raise Skip(f"systemd cannot be booted here: {(done.stderr or done.stdout).strip()[-300:]!r}")
        return json.loads(told.read_text())
    finally:
        remove_groups()
        shutil.rmtree(root, ignore_errors=True)


TOLD = {}


def once():
    """One boot is enough for all."""
    if not TOLD:
        try:
            TOLD.update(told_inside())
        except Skip as why:
            TOLD["skip"] = str(why)
    if "skip" in TOLD:
        raise Skip(TOLD["skip"])
    lacks = re.search(r"processes have no control groups of their own here: (.*)", TOLD["journal"])
    if lacks:
        raise Skip(f"the container has no device programs: {lacks[1]}")
    assert "failed" not in TOLD, f"inside: {TOLD}"
    return TOLD


def own_caps(lease):
    first = 3 + 135 * lease["instance"]["gpu_index"] + 9 * lease["instance"]["gi"]
    return [f"nvidia-cap{first}", f"nvidia-cap{first + 1 + lease['instance']['ci']}"]


def has_its_lease():
    """a service has a lease of its own from start to stop, in its group, over a restart of the daemon"""
    told = once()
    same("started", told["start"], [0, "", ""])
    same("both are", told["state"][1].split(), ["active", "active"])
    lease, = told["leases"]
    running = told["running"]
    same("whose", (lease["user"], lease["state"], running["uid"]), ("nobody", "active", 65534))
    same("what it finds", (running["device"], running["lease"]), (lease["instance"]["uuid"], str(lease["id"])))
    same("where it lives", f"/system.slice/app.service/carve-lease-{lease['id']}-" in told["group"], True)
    opened = {name: YES for name in [*own_caps(lease), "../nvidia0"]} | {"../null": "opened"}
    same("what it opens", {name: how for name, how in running["answers"].items() if how not in (GROUP, MODE)}, opened)
    same("the daemon is restarted", told["restart"][0], 0)
    same("after it", told["after restart"], running)


def loses_it():
    """the same service opens nothing once its lease is over; stopping ends the lease, starting brings another"""
    told = once()
    same("released", told["release"][0], 0)
    same("what it opens", {name for name, how in told["over"]["answers"].items() if how not in (GROUP, MODE)}, {"../null"})
    same("stopped and started", (told["stop"][0], told["again"][0], told["stop again"][0]), (0, 0, 0))
    same("its leases", [lease["state"] in ("active", "ended") for lease in told["leases again"]], [True, True])
    same("at the end", [(lease["state"], lease["why_ended"]) for lease in told["at the end"]],
         [("ended", "revoked"), ("ended", "released: service stopped")])


def is_bounded():
    """the daemon has the few capabilities that its manual names, and can get no others"""
    status = dict(line.split(":\t", 1) for line in once()["daemon"].splitlines())
    allowed = sum(1 << n for n in (0, 1, 3, 19, 21))  # CHOWN, DAC_OVERRIDE, FOWNER, SYS_PTRACE, SYS_ADMIN
    same("capabilities", [hex(int(status[name], 16) & ~allowed) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh")],
         ["0x0"] * 4)
    same("no new privileges", status["NoNewPrivs"], "1")


tell(has_its_lease, loses_it, is_bounded)
