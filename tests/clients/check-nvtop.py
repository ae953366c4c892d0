#!/usr/bin/python3
"""nvtop, on a terminal of its own."""
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from fcntl import ioctl

from judge import CLIENTS, judge, world

NVTOP = str(CLIENTS / "nvtop/usr/bin/nvtop")


def strip(output):
    """Without the sequences that move the cursor and colour; blanks between what they part."""
    return re.sub(rb"\x1b[\[(][0-9;?]*[A-Za-z]|\x1b[=>]", b" ", output).decode(errors="replace")


def screen(made, wanted, patience_s=20):
    """What nvtop draws, until all the wanted words are there or patience is over."""
    pid, terminal = pty.fork()
    if not pid:
        os.environ.update(CARVE_SIM=made.dir, LD_LIBRARY_PATH=f"{made.dir}/lib", TERM="xterm",
                          HOME=made.dir)
        os.execv(NVTOP, [NVTOP, "--no-color"])
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
    output, end = b"", time.monotonic() + patience_s
    try:
        while time.monotonic() < end and not all(word in strip(output) for word in wanted):
            if select.select([terminal], [], [], 0.2)[0]:
                output += os.read(terminal, 65536)
        os.write(terminal, b"q")
    except OSError:
        pass  # it ended by itself; what it said until then counts
    os.waitpid(pid, 0)
    os.close(terminal)
    return strip(output)


def check(made, *wanted):
    seen = screen(made, wanted)
    for word in wanted:
        assert word in seen, f"{word!r} is not on the screen:\n{seen}"


def shows_gpus():
    """all GPUs by name

    It shows no MIG devices; it does not know them.
    """
    with world("a100-sxm4-40gb,h100-sxm5-80gb", "--mig") as made:
        check(made, "NVIDIA A100-SXM4-40GB", "NVIDIA H100 80GB HBM3")


def shows_processes():
    """a process and its memory"""
    with world("a100-sxm4-40gb") as made:
        pid = made.load("0", "3GiB")
        check(made, str(pid), "3072MiB")


sys.exit(judge("nvtop", [shows_gpus, shows_processes]))
