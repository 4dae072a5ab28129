#!/usr/bin/env python3
"""Writes the table of results/rehearsed/*.json into README.md, between its two markers.

    rehearsed_table.py [--check]      --check: changes nothing, exit code 1 where the table is not what the files say
"""
import glob
import json
import sys

BEGIN, END = "<!-- rehearsed: begin -->\n", "<!-- rehearsed: end -->\n"
HEAD = ("| n | k | rank | dtype | tokens a rank | peak bytes | priced | peak · k / n | sent, MB | rows judged | worst error |\n"
        "| ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n")


def cases():
    for path in glob.glob("results/rehearsed/*.json"):
        with open(path, encoding="utf-8") as file:
            yield from json.load(file)["cases"]


def error_words(verdict):
    """The worst block of 64 rows of the result, as the tier judges it."""
    out = next(tensor for tensor in verdict["tensors"] if tensor["tensor"] == "out")
    if verdict["tier"] == "precision":
        block = out["worst_block"]
        words = f"{block['ratio']:.2f} of {block['allowed']:.0f} times the library's"
    else:
        words = f"{out['worst_abs']['abs_error']:.1e}"
    return words if verdict["passed"] else words + ", FAILED"


def row(case):
    axes, candidate, verdict = case["axes"], case["candidate"], case["candidate_against_oracle"]
    n, k = axes["seq_len"], axes["ranks"]
    assert candidate["mark"] == "rehearsed", case["id"]
    (rank,) = candidate["ranks"]
    out = next(tensor for tensor in verdict["tensors"] if tensor["tensor"] == "out")
    judged = out["elements"] // (axes["batch"] * axes["heads"] * axes["head_dim"])
    return (f"| {n:,} | {k} | {rank['rank']} | {axes['dtype']} | {-(-n // k):,} | {rank['peak_bytes']:,} | "
            f"{candidate['price']['peak_bytes_max']:,} | {rank['peak_bytes'] * k / n:,.0f} | {rank['sent_bytes'] / 1e6:,.0f} | "
            f"{judged} | {error_words(verdict)} |\n")


def main():
    ordered = sorted(cases(), key=lambda case: (case["axes"]["seq_len"], case["axes"]["dtype"], case["axes"]["ranks"]))
    table = HEAD + "".join(row(case) for case in ordered)
    with open("README.md", encoding="utf-8") as file:
        text = file.read()
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    written = head + BEGIN + table + END + tail
    if "--check" in sys.argv[1:]:
        if written != text:
            print("README.md: the table of results/rehearsed is not up to date; run cmake/rehearsed_table.py", file=sys.stderr)
        return int(written != text)
    with open("README.md", "w", encoding="utf-8") as file:
        file.write(written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
