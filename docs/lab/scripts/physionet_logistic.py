"""Logistic regression on the last values, for in-hospital death in PhysioNet/CinC 2012.

    python physionet_logistic.py EVENTS_A EVENTS_B [TASK]

Both directories were written by `osler ingest` with examples/physionet2012.toml. Features: the last value of
each code up to the prediction time, an indicator of its absence, age, and each static code. Fitted on all of A
(C by 5-fold cross-validation), measured once on B; intervals by 1,000 bootstrap draws over subjects.
"""

import pathlib
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.preprocessing import StandardScaler


def read(root, task):
    root = pathlib.Path(root)
    table = pa.concat_tables([pq.read_table(p) for p in sorted((root / "data").rglob("*.parquet"))]).to_pandas()
    labels = pq.read_table(root / "labels" / task / "labels.parquet").to_pandas()
    return table, labels


def features(table, labels, columns=None):
    table = table.merge(labels[["subject_id", "prediction_time"]], on="subject_id")
    table = table[table.time.isna() | (table.time <= table.prediction_time)]
    valued = table[table.numeric_value.notna()].sort_values(["subject_id", "time"])
    last = valued.groupby(["subject_id", "code"]).numeric_value.last().unstack()
    static = table[table.time.isna() & table.numeric_value.isna()]
    static = static.groupby(["subject_id", "code"]).size().unstack(fill_value=0).clip(upper=1).astype(float)
    birth = table[table.code == "MEDS_BIRTH"].set_index("subject_id")
    age = ((birth.prediction_time - birth.time).dt.total_seconds() / 86400 / 365.25).rename("age")
    wide = last.join(static, how="outer", lsuffix="_last").join(age, how="outer").reindex(labels.subject_id)
    if columns is None:
        columns = wide.columns
    wide = wide.reindex(columns=columns)
    return wide.to_numpy(float), labels.boolean_value.to_numpy(bool), columns


def slope(y, p):
    x = np.log(p / (1 - p))[:, None]
    return LogisticRegression(C=np.inf, max_iter=1000).fit(x, y).coef_[0, 0]


def main(a, b, task="in_hospital_death"):
    xa, ya, columns = features(*read(a, task))
    xb, yb, _ = features(*read(b, task), columns)
    median = np.nanmedian(xa, axis=0)
    prepare = lambda x: np.hstack([np.where(np.isnan(x), median, x), np.isnan(x)])
    scaler = StandardScaler().fit(prepare(xa))
    xa, xb = scaler.transform(prepare(xa)), scaler.transform(prepare(xb))
    model = LogisticRegressionCV(Cs=10, cv=5, scoring="roc_auc", max_iter=2000).fit(xa, ya)
    p = model.predict_proba(xb)[:, 1]
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(1000):
        i = rng.integers(0, len(yb), len(yb))
        draws.append((roc_auc_score(yb[i], p[i]), average_precision_score(yb[i], p[i]), slope(yb[i], p[i])))
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    point = roc_auc_score(yb, p), average_precision_score(yb, p), slope(yb, p)
    for name, v, l, h in zip(["AUROC", "AUPRC", "calibration slope"], point, low, high):
        print(f"{name} {v:.3f} [{l:.3f}, {h:.3f}]")
    print(f"n {len(yb)}, deaths {int(yb.sum())}, features {xa.shape[1]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
