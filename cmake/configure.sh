#!/usr/bin/env bash
# Sets up what is missing and configures build/, unless it is configured already for the same toolchain and options.
#   cmake/configure.sh build|test [-Dname=value …]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

purpose="$1"
shift
options=(-DRINGATTN_CUDA="${RINGATTN_CUDA:-AUTO}" -DRINGATTN_LEGACY="${RINGATTN_LEGACY:-ON}" "$@")
toolchain="$(cmake/setup.sh "$purpose")"
wanted="$toolchain ${options[*]}"
if [ ! -f build/build.ninja ] || [ "$(cat build/.configured 2>/dev/null)" != "$wanted" ]; then
  cmake --preset release -ULibTorch_DIR -URINGATTN_CUDART "${options[@]}" >&2
  printf '%s\n' "$wanted" >build/.configured
fi
