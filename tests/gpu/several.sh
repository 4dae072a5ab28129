#!/usr/bin/env bash
# What several GPUs show and one cannot: all parts in ten minutes, one JSON each in OUT.
#   tests/gpu/several.sh OUT [BUILD] [CONTEXT_PARALLEL.py]
# CONTEXT_PARALLEL.py: a program that times PyTorch's context parallelism, one JSON a line; left out where there is none.
set -uo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
out="$1" build="${2:-$root/build}" peer="${3:-$root/../shared/peers/torch_context_parallel.py}"
mkdir -p "$out"
gpus="$(nvidia-smi -L | wc -l)"
failed=0

# part NAME SECONDS COMMAND…: runs it within the time; a JSON of how it ended where it writes none itself.
part() {
  local name="$1" limit="$2" begin=$SECONDS status
  shift 2
  timeout "$limit" "$@" >"$out/$name.log" 2>&1
  status=$?
  tail -n 3 "$out/$name.log"
  echo "$name: exit $status after $((SECONDS - begin)) s"
  [ -s "$out/$name.json" ] || printf '{"part": "%s", "gpus": %d, "exit": %d, "seconds": %d}\n' "$name" "$gpus" "$status" $((SECONDS - begin)) >"$out/$name.json"
  [ "$status" -eq 0 ] || failed=1
}

# The rank tests, ranks on the GPUs in turn, each source file in a process of its own, all at once; one that is cut off has run some of
# its cases. Traffic is read off the bytes that a host copies: not there.
rank_tests() {
  local file name status=0
  for file in "$root"/tests/ranks/*_test.cpp; do
    name="$(basename "$file")"
    case "$name" in legacy_* | comm_* | ring_traffic*) continue ;; esac
    (
      RINGATTN_TEST_DEVICE=cuda timeout 130 "$build/tests/ranks_tests" "--source-file=*$name" >"$out/ranks.$name.log" 2>&1
      echo $? >"$out/ranks.$name.exit"
    ) &
  done
  wait
  for file in "$out"/ranks.*.exit; do
    name="$(basename "${file%.exit}")"
    echo "$name: exit $(cat "$file"), $(grep assertions "$out/$name.log")"
    # Of one that is cut off no check may have failed.
    if ! grep -q '^0$\|^124$' "$file" || ! grep -q 'assertions:.* 0 failed' "$out/$name.log"; then status=1; fi
  done
  return "$status"
}
export -f rank_tests
export root build out
part ranks 150 bash -c rank_tests

cells=()
for k in 2 4 8; do
  [ "$k" -le "$gpus" ] || continue
  for mask in causal full; do
    for rows in 4096 8192 16384 32768; do cells+=("$rows:$k:$mask:forward"); done
  done
  for rows in 4096 8192 16384 32768; do cells+=("$rows:$k:causal:both"); done
done
[ "$gpus" -ge 2 ] || cells=(4096:1:causal:forward 4096:1:causal:both)
part ring 180 "$build/tests/gpu_retention" "$out/ring.json" real 15 "${cells[@]}"
if [ "$gpus" -ge 2 ] && [ -f "$peer" ]; then
  # shellcheck disable=SC2016
  part context_parallel 120 bash -c 'NCCL_NVLS_ENABLE=0 torchrun --nproc_per_node="$1" "$2" --tokens-per-rank 4096,8192,16384,32768 >"$3"' - "$gpus" "$peer" "$out/context_parallel.jsonl"
fi
part million 150 "$build/tests/gpu_retention" "$out/million.json" whole 1048576 "$((gpus < 2 ? 1 : 2))" causal
exit "$failed"
