"""Cox regression and gradient boosting (LightGBM) for onsets after the index date, for the rows that Osler predicted.

    python nafld_baselines.py EVENTS PREDICTIONS OUT

EVENTS was written by `osler ingest` with examples/mayo-nafld.toml, PREDICTIONS by `osler predict --at
EVENTS/labels/index_date`. Features at the index: age, sex, each condition so far and its years since, and of each
measurement the last value, the mean, and how many (log). Fitted on training and tuning subjects, each outcome among those
without it, everybody else's event being the end of observation: Cox (ridge by cross-validated concordance) and LightGBM
on the outcome at the horizon, weighted by the inverse probability of being uncensored; their mean is on the complementary
log-log scale. Writes OUT/{cox,lightgbm,cox_and_lightgbm}.parquet, which `osler evaluate --beside` reads.
"""

import pathlib
import sys
import warnings

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.utils import concordance_index

warnings.filterwarnings("ignore")
DAY = np.timedelta64(1, "D")


def read(root):
    root = pathlib.Path(root)
    files = sorted((root / "data").rglob("*.parquet"))
    events = pa.concat_tables([pq.read_table(p, columns=["subject_id", "time", "code", "numeric_value"]) for p in files])
    labels = pq.read_table(root / "labels" / "index_date" / "labels.parquet").to_pandas()
    splits = pq.read_table(root / "metadata" / "subject_splits.parquet").to_pandas().set_index("subject_id").split
    events = events.to_pandas().merge(labels[["subject_id", "prediction_time"]], on="subject_id")
    events["days"] = (events.time - events.prediction_time) / DAY
    return events, labels.subject_id.sort_values().to_numpy(), splits


def features(events, ids):
    known = events[events.days <= 0].sort_values(["subject_id", "time"], kind="stable")
    columns = {"age": -known[known.code == "MEDS_BIRTH"].set_index("subject_id").days / 365.25}
    static = events[events.time.isna()]
    for code, rows in static.groupby("code"):
        columns[code] = pd.Series(1.0, index=rows.subject_id.unique())
    for code, rows in known[known.numeric_value.notna()].groupby("code"):
        by = rows.groupby("subject_id").numeric_value
        columns |= {f"{code} last": by.last(), f"{code} mean": by.mean(), f"{code} count": np.log1p(by.size())}
    for code, rows in known[known.numeric_value.isna() & ~known.code.isin(["MEDS_BIRTH"])].groupby("code"):
        first = rows.groupby("subject_id").days.min()
        columns |= {f"{code} so far": first * 0 + 1.0, f"{code} years": -first / 365.25}
    table = pd.DataFrame(columns).reindex(ids)
    zero = [c for c in table if not c.endswith((" last", " mean")) and c != "age"]
    table[zero] = table[zero].fillna(0.0)
    return table


def onset(events, ids, code):
    """Days to the first occurrence, whether it was seen, and who had it before."""
    end = events[events.code.isin(["OSLER_FOLLOWUP_END", "MEDS_DEATH"])].groupby("subject_id").days.max().reindex(ids)
    rows = events[events.code == code]
    before = rows[rows.days <= 0].subject_id.unique()
    first = rows[rows.days > 0].groupby("subject_id").days.min().reindex(ids)
    seen = first.notna().to_numpy()
    return first.fillna(end).clip(lower=0.5).to_numpy(), seen, np.isin(ids, before) | ~(end.to_numpy() > 0)


def cox(train, days, seen, test, horizon):
    filled = train.fillna(train.median())
    keep = filled.columns[filled.std() > 0.02]
    scaled = lambda t: ((t.fillna(train.median())[keep] - filled[keep].mean()) / filled[keep].std()).clip(-5, 5)
    rows = scaled(train).assign(days=days, seen=seen)
    fold = np.arange(len(rows)) % 3
    best = max((0.003, 0.03, 0.3), key=lambda ridge: np.mean([
        concordance_index(r.days, -CoxPHFitter(penalizer=ridge).fit(rows[fold != f], "days", "seen").predict_partial_hazard(r), r.seen)
        for f in range(3) for r in [rows[fold == f]]]))
    fitted = CoxPHFitter(penalizer=best).fit(rows, "days", "seen")
    return 1 - fitted.predict_survival_function(scaled(test), times=[horizon]).to_numpy()[0]


def boosting(train, days, seen, died, test, horizon):
    event = seen & (days <= horizon)
    # Death before the outcome is an end that is known.
    known = event | (days > horizon) | (~seen & died)
    censoring = KaplanMeierFitter().fit(days, ~seen & ~died)
    weight = 1 / np.clip(censoring.survival_function_at_times(np.minimum(days, horizon)).to_numpy(), 0.05, 1)
    options = dict(objective="binary", num_leaves=6, learning_rate=0.03, feature_fraction=0.4, bagging_fraction=0.7,
                   bagging_freq=1, min_data_in_leaf=30, lambda_l2=5, verbose=-1, num_threads=1)
    x, y, w = train[known].to_numpy(float), event[known].astype(int), weight[known]
    trees = lightgbm.cv(options, lightgbm.Dataset(x, y, weight=w), 400, nfold=4, callbacks=[lightgbm.early_stopping(40, verbose=False)])
    rounds = len(next(iter(trees.values())))
    return lightgbm.train(options, lightgbm.Dataset(x, y, weight=w), rounds).predict(test.to_numpy(float))


def main(root, predictions, out):
    events, ids, splits = read(root)
    table = features(events, ids)
    table.columns = [c.replace("[", "(").replace("]", ")") for c in table.columns]
    split = splits.reindex(ids).to_numpy()
    _, died, _ = onset(events, ids, "MEDS_DEATH")
    ours = pq.read_table(pathlib.Path(predictions) / "predictions.parquet").to_pandas()
    told = {"cox": [], "lightgbm": [], "cox_and_lightgbm": []}
    for (code, horizon), rows in ours.groupby(["task", "horizon_days"]):
        days, seen, before = onset(events, ids, code)
        fit = (split != "held_out") & ~before
        test = table.loc[rows.subject_id]
        a = cox(table[fit], days[fit], seen[fit], test, horizon)
        b = boosting(table[fit], days[fit], seen[fit], died[fit], test, horizon)
        loglog = lambda q: np.log(-np.log1p(-np.clip(q, 1e-6, 1 - 1e-6)))
        both = 1 - np.exp(-np.exp((loglog(a) + loglog(b)) / 2))
        for name, risk in zip(told, (a, b, both)):
            told[name].append(rows[["subject_id", "prediction_time", "task", "horizon_days"]].assign(predicted_boolean_probability=risk))
    for name, parts in told.items():
        schema = pa.schema([("subject_id", pa.int64()), ("prediction_time", pa.timestamp("us")), ("task", pa.string()),
                            ("horizon_days", pa.float32()), ("predicted_boolean_probability", pa.float64())])
        pq.write_table(pa.Table.from_pandas(pd.concat(parts), schema, preserve_index=False), f"{out}/{name}.parquet")


if __name__ == "__main__":
    main(*sys.argv[1:])
