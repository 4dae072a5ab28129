#!/usr/bin/env bash
# clang-format over every C++ and CUDA file: reports what differs, or with -i rewrites it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mode=("$@")
[ "${#mode[@]}" -gt 0 ] || mode=(--dry-run -Werror)
find src kernels legacy cli tests \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) -print0 |
  xargs -0 -r clang-format-14 "${mode[@]}"
