# Runs behind the scanner's prelude (scanner_prelude()): answers about files in memory, again and again, and says which lines of the scanner
# each answer took, so that the fuzzer sees what is new.
#
# stdin, for each question: four bytes, the length; {"classes", "package", "helpers", "files": [text, …]}, a text's bytes as U+0000 … U+00FF.
# stdout, for each answer: four bytes, the length; what cli/python/uses.py says of the files, or {"exception": words}; the counters.

import io
import json
import resource
import struct
import sys
import traceback
import zlib

import uses

COUNTERS = 4096
MEMORY_MAX = 1 << 30

resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
files = {}
uses.open = lambda path, mode: io.BytesIO(files[path])
counters = bytearray(COUNTERS)
places = {name + ".py": zlib.crc32(name.encode()) for name in texts}  # noqa: F821: of the prelude
previous = 0


def on_line(frame, event, argument):
    global previous
    if event == "line":
        place = places[frame.f_code.co_filename] + 7919 * frame.f_lineno
        index = (place ^ previous) % COUNTERS
        previous = place >> 1
        counters[index] = min(255, counters[index] + 1)
    return on_line


def on_call(frame, event, argument):
    return on_line if frame.f_code.co_filename in places else None


def answer(task):
    global previous
    files.clear()
    for i, text in enumerate(task.pop("files")):
        files[b"/scanned/m%d.py" % i] = text.encode("latin-1")
    task["classes"] = set(task["classes"])
    task["paths"] = [path.decode("latin-1") for path in files]
    counters[:] = bytes(COUNTERS)
    previous = 0
    sys.settrace(on_call)
    try:
        sources = uses.Sources(task)
        return {"files": [sources.result(path) for path in sources.paths]}
    except Exception:
        return {"exception": traceback.format_exc()}
    finally:
        sys.settrace(None)


def main():
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    while True:
        length = questions.read(4)
        if len(length) < 4:
            return
        task = json.loads(questions.read(struct.unpack("<I", length)[0]))
        said = json.dumps(answer(task)).encode()
        answers.write(struct.pack("<I", len(said)) + said + counters)
        answers.flush()


main()
