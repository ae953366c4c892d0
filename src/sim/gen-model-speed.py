#!/usr/bin/env python3
"""data/model-speed.csv -> a C table (model-speed-table.c). Strict: bad rows stop the build."""
import csv
import sys

COLUMNS = ["model", "gpu", "profile", "batch", "throughput_per_s", "source"]
SOURCES = {"S1": "ParvaGPU (arXiv 2409.14447)", "S2": "MIGProfiler (MIGPerf)"}


def read_rows(path):
    with open(path, encoding="utf-8") as file:
        lines = [line for line in file if not line.startswith("#")]
    reader = csv.DictReader(lines, strict=True)
    if reader.fieldnames != COLUMNS:
        sys.exit(f"{path}: columns must be {','.join(COLUMNS)}")
    rows = []
    for row in reader:
        key = (row["model"], row["gpu"], row["profile"], int(row["batch"]))
        rate = float(row["throughput_per_s"])
        if not 0 < key[3] <= 1024 or not 0 < rate < 1e6 or row["source"] not in SOURCES:
            sys.exit(f"{path}: impossible row {row}")
        rows.append((key, rate, SOURCES[row["source"]]))
    keys = [key for key, _, _ in rows]
    if keys != sorted(set(keys)):
        sys.exit(f"{path}: rows must be unique and sorted by model, gpu, profile, batch")
    return rows


def write_table(rows, path):
    with open(path, "w", encoding="utf-8") as out:
        out.write('/* Made by gen-model-speed.py from data/model-speed.csv. */\n')
        out.write('#include "sim/model.h"\n\nconst struct model_speed model_speeds[] = {\n')
        for (model, gpu, profile, batch), rate, source in rows:
            out.write(f'\t{{ "{model}", "{gpu}", "{profile}", {batch}, {rate!r}, "{source}" }},\n')
        out.write("};\n")
        out.write("const size_t n_model_speeds = sizeof(model_speeds) / sizeof(model_speeds[0]);\n")


write_table(read_rows(sys.argv[1]), sys.argv[2])
