"""Log-likelihood per event of Osler and of Delphi's own network, on the same events.

    python delphi_likelihood.py OSLER/likelihood.parquet NETWORK/likelihood.parquet

Both give an event everything before it and score its code and its time, as a density per day. Scored are the events
that both name by the same code (Osler's rare codes stand under broader ones) but for those of a record's first
moment, whose time Osler takes as given. Osler pays too for saying that a moment is complete; Delphi scores each of
several codes of one day from before that day, as in its training.

Delphi is scored as it stands, and under its sampler's rule that no code comes twice, which holds in this set.
The intervals are over subjects, by linearisation of the ratio (Cochran 1977, section 6.4).
"""

import argparse

import numpy as np
import pandas as pd


def interval(values, subjects):
    sums = pd.DataFrame({"v": values, "s": subjects}).groupby("s").v.agg(["sum", "size"])
    mean = sums["sum"].sum() / sums["size"].sum()
    error = np.sqrt(((sums["sum"] - mean * sums["size"]) ** 2).sum()) / sums["size"].sum()
    return f"{mean:+.4f} [{mean - 1.96 * error:+.4f}, {mean + 1.96 * error:+.4f}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("osler")
    parser.add_argument("delphi")
    args = parser.parse_args()
    ours, theirs = pd.read_parquet(args.osler), pd.read_parquet(args.delphi)
    later = ours[ours.time_log_likelihood.notna()]
    both = later.merge(theirs, on=["subject_id", "time", "code"], suffixes=("_osler", "_delphi"))
    print(f"{len(ours)} events, {len(later)} after the first moment, {len(both)} of them named alike by both, {both.subject_id.nunique()} subjects")
    osler = both.code_log_likelihood + both.time_log_likelihood
    for name in ["log_likelihood", "log_likelihood_no_repeat"]:
        kept = both[name].to_numpy()
        if not np.isfinite(kept).all():
            print(f"  {name}: impossible for {(~np.isfinite(kept)).sum()} events, not compared")
            continue
        print(f"nats per event ({'as it stands' if name == 'log_likelihood' else 'no code twice'}):")
        print(f"  osler           {interval(osler, both.subject_id)}")
        print(f"  delphi          {interval(kept, both.subject_id)}")
        print(f"  osler − delphi  {interval(osler - kept, both.subject_id)}")


if __name__ == "__main__":
    main()
