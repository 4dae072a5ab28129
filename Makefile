# The commands of the README; everything else is CMake (see CMakePresets.json).
#
#   make compare   set up, build, compare the old implementation with the new one
#   make test      set up, build, run every test and check
#   make results   build, run, and write the release report of this version
#   make mutants   build, put defects into the ring, check that each is caught, and write results/mutants.{json,md}
#
# and some for a quiet machine: `make gate-trials` measures how often the gate's rule for time is wrong (some ten minutes),
# `make metering-cost` how much slower metered ranks are. `cmake/rehearse.sh` fills results/rehearsed, `cmake/rehearsal_error.py`
# measures how far rehearsed times are from measured ones.
# `make fuzz` runs the fuzzer of each reader for FUZZ_SECONDS (600), as many at a time as JOBS, and records that in results/fuzz.json.
#
# Environment: RINGATTN_CUDA=AUTO|ON|OFF, RINGATTN_LEGACY=ON|OFF, JOBS, CMAKE_PREFIX_PATH (an installed LibTorch >= 2.11)

JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 600
export JOBS

.PHONY: compare build test results mutants gate-trials metering-cost fuzz format clean
.DEFAULT_GOAL := build

compare: build
	@build/ringattn compare --old v2 --new standard

build:
	@cmake/configure.sh build
	@cmake --build build --target ringattn -j $(JOBS)

results: build
	@cmake/results.sh

test:
	@cmake/test.sh

mutants:
	@cmake/configure.sh test RINGATTN_TESTS=ON
	@cmake --build build --target mutants -j $(JOBS)
	@build/tests/mutants --json results/mutants.json --markdown results/mutants.md

gate-trials:
	@cmake/configure.sh test RINGATTN_TESTS=ON
	@cmake --build build --target gate_trials -j $(JOBS)
	@build/tests/gate_trials

metering-cost:
	@cmake/configure.sh test RINGATTN_TESTS=ON
	@cmake --build build --target metering_cost -j $(JOBS)
	@build/tests/metering_cost

fuzz:
	@cmake/setup.sh test >/dev/null
	@cmake --preset fuzz >/dev/null
	@cmake --build --preset fuzz -j $(JOBS)
	@build-fuzz/fuzzers/fuzz.py --seconds $(FUZZ_SECONDS) --jobs $(JOBS) --record results/fuzz.json

format:
	@cmake/format.sh -i

clean:
	@rm -rf build build-*
