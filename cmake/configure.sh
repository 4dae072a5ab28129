#!/usr/bin/env bash
# Sets up what is missing and configures build/, unless it is configured already for the same toolchain and options.
#   cmake/configure.sh build|test [name=value …]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

purpose="$1"
shift
options=(RINGATTN_CUDA="${RINGATTN_CUDA:-AUTO}" RINGATTN_LEGACY="${RINGATTN_LEGACY:-ON}" "$@")

# Is the folder configured for this toolchain, and with these options (and perhaps others)?
is_configured() {
  [ -f build/build.ninja ] && [ "$(cat build/toolchain.txt 2>/dev/null)" = "$toolchain" ] || return 1
  for option in "${options[@]}"; do
    grep -q "^${option%%=*}:[A-Z]*=${option#*=}$" build/CMakeCache.txt || return 1
  done
}

toolchain="$(cmake/setup.sh "$purpose")"
if ! is_configured; then
  cmake --preset release -ULibTorch_DIR -URINGATTN_CUDART "${options[@]/#/-D}" >&2
  printf '%s\n' "$toolchain" >build/toolchain.txt
fi
