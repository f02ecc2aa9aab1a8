"""Bodies for the load test: serving_patients.py DEMO OUT

From a demo's synthetic events, each patient that has 256 or more, cut to their static facts, birth and last events, 256 in all:
OUT/risk.jsonl (/v1/risk), OUT/tokens.jsonl (the same patients as tokens, for PyTorch), OUT/cds.jsonl (patient-view, from the FHIR
records of the same population, newest resources first, 256 of them). OUT/returning.jsonl and returning_tokens.jsonl: the same patients, who
come again: each 16 times, first without their last 30 events, then each time with 2 events more.
"""

import collections
import json
import pathlib
import sys
import uuid

import pyarrow.dataset

EVENTS = 256
VISITS, NEW = 16, 2
demo, out = map(pathlib.Path, sys.argv[1:3])
out.mkdir(parents=True, exist_ok=True)
vocabulary = json.loads((demo / "model/vocabulary.json").read_text())
entries = vocabulary.get("entries", vocabulary.get("codes"))
index = {entry["code"] if isinstance(entry, dict) else entry: place for place, entry in enumerate(entries)}

subjects = collections.defaultdict(list)
for row in pyarrow.dataset.dataset(demo / "events/data", format="parquet").to_table().to_pylist():
    subjects[row["subject_id"]].append(row)
patients, lengths = [], []
for rows in subjects.values():
    # Nothing is foretold of the dead: they are asked about as they were before.
    rows = [row for row in rows if row["code"] != "MEDS_DEATH"]
    if len(rows) < EVENTS:
        continue
    fixed = [row for row in rows if row["time"] is None or row["code"] == "MEDS_BIRTH"]
    rest = [row for row in rows if row not in fixed]
    patients.append(fixed + rest[-(EVENTS - len(fixed)):])



def write(risk, tokens, records):
    for rows in records:
        events = []
        code, age, value, before = [], [], [], None
        birth = next(row["time"] for row in rows if row["code"] == "MEDS_BIRTH")
        for row in rows:
            event = {"code": row["code"]}
            if row["time"] is not None:
                event["time"] = row["time"].isoformat()
            for name in ("numeric_value", "unit"):
                if row[name] is not None:
                    event[name] = round(row[name], 2) if name == "numeric_value" else row[name]
            events.append(event)
            if row["code"] == "MEDS_BIRTH":
                continue
            days = 0.0 if row["time"] is None else (row["time"] - birth).total_seconds() / 86400
            if before is not None and days > before and days > 0:  # as Osler has it: a token for time that passes
                code.append(0), age.append(round(days, 2)), value.append(0.0)
            before = days
            code.append(index.get(row["code"], 1)), age.append(round(days, 2))
            value.append(0.5 if row["numeric_value"] is not None else 0.0)
        lengths.append(len(code))
        print(json.dumps({"patient": {"events": events}}), file=risk)
        print(json.dumps({"code": code, "age": age, "value": value}), file=tokens)


with open(out / "risk.jsonl", "w") as risk, open(out / "tokens.jsonl", "w") as tokens:
    write(risk, tokens, patients)
    mean = sum(lengths) / len(lengths)
with open(out / "returning.jsonl", "w") as risk, open(out / "returning_tokens.jsonl", "w") as tokens:
    for visit in range(VISITS):
        write(risk, tokens, (rows[: EVENTS - NEW * (VISITS - 1 - visit)] for rows in patients))

kinds = {"conditions": "Condition", "observations": "Observation", "medications": "MedicationRequest",
         "encounters": "Encounter", "immunizations": "Immunization"}
by_patient = collections.defaultdict(lambda: collections.defaultdict(list))
for key, kind in kinds.items():
    for line in open(demo / f"population/fhir/{kind}.ndjson"):
        resource = json.loads(line)
        reference = (resource.get("subject") or resource.get("patient"))["reference"]
        by_patient[reference.split("/")[-1]][key].append(resource)
called = 0
with open(out / "cds.jsonl", "w") as cds:
    for line in open(demo / "population/fhir/Patient.ndjson"):
        patient = json.loads(line)
        found = by_patient[patient["id"]]
        if sum(map(len, found.values())) < EVENTS:
            continue
        left, prefetch = EVENTS, {"patient": patient}
        for key in kinds:
            taken = found[key][-left:] if left else []
            left -= len(taken)
            prefetch[key] = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in taken]}
        context = {"userId": "Practitioner/1", "patientId": patient["id"]}
        print(json.dumps({"hook": "patient-view", "hookInstance": str(uuid.uuid4()), "context": context, "prefetch": prefetch}), file=cds)
        called += 1

size = lambda name: (out / name).stat().st_size / max(1, sum(1 for _ in open(out / name)))
print(json.dumps({"patients": len(patients), "tokens": mean, "calls": called,
                  "kB": {name: round(size(name) / 1000, 1) for name in ("risk.jsonl", "tokens.jsonl", "cds.jsonl")}}))
