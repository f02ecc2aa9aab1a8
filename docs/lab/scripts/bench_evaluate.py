"""Many outcomes, ours against scikit-learn with NumPy, in one run; the data is simulated.

    python bench_evaluate.py BATCH [OUTCOMES [SUBJECTS [DRAWS]]]           # AUROC intervals alone: example `batch`
    python bench_evaluate.py --report REPORT [OUTCOMES [SUBJECTS [DRAWS]]] # a whole report: example `report`

scikit-learn is timed on a few outcomes and draws and scaled, since all of them would take days; it resamples subjects with
NumPy and calls its functions on each draw, on all cores by processes, as one would. For the AUROC a faster way in NumPy (sorted
once, multiplicities instead of resampling) is timed too. For the report it computes what the report holds of every outcome:
AUROC, average precision, Brier score and log loss, calibration intercept and slope, O:E and the calibration index by
statsmodels' lowess (with its `delta`, a hundredth of the range) of model and baseline, and AUROC, O:E and Brier score in seven
groups.
"""

import json
import os
import resource
import subprocess
import sys
import time
from multiprocessing import Pool

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score


def outcome(number, subjects):
    rng = np.random.default_rng(number)
    risk = rng.random(subjects) * 0.2
    return risk, rng.random(subjects) < risk


def by_sklearn(job):
    number, subjects, draws = job
    risk, true = outcome(number, subjects)
    rng = np.random.default_rng(1)
    values = []
    for _ in range(draws):
        index = rng.integers(0, subjects, subjects)
        values.append(roc_auc_score(true[index], risk[index]))
    return np.quantile(values, [0.025, 0.975])


def by_numpy(job):
    number, subjects, draws = job
    risk, true = outcome(number, subjects)
    order = np.argsort(risk)
    true = true[order]
    rng = np.random.default_rng(1)
    values = []
    for _ in range(draws):
        count = np.bincount(rng.integers(0, subjects, subjects), minlength=subjects)[order]
        others = np.cumsum(count * ~true)
        events = count * true
        values.append((events * others).sum() / (events.sum() * others[-1]))
    return np.quantile(values, [0.025, 0.975])


def everything(true, risk):
    from scipy.optimize import brentq
    from scipy.special import expit
    from statsmodels.nonparametric.smoothers_lowess import lowess

    logit = np.log(risk / (1 - risk))
    line = LogisticRegression(C=np.inf, solver="newton-cholesky").fit(logit[:, None], true)
    intercept = brentq(lambda a: np.mean(expit(a + logit)) - np.mean(true), -10, 10)
    smooth = lowess(true, risk, frac=2 / 3, it=0, delta=0.01 * np.ptp(risk), return_sorted=False)
    return (roc_auc_score(true, risk), average_precision_score(true, risk), brier_score_loss(true, risk), log_loss(true, risk),
            line.coef_[0, 0], intercept, true.sum() / risk.sum(), np.mean(np.abs(smooth - risk)))


def report_by_sklearn(job):
    number, subjects, draws = job
    rng = np.random.default_rng(1)
    risk, true = outcome(number, subjects)
    baseline = np.clip(risk + 0.05 * rng.random(subjects), 1e-6, 0.99)
    risk = np.clip(risk, 1e-6, 1)
    groups = [rng.random(subjects) < share for share in (0.49, 0.49, 0.2, 0.2, 0.2, 0.2, 0.2)]
    for _ in range(draws):
        index = rng.integers(0, subjects, subjects)
        y, p, b = true[index], risk[index], baseline[index]
        everything(y, p), everything(y, b)
        for member in groups:
            of = np.flatnonzero(member)
            i = of[rng.integers(0, len(of), len(of))]
            roc_auc_score(true[i], risk[i]), roc_auc_score(true[i], baseline[i])
            brier_score_loss(true[i], risk[i]), true[i].sum() / risk[i].sum()


def timed(function, jobs):
    with Pool(os.cpu_count()) as pool:
        pool.map(len, [[]] * os.cpu_count())
        started = time.perf_counter()
        pool.map(function, jobs, chunksize=1)
        return time.perf_counter() - started


def report(executable, outcomes, subjects, draws):
    sample, few = 2, 3
    factor = outcomes / sample * draws / few
    jobs = [(n, subjects, few) for n in range(sample)]
    before = timed(report_by_sklearn, jobs) * factor
    started = time.perf_counter()
    run = subprocess.run([executable, str(subjects), str(outcomes), str(draws)], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    after = timed(report_by_sklearn, jobs) * factor
    sklearn = min(before, after)
    print(run.stderr.strip())
    print(f"ours             {seconds:10.1f} s by the clock, {used.ru_utime + used.ru_stime:.0f} s of processor time with the others' share")
    print(f"scikit-learn     {sklearn:10.1f} s, scaled from {sample} outcomes and {few} draws: {sklearn / seconds:.0f} times")


def main():
    if sys.argv[1] == "--report":
        numbers = [int(n) for n in sys.argv[3:]]
        return report(sys.argv[2], *(numbers + [4000, 10_000, 500][len(numbers):]))
    outcomes, subjects, draws = [int(n) for n in sys.argv[2:]] + [4000, 10_000, 500][len(sys.argv) - 2 :]
    sample, few = 2 * os.cpu_count(), 50
    factor = outcomes / sample * draws / few
    jobs = [(n, subjects, few) for n in range(sample)]
    before = timed(by_sklearn, jobs) * factor
    vectorised = timed(by_numpy, jobs) * factor
    run = subprocess.run([sys.argv[1], str(outcomes), str(subjects), str(draws)], capture_output=True, text=True, check=True)
    ours = json.loads(run.stdout)
    after = timed(by_sklearn, jobs) * factor
    sklearn = min(before, after)
    print(f"{outcomes} outcomes, {subjects} subjects, {draws} draws on {os.cpu_count()} cores")
    print(f"ours             {ours['seconds']:10.1f} s, at most {ours['peak_memory']}")
    print(f"scikit-learn     {sklearn:10.1f} s, scaled from {sample} outcomes and {few} draws: {sklearn / ours['seconds']:.0f} times")
    print(f"NumPy, by ranks  {vectorised:10.1f} s, scaled: {vectorised / ours['seconds']:.0f} times")


if __name__ == "__main__":
    main()
