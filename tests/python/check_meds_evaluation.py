"""meds-evaluation must read the files that `osler predict --meds` wrote, as they are, and give the AUROC and Brier score of `osler evaluate`.

    python check_meds_evaluation.py PREDICTIONS REPORT
"""

import json
import sys
from pathlib import Path

import polars as pl
from meds_evaluation.evaluate import evaluate_binary_classification

files = {path.stem: pl.read_parquet(path) for path in Path(sys.argv[1], "meds").glob("*.parquet")}
report = json.loads(Path(sys.argv[2], "report.json").read_text())
compared = 0
for task in report["tasks"]:
    rows = files[f"{task['task'].replace('/', '_')}_{task['horizon_days']:.0f}d"]
    theirs = evaluate_binary_classification(rows)["samples_equally_weighted"]
    for ours, name in [("auroc", "roc_auc_score"), ("average_precision", "average_precision_score"), ("brier", "brier_score")]:
        difference = abs(task["model"][ours]["value"] - theirs[name])
        # It holds probabilities in 32 bits, in which neighbours may tie.
        assert difference < 1e-5, f"{task['task']}: {ours} is {task['model'][ours]['value']}, meds-evaluation says {theirs[name]}"
    compared += 1
assert compared > 0, "the report has no task"
print(f"meds-evaluation agrees on {compared} tasks of {len(files)} files")
