"""AUC by code, sex and five-year age band, by the definition of Delphi's `evaluate_auc.py`, for any model's risks.

    python delphi_auc.py EVENTS osler=risks/risks.parquet [delphi=network/risks.parquet …] [--split held_out]
        [--gap 0.1,365.25] [--minimum-cases 25] [--column risk_1y] [--codes codes.csv] [--check CHECKOUT]

Each Parquet file holds subject_id, prediction_time, code and a risk, as `osler predict --every-event --codes all
--horizons 1y` writes it. For one code, one sex and one gap:

* every event of a person (the sex at birth aside) has a prediction: that of the last moment more than the gap
  before it, in whole days of age; events without one are left out;
* a case is the occurrence of the code; controls are the events of persons who never have the code;
* for each age band (40–45 … 75–80 years, by the age at the prediction) the AUC is the Mann-Whitney statistic of
  the cases against one event a control person, drawn at random; a sex with fewer than two cases has none;
* a code's AUC is the plain mean over its bands and both sexes; the figure is the plain mean over codes with at least
  --minimum-cases cases in those bands.

All models are asked at the same moments for the same persons, with the same controls drawn (moments that one file
lacks count for none). The intervals come from resampling persons (cases and controls drawn once), 200 times; that of a difference is
paired. --check runs Delphi's own function from a checkout on the first model's numbers and compares every band.
Needs numpy, pandas and pyarrow; with --check, torch and what Delphi's file imports.
"""

import argparse
import pathlib
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

BANDS = range(40, 80, 5)
RESAMPLES = 200


def lives(root, split):
    """Per subject: sex (0 female, 1 male), whole days of age and codes of the events, in order."""
    splits = ["train", "tuning", "held_out"] if split == "all" else [split]
    files = [p for s in splits for p in sorted((pathlib.Path(root) / "data" / s).rglob("*.parquet"))]
    table = pa.concat_tables([pq.read_table(p, columns=["subject_id", "time", "code"]) for p in files]).to_pandas()
    sex = table[table.code.isin(["GENDER//F", "GENDER//M"])].drop_duplicates("subject_id").set_index("subject_id").code
    birth = table[table.code == "MEDS_BIRTH"].groupby("subject_id").time.min()
    events = table[table.time.notna() & ~table.code.isin(["MEDS_BIRTH", "OSLER_FOLLOWUP_END"])].copy()
    events["birth"] = events.subject_id.map(birth)
    events["sex"] = (events.subject_id.map(sex) == "GENDER//M").astype(int)
    events = events[events.birth.notna() & events.subject_id.isin(sex.index)]
    events["age"] = (events.time - events.birth) // pd.Timedelta(days=1)
    return events, birth


class Risks:
    """One model's risks as a matrix: moments in rows, codes in columns."""

    def __init__(self, path, column, birth, wanted):
        file = pq.ParquetFile(path)
        subjects, times, blocks, self.codes = [], [], [], None
        left = None
        for batch in file.iter_batches(batch_size=1 << 20, columns=["subject_id", "prediction_time", "code", column]):
            table = pa.Table.from_batches([batch]) if left is None else pa.concat_tables([left, pa.Table.from_batches([batch])])
            table = table.unify_dictionaries().combine_chunks()
            if self.codes is None:
                # Every moment lists the same codes in the same order.
                first = table.slice(0, min(len(table), 200_000)).column("code").to_pylist()
                size = next((i for i in range(1, len(first)) if first[i] == first[0]), len(first))
                self.codes = first[:size]
            whole = len(table) // size * size
            left = table.slice(whole)
            block = table.slice(0, whole)
            subjects.append(block.column("subject_id").to_numpy()[::size])
            times.append(block.column("prediction_time").to_numpy()[::size])
            keys = block.column("code").combine_chunks()
            keys = keys.chunk(0) if isinstance(keys, pa.ChunkedArray) else keys
            order = keys.indices.to_numpy().reshape(-1, size)
            assert (order == order[0]).all(), "every moment must list the same codes in the same order"
            blocks.append(block.column(column).to_numpy().reshape(-1, size)[:, [i for i, c in enumerate(self.codes) if c in wanted]])
        assert left is None or len(left) == 0, "the last moment is incomplete"
        self.codes = [c for c in self.codes if c in wanted]
        self.place = {code: i for i, code in enumerate(self.codes)}
        self.values = np.vstack(blocks)
        subjects, times = np.concatenate(subjects), np.concatenate(times)
        moments = pd.DataFrame({"subject_id": subjects, "time": times, "row": np.arange(len(subjects))})
        moments["birth"] = moments.subject_id.map(birth)
        moments = moments[moments.birth.notna()]
        moments["age"] = ((moments.time - moments.birth) // pd.Timedelta(days=1)).astype(int)
        self.moments = moments.drop_duplicates(["subject_id", "age"], keep="last")


def predictions(events, moments, gap):
    """For each event the row of the last moment more than `gap` days before it, and the age there; −1 for none."""
    events = events.assign(limit=events.age.to_numpy() - gap)
    left = events.reset_index(drop=True).reset_index(names="place").sort_values("limit", kind="stable")
    right = moments.assign(at=moments.age.astype(float)).sort_values("at", kind="stable")
    found = pd.merge_asof(
        left, right[["subject_id", "at", "slot"]], left_on="limit", right_on="at", by="subject_id", allow_exact_matches=False
    ).sort_values("place")
    return found.slot.fillna(-1).to_numpy().astype(int), found["at"].to_numpy()


def auc(case, control, case_weight, control_weight):
    """The weighted Mann-Whitney statistic, one figure for each row of weights."""
    order = np.sort(control)
    rank = np.argsort(control, kind="stable")
    cumulative = np.concatenate([np.zeros((len(control_weight), 1)), np.cumsum(control_weight[:, rank], axis=1)], axis=1)
    below, upto = np.searchsorted(order, case, "left"), np.searchsorted(order, case, "right")
    wins = (cumulative[:, below] + cumulative[:, upto]) / 2
    total = case_weight.sum(1) * control_weight.sum(1)
    return np.divide((wins * case_weight).sum(1), total, out=np.full(len(total), np.nan), where=total > 0)


def cells(events, slots, ages, code, generator):
    """For one code: (sex, band, rows of the cases, rows of the controls), rows being those of `events`."""
    years = ages / 365.25
    is_case = events.code.to_numpy() == code
    subject = events.subject.to_numpy()
    ever = np.zeros(subject.max() + 1, dtype=bool)
    ever[subject[is_case]] = True
    for sex in (0, 1):
        of_sex = events.sex.to_numpy() == sex
        if (is_case & of_sex).sum() < 2:
            continue
        usable = of_sex & (slots >= 0) & (is_case | ~ever[subject])
        for band in BANDS:
            inside = np.flatnonzero(usable & (years >= band) & (years < band + 5))
            # One event a person.
            shuffled = generator.permutation(inside)
            _, first = np.unique(subject[shuffled], return_index=True)
            chosen = shuffled[first]
            case, control = chosen[is_case[chosen]], chosen[~is_case[chosen]]
            if len(case) and len(control):
                yield sex, band, case, control


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events")
    parser.add_argument("risks", nargs="+", help="NAME=FILE")
    parser.add_argument("--split", default="held_out")
    parser.add_argument("--gap", default="0.1,365.25")
    parser.add_argument("--minimum-cases", type=int, default=25)
    parser.add_argument("--column", default="risk_1y")
    parser.add_argument("--codes", help="also write the AUC of each code to this file")
    parser.add_argument("--seed", type=int, default=1337)
    parser.add_argument("--check", help="a checkout of Delphi")
    args = parser.parse_args()
    events, birth = lives(args.events, args.split)
    wanted = set(events.code.value_counts()[lambda n: n >= args.minimum_cases].index)
    models = {}
    for given in args.risks:
        name, path = given.split("=", 1)
        models[name] = Risks(path, args.column, birth, wanted)
    # The moments and codes that all files have.
    moments = None
    for name, risks in models.items():
        mine = risks.moments[["subject_id", "age", "row"]].rename(columns={"row": name})
        moments = mine if moments is None else moments.merge(mine, on=["subject_id", "age"])
    moments["slot"] = np.arange(len(moments))
    events = events[events.subject_id.isin(moments.subject_id)].copy()
    events["subject"] = events.groupby("subject_id", sort=False).ngroup()
    persons = events.subject.max() + 1
    codes = sorted(c for c in wanted if all(c in r.place for r in models.values()))
    print(f"{persons} persons, {len(events)} events, {len(moments)} moments, {len(wanted)} codes with {args.minimum_cases} or more occurrences")
    missing = sorted(wanted - set(codes))
    if missing:
        print(f"left out, since not every file has them: {', '.join(missing)}")
    weights = np.random.default_rng(args.seed).multinomial(persons, np.full(persons, 1 / persons), RESAMPLES)
    weights = np.vstack([np.ones(persons), weights]).astype(np.float32)
    names = list(models)
    table = []
    for gap in map(float, args.gap.split(",")):
        slots, ages = predictions(events, moments, gap)
        subject = events.subject.to_numpy()
        by_code, bands = {}, {}
        for code in codes:
            generator = np.random.default_rng([args.seed, int(gap * 10), *code.encode()])
            found, cases = [], 0
            for sex, band, case, control in cells(events, slots, ages, code, generator):
                w = weights[:, subject[case]], weights[:, subject[control]]
                row = []
                for name, risks in models.items():
                    values = risks.values[:, risks.place[code]]
                    at = moments[name].to_numpy()
                    row.append(auc(values[at[slots[case]]], values[at[slots[control]]], *w))
                found.append(row)
                cases += len(case)
                for i, name in enumerate(names):
                    bands.setdefault((name, sex, band), []).append((row[i][0], len(case)))
            if cases >= args.minimum_cases:
                # models × resamples
                by_code[code] = (np.nanmean(np.array(found), axis=0), cases)
        if args.check:
            check(args.check, events, moments, slots, ages, models[names[0]], names[0], list(by_code), gap)
        together = np.array([a for a, _ in by_code.values()])
        means = np.nanmean(together, axis=0)
        print(f"\ngap {gap:g} d: {len(by_code)} codes with {args.minimum_cases} or more cases, {sum(n for _, n in by_code.values())} cases")
        for i, name in enumerate(names):
            low, high = np.nanpercentile(means[i, 1:], [2.5, 97.5])
            print(f"  {name}: mean AUC {means[i, 0]:.4f} [{low:.4f}, {high:.4f}]")
        for i in range(1, len(names)):
            low, high = np.nanpercentile(means[0, 1:] - means[i, 1:], [2.5, 97.5])
            better = int((together[:, 0, 0] > together[:, i, 0]).sum())
            print(f"  {names[0]} − {names[i]}: {means[0, 0] - means[i, 0]:+.4f} [{low:+.4f}, {high:+.4f}], better for {better} of {len(by_code)} codes")
        for sex, word in ((0, "women"), (1, "men")):
            for name in names:
                line = [f"{np.mean([a for a, _ in bands.get((name, sex, b), [(np.nan, 0)])]):.3f}" for b in BANDS]
                print(f"  {name}, {word}, by band from {BANDS[0]}: {' '.join(line)}")
        for code, (a, n) in by_code.items():
            table.append({"code": code, "gap_days": gap, "cases": n, **{f"auc_{name}": a[i, 0] for i, name in enumerate(names)}})
    if args.codes:
        pd.DataFrame(table).to_csv(args.codes, index=False)


def check(checkout, events, moments, slots, ages, risks, name, codes, gap):
    """Delphi's own `get_calibration_auc` on the same numbers, controls redrawn; bands, cases and means must agree."""
    sys.path.insert(0, checkout)
    import evaluate_auc as theirs

    persons = events.subject.max() + 1
    place = events.groupby("subject").cumcount().to_numpy()
    longest = place.max() + 1
    at = moments[name].to_numpy()
    index = {code: i + 1 for i, code in enumerate(sorted(events.code.unique()))}
    subject = events.subject.to_numpy()
    # Their arrays: input tokens and ages (here the moments), target tokens and ages (the events).
    per = moments[moments.subject_id.isin(events.subject_id)].copy()
    per["subject"] = per.subject_id.map(dict(zip(events.subject_id, subject)))
    per = per.sort_values(["subject", "age"])
    column = per.groupby("subject").cumcount().to_numpy()
    most = max(longest, column.max() + 1)
    a = np.full((persons, most), 1e9)
    a[per.subject, column] = per.age
    y, b = np.zeros((persons, most), dtype=int), np.full((persons, most), -10000.0)
    y[subject, place] = events.code.map(index)
    b[subject, place] = events.age
    p = np.zeros((persons, most, len(codes)), dtype=np.float32)
    p[per.subject, column] = risks.values[at[per.slot]][:, [risks.place[c] for c in codes]]
    prediction = (a[:, :, None] < b[:, None, :] - gap).sum(1) - 1
    sex = events.drop_duplicates("subject").sort_values("subject").sex.to_numpy()
    compared, largest_cases, largest_controls = 0, 0.0, 0.0
    for j, code in enumerate(codes):
        for s in (0, 1):
            m = sex == s
            np.random.seed(0)
            own = theirs.get_calibration_auc(
                j, index[code], [None, a[m], y[m], b[m]], p[m], offset=gap, age_groups=np.arange(40, 80, 5),
                precomputed_idx=prediction[m], n_bootstrap=1, use_delong=True,
            )  # fmt: skip
            own = {o["age"]: o for o in own or []}
            mine = {}
            # The mean over draws, since which event of a control is drawn is theirs to choose.
            for sex_here, band, case, control in cells(events, slots, ages, code, np.random.default_rng(0)):
                if sex_here == s:
                    v = risks.values[:, risks.place[code]]
                    one = np.ones
                    mine[band] = (
                        auc(v[at[slots[case]]], v[at[slots[control]]], one((1, len(case))), one((1, len(control))))[0],
                        len(case),
                        len(control),
                    )
            assert set(own) == set(mine), (code, s, set(own), set(mine))
            for band, o in own.items():
                assert (o["n_diseased"], o["n_healthy"]) == mine[band][1:], (code, s, band)
                largest_controls = max(largest_controls, abs(o["auc"] - mine[band][0]))
                largest_cases += o["auc"] - mine[band][0]
                compared += 1
    print(
        f"check against Delphi's function: {compared} bands with the same cases and controls in number; "
        f"mean difference by the draw of controls {largest_cases / max(compared, 1):+.5f}, largest {largest_controls:.3f}"
    )


if __name__ == "__main__":
    main()
