"""Reads a data set that osler wrote with the public `meds` package's schemas and with `meds_reader`.

    python check_meds.py EVENTS
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import meds
import meds_reader
import pyarrow.parquet as pq


def main(root: pathlib.Path) -> None:
    rows, subjects = 0, set()
    for path in sorted((root / "data").rglob("*.parquet")):
        table = pq.read_table(path)
        meds.DataSchema.validate(table)
        ids = table.column("subject_id").to_numpy()
        assert (ids[1:] >= ids[:-1]).all(), f"{path}: subjects are not in order"
        here = set(ids.tolist())
        assert subjects.isdisjoint(here), f"{path}: a subject is in two files"
        subjects |= here
        rows += table.num_rows
    meds.SubjectSplitSchema.validate(pq.read_table(root / meds.subject_splits_filepath))
    meds.CodeMetadataSchema.validate(pq.read_table(root / meds.code_metadata_filepath))
    metadata = json.loads((root / meds.dataset_metadata_filepath).read_text())
    meds.DatasetMetadataSchema.validate(metadata)
    for path in sorted((root / "labels").rglob("*.parquet")):
        meds.LabelSchema.validate(pq.read_table(path))

    manifest = json.loads((root / "manifest.json").read_text())
    assert rows == sum(manifest["counts"]["events"].values()), "the manifest counts other events"
    assert len(subjects) == sum(manifest["counts"]["subjects"].values()), "the manifest counts other subjects"

    with tempfile.TemporaryDirectory() as scratch:
        converted = pathlib.Path(scratch) / "reader"
        subprocess.run(
            [pathlib.Path(sys.executable).parent / "meds_reader_convert", root, converted, "--num_threads", "2"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with meds_reader.SubjectDatabase(str(converted), num_threads=1) as database:
            read = sum(len(database[subject].events) for subject in database)
            assert len(database) == len(subjects), "meds_reader finds other subjects"
    assert read == rows, f"meds_reader finds {read} events, not {rows}"
    print(f"{root.name}: {len(subjects)} subjects, {rows} events: meds {meds.__version__} and meds_reader agree")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
