# /// script
# requires-python = ">=3.10"
# dependencies = ["numpy", "pandas", "pyarrow==26.0.1", "pycanon==1.3.6"]
# ///
"""The residual-risk figures must be pycanon's, and uniqueness that of counting every pair of known points.

1. Random tables through the example `anonymity` of the crate deid, against pycanon: k, distinct and entropy
   l-diversity, t-closeness of words and of numbers; linkage risks against their definitions in pandas.
2. A whole data set through `osler deid report`, against a table that pandas makes from the same MEDS files.
3. Uniqueness given one and two known points, against its exact expectation over all draws.

    check_risk.py OSLER ANONYMITY EVENTS SCRATCH
"""

import io
import json
import math
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pyarrow.dataset
from pycanon import anonymity

warnings.filterwarnings("ignore")
OSLER, ANONYMITY, EVENTS, SCRATCH = sys.argv[1:]
SENSITIVE = "ICD10CM//K92"
compared = 0


def equal(name, got, want, tolerance=1e-9):
    global compared
    compared += 1
    if not abs(got - want) <= tolerance:
        raise SystemExit(f"{name} is {got}, should be {want} (±{tolerance})")


def check_against_pycanon(where, table, quasi, sensitive, found):
    """`found`: k, below, diversity, t."""
    sizes = table.groupby(quasi).size()
    equal(f"{where}: k", found["k"], anonymity.k_anonymity(table, quasi))
    for k, below in found["below"].items():
        equal(f"{where}: subjects in classes below {k}", below, sizes[sizes < k].sum())
    equal(f"{where}: distinct l", found["diversity"]["distinct"], anonymity.l_diversity(table, quasi, [sensitive]))
    # pycanon rounds down, and e^(ln 2) is 1.999… to it; the exact value is pandas'.
    entropy = found["diversity"]["entropy"]
    theirs = anonymity.entropy_l_diversity(table, quasi, [sensitive])
    if theirs not in (math.floor(entropy), math.floor(entropy + 1e-9), math.floor(entropy - 1e-9)):
        raise SystemExit(f"{where}: entropy l is {entropy}, pycanon's {theirs}")
    shares = table.groupby(quasi)[sensitive].value_counts(normalize=True)
    exact = np.exp((-shares * np.log(shares)).groupby(level=quasi).sum()).min()
    equal(f"{where}: entropy l", entropy, exact)
    equal(f"{where}: t", found["t"], anonymity.t_closeness(table, quasi, [sensitive]))
    equal(f"{where}: prosecutor maximum", found["linkage"]["prosecutor_maximum"], 1 / sizes.min())
    equal(f"{where}: prosecutor average", found["linkage"]["prosecutor_average"], len(sizes) / sizes.sum())
    equal(f"{where}: marketer", found["linkage"]["marketer"], len(sizes) / sizes.sum())
    for limit, share in found["linkage"]["prosecutor_above"]:
        equal(f"{where}: above {limit}", share, sizes[1 / sizes > limit + 1e-12].sum() / sizes.sum())


def random_tables():
    rng = np.random.default_rng(5)
    tables = 0
    for rows in [2, 7, 40, 300, 2000]:
        for columns in [1, 2, 4]:
            for numeric in [False, True]:
                table = pd.DataFrame({f"q{i}": rng.choice(list("abc"), rows) for i in range(columns)})
                values = rng.integers(0, 6, rows) ** 2
                values[:2] = [0, 1]
                table["sensitive"] = values if numeric else np.array(list("uvwxyzabcdefghijklmnopqrst"))[values]
                run = subprocess.run([ANONYMITY], input=table.to_csv(index=False), capture_output=True, text=True)
                if run.returncode:
                    raise SystemExit(run.stderr)
                got = json.load(io.StringIO(run.stdout))
                got["t"] = got["t_ordered" if numeric else "t_equal"]
                got["below"] = dict(zip([2, 5, 11, 20], got["below"]))
                quasi = [f"q{i}" for i in range(columns)]
                check_against_pycanon(f"{rows} × {columns}", table, quasi, "sensitive", got)
                tables += 1
    return tables


def report():
    command = [OSLER, "deid", "report", "--json", "--force", "--draws", "20", "--sensitive", SENSITIVE]
    for name in ["sex", "race", "ethnicity", "birth-year:5"]:
        command += ["--quasi-identifier", name]
    run = subprocess.run([*command, "--out", f"{SCRATCH}/risk", EVENTS], capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(run.stderr)
    return json.loads(run.stdout)


def data_set(events, got):
    """The table of quasi-identifiers, made without osler."""
    table = pd.DataFrame(index=events.subject_id.unique())
    for name, system in [("sex", "GENDER"), ("race", "RACE"), ("ethnicity", "ETHNICITY")]:
        own = events[events.code.str.startswith(f"{system}//")].drop_duplicates(["subject_id", "code"])
        table[name] = own.sort_values("code").groupby("subject_id").code.agg("+".join)
    born = events[events.code == "MEDS_BIRTH"].groupby("subject_id").time.min().dt.year
    table["born"] = born // 5 * 5
    table = table.fillna("none")
    plain = events.code.str.replace(".", "", regex=False)
    has = events[plain.str.startswith(SENSITIVE)].subject_id.unique()
    table["sensitive"] = np.where(table.index.isin(has), "yes", "no")
    found = next(a for a in got["sensitive"] if a["name"] == SENSITIVE)
    found = {
        "k": got["classes"]["smallest"],
        "below": {b["k"]: b["subjects"] for b in got["classes"]["below"]},
        "diversity": found["diversity"],
        "t": found["t"],
        "linkage": got["linkage"],
    }
    check_against_pycanon("events", table.reset_index(drop=True), ["sex", "race", "ethnicity", "born"], "sensitive", found)


def expected_unique(keys):
    """`keys`: a row for each choice of known points of each subject. The chance that a random choice is unique."""
    holders = keys.drop_duplicates().groupby("key").subject_id.transform("size")
    distinct = keys.drop_duplicates().assign(alone=holders == 1)
    alone = keys.merge(distinct, on=["subject_id", "key"])
    return alone.groupby("subject_id").alone.mean().mean()


def pairs(points, canonical):
    """All pairs of different points of each subject, as keys."""
    rows = []
    for subject, own in points.groupby("subject_id"):
        i, j = np.triu_indices(len(own), 1)
        code, day = own.code.to_numpy(), own.day.to_numpy()
        rows.append(pd.DataFrame({"subject_id": subject, "key": canonical(code[i], day[i], code[j], day[j])}))
    return pd.concat(rows)


def by_codes(a, _, b, __):
    return np.minimum(a, b).astype(np.int64) * 100_000 + np.maximum(a, b)


def by_codes_and_gap(a, day_a, b, day_b):
    gap = np.where(a < b, day_b - day_a, day_a - day_b)
    gap = np.where(a == b, np.abs(gap), gap)
    return by_codes(a, None, b, None) * 200_000 + gap + 100_000


def uniqueness(events, got):
    outline = events.code.str.split("//").str[0].isin(["GENDER", "RACE", "ETHNICITY", "MEDS_BIRTH", "OSLER_FOLLOWUP_END"])
    timed = events[~outline & events.time.notna()]
    points = pd.DataFrame({
        "subject_id": timed.subject_id,
        "code": pd.factorize(timed.code)[0],
        "day": timed.time.to_numpy().astype("datetime64[D]").astype(np.int64),
    }).drop_duplicates()
    codes = points.drop_duplicates(["subject_id", "code"])
    single = codes.rename(columns={"code": "key"})[["subject_id", "key"]]
    expected = {
        ("codes", 1): expected_unique(single),
        ("codes", 2): expected_unique(pairs(codes, by_codes)),
        ("gaps-day", 2): expected_unique(pairs(points, by_codes_and_gap)),
    }
    for (adversary, known), want in expected.items():
        found = next(u for u in got["uniqueness"] if u["adversary"] == adversary)["known"][known - 1]
        # Every subject is looked for, so only the draws of points are chance: well within the stated interval.
        equal(f"unique by {adversary}, {known} known", found["share"], want, (found["high"] - found["low"]) / 2)
        print(f"unique by {adversary}, {known} known: {found['share']:.4f}, exactly {want:.4f}")


def main():
    tables = random_tables()
    got = report()
    events = pyarrow.dataset.dataset(f"{EVENTS}/data", format="parquet").to_table(columns=["subject_id", "time", "code"]).to_pandas()
    equal("subjects", got["subjects"], events.subject_id.nunique())
    data_set(events, got)
    uniqueness(events, got)
    print(f"{compared} figures of {tables} random tables and one data set are pycanon's and pandas'")


if __name__ == "__main__":
    main()
