"""What splitting stretches without events does to the hazards that are learned from them.

    python landmarks.py EVENTS

Training splits some stretches, so that a record's end in a quiet stretch is known to it. A split stretch is a censored wait
and what is left of it. Here the hazard of waits after events is estimated from EVENTS' training subjects (events by time since
the last one, divided by time at risk) with a share of 0.2 split in two ways: at a uniform share of the stretch, and at a time
drawn before looking at the stretch. Both beside the hazard without splits, which must come out again. No model.
"""

import pathlib
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

EDGES = np.array([0, 30, 90, 180, 365.25, 730.5, 1826.25, 1e9])
SHARE, DRAWS = 0.2, 20


def gaps(root):
    files = sorted((pathlib.Path(root) / "data/train").rglob("*.parquet"))
    table = pa.concat_tables([pq.read_table(p, columns=["subject_id", "time", "code"]) for p in files]).to_pandas()
    table = table[table.time.notna() & ~table.code.isin(["MEDS_BIRTH", "OSLER_FOLLOWUP_END"])]
    moments = table.drop_duplicates(["subject_id", "time"]).sort_values(["subject_id", "time"])
    days = moments.groupby("subject_id").time.diff().dropna().dt.total_seconds().to_numpy() / 86_400
    return days[days > 0]


def hazards(stop, ends):
    return np.array([(ends & (stop > a) & (stop <= b)).sum() / np.clip(np.minimum(stop, b) - a, 0, None).sum()
                     for a, b in zip(EDGES[:-1], EDGES[1:])])


def main(root):
    gap, random = gaps(root), np.random.default_rng(0)
    true = hazards(gap, np.ones(len(gap), bool))
    cumulative = lambda days: sum(h * np.clip(np.minimum(days, b) - a, 0, None) for h, a, b in zip(true, EDGES[:-1], EDGES[1:]))
    print(f"{len(gap)} waits, median {np.median(gap):.0f} days")
    ends = [f"{b:.0f}" for b in EDGES[1:-1]] + ["more"]
    print("| split | " + " | ".join(f"to {e} days" for e in ends) + " | after landmarks |\n|---" * 1 + "|---" * (len(ends) + 1) + "|")
    for name, place in {
        "at a uniform share of the stretch": lambda u: (gap * u, gap >= 1),
        "at a time drawn beforehand": lambda u: (3652.5**u, 3652.5**u < gap),
    }.items():
        after, left = [], []
        for _ in range(DRAWS):
            at, fits = place(random.random(len(gap)))
            split = fits & (random.random(len(gap)) < SHARE)
            after.append(hazards(np.where(split, at, gap), ~split) / true)
            left.append(split.sum() / (cumulative(gap[split]) - cumulative(at[split])).sum())
        print(f"| {name} | " + " | ".join(f"{x:.2f}" for x in np.mean(after, 0)) + f" | {np.mean(left):.2f} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
