#!/usr/bin/env python3
"""Prints what gpu_retention writes, results/gpu/retention.json or results/gpu/several/ring.json, as the README's table: retention_table.py FILE"""

import json
import sys


def row(cell):
    link = f"{cell['link_gb_s']:g} GB/s, {cell['link_us']:g} µs" if cell["link_gb_s"] > 0 else "none"
    link += ", graphs" if cell.get("graphs") else ""
    kept = cell["retained"]
    return (
        f"| {cell['tokens_a_rank']} | {cell['ranks']} | {'causal' if cell['causal'] else 'full'} | {link} "
        f"| {cell['library_ns']['median'] / cell['ranks'] / 1e6:.3f} | {cell['worst_rank_ns']['median'] / 1e6:.3f} "
        f"| {100 * kept['median']:.1f} [{100 * kept['low']:.1f}, {100 * kept['high']:.1f}] "
        f"| {cell['all_gather_over_ring']['median']:.2f} | {cell['peak_bytes_max'] / 2**20:.1f} "
        f"({cell['priced_peak_bytes'] / 2**20:.1f}) | {cell['all_gather_peak_bytes'] / 2**20:.1f} |"
    )


def interval(of):
    return f"{100 * of['median']:.1f} [{100 * of['low']:.1f}, {100 * of['high']:.1f}]"


def real_row(cell):
    compared = "| – | – "
    gathered = "–"
    if "all_gather_ns" in cell:
        compared = f"| {cell['all_gather_over_ring']['median']:.2f} | {cell['rehearsed_over_measured']:.3f} "
        gathered = f"{cell['all_gather_peak_bytes'] / 2**20:.1f}"
    return (
        f"| {cell['tokens_a_rank']} | {cell['ranks']} | {'causal' if cell['causal'] else 'full'} | {cell['pass']} "
        f"| {cell['one_gpu_ns']['median'] / cell['ranks'] / 1e6:.3f} | {cell['ring_ns']['median'] / 1e6:.3f} | {interval(cell['retained'])} "
        f"{compared}| {cell['peak_bytes_max'] / 2**20:.1f} | {gathered} |"
    )


def main(path):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    cells = document["cells"]
    if cells and "ring_ns" in cells[0]:
        print("| tokens a rank | k | | | one GPU / k, ms | ring, ms | retained, % | all_gather / ring | rehearsed / ring | peak MiB | all_gather's |")
        print("| ---: | ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
        print("\n".join(real_row(cell) for cell in cells))
        return
    print("| tokens a rank | k | | link | one GPU / k, ms | slowest rank, ms | retained, % | all_gather / ring | peak MiB (priced) | all_gather's |")
    print("| ---: | ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    print("\n".join(row(cell) for cell in cells))


if __name__ == "__main__":
    main(*sys.argv[1:])
