"""Cox regression and gradient boosting for onsets after the index date, beside Osler's predictions.

    python nafld_baselines.py EVENTS PREDICTIONS

EVENTS was written by `osler ingest` with examples/mayo-nafld.toml, PREDICTIONS by `osler predict --at
EVENTS/labels/index_date`. Features at the index: age, sex, each condition so far and its years since, and of each
measurement the last value, the mean, and how many (log). Fitted on training and tuning subjects, each outcome among those
without it, everybody else's event being the end of observation: Cox (ridge by cross-validated concordance) and LightGBM
on the outcome at the horizon, weighted by the inverse probability of being uncensored; their mean is on the complementary
log-log scale. Intervals by 200 bootstrap draws over subjects; differences in pairs.
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
from sklearn.metrics import roc_auc_score

warnings.filterwarnings("ignore")
NAMES = {
    "MEDS_DEATH": "death",
    "ICD10CM//E11.9": "diabetes",
    "ICD10CM//I50.9": "heart failure",
    "ICD10CM//I21.9": "MI",
    "ICD10CM//I63.9": "stroke",
    "ICD10CM//I10": "hypertension",
    "ICD10CM//I48.91": "atrial fibrillation",
}
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


def measure(p, days, seen, died, horizon):
    event = seen & (days <= horizon)
    known = event | (days > horizon) | (~seen & died)
    censoring = KaplanMeierFitter().fit(days, ~seen & ~died)
    w = known / np.clip(censoring.survival_function_at_times(np.minimum(days, horizon)).to_numpy(), 0.05, 1)
    capped = np.minimum(days, horizon)
    return {
        "AUC": roc_auc_score(event[known], p[known]) if event.any() else np.nan,
        "C": concordance_index(capped, -p, event) if event.any() else np.nan,
        "O:E": (w * event).sum() / (w * known * p).sum(),
    }


def main(root, predictions):
    events, ids, splits = read(root)
    table = features(events, ids)
    table.columns = [c.replace("[", "(").replace("]", ")") for c in table.columns]
    split = splits.reindex(ids).to_numpy()
    died_days, died, _ = onset(events, ids, "MEDS_DEATH")
    ours = pq.read_table(pathlib.Path(predictions) / "predictions.parquet").to_pandas()
    rng = np.random.default_rng(0)
    print("| outcome | years | n | events | AUC Osler | AUC baseline | difference | C Osler | C baseline | O:E Osler | O:E baseline |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for code, name in NAMES.items():
        days, seen, before = onset(events, ids, code)
        fit, test = (split != "held_out") & ~before, (split == "held_out") & ~before
        for horizon in (365.25, 1826.25):
            mine = ours[ours.task.str.startswith(code) & (ours.horizon_days == horizon)]
            mine = mine.set_index("subject_id").predicted_boolean_probability.reindex(ids[test])
            asked = mine.notna().to_numpy()
            at = np.flatnonzero(test)[asked]
            p = mine.to_numpy()[asked]
            a = cox(table[fit], days[fit], seen[fit], table.iloc[at], horizon)
            b = boosting(table[fit], days[fit], seen[fit], died[fit], table.iloc[at], horizon)
            loglog = lambda q: np.log(-np.log1p(-np.clip(q, 1e-6, 1 - 1e-6)))
            base = 1 - np.exp(-np.exp((loglog(a) + loglog(b)) / 2))
            of = lambda q, i: measure(q[i], days[at][i], seen[at][i], died[at][i], horizon)
            everyone = np.arange(len(at))
            left, right = of(p, everyone), of(base, everyone)
            draws = [(of(p, i), of(base, i)) for i in (rng.integers(0, len(at), len(at)) for _ in range(200))]
            low, high = np.nanpercentile([x["AUC"] - z["AUC"] for x, z in draws], [2.5, 97.5])
            between = lambda side, key: "[{:.3f}, {:.3f}]".format(*np.nanpercentile([d[side][key] for d in draws], [2.5, 97.5]))
            n = int((seen[at] & (days[at] <= horizon)).sum())
            print(f"| {name} | {horizon / 365.25:.0f} | {len(at)} | {n} | {left['AUC']:.3f} {between(0, 'AUC')} | {right['AUC']:.3f} "
                  f"{between(1, 'AUC')} | {left['AUC'] - right['AUC']:+.3f} [{low:+.3f}, {high:+.3f}] | {left['C']:.3f} | {right['C']:.3f} | "
                  f"{left['O:E']:.2f} {between(0, 'O:E')} | {right['O:E']:.2f} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
