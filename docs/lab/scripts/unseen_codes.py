"""Codes withheld from training: which, and what reading them in one way or another does to the risks that follow.

    python unseen_codes.py withhold EVENTS > withheld.txt
    python unseen_codes.py compare EVENTS withheld.txt RISKS RISKS…

Withheld are a fifth of the ICD-10 codes that at least 30 training lives have, drawn by a digest of the code.

Compared are the 1-year risks of the codes that were not withheld, at every moment of a held-out life by which a withheld
code is in its history, among codes not had before, where a year of follow-up is left or the code came: mean
cross-entropy per (moment, code), and AUC of each code with at least 25 cases, averaged. Differences to the last way
given (`ignore`) are paired; intervals are percentiles over 400 bootstrap samples of lives. A moment counts only if all
ways have it.
"""

import hashlib
import pathlib
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

YEAR = 365.25


def read(root, split):
    files = sorted((pathlib.Path(root) / "data" / split).rglob("*.parquet"))
    columns = ["subject_id", "time", "code"]
    return pa.concat_tables([pq.read_table(f, columns=columns) for f in files]).to_pandas()


def withhold(root):
    train = read(root, "train")
    lives = train[train.code.str.startswith("ICD10//")].groupby("code").subject_id.nunique()
    for code in sorted(lives[lives >= 30].index):
        if hashlib.sha256(code.encode()).digest()[0] < 51:
            print(code)


def table(path):
    """Risks by (subject, moment), one column a code."""
    rows = pq.read_table(pathlib.Path(path) / "risks.parquet").to_pandas()
    rows["code"] = rows["code"].astype(str)
    return rows.pivot(index=["subject_id", "prediction_time"], columns="code", values="risk_1y")


def auc(risk, case):
    order = risk.argsort(kind="stable")
    ranks = np.empty(len(risk))
    ranks[order] = np.arange(1, len(risk) + 1)
    _, inverse, count = np.unique(risk, return_inverse=True, return_counts=True)
    ranks = (np.bincount(inverse, ranks) / count)[inverse]
    n = case.sum()
    return (ranks[case].sum() - n * (n + 1) / 2) / (n * (len(case) - n))


def compare(root, withheld, paths):
    withheld = set(pathlib.Path(withheld).read_text().split())
    held_out = read(root, "held_out")
    held_out = held_out[held_out.time.notna()]
    risks = {pathlib.Path(p).name: table(p) for p in paths}
    names = list(risks)
    index = risks[names[0]].index
    for name in names[1:]:
        index = index.intersection(risks[name].index)
    codes = [c for c in risks[names[0]].columns if c not in withheld]
    column = {c: i for i, c in enumerate(codes)}
    first = {}
    ends, seen = {}, {}
    for subject, rows in held_out.groupby("subject_id"):
        ends[subject] = rows.time.max()
        times = np.full(len(codes), np.datetime64("2262-01-01"), dtype="datetime64[us]")
        for time, code in zip(rows.time.to_numpy("datetime64[us]"), rows.code):
            if code in column:
                times[column[code]] = min(times[column[code]], time)
        first[subject] = times
        when = rows[rows.code.isin(withheld)].time
        if len(when):
            seen[subject] = when.min()
    index = pd.MultiIndex.from_tuples([(s, t) for s, t in index if s in seen and seen[s] <= t])
    year = np.timedelta64(int(YEAR * 86400e6), "us")
    case, asked, owner = [], [], []
    for subject, time in index:
        t = np.datetime64(time, "us")
        times = first[subject]
        comes = (times > t) & (times <= t + year)
        left = np.datetime64(ends[subject], "us") >= t + year
        case.append(comes)
        asked.append((times > t) & (comes | left))
        owner.append(subject)
    case, asked = np.array(case), np.array(asked)
    owner = pd.factorize(np.array(owner))[0]
    lives = owner.max() + 1
    print(f"{len(withheld)} codes withheld, {len(codes)} asked about; {len(index)} moments of {lives} lives, "
          f"{int((case & asked).sum())} cases")
    ways = {n: np.clip(risks[n].reindex(index)[codes].to_numpy(float), 1e-9, 1 - 1e-9) for n in names}
    scored = [i for i in range(len(codes)) if (case & asked)[:, i].sum() >= 25]
    entropy = {n: np.where(asked, -np.where(case, np.log(p), np.log1p(-p)), 0.0).sum(1) for n, p in ways.items()}
    pairs = asked.sum(1)
    per_life = {n: np.bincount(owner, e, lives) for n, e in entropy.items()}
    pairs_of = np.bincount(owner, pairs, lives)

    def mean_auc(p, rows):
        found = [auc(p[rows, i][asked[rows, i]], case[rows, i][asked[rows, i]]) for i in scored]
        return np.nanmean(found)

    generator = np.random.default_rng(1)
    rows_of = [np.flatnonzero(owner == life) for life in range(lives)]
    samples = [generator.integers(0, lives, lives) for _ in range(400)]
    base = names[-1]
    everything = np.arange(len(owner))
    whole = {n: (per_life[n].sum() / pairs_of.sum(), mean_auc(ways[n], everything)) for n in names}
    drawn = {n: [] for n in names}
    for s, sample in enumerate(samples):
        with np.errstate(invalid="ignore", divide="ignore"):
            rows = np.concatenate([rows_of[life] for life in sample]) if s < 100 else None
            for n in names:
                a = mean_auc(ways[n], rows) if rows is not None else np.nan
                drawn[n].append((per_life[n][sample].sum() / pairs_of[sample].sum(), a))
    drawn = {n: np.array(d) for n, d in drawn.items()}
    print(f"AUC over {len(scored)} codes with at least 25 cases (100 samples)")
    print("way, cross-entropy in nats per 1000 pairs, its difference to the last, mean AUC, its difference")
    for n in names:
        d = drawn[n] - drawn[base]
        low, high = np.nanpercentile(d, [2.5, 97.5], axis=0)
        ce, a = whole[n]
        dce, da = ce - whole[base][0], a - whole[base][1]
        print(f"{n}: {ce * 1e3:.4f}, {dce * 1e3:+.4f} [{low[0] * 1e3:+.4f}, {high[0] * 1e3:+.4f}], "
              f"{a:.4f}, {da:+.4f} [{low[1]:+.4f}, {high[1]:+.4f}]")


if __name__ == "__main__":
    if sys.argv[1] == "withhold":
        withhold(sys.argv[2])
    else:
        compare(sys.argv[2], sys.argv[3], sys.argv[4:])
