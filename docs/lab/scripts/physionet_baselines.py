"""Logistic regression, LightGBM, ExtraTrees and their mean for in-hospital death in PhysioNet/CinC 2012.

    python physionet_baselines.py EVENTS_A EVENTS_B OUT [TASK]

Both directories were written by `osler ingest` with examples/physionet2012.toml.
Features of each code up to the prediction time, over everything and over the last 24 hours: first, last, least, greatest,
mean, deviation, slope, hours since the last, and how many (log); age, and each static code. Fitted on all of A (ridge of the
logistic regression and number of trees by 5-fold cross-validation there), asked on B. Writes
OUT/{logistic_regression,lightgbm,extratrees,mean}.parquet, which `osler evaluate --beside` reads.
"""

import pathlib
import sys

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegressionCV
from sklearn.preprocessing import StandardScaler

HOUR = np.timedelta64(1, "h")


def read(root, task):
    root = pathlib.Path(root)
    files = sorted((root / "data").rglob("*.parquet"))
    table = pa.concat_tables([pq.read_table(p, columns=["subject_id", "time", "code", "numeric_value"]) for p in files])
    labels = pq.read_table(root / "labels" / task / "labels.parquet").to_pandas().sort_values("subject_id")
    table = table.to_pandas().merge(labels[["subject_id", "prediction_time"]], on="subject_id")
    return table[table.time.isna() | (table.time <= table.prediction_time)], labels


def summaries(valued, name, ids):
    valued = valued.assign(t=valued.h * valued.numeric_value, hh=valued.h**2)
    by = valued.groupby(["subject_id", "code"])
    told = by.numeric_value.agg(["first", "last", "min", "max", "mean", "std", "size"])
    mean = by[["h", "t", "hh"]].mean()
    told["slope"] = (mean.t - mean.h * told["mean"]) / ((mean.hh - mean.h**2).clip(lower=0) + 4)
    told["since"] = -by.h.last()
    told["size"] = np.log1p(told["size"])
    wide = told.unstack()
    wide.columns = [f"{name} {what} {code}" for what, code in wide.columns]
    return wide.reindex(ids)


def features(table, labels, columns=None):
    ids = labels.subject_id
    valued = table[table.numeric_value.notna() & table.time.notna()].sort_values(["subject_id", "time"], kind="stable")
    valued = valued.assign(h=(valued.time - valued.prediction_time) / HOUR)
    static = table[table.time.isna()].groupby(["subject_id", "code"]).size().unstack(fill_value=0).clip(upper=1)
    birth = table[table.code == "MEDS_BIRTH"].set_index("subject_id")
    age = ((birth.prediction_time - birth.time) / HOUR / 24 / 365.25).rename("age")
    parts = [summaries(valued, "all", ids), summaries(valued[valued.h > -24], "late", ids)]
    wide = pd.concat([*parts, static.reindex(ids), age.reindex(ids)], axis=1)
    wide = wide.reindex(columns=wide.columns if columns is None else columns)
    counts = [c for c in wide if " size " in c] + [c for c in static if c in wide]
    wide[counts] = wide[counts].fillna(0.0)
    return wide, labels.boolean_value.to_numpy(bool)


def fit(x, y, z):
    median = x.median()
    absent = [c for c in x if " last " in c]
    prepare = lambda t: np.hstack([t.fillna(median).fillna(0).to_numpy(float), t[absent].isna().to_numpy(float)])
    scaler = StandardScaler().fit(prepare(x))
    scaled = lambda t: scaler.transform(prepare(t)).clip(-5, 5)
    linear = LogisticRegressionCV(Cs=np.logspace(-4, -1, 7), cv=5, scoring="neg_log_loss", max_iter=1000).fit(scaled(x), y)
    options = dict(objective="binary", num_leaves=8, learning_rate=0.03, feature_fraction=0.2, bagging_fraction=0.7,
                   bagging_freq=1, min_data_in_leaf=20, lambda_l2=5, verbose=-1, num_threads=1)
    data = lambda: lightgbm.Dataset(x.to_numpy(float), y.astype(int))
    rounds = len(next(iter(lightgbm.cv(options, data(), 1500, nfold=5, seed=1,
                                       callbacks=[lightgbm.early_stopping(60, verbose=False)]).values())))
    boosted = lightgbm.train(options, data(), rounds)
    filled = lambda t: t.fillna(-1000.0).to_numpy(float)
    forest = ExtraTreesClassifier(500, min_samples_leaf=3, max_features=0.1, random_state=1).fit(filled(x), y)
    return {
        "logistic_regression": linear.predict_proba(scaled(z))[:, 1],
        "lightgbm": boosted.predict(z.to_numpy(float)),
        "extratrees": forest.predict_proba(filled(z))[:, 1],
    }


def logit(p):
    p = np.clip(p, 1e-4, 1 - 1e-4)
    return np.log(p / (1 - p))


def main(a, b, out, task="in_hospital_death"):
    x, y = features(*read(a, task))
    table, labels = read(b, task)
    z, _ = features(table, labels, x.columns)
    told = fit(x, y, z)
    told["mean"] = 1 / (1 + np.exp(-sum(map(logit, told.values())) / 3))
    rows = labels[["subject_id", "prediction_time"]].reset_index(drop=True)
    for name, risk in told.items():
        frame = rows.assign(predicted_boolean_probability=np.asarray(risk, float))
        schema = pa.schema([("subject_id", pa.int64()), ("prediction_time", pa.timestamp("us")),
                            ("predicted_boolean_probability", pa.float64())])
        pq.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False), f"{out}/{name}.parquet")
    print(f"{x.shape[1]} features")


if __name__ == "__main__":
    main(*sys.argv[1:])
