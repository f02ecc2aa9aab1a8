"""Log-likelihood per event of two simple processes, fitted on train + tuning, measured on held_out.

    python delphi_baselines.py EVENTS

The unit is the same as in `osler predict --likelihood`: a record is a sequence of (gap in days, codes at that
moment); a gap has a density per day, codes of one moment come in canonical order, what follows the last event is
survival up to the end of follow-up, and when the first moment is is given, which codes it holds is not.

(a) A Markov chain: the next code given the current code and the age in 5-year bins, backed off to the age bin
    alone (weight by count); with each, the share of ties and an exponential gap by age bin.
(b) Incidence by sex and age in 5-year bins: independent Poisson processes, one for each code, each code at most
    once in a life as in this set (a recorded code is no longer at risk).
"""

import pathlib
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

BINS = 21
YEAR = 365.25


def read(root, splits):
    parts = [pq.read_table(p) for s in splits for p in sorted((pathlib.Path(root) / "data" / s).rglob("*.parquet"))]
    return pa.concat_tables(parts).to_pandas()


def lives(table, codes, grow):
    out = []
    for _, rows in table.groupby("subject_id", sort=False):
        static = set(rows[rows.time.isna()].code)
        dated = rows[rows.time.notna()]
        birth = dated[dated.code == "MEDS_BIRTH"].time.min()
        birth = dated.time.min() if birth is pd.NaT else birth
        days = (dated.time - birth).dt.total_seconds().to_numpy() / 86400
        end = days.max()
        keep = ~dated.code.isin(["MEDS_BIRTH", "OSLER_FOLLOWUP_END"]).to_numpy()
        if grow:
            for code in dated.code[keep]:
                codes.setdefault(code, len(codes))
        ids = np.array([codes.get(c, -1) for c in dated.code[keep]])
        out.append((0 if "GENDER//F" in static else 1, days[keep], ids, end))
    return out


def bin_of(days):
    return np.minimum((np.asarray(days) / YEAR / 5).astype(int).clip(0), BINS - 1)


def markov(train, test, n):
    pair = np.zeros((BINS, n + 1, n))
    single = np.ones((BINS, n)) * 0.1
    tie = np.ones((BINS, 2))
    gap = np.zeros((BINS, 2))
    for _, days, ids, end in train:
        for i in range(len(ids)):
            b = bin_of(days[i])
            if i:
                same = days[i] == days[i - 1]
                tie[bin_of(days[i - 1]), int(same)] += 1
                if not same:
                    gap[bin_of(days[i - 1])] += (1, days[i] - days[i - 1])
                pair[b, ids[i - 1], ids[i]] += 1
            single[b, ids[i]] += 1
        if len(ids):
            gap[bin_of(days[-1]), 1] += end - days[-1]
    rate = (gap[:, 0] + 1) / (gap[:, 1] + 3650)
    tie = tie / tie.sum(1, keepdims=True)
    single /= single.sum(1, keepdims=True)
    total, events = 0.0, 0
    prior = 50.0
    for _, days, ids, end in test:
        for i in range(len(ids)):
            b0, b = bin_of(days[i - 1]), bin_of(days[i])
            if i == 0:
                total += np.log(single[b, ids[i]])
                events += 1
                continue
            if days[i] == days[i - 1]:
                total += np.log(tie[b0, 1])
            else:
                w = days[i] - days[i - 1]
                total += np.log(tie[b0, 0]) + np.log(rate[b0]) - rate[b0] * w
            row = pair[b, ids[i - 1]]
            p = (row[ids[i]] + prior * single[b, ids[i]]) / (row.sum() + prior)
            total += np.log(p)
            events += 1
        if len(ids):
            total -= rate[bin_of(days[-1])] * (end - days[-1])
    return total / events


def incidence(train, test, n):
    count = np.full((2, BINS, n), 0.05)
    exposure = np.full((2, BINS), 1e-9)
    had = np.zeros((2, BINS, n))
    edges = np.arange(BINS + 1) * 5 * YEAR
    edges[-1] = np.inf

    def spread(a, b):
        return (np.minimum(b, edges[1:]) - np.maximum(a, edges[:-1])).clip(0)

    for sex, days, ids, end in train:
        if not len(ids):
            continue
        start = days[0]
        exposure[sex] += spread(start, end)
        for d, c in zip(days, ids):
            had[sex, :, c] += spread(max(d, start), end)
            if d > start:
                count[sex, bin_of(d), c] += 1
    at_risk = (exposure[:, :, None] - had).clip(1e-3)
    pooled = count.sum(0) / at_risk.sum(0)
    rate = count / at_risk
    # Cells with little exposure lean on both sexes together.
    weight = at_risk / (at_risk + 20 * YEAR)
    rate = weight * rate + (1 - weight) * pooled[None]
    total, events = 0.0, 0
    for sex, days, ids, end in test:
        if not len(ids):
            continue
        start = days[0]
        cumulative = spread(start, end) @ rate[sex]
        for d, c in zip(days, ids):
            cumulative[c] -= spread(d, end) @ rate[sex][:, c]
            now = rate[sex, bin_of(d)]
            total += np.log(now[c]) if d > start else np.log(now[c] / now.sum())
            events += 1
        total -= cumulative.sum()
    return total / events


def main(root):
    codes = {}
    train = lives(read(root, ["train", "tuning"]), codes, True)
    test = lives(read(root, ["held_out"]), codes, False)
    unknown = sum((ids < 0).sum() for _, _, ids, _ in test)
    test = [(s, d[i >= 0], i[i >= 0], e) for s, d, i, e in test]
    print(f"{len(train)} lives to fit, {len(test)} held out, {len(codes)} codes, {unknown} held-out events unseen")
    print(f"Markov chain with age bins: {markov(train, test, len(codes)):.4f} nats per event")
    print(f"incidence by age and sex:   {incidence(train, test, len(codes)):.4f} nats per event")


if __name__ == "__main__":
    main(sys.argv[1])
