#!/usr/bin/env bash
# Regenerates results/releases/<version>: small runs of this build on this machine, and the report of them. A few minutes on two cores.
# What changed is said since the release named by SINCE (a folder below results/releases), where one is given.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ringattn=build/ringattn
version=$("$ringattn" --version | sed -n '1s/^ringattn \([0-9.]*\).*/\1/p')
folder="results/releases/$version"
runs=results/runs/release
rm -rf "$runs"
mkdir -p "$runs"

small=(-a "seq_len[pow2]=[9:12]" -a ranks=1,2,4,8 -a batch=1 -a heads=4 -a head_dim=64 -a dtype=fp32 -a is_causal=true)
code=0
"$ringattn" compare --old v2 --new standard --preset quick --json "$runs/compare.json" >/dev/null || code=$?
[ "$code" -le 1 ]
"$ringattn" bench --impl standard@dense "${small[@]}" --pairs 7 --time-budget 2m --quiet --json "$runs/bench.json" >/dev/null
"$ringattn" report --check "$runs"/*.json

since=()
[ -z "${SINCE:-}" ] || since=(--since "results/releases/$SINCE/bench.json")
rm -rf "$folder"
"$ringattn" report "$runs"/*.json -o "$folder" "${since[@]}" >/dev/null
cp "$runs"/*.json "$folder"
"$ringattn" report --check "$folder"/*.json
echo "$folder"
