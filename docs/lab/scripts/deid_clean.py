"""Clinical text without anyone's identifiers, as JSON lines for `cargo run -p deid --example accuracy`.

    python docs/lab/scripts/deid_clean.py DATA OUT

Writes OUT/icd10.ndjson (descriptions of ICD-10-CM; the finder's word list is made from them),
OUT/vocabulary.ndjson (names of concepts in GiBleed's OMOP vocabulary; no list of ours is made from them).
"""

import csv
import io
import json
import pathlib
import subprocess
import sys

data, out = map(pathlib.Path, sys.argv[1:3])
out.mkdir(parents=True, exist_ok=True)


def write(name, texts):
    with open(out / name, "w") as file:
        for text in texts:
            file.write(json.dumps({"text": text, "spans": []}) + "\n")


def zstd(path):
    return subprocess.run(["zstdcat", path], check=True, capture_output=True).stdout


rows = csv.reader(io.StringIO(zstd(data / "terminology/icd10cm-2025.csv.zst").decode()))
write("icd10.ndjson", [row[1] + "." for row in rows][::10])

archive = subprocess.run(["tar", "--zstd", "-tf", data / "omop-gibleed-5.4-csv.tar.zst"], check=True, capture_output=True, text=True).stdout
member = next(line for line in archive.splitlines() if line.lower().endswith("/concept.csv") or line.lower() == "concept.csv")
raw = subprocess.run(["tar", "--zstd", "-xOf", data / "omop-gibleed-5.4-csv.tar.zst", member], check=True, capture_output=True).stdout.decode()
concepts = csv.DictReader(io.StringIO(raw), delimiter="\t" if "\t" in raw.splitlines()[0] else ",")
names = sorted({(row.get("concept_name") or row.get("CONCEPT_NAME")) for row in concepts if row.get("domain_id", row.get("DOMAIN_ID")) in ("Condition", "Procedure", "Measurement", "Drug", "Observation", "Device")})
write("vocabulary.ndjson", [f"Noted: {name}." for name in names])
