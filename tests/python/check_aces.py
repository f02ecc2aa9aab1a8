"""`osler label` and the public package es-aces must extract the same labels from the same task files.

    python check_aces.py OSLER NAME=EVENTS…      # NAME.yaml in tests/aces holds that data set's predicates

Tasks in the manner of MEDS-DEV: tests/aces/*.yaml. es-aces reads each shard as its own command line does.
"""

import collections
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl
from aces import config, predicates, query
from omegaconf import OmegaConf

logging.disable(logging.CRITICAL)
HERE = Path(__file__).resolve().parent.parent / "aces"
LEAST_TASKS = 5


def theirs(events, task, site):
    labels = collections.Counter()
    for shard in sorted(events.glob("data/*/*.parquet")):
        loaded = config.TaskExtractorConfig.load(task, site)
        data = OmegaConf.create({"standard": "meds", "path": str(shard), "ts_format": None})
        rows = query.query(loaded, predicates.get_predicates_df(loaded, data))
        if len(rows):
            # A lone window whose end isn't found leaves a row of nulls, which MEDS's label schema can't hold.
            rows = rows.filter(pl.col("index_timestamp").is_not_null())
            times = rows["index_timestamp"].cast(pl.Datetime("us")).cast(pl.Int64)
            labels.update(zip(rows["subject_id"], times, rows["label"] != 0))
    return labels


def ours(osler, events, task, site, out):
    run = subprocess.run(
        [osler, "label", "--task", task, "--predicates", site, "--out", out, "--quiet", events],
        capture_output=True,
        text=True,
    )
    if run.returncode:
        raise SystemExit(f"{task.name}: {run.stderr}")
    rows = pl.read_parquet(out / "labels.parquet")
    return collections.Counter(
        zip(rows["subject_id"], rows["prediction_time"].cast(pl.Int64), rows["boolean_value"])
    )


def main():
    osler, sets = sys.argv[1], [argument.split("=") for argument in sys.argv[2:]]
    sites = {path.stem for path in HERE.glob("*.yaml")} & {name for name, _ in sets}
    tasks = [path for path in sorted(HERE.glob("*.yaml")) if path.stem not in ("gibleed", "physionet")]
    failures = []
    for name, events in sets:
        assert name in sites, f"tests/aces has no {name}.yaml"
        telling = 0
        with tempfile.TemporaryDirectory() as scratch:
            for task in tasks:
                site = HERE / f"{name}.yaml"
                want = theirs(Path(events), task, site)
                got = ours(osler, Path(events), task, site, Path(scratch) / task.stem)
                true = sum(n for (_, _, value), n in want.items() if value)
                total = sum(want.values())
                print(f"{name:10} {task.stem:24} {total:7} labels, {true:6} true: {'equal' if got == want else 'DIFFERENT'}")
                telling += 0 < true < total
                if got != want:
                    failures.append(f"{name} {task.stem}: {sum(got.values())} labels against {total}")
        if telling < LEAST_TASKS:
            failures.append(f"{name}: only {telling} tasks have labels of both kinds; a comparison must tell something")
    if failures:
        raise SystemExit("\n".join(failures))


if __name__ == "__main__":
    main()
