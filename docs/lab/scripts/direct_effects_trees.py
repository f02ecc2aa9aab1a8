"""What boosted trees make of age, counts of codes and last values: AUC over all futures beside the optimal observer's.

    python3 direct_effects_trees.py TRAINING POPULATION [CODE…]

TRAINING holds MEDS events to learn from (data/train), POPULATION events and truth of other people, both by
`osler synth --format meds`, the latter with `--truth`. Needs lightgbm, numpy, polars. Moments to learn from are the ends of
up to three visits to a clinic, each the first after a random date one to six years from enrolment, as the truth's are.
"""

import glob
import sys

import lightgbm
import numpy as np
import polars as pl

YEAR = 365.25
DAY = 86400e6
VISIT, BIRTH = "VISIT//AMB", "MEDS_BIRTH"
CODES = ["I10", "E78.5", "N18.30", "E11.9", "J44.9", "F32.9", "K21.9", "G47.33"]


def load(directory, split):
    events = pl.read_parquet(glob.glob(f"{directory}/data/{split}/*.parquet"))
    days = pl.col("time").cast(pl.Int64).cast(pl.Float64) / DAY
    events = events.select("subject_id", days, "code", pl.col("numeric_value").cast(pl.Float64))
    return events.sort("subject_id", "time", nulls_last=False, maintain_order=True)


def people(events):
    """Each subject's days, codes and values."""
    ids = events["subject_id"].to_numpy()
    first = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    ends = np.r_[first[1:], len(ids)]
    days, codes, values = (events[c].to_numpy() for c in ("time", "code", "numeric_value"))
    return {int(ids[a]): (days[a:b], codes[a:b], values[a:b]) for a, b in zip(first, ends)}


def moments(of, random, draws=3):
    """Subject, day and end of observation of each moment to learn from."""
    made = []
    for subject, (days, codes, _) in of.items():
        birth, visits = days[codes == BIRTH], days[codes == VISIT]
        if not len(birth) or not len(visits):
            continue
        enrolled, end = np.nanmin(days[days > birth[0]]), np.nanmax(days)
        places = {np.searchsorted(visits, enrolled + YEAR * (1 + 5 * random.random())) for _ in range(draws)}
        for place in sorted(places):
            # Whatever the visit writes down, as at its end.
            day = visits[place] + 0.03 if place < len(visits) else end
            if (day - birth[0]) / YEAR >= 20 and day < end:
                made.append((subject, day, end))
    return made


def features(of, at, codes, measured):
    """Age, days and number of events on record, how often each code, and each measurement's last value."""
    rows = np.full((len(at), 3 + len(codes) + len(measured)), np.nan, dtype=np.float32)
    rows[:, 3 : 3 + len(codes)] = 0
    for row, (subject, day) in zip(rows, at):
        days, names, values = of[subject]
        known = ~(days > day)
        dated = days[known & (days > days[names == BIRTH][0])]
        row[:3] = (day - days[names == BIRTH][0]) / YEAR, day - dated[0], len(dated)
        for name, value in zip(names[known], values[known]):
            if name in codes:
                row[3 + codes[name]] += 1
            if name in measured and not np.isnan(value):
                row[3 + len(codes) + measured[name]] = value
    return rows


def auc(score, chance):
    """Each person a case by his true chance, and none by the rest."""
    _, rank = np.unique(score, return_inverse=True)
    cases, others = np.bincount(rank, chance), np.bincount(rank, 1 - chance)
    below = np.cumsum(others) - others / 2
    return (cases * below).sum() / (cases.sum() * others.sum())


def main(training, population, *chosen):
    events, elsewhere = load(training, "train"), load(population, "*")
    count = events.group_by("code").agg(
        pl.col("subject_id").n_unique().alias("people"), pl.col("numeric_value").is_not_null().sum().alias("values")
    )
    index = lambda frame: {code: i for i, code in enumerate(sorted(frame["code"].to_list()))}
    codes = index(count.filter(pl.col("people") >= 200))
    measured = index(count.filter((pl.col("people") >= 200) & (pl.col("values") > 2000)))
    of = people(events)
    learned = moments(of, np.random.default_rng(5))
    rows = features(of, [moment[:2] for moment in learned], codes, measured)
    subject, day, end = (np.array(column) for column in zip(*learned))
    truth = pl.read_parquet(f"{population}/truth/risks.parquet")
    truth = truth.with_columns(pl.col("time").cast(pl.Int64).cast(pl.Float64) / DAY)
    asked = truth.group_by("subject_id").agg(pl.col("time").first()).sort("subject_id").rows()
    place = {subject: i for i, (subject, _) in enumerate(asked)}
    asked = features(people(elsewhere), asked, codes, measured)
    options = dict(objective="binary", learning_rate=0.04, num_leaves=15, min_data_in_leaf=100, feature_fraction=0.3)
    options |= dict(bagging_fraction=0.7, bagging_freq=1, lambda_l2=10, num_threads=1, verbose=-1, seed=1)
    for code in chosen or CODES:
        name = f"ICD10CM//{code}"
        onset = events.filter(pl.col("code") == name).group_by("subject_id").agg(pl.col("time").min())
        onset = dict(onset.rows())
        when = np.array([onset.get(int(s), np.inf) for s in subject])
        for horizon in (YEAR, 5 * YEAR):
            case = when <= day + horizon
            use = (when > day) & (case | (end >= day + horizon))
            trees = lightgbm.train(options, lightgbm.Dataset(rows[use], case[use].astype(int)), 300)
            about = truth.filter((pl.col("code") == name) & ((pl.col("horizon_days") - horizon).abs() < 1))
            chance = about["true_risk"].to_numpy()
            told = trees.predict(asked[[place[s] for s in about["subject_id"]]])
            print(
                f"{name}, {horizon:.0f} days: {case[use].sum()} cases of {use.sum()}, {len(chance)} asked;"
                f" observer {auc(about['bayes_risk'].to_numpy(), chance):.3f}, trees {auc(told, chance):.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
