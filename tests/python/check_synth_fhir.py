"""Checks synthetic FHIR NDJSON against the R4B models of fhir.resources.

    uv venv .venv && uv pip install --python .venv/bin/python fhir.resources==8.3.0
    cargo run --release -p synth --example export -- DIRECTORY 200 7
    .venv/bin/python tests/python/check_synth_fhir.py DIRECTORY

Every resource must be valid, every expected type present and every resource labelled as test data.
"""

import importlib
import json
import pathlib
import sys

TYPES = [
    "Patient", "Encounter", "Condition", "Observation", "Procedure", "MedicationRequest", "Immunization",
    "DocumentReference", "AllergyIntolerance", "DiagnosticReport", "FamilyMemberHistory",
]


def main() -> int:
    directory = pathlib.Path(sys.argv[1])
    failures = 0
    for name in TYPES:
        model = getattr(importlib.import_module(f"fhir.resources.R4B.{name.lower()}"), name)
        count = 0
        with open(directory / f"{name}.ndjson", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                count += 1
                try:
                    model.model_validate_json(line)
                    assert json.loads(line)["meta"]["security"][0]["code"] == "HTEST", "no HTEST label"
                except Exception as error:  # every kind of failure is reported alike
                    failures += 1
                    if failures <= 10:
                        print(f"{name}.ndjson:{number}: {error}")
        if count == 0:
            failures += 1
            print(f"{name}.ndjson: empty")
        print(f"{name}: {count} checked")
    print("all valid" if failures == 0 else f"{failures} failures")
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main())
