#!/usr/bin/env bash
# Everything that a commit has to pass, in stages, the quick ones first. All stages run, whatever fails; the summary names those that failed
# and how long each took. STAGES="format ctest" runs only those.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
JOBS="${JOBS:-$(nproc)}"
export JOBS CMAKE_BUILD_PARALLEL_LEVEL="$JOBS" CTEST_OUTPUT_ON_FAILURE=1 CTEST_PARALLEL_LEVEL="$JOBS"

stage_format() { cmake/format.sh; }

stage_build() {
  cmake/configure.sh test RINGATTN_WERROR=ON && cmake --build build --target ringattn ringattn_tests
}

stage_ctest() { ctest --test-dir build --no-tests=error; }

# Every shipped JSON file, and a report as this build writes it, keeps to its schema.
stage_schemas() {
  local status=0 presets reports
  mapfile -t presets < <(find presets -maxdepth 1 -name '*.json' ! -name '*.schema.json' ! -name links.json)
  /usr/bin/python3 cmake/check_json.py presets/network.schema.json presets/networks/*.json || status=1
  mapfile -t reports < <(find results -path results/runs -prune -o -name '*.json' ! -name '*.schema.json' ! -name 'gate_trials.json' ! -name 'mutants.json' ! -name fuzz.json ! -name 'metering_cost.json' ! -name 'rehearsal_error.json' ! -path 'results/gpu/retention.json' ! -path 'results/gpu/graphs.json' ! -path 'results/gpu/million.json' ! -path 'results/gpu/several/*' -print)
  /usr/bin/python3 cmake/check_json.py presets/preset.schema.json "${presets[@]}" || status=1
  /usr/bin/python3 cmake/check_json.py presets/links.schema.json presets/links.json || status=1
  [ ! -e results/fuzz.json ] || /usr/bin/python3 cmake/check_json.py results/fuzz.schema.json results/fuzz.json || status=1
  build/ringattn compare --old v2 --new standard -a seq_len=64 -a ranks=1,2 --json build/report.json >build/report.txt
  [ $? -le 1 ] || status=1
  /usr/bin/python3 cmake/check_json.py results/report.schema.json build/report.json "${reports[@]}" || status=1
  build/ringattn report --check build/report.json "${reports[@]}" || status=1
  /usr/bin/python3 cmake/rehearsed_table.py --check || status=1
  build/ringattn compare --old tests/golden/real-text/layer0.safetensors --ranks 1 --json build/identification.json >build/report.txt
  [ $? -le 1 ] || status=1
  /usr/bin/python3 cmake/check_json.py results/identification.schema.json build/identification.json || status=1
  return "$status"
}

# This build against the committed baseline: values, bytes, messages and the growth of memory, on any machine.
stage_gate() {
  build/ringattn gate --preset ci --no-time --strict --junit build/gate.xml --json build/gate.json &&
    build/ringattn gate --preset ci --no-time --strict --backward --json build/gate_backward.json &&
    /usr/bin/python3 cmake/check_json.py results/report.schema.json build/gate.json build/gate_backward.json
}

# The installed package serves a project of its own.
stage_consumer() {
  local prefix="$PWD/build/installed"
  rm -rf "$prefix" build/consumer
  cmake --build build && cmake --install build --prefix "$prefix" >build/install.log &&
    cmake -S tests/consumer -B build/consumer -G Ninja -DCMAKE_PREFIX_PATH="$prefix" &&
    cmake --build build/consumer && build/consumer/consumer && build/consumer/consumer_base && "$prefix/bin/ringattn" --version
}

# What v0.5.0 will be: no old implementations; and what a machine without CUDA builds.
stage_no_legacy() {
  cmake --preset release -B build-no-legacy -DRINGATTN_LEGACY=OFF -DRINGATTN_CUDA=OFF -DRINGATTN_WERROR=ON &&
    cmake --build build-no-legacy --target ringattn ringattn_tests && ctest --test-dir build-no-legacy --no-tests=error
}

stage_asan() { cmake --preset asan && cmake --build --preset asan && ctest --preset asan; }

stage_tsan() { cmake --preset tsan && cmake --build --preset tsan && ctest --preset tsan; }

# Every reader on its corpus, where what was once found lies, and then on others for 60 s in all; the same ones each time, since
# what a commit has to pass is no matter of luck. `make fuzz` tries others.
stage_fuzz() {
  cmake --preset fuzz >/dev/null && cmake --build --preset fuzz -j "$JOBS" && build-fuzz/fuzzers/fuzz.py --replay --jobs "$JOBS" &&
    build-fuzz/fuzzers/fuzz.py --total 60 --seed 1 --jobs "$JOBS" --record build-fuzz/fuzz.json &&
    /usr/bin/python3 cmake/check_json.py results/fuzz.schema.json build-fuzz/fuzz.json
}

stage_tidy() {
  cmake --preset tidy >/dev/null && cmake --build build-tidy --target embedded_headers >/dev/null && cmake/tidy.py build-tidy
}

names=() seconds=() results=()
failed=0
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

run_stage() {
  local start=$SECONDS result=passed
  printf '\n==== %s ====\n' "$1"
  if ! "stage_$1" 2>&1 | tee "$logs/$1"; then
    result=FAILED
    failed=$((failed + 1))
  fi
  names+=("$1") seconds+=("$((SECONDS - start))") results+=("$result")
  printf -- '---- %s: %s after %d s\n' "$1" "$result" "$((SECONDS - start))"
}

start=$SECONDS
cmake/setup.sh test || exit
printf 'set-up took %d s\n' "$((SECONDS - start))"

for stage in ${STAGES:-format build ctest schemas gate consumer no_legacy asan tsan fuzz tidy}; do
  run_stage "$stage"
done

for i in "${!names[@]}"; do  # again, below everything that passed after it
  [ "${results[$i]}" = passed ] || { printf '\n==== the end of %s, which failed ====\n' "${names[$i]}" && tail -n 25 "$logs/${names[$i]}"; }
done
printf '\n==== summary ====\n'
for i in "${!names[@]}"; do
  printf '%-12s %6d s   %s\n' "${names[$i]}" "${seconds[$i]}" "${results[$i]}"
done
printf '%-12s %6d s\n' total "$SECONDS"
printf 'stages: %d passed, %d failed\n' "$((${#names[@]} - failed))" "$failed"
exit $((failed > 0))
