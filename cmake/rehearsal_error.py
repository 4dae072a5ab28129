#!/usr/bin/env python3
"""How far the time of a rehearsed rank is from the time of the same rank among real ones, where each rank has a core of its own.

    rehearsal_error.py [--ringattn BINARY] [--out FILE] [--rounds N]

For k = 1 and 2, causal and not: `bench` of k ranks on k cores with one thread each, and `bench --rehearse all/k` with one thread, on
the same cores, in turns. Compares the medians of all samples. Exit code 1 where one is off by more than 10 %. Needs idle cores.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

ALLOWED = 0.10
CASES = [(causal, ranks) for causal in ("false", "true") for ranks in (1, 2)]


def times(binary, cores, threads, words):
    """Samples of one run in nanoseconds, and what ran."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = ["taskset", "-c", cores, binary, "bench", "--quiet", "--json", file.name, *words]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        report = json.load(open(file.name))
    candidate = report["cases"][0]["candidate"]
    return candidate["time_ns"], candidate["mark"], report["environment"]


def compare(arguments, causal, ranks):
    shape = ["--set", "pattern=dense", "-a", f"seq_len={arguments.seq_len}", "-a", "batch=1", "-a", "heads=4", "-a", "head_dim=64",
             "-a", "dtype=fp32", "-a", f"is_causal={causal}", "--pairs", "7"]
    # Two cores in any case: the rows of a rehearsal are delivered by a thread of their own.
    measured, rehearsed, environment = [], [], {}
    for _ in range(arguments.rounds):
        found, mark, environment = times(arguments.ringattn, arguments.cores, ranks, [*shape, "-a", f"ranks={ranks}"])
        assert mark == "measured", mark
        measured += found
        found, mark, _ = times(arguments.ringattn, arguments.cores, 1, [*shape, "--rehearse", f"all/{ranks}"])
        assert mark == "rehearsed", mark
        rehearsed += found
    a, b = statistics.median(measured), statistics.median(rehearsed)
    record = {"ranks": ranks, "is_causal": causal == "true", "measured_ns": a, "rehearsed_ns": b, "samples": len(measured),
              "relative_error": (b - a) / a}
    print(f"n={arguments.seq_len} causal={causal} k={ranks}: measured {a / 1e6:.2f} ms, rehearsed {b / 1e6:.2f} ms, "
          f"error {100 * record['relative_error']:+.1f} % ({len(measured)} samples each)", flush=True)
    return record, environment


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ringattn", default="build/ringattn")
    parser.add_argument("--out", default="results/rehearsal_error.json")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seq-len", type=int, default=2048)
    parser.add_argument("--cores", default="0,1", help="two cores that nothing else uses")
    arguments = parser.parse_args()
    records, machine = [], ""
    for causal, ranks in CASES:
        record, environment = compare(arguments, causal, ranks)
        machine = f"{environment['cpu_model']}, {environment['cpu_cores_online']} cores, two of them used"
        records.append(record)
    worst = max(abs(record["relative_error"]) for record in records)
    result = {"what": "time of rehearsed ranks against the same ranks measured, a core each", "machine": machine,
              "seq_len": arguments.seq_len, "allowed": ALLOWED, "worst": worst, "cases": records}
    with open(arguments.out, "w") as file:
        file.write(json.dumps(result, indent=2) + "\n")
    print(f"worst {100 * worst:.1f} %")
    return 0 if worst <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
