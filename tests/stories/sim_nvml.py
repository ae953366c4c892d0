#!/usr/bin/env python3
"""A small NVML client for stories: does what its words say, prints one answer a word, exits with
NVML's code when a call fails.

    count | name I | create I PROFILE (a GPU instance and the compute instance that fills it)
    mig I 0|1 (prints the activation status) | uuids I (of its MIG devices)
"""
import ctypes
import sys

lib = ctypes.CDLL("libnvidia-ml.so.1")
WHOLE = {19: 0, 20: 0, 15: 0, 14: 1, 9: 2, 5: 3, 0: 4}  # GPU-instance profile: its compute profile


def call(name, *args):
    code = getattr(lib, name)(*args)
    if code:
        print(f"{name}: {code}", file=sys.stderr)
        sys.exit(code)


def device(index):
    handle = ctypes.c_void_p()
    call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(int(index)), ctypes.byref(handle))
    return handle


def text(name, handle):
    buf = ctypes.create_string_buffer(96)
    call(name, handle, buf, ctypes.c_uint(96))
    return buf.value.decode()


def count():
    n = ctypes.c_uint()
    call("nvmlDeviceGetCount_v2", ctypes.byref(n))
    return n.value


def name(index):
    return text("nvmlDeviceGetName", device(index))


def create(index, profile):
    gi, ci = ctypes.c_void_p(), ctypes.c_void_p()
    call("nvmlDeviceCreateGpuInstance", device(index), ctypes.c_uint(int(profile)),
         ctypes.byref(gi))
    call("nvmlGpuInstanceCreateComputeInstance", gi, ctypes.c_uint(WHOLE[int(profile)]),
         ctypes.byref(ci))
    return "created"


def mig(index, on):
    activation = ctypes.c_uint()
    call("nvmlDeviceSetMigMode", device(index), ctypes.c_uint(int(on)), ctypes.byref(activation))
    return activation.value


def uuids(index):
    found, parent, most = [], device(index), ctypes.c_uint()
    call("nvmlDeviceGetMaxMigDeviceCount", parent, ctypes.byref(most))
    for i in range(most.value):
        handle = ctypes.c_void_p()
        if lib.nvmlDeviceGetMigDeviceHandleByIndex(parent, ctypes.c_uint(i),
                                                   ctypes.byref(handle)) == 0:
            found.append(text("nvmlDeviceGetUUID", handle))
    return " ".join(found)


WORDS = {"count": (count, 0), "name": (name, 1), "create": (create, 2), "mig": (mig, 2),
         "uuids": (uuids, 1)}


def main(words):
    call("nvmlInit_v2")
    while words:
        act, n = WORDS[words[0]]
        print(act(*words[1:1 + n]), flush=True)
        words = words[1 + n:]
    call("nvmlShutdown")


main(sys.argv[1:])
