# /// script
# requires-python = ">=3.10"
# dependencies = ["numpy", "scipy", "scikit-learn", "lifelines", "statsmodels", "dcurves", "pandas", "setuptools<81",
#                 "scikit-survival", "fairlearn", "pyarrow"]
# ///
"""The numbers of `evaluate` must equal those of the packages that reviewers trust.

Runs the example `metrics` of the crate on random, tied and tiny sets and compares: ranking, scores and recalibration
with scikit-learn, the smooth calibration curve with statsmodels, censoring weights with lifelines, net benefit with
dcurves, the DeLong standard error with its definition, and bootstrap intervals with the same draws given to scikit-learn
and statsmodels as weights, and with other draws in NumPy.

On real data, given their directories: C, time-dependent AUC and the Brier score, integrated too, on Mayo NAFLD with
scikit-survival and lifelines; thresholds, recalibration, group metrics and their tests on PhysioNet 2012 with scikit-learn,
fairlearn and statsmodels.

    uv run tests/python/check_metrics.py            # builds the example with cargo
    uv run tests/python/check_metrics.py EXECUTABLE # uses one that is built
    uv run tests/python/check_metrics.py EXECUTABLE nafld1.csv PHYSIONET_EVENTS
"""

import json
import math
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
from lifelines import KaplanMeierFitter
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score
from statsmodels.nonparametric.smoothers_lowess import lowess

warnings.filterwarnings("ignore")

EXECUTABLE = sys.argv[1:2] or ["cargo", "run", "--quiet", "-p", "evaluate", "--example", "metrics", "--"]
worst = {}
failures = []


def osler(label, probability, subject=None, baseline=None, observed_days=None, horizon=0.0, draws=0, sex=None, thresholds=()):
    columns = [label, probability, subject, baseline, observed_days]
    lines = ["label,probability,subject,baseline,observed_days,sex"]
    for i in range(len(probability)):
        cells = []
        for values in columns:
            value = None if values is None else values[i]
            if isinstance(value, str):
                cells.append(value)
                continue
            missing = value is None or (isinstance(value, float) and math.isnan(value))
            cells.append("" if missing else repr(value.item() if hasattr(value, "item") else value))
        cells.append("" if sex is None else sex[i])
        lines.append(",".join(cells))
    at = ",".join(repr(float(t)) for t in thresholds)
    run = subprocess.run([*EXECUTABLE, str(horizon), str(draws), at], input="\n".join(lines), capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"the example failed: {run.stderr}")
    return json.loads(run.stdout)


def check(where, name, got, want, tolerance):
    if want is None or (isinstance(want, float) and math.isnan(want)):
        if got is not None:
            failures.append(f"{where}: {name} should be undefined, got {got}")
        return
    difference = math.inf if got is None else abs(got - want)
    worst[name] = max(worst.get(name, (0.0, tolerance)), (difference, tolerance))
    if not difference <= tolerance:
        failures.append(f"{where}: {name} is {got}, should be {want} (±{tolerance})")


def recalibration(y, p):
    """Intercept with slope 1; intercept and slope of the logistic regression on logit(p)."""
    clipped = np.clip(p, 1e-8, 1 - 1e-8)
    logit = np.log(clipped / (1 - clipped))
    intercept = brentq(lambda a: np.mean(expit(a + logit)) - np.mean(y), -60, 60, xtol=1e-13)
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000, solver="newton-cholesky")
    model.fit(logit[:, None], y)
    return intercept, model.intercept_[0], model.coef_[0, 0]


def integrated_calibration_index(y, p):
    # Tied risks make statsmodels' neighbourhoods arbitrary; the sets given here have none.
    smooth = lowess(y, p, frac=2 / 3, it=0, delta=0.0, return_sorted=False)
    return float(np.mean(np.abs(np.clip(smooth, 0, 1) - p)))


def delong_standard_error(y, p):
    events, others = p[y == 1], p[y == 0]
    above = (events[:, None] > others[None, :]) + 0.5 * (events[:, None] == others[None, :])
    return math.sqrt(above.mean(1).var(ddof=1) / len(events) + above.mean(0).var(ddof=1) / len(others))


def check_binary(where, y, p, smooth):
    got = osler(y, p, baseline=p[::-1].copy())
    check(where, "auroc", got["auroc"], roc_auc_score(y, p), 1e-12)
    check(where, "average_precision", got["average_precision"], average_precision_score(y, p), 1e-12)
    brier = brier_score_loss(y, p)
    check(where, "brier", got["brier"], brier, 1e-12)
    check(where, "brier_scaled", got["brier_scaled"], 1 - brier / (y.mean() * (1 - y.mean())), 1e-12)
    check(where, "log_loss", got["log_loss"], log_loss(y, p), 1e-12)
    check(where, "observed_expected", got["observed_expected"], y.sum() / p.sum(), 1e-12)
    events, others = p[y == 1], p[y == 0]
    # Separated but for ties at the border: scikit-learn stops somewhere on the way to infinity, ours says so.
    if others.max() <= events.min() or events.max() <= others.min():
        check(where, "calibration_slope", got["calibration_slope"], None, 0)
    else:
        intercept, beside, slope = recalibration(y, p)
        check(where, "calibration_intercept", got["calibration_intercept"], intercept, 1e-9)
        check(where, "recalibration_intercept", got["recalibration_intercept"], beside, 1e-6)
        check(where, "calibration_slope", got["calibration_slope"], slope, 1e-6)
    if smooth:
        tolerance = 1e-9 if len(p) <= 512 else 1e-3
        index = integrated_calibration_index(y, p)
        check(where, f"integrated_calibration_index (n {'≤' if len(p) <= 512 else '>'} 512)",
              got["integrated_calibration_index"], index, tolerance)
    if min(y.sum(), len(y) - y.sum()) > 1:
        check(where, "delong standard error", got["delong"]["first_standard_error"], delong_standard_error(y, p), 1e-12)
        check(where, "delong second auroc", got["delong"]["second"], roc_auc_score(y, p[::-1]), 1e-12)


def check_net_benefit(where, y, p):
    from dcurves import dca

    thresholds = [0.05, 0.1, 0.2, 0.5]
    table = dca(data=pd.DataFrame({"y": y, "p": p}), outcome="y", modelnames=["p"], thresholds=np.array(thresholds))
    got = osler(y, p)["net_benefit"]
    for i, threshold in enumerate(thresholds):
        at = table[np.isclose(table.threshold, threshold)]
        check(where, "net benefit", got[i]["model"], at[at.model == "p"].net_benefit.item(), 1e-9)
        check(where, "net benefit of all", got[i]["everyone"], at[at.model == "all"].net_benefit.item(), 1e-9)


def check_censoring(where, rng, n, horizon):
    """Weights against lifelines' Kaplan–Meier of censoring; the Brier score against Graf's formula."""
    onset, leaving = rng.exponential(400, n), rng.exponential(600, n)
    # Whole quarters of a day, exact in f32, nudged so that no onset ties with a censoring.
    onset, leaving = np.ceil(onset) + 0.25, np.ceil(leaving) + 0.5
    observed, event = np.minimum(onset, leaving), onset <= leaving
    p = np.clip(expit(rng.normal(size=n) + (onset < horizon) - 1), 0, 1)
    label = np.where(event & (observed <= horizon), 1.0, np.where(observed >= horizon, 0.0, np.nan))
    curve = KaplanMeierFitter().fit(observed, ~event)
    at = curve.survival_function_at_times(np.minimum(observed, horizon)).to_numpy()
    weights = np.where(np.isnan(label), 0.0, 1 / at)
    got = osler(label, p, observed_days=observed, horizon=horizon)
    for w, want in zip(got["weights"], weights):
        check(where, "censoring weight", w, want, 1e-9)
    want = float(np.sum(weights * (p - np.nan_to_num(label)) ** 2) / n)
    check(where, "brier_ipcw", got["brier_ipcw"], want, 1e-12)
    known = ~np.isnan(label)
    check(where, "auroc", got["auroc"], roc_auc_score(label[known], p[known]), 1e-12)


def check_draws(where, rng):
    """Intervals of all numbers over the same draws of subjects, ours against scikit-learn's with the draws as weights."""
    n = 400
    subjects = np.repeat(np.arange(n // 2), 2)
    x = rng.normal(size=n)
    y = (rng.random(n) < expit(x - 0.5)).astype(int)
    p = expit(0.8 * x - 0.9 + 0.4 * rng.normal(size=n))
    got = osler(y, p, subject=subjects, draws=200)
    logit = np.log(p / (1 - p))
    drawn = {name: [] for name in ["auroc", "average_precision", "brier", "log_loss", "observed_expected",
                                   "calibration_slope", "recalibration_intercept", "integrated_calibration_index"]}
    for counts in got["multiplicities"]:
        w = np.array(counts, float)[subjects]
        drawn["auroc"].append(roc_auc_score(y, p, sample_weight=w))
        drawn["average_precision"].append(average_precision_score(y, p, sample_weight=w))
        drawn["brier"].append(brier_score_loss(y, p, sample_weight=w))
        drawn["log_loss"].append(log_loss(y, p, sample_weight=w))
        drawn["observed_expected"].append(np.sum(w * y) / np.sum(w * p))
        model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000, solver="newton-cholesky")
        model.fit(logit[:, None], y, sample_weight=w)
        drawn["calibration_slope"].append(model.coef_[0, 0])
        drawn["recalibration_intercept"].append(model.intercept_[0])
        # Repeated rows are ties, which statsmodels orders at will; a hair's breadth apart they are not.
        index = np.repeat(np.arange(n), w.astype(int))
        apart = p[index] + 1e-9 * np.arange(len(index)) / len(index)
        drawn["integrated_calibration_index"].append(integrated_calibration_index(y[index], apart))
    for name, values in drawn.items():
        low, high = np.quantile(values, [0.025, 0.975])
        exact = name not in ("calibration_slope", "recalibration_intercept", "integrated_calibration_index")
        for bound, want in [("low", low), ("high", high)]:
            check(where, f"{name} interval, equal draws", got["performance"][name][bound], float(want), 1e-9 if exact else 1e-3)


def check_bootstrap(where, rng):
    """Intervals of 2,000 draws of subjects, ours against NumPy's: equal but for chance in the draws."""
    subjects = np.repeat(np.arange(150), 4)
    level = np.repeat(rng.normal(size=150), 4)
    y = (rng.random(600) < expit(1.5 * level - 1)).astype(int)
    p = expit(level + 0.5 * rng.normal(size=600))
    rows = [np.flatnonzero(subjects == s) for s in range(150)]
    draws = []
    for _ in range(2000):
        index = np.concatenate([rows[s] for s in rng.integers(0, 150, 150)])
        draws.append(roc_auc_score(y[index], p[index]))
    got = osler(y, p, subject=subjects, draws=2000)["performance"]["auroc"]
    low, high = got["low"], got["high"]
    check(where, "bootstrap low", low, float(np.quantile(draws, 0.025)), 0.006)
    check(where, "bootstrap high", high, float(np.quantile(draws, 0.975)), 0.006)


def check_survival(path):
    """Mayo NAFLD, death: a Cox model fitted on half of the subjects, measured on the other."""
    from lifelines import CoxPHFitter
    from lifelines.utils import concordance_index
    from sksurv.metrics import brier_score, concordance_index_censored, concordance_index_ipcw, cumulative_dynamic_auc
    from sksurv.util import Surv

    people = pd.read_csv(path)
    people = people[["age", "male", "futime", "status"]].dropna()
    people = people[people.futime > 0].reset_index(drop=True)
    learn, rest = people[people.index % 2 == 0], people[people.index % 2 == 1]
    cox = CoxPHFitter().fit(learn, "futime", "status")
    days, died = rest.futime.to_numpy(float), rest.status.to_numpy(bool)
    # By whole days: whoever leaves on the day of another's death was watched when that death was seen, so that its weight is
    # 1 / G(T-). scikit-survival takes 1 / G(T), which is the same once those who leave are put a little later.
    known = Surv.from_arrays(died, np.where(died, days, days + 0.25))
    for horizon in [730.5, 1826.5, 3652.5]:
        where = f"NAFLD, {horizon:.0f} days"
        p = 1 - cox.predict_survival_function(rest, times=[horizon]).to_numpy()[0]
        label = np.where(died & (days <= horizon), 1.0, np.where(days > horizon, 0.0, np.nan))
        got = osler(label, p, observed_days=days, horizon=horizon)
        timed = {name: got["timed"][name]["value"] for name in ["dynamic_auc", "harrell_c", "uno_c"]}
        cut, until = died & (days <= horizon), np.minimum(days, horizon)
        check(where, "Harrell's C (scikit-survival)", timed["harrell_c"], concordance_index_censored(cut, until, p)[0], 1e-6)
        check(where, "Harrell's C (lifelines)", timed["harrell_c"], concordance_index(until, -p, cut), 1e-6)
        check(where, "Uno's C", timed["uno_c"], concordance_index_ipcw(known, known, p, tau=horizon)[0], 1e-6)
        auc = cumulative_dynamic_auc(known, known, p, [horizon])[0][0]
        check(where, "time-dependent AUC", timed["dynamic_auc"], auc, 1e-6)
        check(where, "Brier score, IPCW", got["brier_ipcw"], brier_score(known, known, 1 - p, [horizon])[1][0], 1e-6)
    horizons = [730.5, 1826.5, 3652.5]
    risks = 1 - cox.predict_survival_function(rest, times=horizons).to_numpy().T
    label = [";".join("1" if d and t <= h else "0" if t > h else "" for h in horizons) for d, t in zip(died, days)]
    got = osler(label, [";".join(map(repr, map(float, r))) for r in risks], observed_days=days, horizon="730.5,1826.5,3652.5")
    ours = got["integrated_brier"][0]
    from sksurv.metrics import integrated_brier_score

    check("NAFLD", "integrated Brier score", ours["brier"]["value"], integrated_brier_score(known, known, 1 - risks, horizons), 1e-6)
    check("NAFLD", "rows of the integrated Brier score", ours["rows"], len(rest), 0)
    print(f"NAFLD: {len(rest)} subjects, {int(died.sum())} deaths")


def physionet(events):
    """In-hospital death from last values of the first 48 hours: a logistic model fitted on half of the stays."""
    import pyarrow.dataset as dataset
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = dataset.dataset(f"{events}/data", format="parquet").to_table(columns=["subject_id", "time", "code", "numeric_value"]).to_pandas()
    labels = dataset.dataset(f"{events}/labels/in_hospital_death", format="parquet").to_table().to_pandas()
    sex = rows[rows.code.str.startswith("GENDER//")].drop_duplicates("subject_id").set_index("subject_id").code.str[-1]
    codes = ["LOINC//9269-2", "LOINC//3094-0", "LOINC//2160-0", "LOINC//8867-4", "LOINC//9187-6", "LOINC//8310-5"]
    values = rows[rows.code.isin(codes)].sort_values(["subject_id", "time"], kind="stable")
    last = values.groupby(["subject_id", "code"]).numeric_value.last().unstack().reindex(labels.subject_id).astype(float)
    y = labels.boolean_value.to_numpy(int)
    half = np.arange(len(y)) % 2 == 0
    model = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression()).fit(last[half], y[half])
    p = model.predict_proba(last[~half])[:, 1]
    return y[~half], p, sex.reindex(labels.subject_id[~half]).fillna("").to_numpy()


def check_ward(events):
    from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
    from sklearn.isotonic import IsotonicRegression
    from sklearn.metrics import confusion_matrix

    where = "PhysioNet 2012"
    y, p, sex = physionet(events)
    check_binary(where, y, p, smooth=True)
    check_net_benefit(where, y, p)
    thresholds = [0.1, 0.2, 0.4]
    got = osler(y, p, sex=sex, thresholds=thresholds)
    for t, at in zip(thresholds, got["operating"]):
        tn, fp, fn, tp = confusion_matrix(y, p >= t).ravel()
        wanted = {
            "sensitivity": tp / (tp + fn),
            "specificity": tn / (tn + fp),
            "positive_predictive_value": tp / (tp + fp),
            "negative_predictive_value": tn / (tn + fn),
            "number_needed_to_evaluate": (tp + fp) / tp,
            "flagged_share": (tp + fp) / len(y),
            "net_benefit": tp / len(y) - fp / len(y) * t / (1 - t),
        }
        for name, want in wanted.items():
            check(f"{where}, threshold {t}", name, at[name]["value"], want, 1e-12)
    known = sex != ""
    frame = MetricFrame(
        metrics={
            "sensitivity": true_positive_rate,
            "false_positive_rate": false_positive_rate,
            "flagged_share": selection_rate,
        },
        y_true=y[known],
        y_pred=p[known] >= thresholds[0],
        sensitive_features=sex[known],
    )
    ours = next(d for d in got["fairness"]["dimensions"] if d["by"] == "sex")
    groups = {g["group"]: g["metrics"] for g in ours["groups"]}
    for name in ["sensitivity", "false_positive_rate", "flagged_share"]:
        for group, letter in [("Female", "F"), ("Male", "M")]:
            check(where, f"{name} by sex (fairlearn)", groups[group][name]["value"], frame.by_group[name][letter], 1e-12)
        gap = next(g for g in ours["gaps"] if g["metric"] == name and g["group"] in ("Female", "Male"))
        check(where, f"{name} gap (fairlearn)", abs(gap["difference"]["value"]), frame.difference()[name], 1e-12)
        ratio = gap["ratio"]["value"]
        check(where, f"{name} ratio (fairlearn)", min(ratio, 1 / ratio), frame.ratio()[name], 1e-12)
    with_tests = osler(y, p, sex=sex, thresholds=thresholds, draws=300)["fairness"]
    tested = [g for d in with_tests["dimensions"] for g in d["gaps"] if g["p_value"] is not None]
    from statsmodels.stats.multitest import multipletests

    corrected = multipletests([g["p_value"] for g in tested], method="holm")[1]
    for gap, want in zip(tested, corrected):
        check(where, "p corrected by Holm", gap["p_corrected"], float(want), 1e-12)
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(p, y).predict(p)
    worst_isotonic = float(np.max(np.abs(isotonic - np.array(got["isotonic"]))))
    check(where, "isotonic recalibration", worst_isotonic, 0.0, 1e-6)
    _, beside, slope = recalibration(y, p)
    clipped = np.clip(p, 1e-8, 1 - 1e-8)
    platt = expit(beside + slope * np.log(clipped / (1 - clipped)))
    check(where, "Platt recalibration", float(np.max(np.abs(platt - np.array(got["platt"])))), 0.0, 1e-6)
    print(f"PhysioNet 2012: {len(y)} stays, {int(y.sum())} deaths")


def main():
    rng = np.random.default_rng(7)
    sets = 0
    for n in [3, 5, 10, 40, 200, 500, 3000, 20_000]:
        for kind in ["random", "tied", "extreme", "rare"]:
            x = rng.normal(size=n)
            y = (rng.random(n) < expit(x - (3.5 if kind == "rare" else 0.5))).astype(int)
            y[0], y[1] = 0, 1
            p = expit(0.8 * x - 0.4 + 0.3 * rng.normal(size=n))
            if kind == "tied":
                p = np.round(p, 1).clip(0.1, 0.9)
            if kind == "extreme":
                p = np.where(rng.random(n) < 0.2, np.round(p), p)
            check_binary(f"{kind}, n = {n}", y, p, smooth=kind in ("random", "rare") and 40 <= n <= 3000)
            sets += 1
            if kind == "tied" and n >= 40:
                check_net_benefit(f"{kind}, n = {n}", y, p)
    for n, horizon in [(50, 365.0), (400, 365.0), (2000, 730.5)]:
        check_censoring(f"censored, n = {n}", rng, n, horizon)
        sets += 1
    check_bootstrap("clustered", rng)
    check_draws("equal draws", rng)
    if len(sys.argv) > 2:
        check_survival(sys.argv[2])
        check_ward(sys.argv[3])
        sets += 4
    for name, (difference, tolerance) in worst.items():
        print(f"{name:48} largest difference {difference:.1e} (allowed {tolerance:.0e})")
    if failures:
        raise SystemExit("\n".join(failures))
    print(f"{sets + 1} sets: all numbers agree")


if __name__ == "__main__":
    main()
