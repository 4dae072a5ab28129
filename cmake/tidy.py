#!/usr/bin/env python3
"""Runs clang-tidy over the compile commands of a build folder, in parallel: tidy.py BUILD_FOLDER [--all]

Files that need no LibTorch are always checked. A file that includes LibTorch takes many seconds, so it is checked when it, or a header of its
own name, differs from the merge base with origin/main (on main itself: from the commit before); --all checks every file.
A file that passed is not checked again until it, a header of ours that it reaches, its command or the configuration changes.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "ringattn" / "tidy"
TIDY = "clang-tidy-14"
# clang 14 has _Float16 on x86 only where the processor has it, too; g++ 12 has it everywhere.
EXTRA = ["-mavx512fp16"]


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.split() if done.returncode == 0 else None


def changed_files():
    """Paths changed since the base, uncommitted and untracked ones too; None (everything) where there is no earlier commit."""
    head = git("rev-parse", "HEAD")
    base = git("merge-base", "HEAD", "origin/main")
    if not head:
        return None
    if not base or base == head:
        base = git("rev-parse", "--verify", "HEAD~")
    if not base:
        return None
    tracked = git("diff", "--name-only", base[0])
    untracked = git("ls-files", "--others", "--exclude-standard")
    return {ROOT / name for name in (tracked or []) + (untracked or [])}


def includes_of(path, folders, seen):
    """Our own headers that a file reaches."""
    for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE):
        for folder in [path.parent, *folders]:
            header = (folder / name).resolve()
            if header.is_file():
                if header not in seen:
                    seen.add(header)
                    includes_of(header, folders, seen)
                break
    return seen


def fingerprint(entry, folders, version):
    source = pathlib.Path(entry["file"])
    digest = hashlib.sha256(version)
    digest.update(entry["command"].encode())
    configurations = [folder / ".clang-tidy" for folder in source.parents if (folder / ".clang-tidy").is_file()]
    for path in [source, *configurations, *sorted(includes_of(source, folders, set()))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def check(entry, folders, version):
    """(passed, text to show) of one file."""
    mark = CACHE / fingerprint(entry, folders, version)
    if mark.exists():
        return True, ""
    flags = shlex.split(entry["command"])[1:] + EXTRA
    source = entry["file"]
    done = subprocess.run([TIDY, "--quiet", source, "--", *flags], cwd=entry["directory"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        mark.touch()
        return True, ""
    return False, done.stdout + done.stderr


def uses_torch(entry):
    return re.search(r"-isystem \S*(torch|libtorch)\S*/include", entry["command"]) is not None


def main(build_folder, everything):
    entries = json.loads((pathlib.Path(build_folder) / "compile_commands.json").read_text(encoding="utf-8"))
    entries = [e for e in entries if e["file"].endswith(".cpp") and "/generated/" not in e["file"]]
    changed = None if everything else changed_files()

    def wanted(entry):
        path = pathlib.Path(entry["file"])
        return changed is None or not uses_torch(entry) or path in changed or path.with_suffix(".h") in changed

    chosen = [e for e in entries if wanted(e)]
    version = subprocess.run([TIDY, "--version"], capture_output=True, check=True).stdout
    folders = [ROOT / "src", ROOT, pathlib.Path(build_folder).resolve() / "generated"]
    CACHE.mkdir(parents=True, exist_ok=True)
    jobs = int(os.environ.get("JOBS") or os.cpu_count() or 1)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for passed, text in pool.map(lambda e: check(e, folders, version), chosen):
            failed += not passed
            if text:
                print(text, flush=True)
    print(f"clang-tidy: {len(chosen)} of {len(entries)} files checked, {failed} with findings")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], "--all" in sys.argv[2:]))
