#!/usr/bin/env python3
"""What the ledger and kept inputs cost: no ledger, SQLite and PostgreSQL, inputs kept or not, in turns on one machine.

    ledger_cost.py RECORDED WORK [--postgres URL] [--before OTHER] [--turns 3] [--seconds 4] [--connections 1,8,64]

RECORDED is `crates/serve/examples/recorded.rs`, built with optimisation: the doors over a stand-in for a model, so that no model's time
hides the rest. wrk is on the path. WORK lies on the disk that is asked about. The database is one of its own; its ledger grows from side to side. With --before, inputs are also kept by
another build of the same. Prints one JSON line a
measurement, and a table in Markdown of the medians. `cpu` is the processor time of the server (not of the database) a request.
"""

import argparse
import collections
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
TICK = os.sysconf("SC_CLK_TCK")
# Nobody holds its identity: the example of age's own documentation.
RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n"
PORT = 8077


def body():
    """A record of 256 events, some 21 kB."""
    codes = ["ICD10CM//I10", "ICD10CM//E11.9", "LOINC//4548-4", "LOINC//2160-0", "SNOMED//77176002"]
    event = lambda n: {"time": f"{2004 + n // 13}-{1 + n % 12:02}-{1 + n % 28:02}T08:00:00", "code": codes[n % 5], "numeric_value": 5 + n / 100, "unit": "%"}
    events = [{"code": "GENDER//F", "text_value": "@@"}, {"time": "1950-05-01", "code": "MEDS_BIRTH"}, *map(event, range(254))]
    return json.dumps({"patient": {"events": events}, "codes": ["ICD10CM//I10"]})


class Server:
    def __init__(self, command):
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, env={**os.environ, "RUST_LOG": "error"})
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health/ready", timeout=1).read()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("it did not start")

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def measure(server, work, connections, seconds, turn):
    def run(seconds):
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", HERE / "ledger_cost.lua", f"http://127.0.0.1:{PORT}/v1/risk"]
        environment = {**os.environ, "BODY": str(work / "body.json"), "TURN": f"{turn}-{time.monotonic_ns()}"}
        out = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
        return json.loads(out.strip().splitlines()[-1])

    run(1)
    before = server.cpu()
    found = run(seconds)
    found["cpu_ms"] = round(1e3 * (server.cpu() - before) / max(1, found["requests"]), 3)
    found["rps"] = round(found["requests"] / found["seconds"], 1)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("recorded")
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--postgres")
    parser.add_argument("--before")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", default="1,8,64")
    a = parser.parse_args()
    a.work.mkdir(parents=True, exist_ok=True)
    (a.work / "body.json").write_text(body())
    (a.work / "recipients.txt").write_text(RECIPIENT)
    sides = [("no ledger", "none", False), ("SQLite", "sqlite", False), ("SQLite, inputs kept", "sqlite", True)]
    if a.postgres:
        sides += [("PostgreSQL", a.postgres, False), ("PostgreSQL, inputs kept", a.postgres, True)]
    sides = [(name, a.recorded, place, kept) for name, place, kept in sides]
    if a.before:
        sides.append(("SQLite, inputs kept, before", a.before, "sqlite", True))
    found = collections.defaultdict(list)
    for turn in range(a.turns):
        for connections in map(int, a.connections.split(",")):
            for name, program, place, kept in sides:
                room = a.work / "room"
                shutil.rmtree(room, ignore_errors=True)
                room.mkdir()
                place = room / "ledger.db" if place == "sqlite" else place
                command = [program, f"127.0.0.1:{PORT}", place]
                server = Server(command + ([room / "inputs", a.work / "recipients.txt"] if kept else []))
                got = measure(server, a.work, connections, a.seconds, turn)
                server.stop()
                got |= {"side": name, "connections": connections, "turn": turn, "load": os.getloadavg()[0]}
                print(json.dumps(got), flush=True)
                found[connections, name].append(got)
    print("\n| connections | side | requests/s | p50 ms | p99 ms | processor ms a request |\n|---|---|---|---|---|---|")
    for (connections, name), all in found.items():
        middle = lambda key: statistics.median(one[key] for one in all)
        print(f"| {connections} | {name} | {middle('rps'):.0f} | {middle('p50'):.2f} | {middle('p99'):.2f} | {middle('cpu_ms'):.2f} |")


if __name__ == "__main__":
    main()
