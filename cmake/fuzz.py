#!/usr/bin/env python3
"""Runs the fuzzers of a folder (the executable fuzzer, corpus/NAME/) side by side, and writes a record of what they did.

    fuzz.py [--folder FOLDER] [--seconds 600 | --total 60 | --replay] [--seed N] [--jobs N] [--record FILE] [NAME …]

--folder:  where they lie (default: the folder of this file); it needs nothing beside it but a python3 for `migrate`
--seconds: how long each of them runs
--total:   how long all of them run, together
--replay:  only the inputs of the corpus, each once
--seed:    of the fuzzers' choices, so that a second run does the same, as far as its time goes (default: another each time)
--jobs:    how many run at a time (default: the cores that may be used)
--record:  JSON as results/fuzz.schema.json has it; with NAMEs, what it has of the others from the same build, time, seed and machine stays

What ends a fuzzer is kept in FOLDER/findings/NAME-…, new inputs that reached something in FOLDER/found/NAME/. Exit code 1 where one of
them found something.
"""

import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import time

TIMEOUT_S = 10  # of one input
MEMORY_MB = 2048
ALLOCATION_MB = 256  # of one allocation; no seed is as large as a thousandth of it
END_S = 120  # beyond its time until a fuzzer counts as hung
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=int, default=600)
    length.add_argument("--total", type=int)
    length.add_argument("--replay", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--record", type=pathlib.Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    return parser.parse_args()


def command_of(folder, name, seconds, seed):
    """seconds 0: a replay. seed 0: libFuzzer takes one from the clock."""
    seeds = folder / "corpus" / name
    found = folder / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    (folder / "findings").mkdir(exist_ok=True)
    limits = [f"-timeout={TIMEOUT_S}", f"-rss_limit_mb={MEMORY_MB}", f"-malloc_limit_mb={ALLOCATION_MB}"]
    kept = [f"-artifact_prefix={folder / 'findings' / name}-", "-print_final_stats=1"]
    if seconds == 0:
        return [str(folder / "fuzzer"), *limits, *kept, "-runs=0", str(seeds)]
    return [str(folder / "fuzzer"), *limits, *kept, f"-seed={seed}", f"-max_total_time={seconds}", str(found), str(seeds)]


def number(pattern, text):
    """The last one, 0 where there is none."""
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def finding_of(text, code):
    """One line on what ended the fuzzer; None where it ran its time."""
    if code == 0:
        return None
    for pattern in (r"^broken promise: .*$", r"^.*runtime error: .*$", r"^==\d+==\s*ERROR: (.*)$", r"^.*what\(\): .*$"):
        match = re.search(pattern, text, re.MULTILINE)
        if match:
            line = match.group(match.lastindex or 0)
            return re.sub(r"(==\d+==|/\S*/)", "", line).strip()[:300]
    return f"ended with {code}"


def fuzz(folder, name, seconds, seed):
    begin = time.monotonic()
    try:
        done = subprocess.run(command_of(folder, name, seconds, seed), env={**os.environ, **ENVIRONMENT, "RINGATTN_FUZZER": name}, cwd=folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds + END_S, check=False)
        output, code = done.stdout.decode("utf-8", "replace"), done.returncode
    except subprocess.TimeoutExpired as error:
        output, code = (error.stdout or b"").decode("utf-8", "replace"), -9
    (folder / "found" / f"{name}.log").write_text(output)
    finding = finding_of(output, code)
    return {
        "target": name,
        "clean": finding is None,
        "finding": finding,
        "seconds": round(time.monotonic() - begin, 1),
        "executions": number(r"stat::number_of_executed_units:\s*(\d+)", output),
        "edges": number(r"cov: (\d+)", output),
        "features": number(r"ft: (\d+)", output),
        "corpus_seeds": sum(1 for _ in (folder / "corpus" / name).iterdir()),
        "corpus_inputs": number(r"corp: (\d+)", output),
        "peak_rss_mb": number(r"stat::peak_rss_mb:\s*(\d+)", output),
    }


def machine():
    model = ""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {"cpu": model, "cores_usable": len(os.sched_getaffinity(0))}


def rows_of_others(path, record):
    """What the record at `path` has of targets that did not run now, where all else is the same."""
    if not path.exists():
        return []
    before = json.loads(path.read_text())
    same = ("ringattn_version", "git_commit", "compiler", "sanitizers", "machine", "seconds_each", "seed", "limits")
    if any(before.get(key) != record[key] for key in same):
        return []
    ran = {row["target"] for row in record["targets"]}
    return [row for row in before["targets"] if row["target"] not in ran]


def main():
    options = arguments()
    folder = options.folder.resolve()
    known = sorted(path.name for path in (folder / "corpus").iterdir())
    unknown = [name for name in options.names if name not in known]
    if unknown or options.jobs < 1 or options.seconds < 1 or options.seed < 0:
        print(f"fuzz.py: no fuzzer {', '.join(unknown)}; there are {', '.join(known)}" if unknown else "fuzz.py: --jobs and --seconds begin at 1, --seed at 0",
              file=sys.stderr)
        return 2
    names = options.names or known
    seconds = options.seconds
    if options.replay:
        seconds = 0
    elif options.total is not None:
        seconds = max(1, options.total * min(options.jobs, len(names)) // len(names))
    started = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    rows = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for row in pool.map(lambda name: fuzz(folder, name, seconds, options.seed), names):
            rows.append(row)
            what = "clean" if row["clean"] else row["finding"]
            print(f"{row['target']:12s} {row['seconds']:7.1f} s {row['executions']:10d} runs {row['edges']:6d} edges  {what}", flush=True)
    if options.record:
        record = {
            "schema": "ringattn.fuzz",
            "schema_version": "1.0",
            **json.loads((folder / "build.json").read_text()),
            "started_at": started,
            "machine": machine(),
            "seconds_each": seconds,
            "seed": options.seed,
            "jobs": options.jobs,
            "limits": {"timeout_s": TIMEOUT_S, "rss_mb": MEMORY_MB, "allocation_mb": ALLOCATION_MB},
            "targets": rows,
        }
        if options.names:
            record["targets"] = sorted(rows + rows_of_others(options.record, record), key=lambda row: row["target"])
        record["clean"] = all(row["clean"] for row in record["targets"])
        options.record.write_text(json.dumps(record, indent=2) + "\n")
    for row in rows:
        if not row["clean"]:
            print(f"{row['target']}: see {folder / 'found' / row['target']}.log and {folder / 'findings'}", file=sys.stderr)
    return 0 if all(row["clean"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
