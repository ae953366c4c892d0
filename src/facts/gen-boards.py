#!/usr/bin/env python3
"""data/boards.json -> a C table (board-table.c).

Strict: whatever is unknown, missing, out of bounds or at odds with another row
stops the build, and the message names the row. A figure that is only suggested
never stands where a hardware figure stands.
"""
import json
import re
import sys

CONFIDENCE = ["derived", "observed", "documented"]  # weakest first
ENGINES = ["copy", "decoders", "encoders", "jpeg", "ofa"]
SUFFIX = {None: "", "me": "+me", "me.all": "+me.all", "no-me": "-me", "gfx": "+gfx", "double": ""}
FLAG = {"me": "PROFILE_ME", "me.all": "PROFILE_ME_ALL", "no-me": "PROFILE_NO_ME",
        "gfx": "PROFILE_GFX", "double": "PROFILE_DOUBLE", "p2p": "PROFILE_P2P"}

# NVML_GPU_INSTANCE_PROFILE_*: compute slices and the flag that goes with the constant.
GI_CONSTANT = {0: (1, None), 1: (2, None), 2: (3, None), 3: (4, None), 4: (7, None), 5: (8, None),
               6: (6, None), 7: (1, "me"), 8: (2, "me"), 9: (1, "double"), 10: (1, "gfx"),
               11: (2, "gfx"), 12: (4, "gfx"), 13: (1, "no-me"), 14: (2, "no-me"),
               15: (1, "me.all"), 16: (2, "me.all"), 17: (3, "gfx")}
# NVML_COMPUTE_INSTANCE_PROFILE_*: compute slices.
CI_CONSTANT = {0: 1, 1: 2, 2: 3, 3: 4, 4: 7, 5: 8, 6: 6, 7: 1, 8: 7}


class Bad(Exception):
    """A row that may not go into the table."""


def wrong(where, message):
    raise Bad(f"{where}: {message}")


# ---- what a value may be: each returns what is wrong with it, or None ----

def integer(low, high):
    def check(value):
        if type(value) is not int or not low <= value <= high:
            return f"an integer from {low} to {high}"
    return check


def text(pattern=r"[ !#-\[\]-~]{1,200}"):  # printable ASCII that needs no escape in C
    def check(value):
        if type(value) is not str or not re.fullmatch(pattern, value):
            return f"text like {pattern}"
    return check


def one_of(words):
    return lambda value: None if value in list(words) else "one of " + ", ".join(words)


def boolean(value):
    return None if type(value) is bool else "true or false"


def or_null(check):
    def check_or_null(value):
        if value is not None and check(value):
            return check(value) + ", or null"
    return check_or_null


def list_of(check, least=0):
    def check_list(value):
        if type(value) is not list or len(value) < least:
            return f"a list of {least} or more"
        bad = [check(item) for item in value if check(item)]
        return bad[0] if bad else None if unique(value) else "a list without repetition"
    return check_list


def unique(values):
    return len({json.dumps(value) for value in values}) == len(values)


def mapping(value):
    return None if type(value) is dict else "an object"


def rows(value):
    return None if type(value) is list and value and not any(map(mapping, value)) else "rows"


STARTS = list_of(integer(0, 15), 1)
TOP = {"schema": one_of(["carve-boards/1"]), "sources": mapping, "boards": rows}
SOURCE = {"what": text(), "url": text(r"[ !#-\[\]-~]{1,300}")}
BOARD = {
    "id": text(r"[a-z0-9]+(-[a-z0-9]+)*"), "product": text(r"NVIDIA [A-Za-z0-9 -]{1,80}"),
    "architecture": one_of(["Ampere", "Hopper", "Blackwell"]),
    "compute_capability": text(r"\d{1,2}\.\d"),
    "pci_device_ids": list_of(text(r"0x[0-9a-f]{4}"), 1),
    "compute_slices": integer(1, 8), "memory_slices": integer(1, 8), "units": integer(1, 16),
    "max_instances": integer(1, 15), "memory_mib": or_null(integer(1024, 1 << 22)),
    "sm": or_null(integer(1, 1024)), "max_power_w": or_null(integer(1, 5000)),
    "bar1_mib": or_null(integer(1, 1 << 22)), "resetless_mig": boolean,
    "min_driver": or_null(text(r"\d{3}\.\d{1,3}(\.\d{1,3})?")), "sources": mapping,
    "profiles": rows,
}
PROFILE = {
    "name": text(r"\d+g\.\d+gb([+-]me|\+me\.all|\+gfx)?"), "constant": integer(0, 17),
    "id": integer(0, 255), "flags": list_of(one_of(FLAG)), "compute_slices": integer(1, 8),
    "memory_slices": integer(1, 8), "size": integer(1, 16), "starts": STARTS,
    "max_instances": integer(1, 15), "sm": or_null(integer(1, 1024)),
    "memory_mib": or_null(integer(64, 1 << 22)), "engines": mapping,
    "requires_driver": or_null(text(r"R\d{3}")), "confidence": one_of(CONFIDENCE),
    "source": text(), "cis": rows,
}
PROFILE_MAY = {"derived": list_of(one_of(["starts", "sm", "engines"]), 1), "suggested": mapping}
CI = {"constant": integer(0, 8), "id": integer(0, 255), "slices": integer(1, 8),
      "starts": STARTS, "sm": or_null(integer(1, 1024)), "confidence": one_of(CONFIDENCE),
      "source": text()}
SUGGESTED = {"memory_mib": or_null(integer(64, 1 << 22)), "sm": or_null(integer(1, 1024)),
             "basis": text()}
FIGURES = ["memory_mib", "sm", "max_power_w", "bar1_mib"]  # of a board, each with a source


def check_keys(row, spec, where, may=None):
    may = may or {}
    for key in row:
        if key not in spec and key not in may:
            wrong(where, f"unknown key '{key}'")
    for key, check in {**spec, **may}.items():
        if key not in row:
            if key not in spec:
                continue
            wrong(where, f"'{key}' is missing")
        expected = check(row[key])
        if expected:
            wrong(where, f"'{key}' is {json.dumps(row[key])[:60]}, expected {expected}")


# ---- what rows must be to each other ----

def check_source(row, sources, where):
    if re.split(r"[ ;]", row["source"])[0] not in sources:
        wrong(where, f"'source' must begin with a name from 'sources', not '{row['source']}'")


def check_windows(row, size, length, where):
    """Windows of one row lie inside, in order, and never overlap."""
    end = 0
    for start in row["starts"]:
        if start < end:
            wrong(where, f"start {start} is out of order or overlaps the one before")
        end = start + size
        if end > length:
            wrong(where, f"start {start} and size {size} go beyond {length}")


def check_distinct(rows_, key, where):
    seen = {}
    for row in rows_:
        if row[key] in seen:
            wrong(where(row), f"'{key}' {row[key]} is also that of {where(seen[row[key]])}")
        seen[row[key]] = row


def check_suggested(profile, where):
    suggested = profile.get("suggested")
    if suggested is None:
        return
    check_keys(suggested, SUGGESTED, f"{where} suggested")
    for key in ("memory_mib", "sm"):
        if suggested[key] is not None and profile[key] is not None:
            wrong(where, f"'{key}' is both a figure and suggested")


def check_ci(ci, profile, sources, where):
    check_keys(ci, CI, where)
    check_source(ci, sources, where)
    if CI_CONSTANT[ci["constant"]] != ci["slices"]:
        wrong(where, f"constant {ci['constant']} does not have {ci['slices']} slices")
    check_windows(ci, ci["slices"], profile["compute_slices"], where)


def check_cis(profile, sources, where):
    slices = profile["compute_slices"]

    def name(ci):
        return f"{where} {ci.get('slices', '?')}c"

    for ci in profile["cis"]:
        check_ci(ci, profile, sources, name(ci))
    for key in ("id", "constant"):
        check_distinct(profile["cis"], key, name)
    if profile["cis"][-1]["slices"] != slices:
        wrong(where, "the last compute-instance row must take the whole GPU instance")
    if profile["cis"][-1]["sm"] != profile["sm"]:
        wrong(where, "the whole compute instance must have the SMs of its GPU instance")


def check_shape(profile, where):
    slices, flag = GI_CONSTANT[profile["constant"]]
    if profile["compute_slices"] != slices or set(profile["flags"]) - {"p2p"} != {flag} - {None}:
        wrong(where, f"constant {profile['constant']} means {slices} slices, flag {flag}")
    if not re.fullmatch(rf"{slices}g\.\d+gb{re.escape(SUFFIX[flag])}", profile["name"]):
        wrong(where, "the name does not say its slices and flags")
    most = 1 if flag in ("me", "me.all") else len(profile["starts"])
    if profile["max_instances"] != most:
        wrong(where, f"'max_instances' is {profile['max_instances']}, the starts allow {most}")


def check_profile(profile, board, sources, where):
    check_keys(profile, PROFILE, where, PROFILE_MAY)
    check_keys(profile["engines"], dict.fromkeys(ENGINES, integer(0, 64)), f"{where} engines")
    check_source(profile, sources, where)
    check_shape(profile, where)
    check_windows(profile, profile["size"], board["units"], where)
    if profile["size"] * board["memory_slices"] != profile["memory_slices"] * board["units"]:
        wrong(where, "'size' in units and 'memory_slices' are not the same share of the memory")
    if profile["confidence"] == "derived" and "derived" in profile:
        wrong(where, "'derived' says nothing new of a row that is all derived")
    check_suggested(profile, where)
    check_cis(profile, sources, where)


def check_board(board, sources):
    where = str(board.get("id", "a board without id"))
    check_keys(board, BOARD, where)
    check_keys(board["sources"], {key: text() for key in FIGURES if board[key] is not None}, where,
               {key: text() for key in BOARD})

    def name(profile):
        return f"{where} {profile.get('name', '?')}"

    for profile in board["profiles"]:
        check_profile(profile, board, sources, name(profile))
    for key in ("name", "id", "constant"):
        check_distinct(board["profiles"], key, name)
    if not any(not profile["flags"] for profile in board["profiles"]):
        wrong(where, "no base profile")


def check(data):
    check_keys(data, TOP, "boards.json")
    for ref, source in data["sources"].items():
        if mapping(source):
            wrong(f"source {ref}", "expected an object")
        check_keys(source, SOURCE, f"source {ref}")
    for board in data["boards"]:
        check_board(board, data["sources"])
    for key in ("id", "product"):
        check_distinct(data["boards"], key, lambda board: board["id"])
    check_distinct([{"pci_device_ids": pci, "id": board["id"]} for board in data["boards"]
                    for pci in board["pci_device_ids"]], "pci_device_ids", lambda row: row["id"])


# ---- the table ----

def quoted(value):
    return f'"{value}"' if value is not None else "NULL"


def bits(starts):
    return f"{sum(1 << start for start in starts):#x}"


def known(name, value):
    return [] if value is None else [f".has_{name} = true"]


def figure(name, value):
    return [] if value is None else [f".{name} = {value}"]


def engines(profile):
    return ".engines = { " + ", ".join(str(profile["engines"][e]) for e in ENGINES) + " }"


def confidence(row):
    return f".confidence = CONFIDENCE_{row['confidence'].upper()}"


def ci_row(ci, profile):
    whole = ci is profile["cis"][-1]
    name = profile["name"] if whole else f"{ci['slices']}c.{profile['name']}"
    return ", ".join([
        f".name = {quoted(name)}", f".constant = {ci['constant']}", f".id = {ci['id']}",
        f".slices = {ci['slices']}", f".max_instances = {len(ci['starts'])}",
        f".starts = {bits(ci['starts'])}", f".whole = {str(whole).lower()}",
        *known("sm", ci["sm"]), *figure("sm", ci["sm"]), engines(profile), confidence(ci),
        f".source = {quoted(ci['source'])}"])


def profile_row(profile, cis):
    suggested = profile.get("suggested", {"memory_mib": None, "sm": None})
    flags = " | ".join(FLAG[flag] for flag in profile["flags"]) or "0"
    derived = "".join(f"; {part} derived" for part in profile.get("derived", []))
    return ", ".join([
        f".name = {quoted(profile['name'])}",
        *(f".{key} = {profile[key]}" for key in ("constant", "id", "compute_slices",
                                                 "memory_slices", "size", "max_instances")),
        f".flags = {flags}", f".starts = {bits(profile['starts'])}",
        *known("sm", profile["sm"]), *figure("sm", profile["sm"]),
        *known("memory", profile["memory_mib"]), *figure("memory_mib", profile["memory_mib"]),
        *figure("suggested_sm", suggested["sm"]),
        *figure("suggested_memory_mib", suggested["memory_mib"]),
        engines(profile), confidence(profile), f".source = {quoted(profile['source'] + derived)}",
        f".requires_driver = {quoted(profile['requires_driver'])}",
        f".cis = {cis}", f".n_cis = {len(profile['cis'])}"])


def board_row(board, number):
    base = [profile for profile in board["profiles"] if not profile["flags"]]
    weakest = min(base, key=lambda profile: CONFIDENCE.index(profile["confidence"]))
    major, minor = board["compute_capability"].split(".")
    return ", ".join([
        f".id = {quoted(board['id'])}", f".product = {quoted(board['product'])}",
        f".architecture = {quoted(board['architecture'])}",
        f".cc_major = {major}", f".cc_minor = {minor}",
        f".pci_device_ids = pci_{number}", f".n_pci_device_ids = {len(board['pci_device_ids'])}",
        *(f".{key} = {board[key]}" for key in ("compute_slices", "memory_slices", "units",
                                               "max_instances")),
        *known("memory", board["memory_mib"]), *figure("memory_mib", board["memory_mib"]),
        *known("sm", board["sm"]), *figure("sm", board["sm"]),
        *known("power", board["max_power_w"]), *figure("max_power_w", board["max_power_w"]),
        *known("bar1", board["bar1_mib"]), *figure("bar1_mib", board["bar1_mib"]),
        f".resetless_mig = {str(board['resetless_mig']).lower()}",
        f".min_driver = {quoted(board['min_driver'])}", confidence(weakest),
        f".profiles = profiles_{number}", f".n_profiles = {len(board['profiles'])}"])


def array(kind, name, items):
    return f"static const {kind} {name}[] = {{\n" + "".join(f"\t{i},\n" for i in items) + "};\n"


def table(data):
    out = ['/* Made by gen-boards.py from data/boards.json. */\n#include "facts/board.h"\n']
    for number, board in enumerate(data["boards"]):
        names = [f"cis_{number}_{k}" for k in range(len(board["profiles"]))]
        for name, profile in zip(names, board["profiles"]):
            out.append(array("struct ci_profile", name,
                             [f"{{ {ci_row(ci, profile)} }}" for ci in profile["cis"]]))
        out.append(array("struct profile", f"profiles_{number}",
                         [f"{{ {profile_row(profile, name)} }}"
                          for name, profile in zip(names, board["profiles"])]))
        out.append(array("uint16_t", f"pci_{number}", board["pci_device_ids"]))
    out.append(array("struct board", "table", [f"{{ {board_row(board, number)} }}"
                                               for number, board in enumerate(data["boards"])]))
    out.append("const struct board *const boards = table;\n"
               "const size_t n_boards = sizeof(table) / sizeof(table[0]);\n")
    return "\n".join(out)


def no_repetition(pairs):
    if not unique([key for key, _ in pairs]):
        raise Bad(f"a key stands twice in {{{', '.join(key for key, _ in pairs)[:200]}}}")
    return dict(pairs)


def no_number(word):
    raise Bad(f"{word} is no number")


def main(source, target):
    try:
        with open(source, encoding="ascii") as file:
            data = json.load(file, object_pairs_hook=no_repetition, parse_constant=no_number)
        if mapping(data):
            wrong("boards.json", "expected an object")
        check(data)
    except (Bad, ValueError, RecursionError) as error:
        sys.exit(f"{source}: {error}")
    with open(target, "w", encoding="ascii") as out:
        out.write(table(data))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
