#!/usr/bin/env bash
# On a machine with a GPU: the tests that need one, then what results/gpu/ holds. Some fifteen minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cmake/configure.sh test RINGATTN_CUDA=ON
cmake --build build --target ringattn cuda_tests ranks_tests gpu_retention -j "${JOBS:-$(nproc)}"
ctest --test-dir build -C cuda -L cuda --output-on-failure
if sanitizer=$(command -v compute-sanitizer); then
  for tool in memcheck racecheck; do
    "$sanitizer" --tool "$tool" --error-exitcode 1 build/tests/cuda_tests '--source-file=*cuda/kernels_test*'
  done
fi

none=0:0 link=250:6
cells=()
for mask in full causal; do
  for rows in 2048 4096 8192 16384 32768; do cells+=("$rows:2:$mask:$none"); done
  for rows in 2048 4096 8192 16384; do cells+=("$rows:8:$mask:$none"); done
  cells+=("4096:2:$mask:$link" "8192:2:$mask:$link" "8192:8:$mask:$link")
done
build/tests/gpu_retention results/gpu/retention.json 11 "${cells[@]}"
graphs=()
for mask in full causal; do
  for cell in 2048:2 2048:8 4096:2 4096:8 8192:2; do graphs+=("$cell:$mask:$none" "$cell:$mask:$none:graphs"); done
done
build/tests/gpu_retention results/gpu/graphs.json 11 "${graphs[@]}"
build/tests/gpu_retention results/gpu/million.json whole 1048576 8 causal
cuda=(--set device=cuda --seed 1 --quiet)
build/ringattn bench --impl standard@dense,standard@dilated --preset production "${cuda[@]}" -a heads=6 -a seq_len=131072 -a ranks=1 \
  -a is_causal=false --json results/gpu/dilated.json
build/ringattn compare --old oracle --new standard --preset quick "${cuda[@]}" -a dtype=fp32,bf16,fp16 --no-time --json results/gpu/compare.json
cmake/retention_table.py results/gpu/retention.json
