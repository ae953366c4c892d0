"""
abi.py - what two C headers and ctypes say about the same structs, constants and calls

The compiler is asked, never the text: clang lists the members of a struct, a
generated program prints sizes, offsets and values.
"""
import ctypes
import re
import subprocess
import tempfile
from pathlib import Path

CLANG = "clang-14"


def compiled(header, flags, body):
    """Standard output of a program that includes the header and runs the body."""
    source = (f'#include <stdio.h>\n#include <stddef.h>\n#include "{header}"\n'
              f"int main(void) {{\n{body}\nreturn 0; }}\n")
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/program"
        subprocess.run(["gcc", "-w", "-x", "c", *flags, "-o", program, "-"], input=source, text=True,
                       check=True, capture_output=True)
        return subprocess.run([program], text=True, check=True, capture_output=True).stdout


def record_layouts(header, flags, types):
    """clang's dump of each type's members: type -> lines (depth, declaration)."""
    probes = "".join(f"struct probe_{n} {{ {name} it; }};\nint size_{n} = sizeof(struct probe_{n});\n"
                     for n, name in enumerate(types))
    with tempfile.NamedTemporaryFile("w", suffix=".c") as source:
        source.write(f'#include "{header}"\n{probes}')
        source.flush()
        dump = subprocess.run([CLANG, "-w", "-fsyntax-only", "-Xclang", "-fdump-record-layouts",
                               *flags, source.name], text=True, check=True,
                              capture_output=True).stdout
    found = {}
    for block in dump.split("*** Dumping AST Record Layout"):
        lines = [(len(m[2]), m[3]) for m in re.finditer(r"^ +(\d+) \|( +)(.*)$", block, re.M)]
        if lines and (probe := re.fullmatch(r"struct probe_(\d+)", lines[0][1])):
            found[types[int(probe[1])]] = lines[2:]
    return found


def leaves(lines):
    """Paths of the members that have no members of their own; a union counts as one."""
    paths, stack, skip = [], [], None
    for n, (depth, text) in enumerate(lines):
        if skip is not None and depth > skip:
            continue
        skip = depth if text.startswith("union ") else None
        stack = [part for part in stack if part[0] < depth] + [(depth, text.split()[-1])]
        parent = skip is None and n + 1 < len(lines) and lines[n + 1][0] > depth
        if not parent:
            paths.append(".".join(name for _, name in stack))
    return paths


def struct_layouts(header, flags, types):
    """type -> (size, [(offset, size) of each leaf in order])"""
    listed = record_layouts(header, flags, types)
    body = ""
    for name in types:
        body += f'printf("{name}\\t%zu", sizeof({name}));\n'
        for path in leaves(listed[name]):
            body += (f'printf("\\t%zu %zu", offsetof({name}, {path}), '
                     f"sizeof((({name} *)0)->{path}));\n")
        body += 'puts("");\n'
    found = {}
    for line in compiled(header, flags, body).splitlines():
        name, size, *members = line.split("\t")
        found[name] = (int(size), [tuple(map(int, m.split())) for m in members])
    return found


def constants(header, flags, names):
    body = "".join(f'printf("{name} %lld\\n", (long long)({name}));\n' for name in names)
    lines = compiled(header, flags, body).splitlines()
    return {name: int(value) for name, value in map(str.split, lines)}


def constant_names(header, flags):
    """Every macro with a value and every member of an enum that the header itself defines."""
    text = Path(header).read_text()
    macros = re.findall(r"^#define (NVML_\w+)[ \t]+\S", text, re.M)
    expanded = subprocess.run(["gcc", "-w", "-E", "-P", *flags, header], text=True, check=True,
                              capture_output=True).stdout
    members = [name for body in re.findall(r"enum\s*\w*\s*\{([^}]*)\}", expanded)
               for name in re.findall(r"\b(NVML_\w+)\s*(?:=|,|$)", body)]
    return members, macros


def ctypes_layout(kind):
    """The same of a ctypes structure."""
    def walk(kind, base):
        for name, member, *_ in kind._fields_:
            at = base + getattr(kind, name).offset
            if issubclass(member, ctypes.Structure):
                yield from walk(member, at)
            else:
                yield at, ctypes.sizeof(member)
    return ctypes.sizeof(kind), list(walk(kind, 0))


def word(parameter):
    """What a parameter is to the machine: a pointer, 64 bits or 32."""
    handle = r"\bnvml(Device|GpuInstance|ComputeInstance|EventSet|GpmSample|SystemEventSet|Unit)_t\b"
    if re.search(r"\*|\[|" + handle, parameter):
        return "pointer"
    return "64" if "long long" in parameter else "32"


def calls(header, flags):
    """Name -> what its parameters are."""
    expanded = subprocess.run(["gcc", "-w", "-E", "-P", *flags, header], text=True, check=True,
                              capture_output=True).stdout
    found = {}
    for name, params in re.findall(r"\b(nvml[A-Z]\w*)\s*\(([^()]*)\)\s*;", expanded):
        params = [p for p in params.split(",") if p.strip() not in ("", "void")]
        found[name] = [word(p) for p in params]
    return found
