"""Which events two data sets of the same subjects, ingested with the same key, do not share.

    python gibleed_routes.py EVENTS_OMOP EVENTS_MEDS
"""

import collections
import pathlib
import sys

import pyarrow.parquet as pq

COLUMNS = ["subject_id", "time", "code", "numeric_value", "unit"]


def read(root):
    found = collections.Counter()
    for path in pathlib.Path(root, "data").rglob("*.parquet"):
        table = pq.read_table(path, columns=COLUMNS)
        found.update(zip(*[(table[c].cast("int64") if c == "time" else table[c]).to_pylist() for c in COLUMNS]))
    return found


def main(a, b):
    a, b = read(a), read(b)
    moved = {subject for subject, _, code, *_ in b - a if code == "MEDS_BIRTH"}
    print(f"{len(moved)} subjects whose births, and so all of whose events, are moved differently")
    for name, left in (("first", a - b), ("second", b - a)):
        kinds = collections.Counter(code.split("//")[0] for _, _, code, *_ in left.elements())
        others = sum(n for (subject, *_), n in left.items() if subject not in moved)
        print(f"only in the {name}: {sum(left.values())}, of other subjects {others}; by kind {dict(kinds)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
