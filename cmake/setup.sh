#!/usr/bin/env bash
# Brings a fresh Debian 12 or Ubuntu 24.04 to where ringattn builds, and leaves one that is already there alone (in under a second).
#
#   cmake/setup.sh build    what is needed to build
#   cmake/setup.sh test     and what the tests and checks need
#
# 1. Debian packages, installed only where missing (root, or sudo).
# 2. LibTorch >= 2.11: an installed one (CMAKE_PREFIX_PATH, the active Python's torch), else torch from PyPI in one virtual environment in
#    the user's cache folder. RINGATTN_CUDA=OFF needs nothing more; otherwise, where no CUDA 13 toolkit is found, the compiler wheels join it.
# Prints LIBTORCH=…, LIBTORCH_CUDA=… and NVCC=… on stdout; everything for people goes to stderr.
set -euo pipefail

purpose="${1:-build}"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/ringattn"
venv="$cache/venv"

torch_wheels=(torch==2.11.0)
# nvcc, crt and nvvm of one version: pip alone takes a newer nvvm, whose output this ptxas refuses.
compiler_wheels=('cuda-toolkit[nvcc,cudart,cccl,crt]==13.0.2'
  nvidia-cuda-nvcc==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88)
build_packages=(g++ cmake ninja-build ccache libcli11-dev nlohmann-json3-dev libfmt-dev doctest-dev python3 python3-venv)
# clang 14 by number: another version formats and warns differently. Its compiler and run-time library build the fuzzers.
test_packages=(clang-format-14 clang-tidy-14 clang-14 libclang-rt-14-dev python3-jsonschema)

say() { printf 'set-up: %s\n' "$*" >&2; }
fail() { printf 'set-up: %s\n' "$@" >&2; exit 3; }

# --- Debian packages ---

missing_packages() {
  local installed
  installed=" $(dpkg-query -W -f='${db:Status-Status}:${Package} ' "$@" 2>/dev/null || true)"
  for package in "$@"; do
    [[ "$installed" == *" installed:$package "* ]] || echo "$package"
  done
}

install_packages() {
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "missing Debian packages: $*" "Install them as root (there is no sudo here)."
    as_root=(sudo)
  fi
  say "installing Debian packages: $*"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2)
  "${apt[@]}" update >&2 || say "apt-get update failed; going on with the package lists that are here"
  "${apt[@]}" install -y --no-install-recommends "$@" >&2 ||
    fail "could not install the Debian packages: $*" "Without network, install them by other means and run this again."
}

ensure_packages() {
  local missing
  command -v dpkg-query >/dev/null || fail "this is no Debian or Ubuntu; install by hand what corresponds to: $*"
  mapfile -t missing < <(missing_packages "$@")
  if [ "${#missing[@]}" -gt 0 ]; then install_packages "${missing[@]}"; fi
}

# --- The virtual environment ---

search() { cmake -P "$here/LibTorchSearch.cmake" | sed -n 's/^\(LIBTORCH\|LIBTORCH_CUDA\|NVCC\)=/\1=/p'; }
value_of() { sed -n "s/^$1=//p" <<<"$2"; }

# An interrupted installation leaves its mark behind, and pip cannot be trusted to notice: such an environment is made anew.
ensure_venv() {
  if [ -e "$venv" ] && { [ -e "$venv/.installing" ] || ! "$venv/bin/python" -c 'import pip' 2>/dev/null; }; then
    say "$venv is broken or half installed; making it anew"
    rm -rf "$venv"
  fi
  if [ ! -e "$venv" ]; then
    say "creating $venv"
    mkdir -p "$venv"
    touch "$venv/.installing"
    /usr/bin/python3 -m venv "$venv" >&2 || fail "could not create $venv; the Debian package python3-venv is needed"
  fi
}

install_wheels() {
  ensure_venv
  say "installing from PyPI: $*"
  touch "$venv/.installing"
  "$venv/bin/python" -m pip install -q --disable-pip-version-check --retries 2 --timeout 30 "$@" >&2 ||
    fail "could not install the Python packages: $*" \
      "Without network, point CMAKE_PREFIX_PATH at an installed LibTorch >= 2.11 (for CUDA kernels, CUDA_HOME at a CUDA 13 toolkit; RINGATTN_CUDA=OFF builds without)."
  rm -f "$venv/.installing"
}

ensure_toolchain() {
  local found
  if [ -e "$venv/.installing" ]; then ensure_venv && rm -f "$venv/.installing"; fi
  found="$(search)"
  if [ -z "$(value_of LIBTORCH "$found")" ]; then
    say "LibTorch >= 2.11 is not installed; it takes 5 GB and some minutes, once"
    install_wheels "${torch_wheels[@]}"
    found="$(search)"
    [ -n "$(value_of LIBTORCH "$found")" ] || fail "LibTorch >= 2.11 is installed in $venv, yet not found there: remove that folder and run this again"
  fi
  if [ "${RINGATTN_CUDA:-AUTO}" != OFF ] && [ "$(value_of LIBTORCH_CUDA "$found")" = ON ] && [ -z "$(value_of NVCC "$found")" ]; then
    install_wheels "${compiler_wheels[@]}"
    found="$(search)"
    [ -n "$(value_of NVCC "$found")" ] || fail "the CUDA compiler is installed in $venv, yet does not run: remove that folder and run this again"
  fi
  printf '%s\n' "$found"
}

case "$purpose" in
  build) packages=("${build_packages[@]}") ;;
  test) packages=("${build_packages[@]}" "${test_packages[@]}") ;;
  *) fail "unknown purpose '$purpose': build or test" ;;
esac

# Two runs at the same time take turns.
mkdir -p "$cache"
exec 9>"$cache/setup.lock"
flock -n 9 || { say "waiting for another set-up to finish"; flock 9; }
ensure_packages "${packages[@]}"
ensure_toolchain
