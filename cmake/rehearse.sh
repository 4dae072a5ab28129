#!/usr/bin/env bash
# Fills results/rehearsed: one rank of k of a long sequence runs alone, metered and judged on sampled rows, untimed.
#
#   cmake/rehearse.sh [SEQ_LEN K…]      default: 1048576 for k = 8, 16, 32, 64, 128
#
# Dense causal attention, 4 heads of 64, fp32; rank 17 where there is one, else the middle one. A rank takes
# n²/2 · 4 · heads · head_dim / k operations: at 1048576 tokens and k = 64 that is 8.8e12, minutes on two cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=results/rehearsed
mkdir -p "$folder"

rehearse() {
  local seq_len=$1 k=$2 rank=17
  [ "$k" -gt 17 ] || rank=$((k / 2))
  build/ringattn bench --rehearse "$rank/$k" -a "seq_len=$seq_len" --set pattern=dense -a batch=1 -a heads=4 -a head_dim=64 \
    -a dtype=fp32 -a is_causal=true --no-time --timeout 2h --time-budget 4h --json "$folder/n${seq_len}_rank${rank}of${k}.json"
}

[ $# -gt 0 ] || set -- 1048576 128 64 32 16 8
seq_len=$1
shift
for k in "$@"; do rehearse "$seq_len" "$k"; done
build/ringattn report --check "$folder"/*.json
cmake/rehearsed_table.py
