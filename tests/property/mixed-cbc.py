#!/usr/bin/env python3
"""carve size --together against CBC, a general solver that is told nothing but the catalogue. TAP.

mixed-cbc.py CARVE BOARDS.JSON [CASES]. For random demands over random boards the integer program "so many GPUs cut by
each column" is written as an LP file: the columns are enumerated here from the profiles' starts. The optima, and whether there
is one, must be the same.
"""
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CARVE, CATALOGUE = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
CASES = int(sys.argv[3]) if len(sys.argv) > 3 else 200
BOARDS = {board["id"]: board for board in CATALOGUE["boards"]}
KINDS = ["1g", "1g+me", "1g.10gb", "1g.20gb", "2g", "3g", "4g", "7g"]
DRAWN = ["h100-sxm5-80gb", "a100-sxm4-40gb", "a30-24gb", "rtx-pro-6000-blackwell-server", "h200-sxm-141gb"]


def serves(board, kind):
    """The profile a word means on a board: a name, or a shape without more memory than its slices bring."""
    for profile in board["profiles"]:
        if profile["name"] == kind:
            return profile["name"]
    slices, plus, variant = kind.partition("+")
    alike = [p for p in board["profiles"] if re.fullmatch(rf"{re.escape(slices)}\.\d+gb{re.escape(plus + variant)}", p["name"])]
    return min(alike, key=lambda p: p["memory_slices"])["name"] if alike else None


def columns(board, names):
    """All ways to fill one GPU with these profiles, as tuples of counts, without those that another covers."""
    profiles = [next(p for p in board["profiles"] if p["name"] == name) for name in names]
    seen, found = set(), set()

    def fill(mask, compute, counts):
        if (mask, counts) in seen:
            return
        seen.add((mask, counts))
        found.add(counts)
        for i, profile in enumerate(profiles):
            if compute + profile["compute_slices"] > board["compute_slices"] or ("+me" in profile["name"] and counts[i]):
                continue
            for start in profile["starts"]:
                window = ((1 << profile["size"]) - 1) << start
                if not window & mask:
                    fill(mask | window, compute + profile["compute_slices"], counts[:i] + (counts[i] + 1,) + counts[i + 1:])

    fill(0, 0, (0,) * len(names))
    return [c for c in found if any(c) and not any(o != c and all(a >= b for a, b in zip(o, c)) for o in found)]


def program(demand, most):
    """The LP file, or None when something is served nowhere."""
    rows, cut, whole = [], [], []
    for kind in demand:
        if not any(serves(BOARDS[b], kind) for b in most):
            return None
    for k, (kind, n) in enumerate(demand.items()):
        rows.append(" + ".join(f"z{k}_{g}" for g, b in enumerate(most) if serves(BOARDS[b], kind)) + f" = {n}")
    for g, (board, limit) in enumerate(most.items()):
        by_profile = {}
        for k, kind in enumerate(demand):
            if serves(BOARDS[board], kind):
                by_profile.setdefault(serves(BOARDS[board], kind), []).append(f"z{k}_{g}")
        whole += [z for zs in by_profile.values() for z in zs]
        ways = columns(BOARDS[board], list(by_profile))
        names = [f"x{g}_{c}" for c in range(len(ways))]
        for i, zs in enumerate(by_profile.values()):
            rows.append(" + ".join(zs) + "".join(f" - {w[i]} {x}" for w, x in zip(ways, names) if w[i]) + " <= 0")
        if names:
            rows.append(" + ".join(names) + f" <= {limit}")
        cut += names
    rows = "\n".join(f" r{i}: {row}" for i, row in enumerate(rows))
    return f"Minimize\n o: {' + '.join(cut)}\nSubject To\n{rows}\nGeneral\n {' '.join(cut + whole)}\nEnd\n"


def by_cbc(text, folder):
    """The optimum; None: there is no answer. Unsolved in time is an exception."""
    (folder / "in.lp").write_text(text)
    subprocess.run(["cbc", "in.lp", "sec", "20", "solve", "solu", "out"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    first = (folder / "out").read_text().splitlines()[0]
    if first.startswith("Infeasible") or first.startswith("Integer infeasible"):
        return None
    return round(float(re.fullmatch(r"Optimal - objective value ([\d.]+)", first)[1]))


def by_carve(demand, most):
    boards = [word for board, limit in most.items() for word in ("--board", f"{board}:{limit}")]
    need = ",".join(f"{kind}={n}" for kind, n in demand.items())
    run = subprocess.run([CARVE, "size", "--need", need, *boards, "--together", "--json"], capture_output=True, text=True)
    if run.returncode == 17:
        return None
    if run.returncode:
        raise RuntimeError(run.stderr)
    answer = json.loads(run.stdout)
    assert answer["at_least"] == answer["gpus"], "not proven"
    return answer["gpus"]


def draw(chance):
    most = {board: chance.choice([3, 12, 40, 10**6]) for board in chance.sample(DRAWN, chance.randint(2, 4))}
    top = chance.choice([4, 20, 100])
    kinds = [k for k in chance.sample(KINDS, chance.randint(2, 6)) if any(serves(BOARDS[b], k) for b in most)]
    return {kind: chance.randint(1, top) for kind in kinds or ["1g"]}, most


def main():
    if not shutil.which("cbc"):
        print("1..0 # SKIP cbc is not installed (Debian: coinor-cbc)")
        return 0
    chance, wrong, none = random.Random(4), [], 0
    with tempfile.TemporaryDirectory() as folder:
        for case in range(CASES):
            demand, most = draw(chance)
            wanted, got = by_cbc(program(demand, most), Path(folder)), by_carve(demand, most)
            none += wanted is None
            if wanted != got:
                wrong.append(f"{demand} on {most}: CBC {wanted}, carve {got}")
    print("1..2")
    for line in wrong:
        print("#", line)
    print(f"{'not ok' if wrong else 'ok'} 1 - {CASES} demands have the same optimum")
    some = 0 < none < CASES / 2
    print(f"{'ok' if some else 'not ok'} 2 - {none} of them cannot be met")
    return 0 if some and not wrong else 1


sys.exit(main())
