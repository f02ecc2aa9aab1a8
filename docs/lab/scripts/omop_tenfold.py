"""The clinical tables of an OMOP CDM several times over, each copy under new ids; vocabulary tables once.

    python omop_tenfold.py CDM OUT [TIMES]

CDM is a folder of CSV files with headers. Ids of persons, visits and rows are moved by a constant a copy, so that
what points at each other still does.
"""

import csv
import pathlib
import sys

MOVED = {"person_id", "visit_occurrence_id", "visit_detail_id", "preceding_visit_occurrence_id"}
VOCABULARY = {
    "concept", "concept_ancestor", "concept_class", "concept_relationship", "concept_synonym", "domain",
    "drug_strength", "relationship", "vocabulary", "cdm_source", "care_site", "location", "provider",
}  # fmt: skip
STEP = 1_000_000_000


def main(cdm, out, times=10):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(pathlib.Path(cdm).glob("*.csv")):
        name = path.stem.lower()
        with path.open(newline="", encoding="utf-8") as source, (out / path.name).open("w", newline="") as target:
            rows, writer = csv.reader(source), csv.writer(target)
            header = next(rows)
            writer.writerow(header)
            rows = list(rows)
            ids = set() if name in VOCABULARY else MOVED | {f"{name}_id"}
            moved = [i for i, c in enumerate(header) if c.lower() in ids]
            for copy in range(1 if name in VOCABULARY else int(times)):
                for row in rows:
                    row = list(row)
                    for i in moved:
                        if row[i]:
                            row[i] = str(int(float(row[i])) + copy * STEP)
                    writer.writerow(row)


if __name__ == "__main__":
    main(*sys.argv[1:])
