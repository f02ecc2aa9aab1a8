"""Mean AUROC and observed over expected of `osler predict --again`, with differences from the first.

    recurrence.py NAME=PREDICTIONS...          # needs polars, numpy and scipy

Codes with at least 25 people who had it again and 25 who hadn't; each counts once. Intervals: 500 draws of people,
the same for all. Rows whose outcome isn't known are left out.
"""

import sys

import numpy as np
import polars as pl
from scipy.stats import rankdata

FEWEST, DRAWS = 25, 500
KEY = ["subject_id", "prediction_time", "task", "horizon_days"]


def auroc(cases, risk):
    ranks, n = rankdata(risk), cases.sum()
    return (ranks[cases].sum() - n * (n + 1) / 2) / (n * (len(cases) - n)) if 0 < n < len(cases) else np.nan


def read(path):
    table = pl.read_parquet(path).filter(pl.col("boolean_value").is_not_null())
    return table.with_columns(pl.col("task").cast(pl.String)).sort(KEY)


named = [argument.split("=", 1) for argument in sys.argv[1:]]
tables = {"own rate so far": read(f"{named[0][1]}/own_rate.parquet")}
tables |= {name: read(f"{path}/predictions.parquet") for name, path in named}
first = next(iter(tables.values()))
assert all(table.select(KEY).equals(first.select(KEY)) for table in tables.values()), "the rows differ"
people = first["subject_id"].unique().sort().to_numpy()
draws = np.random.default_rng(1).integers(0, len(people), (DRAWS, len(people)))
for horizon in sorted(first["horizon_days"].unique()):
    tasks = []
    for (task,), rows in first.with_row_index("row").filter(pl.col("horizon_days") == horizon).group_by(["task"]):
        cases = rows["boolean_value"].to_numpy()
        if min(cases.sum(), (~cases).sum()) >= FEWEST:
            # One row a person at most.
            place = np.full(len(people), -1)
            place[np.searchsorted(people, rows["subject_id"].to_numpy())] = np.arange(len(cases))
            risks = {n: t["predicted_boolean_probability"].to_numpy()[rows["row"].to_numpy()] for n, t in tables.items()}
            tasks.append((task, cases, place, risks))

    def means(choose):
        chosen = [(cases, risks, choose(place)) for _, cases, place, risks in tasks]
        return {n: np.nanmean([auroc(cases[p], risks[n][p]) for cases, risks, p in chosen]) for n in tables}

    whole = means(lambda place: place[place >= 0])
    drawn = [means(lambda place: (drawn := place[draw])[drawn >= 0]) for draw in draws]
    reference = named[0][0]
    print(f"{horizon:.0f} days, {len(tasks)} codes, {len(people)} people")
    for name in tables:
        low, high = np.quantile([d[name] for d in drawn], [0.025, 0.975])
        less, more = np.quantile([d[name] - d[reference] for d in drawn], [0.025, 0.975])
        ratios = np.array([cases.sum() / risks[name].sum() for _, cases, _, risks in tasks])
        near = int(((ratios > 0.9) & (ratios < 1.1)).sum())
        print(
            f"  {name:20} AUROC {whole[name]:.3f} [{low:.3f}, {high:.3f}], over {reference} "
            f"{whole[name] - whole[reference]:+.3f} [{less:+.3f}, {more:+.3f}]; O:E median {np.median(ratios):.2f}, {near} within 0.9-1.1"
        )
