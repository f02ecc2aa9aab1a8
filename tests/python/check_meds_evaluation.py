"""meds-evaluation must read the predictions that `osler predict` wrote and give the AUROC and Brier score of `osler evaluate`.

    python check_meds_evaluation.py PREDICTIONS REPORT
"""

import json
import sys
from pathlib import Path

import polars as pl
from meds_evaluation.evaluate import evaluate_binary_classification

predictions = pl.read_parquet(Path(sys.argv[1], "predictions.parquet"))
report = json.loads(Path(sys.argv[2], "report.json").read_text())
compared = 0
for task in report["tasks"]:
    rows = predictions.filter(
        (pl.col("task") == task["task"])
        & (pl.col("horizon_days") == pl.lit(task["horizon_days"], dtype=pl.Float32))
        & pl.col("boolean_value").is_not_null()  # MEDS labels are never unknown
    )
    # The package refuses columns that it doesn't know, and asks for one of every table, filled or not.
    rows = rows.select("subject_id", "prediction_time", "boolean_value", "predicted_boolean_probability")
    rows = rows.with_columns(pl.lit(None, dtype=pl.Boolean).alias("predicted_boolean_value"))
    theirs = evaluate_binary_classification(rows)["samples_equally_weighted"]
    for ours, name in [("auroc", "roc_auc_score"), ("average_precision", "average_precision_score"), ("brier", "brier_score")]:
        difference = abs(task["model"][ours]["value"] - theirs[name])
        # It holds probabilities in 32 bits, in which neighbours may tie.
        assert difference < 1e-5, f"{task['task']}: {ours} is {task['model'][ours]['value']}, meds-evaluation says {theirs[name]}"
    compared += 1
assert compared > 0, "the report has no task"
print(f"meds-evaluation agrees on {compared} tasks of {len(predictions)} predictions")
