"""The model is read anew under load, and an altered one is not taken: exchange.py URL KEY PID SERVED LOG"""

import os
import pathlib
import signal
import sys
import threading
import time

import httpx

from record import bundle, key_of

url, key, pid, served, log = sys.argv[1], key_of(sys.argv[2]), int(sys.argv[3]), pathlib.Path(sys.argv[4]), pathlib.Path(sys.argv[5])
headers = {"authorization": f"Bearer {key}"}
record = bundle(url, key)
stop, seen = threading.Event(), []


def call():
    with httpx.Client(base_url=url, headers=headers, timeout=60) as http:
        while not stop.is_set():
            answer = http.post("/v1/risk", json=record)
            seen.append((answer.status_code, answer.headers.get("x-osler-model")))


def said(words):
    return log.read_text().count(words)


def tell(words):
    before = said(words)
    os.kill(pid, signal.SIGUSR1)
    for _ in range(300):
        if said(words) > before:
            return
        time.sleep(0.1)
    raise AssertionError(f"not said: {words}")


callers = [threading.Thread(target=call) for _ in range(4)]
for caller in callers:
    caller.start()
for _ in range(5):
    tell("read anew and answers from now on")
# One bit of one weight, put in place as one would: the running model's file stays what it was.
weights = served / "model.safetensors"
content = bytearray(weights.read_bytes())
content[len(content) // 2] ^= 1
(served / "new").write_bytes(content)
os.replace(served / "new", weights)
tell("the model before goes on")
taken = len(seen)
while len(seen) < taken + 8:
    time.sleep(0.05)
stop.set()
for caller in callers:
    caller.join()
assert {status for status, _ in seen} == {200}, {status for status, _ in seen}
assert len({digest for _, digest in seen}) == 1
print(f"exchange: read anew 5 times under load, an altered weight refused, {len(seen)} calls all answered")
