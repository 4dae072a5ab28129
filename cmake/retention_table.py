#!/usr/bin/env python3
"""Prints results/gpu/retention.json, which gpu_retention writes, as the table of the README: retention_table.py FILE"""

import json
import sys


def row(cell):
    link = f"{cell['link_gb_s']:g} GB/s, {cell['link_us']:g} µs" if cell["link_gb_s"] > 0 else "none"
    kept = cell["retained"]
    return (
        f"| {cell['tokens_a_rank']} | {cell['ranks']} | {'causal' if cell['causal'] else 'full'} | {link} "
        f"| {cell['library_ns']['median'] / cell['ranks'] / 1e6:.3f} | {cell['worst_rank_ns']['median'] / 1e6:.3f} "
        f"| {100 * kept['median']:.1f} [{100 * kept['low']:.1f}, {100 * kept['high']:.1f}] "
        f"| {cell['all_gather_over_ring']['median']:.2f} | {cell['peak_bytes_max'] / 2**20:.1f} "
        f"({cell['priced_peak_bytes'] / 2**20:.1f}) | {cell['all_gather_peak_bytes'] / 2**20:.1f} |"
    )


def main(path):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    print("| tokens a rank | k | | link | one GPU / k, ms | slowest rank, ms | retained, % | all_gather / ring | peak MiB (priced) | all_gather's |")
    print("| ---: | ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for cell in document["cells"]:
        print(row(cell))


if __name__ == "__main__":
    main(*sys.argv[1:])
