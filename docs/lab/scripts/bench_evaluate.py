"""AUROC intervals of many outcomes: the example `batch` of crates/evaluate against scikit-learn with NumPy, in one run.

    python bench_evaluate.py BATCH [OUTCOMES [SUBJECTS [DRAWS]]]

scikit-learn is timed on a few outcomes and draws and scaled, since all of them would take days; it resamples subjects with
NumPy and calls roc_auc_score on each draw, on all cores by processes, as one would. A faster way in NumPy (sorted once,
multiplicities instead of resampling) is timed too. The data is simulated.
"""

import json
import os
import subprocess
import sys
import time
from multiprocessing import Pool

import numpy as np
from sklearn.metrics import roc_auc_score


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


def timed(function, jobs):
    with Pool(os.cpu_count()) as pool:
        pool.map(len, [[]] * os.cpu_count())
        started = time.perf_counter()
        pool.map(function, jobs, chunksize=1)
        return time.perf_counter() - started


def main():
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
