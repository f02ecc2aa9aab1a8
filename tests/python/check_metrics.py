# /// script
# requires-python = ">=3.10"
# dependencies = ["numpy", "scipy", "scikit-learn", "lifelines", "statsmodels", "dcurves", "pandas", "setuptools<81"]
# ///
"""The numbers of `evaluate` must equal those of the packages that reviewers trust.

Runs the example `metrics` of the crate on random, tied and tiny sets and compares: ranking, scores and recalibration
with scikit-learn, the smooth calibration curve with statsmodels, censoring weights with lifelines, net benefit with
dcurves, the DeLong standard error with its definition, and the bootstrap interval with a bootstrap in NumPy.

    uv run tests/python/check_metrics.py            # builds the example with cargo
    uv run tests/python/check_metrics.py EXECUTABLE # uses one that is built
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

EXECUTABLE = sys.argv[1:] or ["cargo", "run", "--quiet", "-p", "evaluate", "--example", "metrics", "--"]
worst = {}
failures = []


def osler(label, probability, subject=None, baseline=None, observed_days=None, horizon=0.0, draws=0):
    columns = [label, probability, subject, baseline, observed_days]
    lines = ["label,probability,subject,baseline,observed_days"]
    for i in range(len(probability)):
        cells = []
        for values in columns:
            value = None if values is None else values[i]
            missing = value is None or (isinstance(value, float) and math.isnan(value))
            cells.append("" if missing else repr(value.item() if hasattr(value, "item") else value))
        lines.append(",".join(cells))
    run = subprocess.run([*EXECUTABLE, str(horizon), str(draws)], input="\n".join(lines), capture_output=True, text=True)
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
    low, high = osler(y, p, subject=subjects, draws=2000)["auroc_interval"]
    check(where, "bootstrap low", low, float(np.quantile(draws, 0.025)), 0.006)
    check(where, "bootstrap high", high, float(np.quantile(draws, 0.975)), 0.006)


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
    for name, (difference, tolerance) in worst.items():
        print(f"{name:48} largest difference {difference:.1e} (allowed {tolerance:.0e})")
    if failures:
        raise SystemExit("\n".join(failures))
    print(f"{sets + 1} sets: all numbers agree")


if __name__ == "__main__":
    main()
