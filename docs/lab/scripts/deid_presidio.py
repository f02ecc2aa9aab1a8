"""Presidio's pattern recognisers on the notes of `osler deid text`'s measurement, in megabytes a second.

    uv pip install presidio-analyzer
    python docs/lab/scripts/deid_presidio.py NOTES OSLER

NOTES is a file of notes parted by two empty lines. Each recogniser is Presidio's own, by pattern, with no language
model loaded; OSLER is the program, run on the same notes with one thread. CPU seconds are compared, so that other
programs' load doesn't count.
"""

import json
import resource
import subprocess
import sys
import time

from presidio_analyzer import predefined_recognizers as shipped
from presidio_analyzer.pattern_recognizer import PatternRecognizer

text = open(sys.argv[1], encoding="utf-8").read()
notes = text.split("\n\n\n")
size = len(text.encode())

recognizers = []
for name in dir(shipped):
    kind = getattr(shipped, name)
    if isinstance(kind, type) and issubclass(kind, PatternRecognizer) and kind is not PatternRecognizer:
        try:
            one = kind()
        except Exception:
            continue
        if one.supported_language == "en":
            recognizers.append(one)

begin = time.process_time()
found = sum(len(one.analyze(note, one.supported_entities, None)) for note in notes[:100] for one in recognizers)
seconds = time.process_time() - begin
theirs = sum(len(note.encode()) for note in notes[:100]) / seconds / 1e6

# Ours: many copies, so that the start is a small part; what it takes to read and write JSON counts.
lines = "".join(json.dumps({"id": n, "text": note}) + "\n" for n, note in enumerate(notes * 20))
before = resource.getrusage(resource.RUSAGE_CHILDREN)
subprocess.run([sys.argv[2], "deid", "text", "--threads", "1"], input=lines.encode(), stdout=subprocess.DEVNULL, check=True)
after = resource.getrusage(resource.RUSAGE_CHILDREN)
used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
ours = size * 20 / used / 1e6
print(f"presidio: {len(recognizers)} pattern recognisers, {found} hits, {theirs:.3f} MB/s of CPU; osler deid text: {ours:.2f} MB/s; ratio {ours / theirs:.0f}")
