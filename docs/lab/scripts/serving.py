#!/usr/bin/env python3
"""Osler's server under load beside PyTorch behind FastAPI, in turns on one machine.

    serving.py OSLER PYTHON WORK [load] [returning] [cds] [overload] [--turns 3] [--seconds 8] [--connections 1,8,64,256]

PYTHON has torch, fastapi, uvicorn, uvloop, httptools, orjson, numpy, pyarrow; wrk is on the path. WORK is filled once: a synthetic
population of 800, a model of S's shape, 256-event patients. Osler runs governed: keys, quotas, a ledger that is written before
each answer. `load` is about histories that nobody has asked about (nothing is kept of them), `returning` about the same patients who come again
with two events more each time: Osler goes on from what it kept, PyTorch's service keeps nothing. Prints one JSON line a measurement, and tables in Markdown at the end. `cpu_ms` is what a request costs the server
in processor time: on a shared machine it says more than the clock.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
TICK = os.sysconf("SC_CLK_TCK")


def prepare(osler, python, work):
    if not (work / "demo/report").exists():
        subprocess.run([osler, "demo", "--subjects", "800", "--max-steps", "40", "--no-serve", "--out", work / "demo"], check=True)
    if not (work / "model/config.json").exists():
        # A demo's own model is smaller than S.
        subprocess.run([osler, "train", "--size", "tiny", "--max-steps", "40", "--out", work / "model", work / "demo/timeline"], check=True)
    if not (work / "bodies/returning.jsonl").exists():
        subprocess.run([python, HERE / "serving_patients.py", work / "demo", work / "bodies"], check=True)


class Server:
    """A server and all its processes; ended by their ids."""

    def __init__(self, command, port, environment=()):
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            list(map(str, command)), env={**os.environ, **dict(environment)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(300):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/health/ready", timeout=1).read()
                return
            time.sleep(0.2)
        raise SystemExit(f"{command[0]} did not start")

    def processes(self):
        found, rest = [], [self.process.pid]
        while rest:
            one = rest.pop()
            found.append(one)
            with contextlib.suppress(OSError):
                for task in pathlib.Path(f"/proc/{one}/task").iterdir():
                    rest += map(int, (task / "children").read_text().split())
        return found

    def cpu_seconds(self):
        ticks = 0
        for one in self.processes():
            with contextlib.suppress(OSError):
                fields = pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / TICK

    def resident_mb(self):
        total = 0
        for one in self.processes():
            with contextlib.suppress(OSError):
                total += int(pathlib.Path(f"/proc/{one}/statm").read_text().split()[1]) * 4096 / 1e6
        return total

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


def wrk(server, path, bodies, connections, seconds, key=None, pace=0, count=False, watch=None):
    environment = {**os.environ, "BODIES": str(bodies)}
    environment |= {"KEY": key} if key else {}
    environment |= {"PACE": str(pace)} if pace else {}
    environment |= {"COUNT": "1"} if count else {}
    before = server.cpu_seconds()
    running = subprocess.Popen(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", HERE / "serving.lua", server.url + path],
        env=environment, stdout=subprocess.PIPE, text=True,
    )
    while watch and running.poll() is None:
        watch()
        time.sleep(1)
    out = running.communicate()[0]
    answer = json.loads(out.strip().splitlines()[-1])
    cost = server.cpu_seconds() - before
    answer["rps"] = round(answer["requests"] / answer["seconds"], 1)
    answer["cpu_ms"] = round(1e3 * cost / max(1, answer["requests"]), 2)
    answer["load"] = os.getloadavg()[0]
    return answer


def key_of(osler, site):
    shutil.rmtree(site, ignore_errors=True)
    command = [osler, "access", "grant", "--governance", site, "--name", "load", "--scope", "predict,cds,metrics", "--trial"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class Bench:
    def __init__(self, arguments):
        self.a, self.work = arguments, arguments.work
        self.key = key_of(arguments.osler, self.work / "site")

    def osler(self, precision="f32", state_memory=0):
        command = [self.a.osler, "serve", "--model", self.work / "model", "--governance", self.work / "site"]
        return Server(command + ["--precision", precision, "--state-memory", str(state_memory), "--listen", "127.0.0.1:8071"], 8071, {"OSLER_LOG": "warn"}.items())

    def torch(self, workers, threads, dtype="float32"):
        environment = {"WORKERS": str(workers), "THREADS": str(threads), "DTYPE": dtype, "OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0", "OMP_NUM_THREADS": str(threads)}
        return Server([self.a.python, HERE / "serving_torch.py", self.work / "model", "8072"], 8072, environment.items())

    def load(self):
        bodies = {"osler": "bodies/risk.jsonl", "torch": "bodies/tokens.jsonl"}
        sides = {
            "osler f32": self.osler,
            "torch f32, 1 process x 2 threads": lambda: self.torch(1, 2),
            "torch f32, 2 processes x 1 thread": lambda: self.torch(2, 1),
            "osler bf16x3": lambda: self.osler("bf16x3"),
            "osler bf16": lambda: self.osler("bf16"),
            "osler int8": lambda: self.osler("int8"),
            "torch bf16, 1 process x 2 threads": lambda: self.torch(1, 2, "bfloat16"),
            "torch bf16, 2 processes x 1 thread": lambda: self.torch(2, 1, "bfloat16"),
        }
        self.compare(sides, bodies)

    def returning(self):
        bodies = {"osler": "bodies/returning.jsonl", "torch": "bodies/returning_tokens.jsonl"}
        sides = {
            "osler f32": lambda: self.osler(state_memory=512),
            "torch f32, 2 processes x 1 thread": lambda: self.torch(2, 1),
            "osler f32, nothing kept": self.osler,
        }
        self.compare(sides, bodies)

    def compare(self, sides, bodies):
        sides = {name: start for name, start in sides.items() if not self.a.sides or name in self.a.sides.split(";")}
        found = collections.defaultdict(list)
        for turn in range(self.a.turns):
            for name, start in sides.items():
                server = start()
                kind = name.split()[0]
                try:
                    wrk(server, "/v1/risk", self.work / bodies[kind], 8, 2, self.key)
                    for connections in self.a.connections:
                        one = wrk(server, "/v1/risk", self.work / bodies[kind], connections, self.a.seconds, self.key)
                        found[name, connections].append(one)
                        one |= self.tokens(server) if kind == "osler" else {}
                        print(json.dumps({"turn": turn, "side": name, "connections": connections, **one}), flush=True)
                finally:
                    server.stop()
        middle = lambda name, connections, what: statistics.median(one[what] for one in found[name, connections])
        print("\n| connections | side | requests/s | p50 ms | p95 ms | p99 ms | cpu ms a request |\n|---|---|---|---|---|---|---|")
        for connections in self.a.connections:
            for name in sides:
                row = [middle(name, connections, what) for what in ("rps", "p50_ms", "p95_ms", "p99_ms", "cpu_ms")]
                print(f"| {connections} | {name} | " + " | ".join(f"{value:.4g}" for value in row) + " |")
        print("\n| connections | side | over | throughput, turn by turn | p99 | cpu |\n|---|---|---|---|---|---|")
        for connections in self.a.connections:
            for ours, numbers in ((name, numbers) for name in sides if name.startswith("osler") for numbers in ("f32", "bf16")):
                rivals = [name for name in sides if name.startswith(f"torch {numbers}")]
                if not rivals:
                    continue
                best = max(rivals, key=lambda name: middle(name, connections, "rps"))
                pairs = list(zip(found[ours, connections], found[best, connections]))
                ratios = lambda what: ", ".join(f"{our[what] / their[what]:.2f}" for our, their in pairs)
                print(f"| {connections} | {ours} | {best} | {ratios('rps')} | {ratios('p99_ms')} | {ratios('cpu_ms')} |")

    def tokens(self, server):
        """Tokens of records that were known, and that were read, since the server started."""
        asked = urllib.request.Request(f"{server.url}/metrics", headers={"authorization": f"Bearer {self.key}"})
        lines = urllib.request.urlopen(asked).read().decode().splitlines()
        found = [line.split() for line in lines if line.startswith("osler_state_tokens{")]
        return {"tokens_" + name.split('"')[1]: int(float(value)) for name, value in found}

    def cds(self):
        server = self.osler(state_memory=256)
        try:
            path, bodies = "/cds-services/osler-patient-view", self.work / "bodies/cds.jsonl"
            wrk(server, path, bodies, 4, 2, self.key)
            for turn in range(self.a.turns):
                one = wrk(server, path, bodies, 50, max(20, self.a.seconds), self.key, pace=985)
                print(json.dumps({"turn": turn, "cds": "50 requests/s", **one}), flush=True)
        finally:
            server.stop()

    def overload(self):
        server = self.osler(state_memory=256)
        bodies = self.work / "bodies/risk.jsonl"
        try:
            calm = wrk(server, "/v1/risk", bodies, 64, self.a.seconds, self.key)
            alone = wrk(server, "/v1/risk", bodies, 1, 3, self.key)
            print(json.dumps({"overload": "before", **calm, "alone_p50_ms": alone["p50_ms"]}), flush=True)
            memory = []
            # Each connection asks again PACE ms after an answer or a refusal: ten times what the server can do.
            connections = 1000
            # Accepted ones wait in the queue meanwhile, so a little more is asked for than that.
            pace = max(1, int(1e3 * connections / (14 * calm["rps"])))
            storm = wrk(server, "/v1/risk", bodies, connections, 60, self.key, pace=pace, count=True,
                        watch=lambda: memory.append(server.resident_mb()))
            offered = storm["rps"] / calm["rps"]
            begin, waits = time.monotonic(), []
            while time.monotonic() - begin < 10:
                one = wrk(server, "/v1/risk", bodies, 1, 1, self.key)
                waits.append((round(time.monotonic() - begin, 1), one["p50_ms"], one["not_2xx"]))
            minute = len(memory) // 2
            print(json.dumps({
                "overload": "60 s", "pace_ms": pace, "connections": connections, "offered_over_capacity": round(offered, 1), **storm,
                "memory_mb": {"first": memory[0], "half": memory[minute], "last": memory[-1], "most": max(memory)},
                "after": [dict(zip(("seconds", "p50_ms", "not_2xx"), wait)) for wait in waits], "alive": server.process.poll() is None,
            }), flush=True)
        finally:
            server.stop()
        verify = [self.a.osler, "ledger", "verify", "--governance", self.work / "site", "--trust", self.work / "site/signing.pub"]
        print(subprocess.run(verify, capture_output=True, text=True).stdout.strip())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("osler")
    parser.add_argument("python")
    parser.add_argument("work", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("what", nargs="*", default=["load", "cds", "overload"])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--connections", type=lambda text: list(map(int, text.split(","))), default=[1, 8, 64, 256])
    parser.add_argument("--sides", default="", help="names of sides, by ;")
    arguments = parser.parse_args()
    arguments.osler = os.path.abspath(arguments.osler)
    if not shutil.which("wrk"):
        sys.exit("wrk is needed (apt-get install wrk)")
    prepare(arguments.osler, arguments.python, arguments.work)
    bench = Bench(arguments)
    for what in arguments.what:
        getattr(bench, what)()
