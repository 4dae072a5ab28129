# The two commands of the README; everything else is CMake (see CMakePresets.json).
#
#   make compare   set up, build, compare the old implementation with the new one
#   make test      set up, build, run every test and check
#
# Environment: RINGATTN_CUDA=AUTO|ON|OFF, RINGATTN_LEGACY=ON|OFF, JOBS, CMAKE_PREFIX_PATH (an installed LibTorch >= 2.11)

JOBS ?= $(shell nproc)
export JOBS

.PHONY: compare build test format clean
.DEFAULT_GOAL := build

compare: build
	@build/ringattn compare --old v2 --new standard

build:
	@cmake/configure.sh build
	@cmake --build build --target ringattn -j $(JOBS)

test:
	@cmake/test.sh

format:
	@cmake/format.sh -i

clean:
	@rm -rf build build-*
