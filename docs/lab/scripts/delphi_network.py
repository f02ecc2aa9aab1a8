"""Delphi's own network (Shmatko et al., Nature 2025), trained beside Osler on the same subjects.

    python delphi_network.py data EVENTS CHECKOUT WORK
    python delphi_network.py train CHECKOUT WORK --seconds 1800 --threads 2
    python delphi_network.py predict EVENTS CHECKOUT WORK --split held_out

CHECKOUT is a clone of github.com/gerstung-lab/Delphi, used as it is: its `train.py` and its demo configuration, with
the number of steps (and so the warm-up and the cosine) set to what fits into the time. WORK is made and filled:

* `data`: the events of an Osler directory in Delphi's own format, the training subjects as `train.bin`, the tuning
  subjects as `val.bin`, by which Delphi chooses the weights it keeps.
* `train`: times a few of Delphi's own steps, then trains.
* `predict`: WORK/risks.parquet with the columns of `osler predict --every-event`, and WORK/likelihood.parquet with
  those of `osler predict --likelihood`. Delphi's records hold "no event" tokens at random times, one in five years,
  as in its own evaluation; risks are written at events, and with --no-event-moments also at those tokens.

Needs torch, numpy, pandas and pyarrow.
"""

import argparse
import json
import pathlib
import re
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

DATASET = "osler_split"
FIRST_DISEASE = 13
HORIZONS = {"1y": 365.25, "5y": 1826.25}


def read(events, split):
    splits = ["train", "tuning", "held_out"] if split == "all" else [split]
    files = [p for s in splits for p in sorted((pathlib.Path(events) / "data" / s).rglob("*.parquet"))]
    table = pa.concat_tables([pq.read_table(p, columns=["subject_id", "time", "code"]) for p in files]).to_pandas()
    table["place"] = np.arange(len(table))
    birth = table[table.code == "MEDS_BIRTH"].groupby("subject_id").time.min()
    table["birth"] = table.subject_id.map(birth)
    table["age_days"] = (table.time - table.birth) // pd.Timedelta(days=1)
    return table


def labels(checkout):
    """Osler's code of each of Delphi's labels, by index; empty for what is no event."""
    names = (pathlib.Path(checkout) / "data/ukb_simulated_data/labels.csv").read_text().splitlines()
    codes = ["" if i < FIRST_DISEASE else "ICD10//" + n.strip('"').split(" ")[0] for i, n in enumerate(names)]
    codes[2], codes[3], codes[len(codes) - 1] = "GENDER//F", "GENDER//M", "MEDS_DEATH"
    return codes


def as_delphi(table, codes):
    """Rows of (subject, age in days, token) in Delphi's format, and the subjects in their order."""
    index = {code: i for i, code in enumerate(codes) if code}
    rows = table[table.code.isin(index) & table.birth.notna()].copy()
    rows["token"] = rows.code.map(index) - 1
    rows["age_days"] = rows.age_days.fillna(0)
    subjects = rows.subject_id.drop_duplicates().to_numpy()
    rows["subject"] = rows.subject_id.map({s: i for i, s in enumerate(subjects)})
    rows = rows.sort_values(["subject", "age_days", "place"], kind="stable")
    left_out = int((~table.code.isin([*index, "MEDS_BIRTH", "OSLER_FOLLOWUP_END"])).sum())
    return rows[["subject", "age_days", "token"]].to_numpy().astype(np.uint32), subjects, left_out


def data(args):
    codes = labels(args.checkout)
    out = pathlib.Path(args.work) / "data" / DATASET
    out.mkdir(parents=True, exist_ok=True)
    for split, name in [("train", "train.bin"), ("tuning", "val.bin")]:
        rows, subjects, left_out = as_delphi(read(args.events, split), codes)
        rows.tofile(out / name)
        print(f"{split}: {len(subjects)} subjects, {len(rows)} rows, {left_out} events that Delphi has no token for")


def settings(checkout):
    """Its demo configuration."""
    found = {}
    exec((pathlib.Path(checkout) / "config/train_delphi_demo.py").read_text(), {}, found)
    return found


def time_a_step(checkout, work, threads, steps=4):
    """Seconds of Delphi's own training step, padding and all: the least of a few."""
    import torch

    sys.path.insert(0, str(checkout))
    from model import Delphi, DelphiConfig
    from utils import get_batch, get_p2i

    torch.set_num_threads(threads)
    c = settings(checkout)
    shape = ["n_layer", "n_head", "n_embd", "block_size", "vocab_size", "dropout", "token_dropout", "t_min", "ignore_tokens"]
    model = Delphi(DelphiConfig(bias=False, mask_ties=True, **{k: c[k] for k in shape}))
    optimiser = model.configure_optimizers(c["weight_decay"], c["learning_rate"], (0.9, c["beta2"]), "cpu")
    rows = np.fromfile(pathlib.Path(work) / "data" / DATASET / "train.bin", dtype=np.uint32).reshape(-1, 3)
    p2i = get_p2i(rows)
    found = []
    for _ in range(steps):
        begin = time.perf_counter()
        chosen = torch.randint(len(p2i), (c["batch_size"],))
        batch = get_batch(
            chosen, rows, p2i, block_size=c["block_size"], padding="random", lifestyle_augmentations=True,
            select="left", no_event_token_rate=c["no_event_token_rate"], cut_batch=True,
        )  # fmt: skip
        loss = model(*batch)[1]
        (loss["loss_ce"] + loss["loss_dt"]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        found.append(time.perf_counter() - begin)
    return min(found), c["batch_size"]


def train(args):
    work, checkout = pathlib.Path(args.work), pathlib.Path(args.checkout).resolve()
    if args.time_only:
        step, patients = time_a_step(checkout, work, args.threads)
        told = {"seconds_a_step": step, "patients_a_step": patients, "patients_per_second": patients / step, "threads": args.threads}
        print(json.dumps(told), flush=True)
        return
    # In a process of its own, since its gigabytes would be held throughout.
    timing = [sys.executable, __file__, "train", str(checkout), str(work), "--threads", str(args.threads), "--time-only"]
    told = subprocess.run(timing, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()[-1]
    print(told, flush=True)
    step, patients = (json.loads(told)[name] for name in ["seconds_a_step", "patients_a_step"])
    # Its evaluations cost about six steps in a hundred.
    steps = args.steps or max(100, int(args.seconds / step * 0.94))
    every = max(1, steps // 10)
    steps -= steps % every
    for name in ["configurator.py", "config"]:
        if not (work / name).exists():
            (work / name).symlink_to(checkout / name)
    command = [
        sys.executable, str(checkout / "train.py"), "config/train_delphi_demo.py", "--device=cpu", f"--dataset={DATASET}",
        "--out_dir=checkpoint", f"--max_iters={steps}", f"--lr_decay_iters={steps}", f"--warmup_iters={min(500, steps // 10)}",
        f"--eval_interval={every}", "--eval_iters=6",
    ]  # fmt: skip
    environment = {"OMP_NUM_THREADS": str(args.threads), "MKL_NUM_THREADS": str(args.threads), "PATH": "/usr/bin:/bin"}
    begin = time.perf_counter()
    with open(work / "training.log", "w") as log:
        subprocess.run(command, cwd=work, env=environment, stdout=log, stderr=subprocess.STDOUT, check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {
        "steps": steps,
        "batch": patients,
        "wall_seconds": time.perf_counter() - begin,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "threads": args.threads,
    }
    (work / "training.json").write_text(json.dumps(told, indent=1))
    print(json.dumps(told), flush=True)
    evaluations = [line for line in (work / "training.log").read_text().splitlines() if line.startswith("step ")]
    print("\n".join(evaluations))


def predict(args):
    import torch

    sys.path.insert(0, str(args.checkout))
    from model import Delphi, DelphiConfig
    from utils import get_batch, get_p2i

    torch.set_num_threads(args.threads)
    work = pathlib.Path(args.work)
    saved = torch.load(work / "checkpoint" / "ckpt.pt", map_location="cpu", weights_only=False)
    model = Delphi(DelphiConfig(**saved["model_args"]))
    model.load_state_dict(saved["model"])
    model.eval()
    print(f"weights of step {saved['iter_num']}")
    codes = labels(args.checkout)
    table = read(args.events, args.split)
    rows, subjects, _ = as_delphi(table, codes)
    births = table.drop_duplicates("subject_id").set_index("subject_id").birth.reindex(subjects).to_numpy()
    real = [i for i in range(FIRST_DISEASE, len(codes)) if codes[i]]
    dictionary = pa.array([codes[i] for i in real])
    t_min = saved["model_args"]["t_min"]
    p2i = get_p2i(rows)
    schema = pa.schema(
        [("subject_id", pa.int64()), ("prediction_time", pa.timestamp("us")), ("code", pa.dictionary(pa.int32(), pa.string()))]
        + [(f"risk_{name}", pa.float32()) for name in HORIZONS]
    )
    likelihood = []
    begin = time.perf_counter()
    with pq.ParquetWriter(work / "risks.parquet", schema, compression="zstd") as risks:
        for first in range(0, len(p2i), 128):
            chosen = range(first, min(first + 128, len(p2i)))
            batch = get_batch(chosen, rows, p2i, select="left", block_size=80, padding="random",
                              no_event_token_rate=5)  # fmt: skip
            with torch.no_grad():
                logits = model(*batch)[0].double().numpy()
            x, a, y, b = (t.numpy() for t in batch)
            for i, subject in zip(range(len(x)), subjects[list(chosen)]):
                of_subject(x[i], a[i], y[i], b[i], logits[i][:, real], real, t_min, (subject, codes), likelihood)
                # After the last token of each moment; co-occurring ones are all seen there.
                ends = np.flatnonzero((x[i] > 0) & (b[i] > a[i]) & (y[i] > 0))
                if not args.no_event_moments:
                    ends = ends[x[i][ends] != 1]
                ends = ends[(x[i][ends] != 2) & (x[i][ends] != 3)]
                if not len(ends):
                    continue
                # Osler's moments end their day.
                end_of_day = np.timedelta64(86399, "s")
                times = births[first + i] + a[i][ends].astype("timedelta64[D]").astype("timedelta64[us]") + end_of_day
                log_rate = np.clip(logits[i][ends][:, real], -60, 20)
                columns = [
                    pa.array(np.full(len(ends) * len(real), subject)),
                    pa.array(np.repeat(times.astype("datetime64[us]"), len(real))),
                    pa.DictionaryArray.from_arrays(np.tile(np.arange(len(real), dtype=np.int32), len(ends)), dictionary),
                ]
                for days in HORIZONS.values():
                    columns.append(pa.array(-np.expm1(-days * np.exp(log_rate)).ravel().astype(np.float32)))
                risks.write_table(pa.table(columns, schema=schema))
    frame = pd.DataFrame(likelihood, columns=["subject_id", "age_days", "code", "log_likelihood", "log_likelihood_no_repeat"])
    birth = frame.subject_id.map(dict(zip(subjects, births)))
    frame["time"] = (birth + pd.to_timedelta(frame.age_days, unit="D") + pd.Timedelta(seconds=86399)).astype("datetime64[us]")
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), work / "likelihood.parquet", compression="zstd")
    print(f"{len(subjects)} subjects in {time.perf_counter() - begin:.1f} s, {len(frame)} events")


def of_subject(x, a, y, b, logits, real, t_min, names, out):
    """The log-density per day of each event given everything before it, as competing exponential waits.

    Between two tokens the hazards of all codes are constant, and a "no event" token, which comes at random, says
    nothing but lets them be set anew. What Delphi trains on in place of Λ is 1/(1/Λ + t_min). The second figure is
    under its sampler's rule that no code comes twice.
    """
    subject, codes = names
    survived = survived_no_repeat = 0.0
    seen = np.zeros(len(real), dtype=bool)
    place = {token: j for j, token in enumerate(real)}
    for t in range(len(x)):
        if x[t] in place:
            seen[place[x[t]]] = True
        if x[t] == 0 or y[t] == 0:
            continue
        log_total = np.logaddexp.reduce(logits[t])
        log_total_new = np.logaddexp.reduce(np.where(seen, -np.inf, logits[t]))
        rate, rate_new = (1.0 / (np.exp(-total) + t_min) for total in (log_total, log_total_new))
        days = float(b[t] - a[t])
        survived += rate * days
        survived_no_repeat += rate_new * days
        if y[t] in place:
            j = place[y[t]]
            plain = logits[t][j] - log_total + np.log(rate) - survived
            new = -np.inf if seen[j] else logits[t][j] - log_total_new + np.log(rate_new) - survived_no_repeat
            out.append((subject, int(b[t]), codes[y[t]], plain, new))
            survived = survived_no_repeat = 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("data")
    verb.set_defaults(run=data)
    [verb.add_argument(name) for name in ["events", "checkout", "work"]]
    verb = verbs.add_parser("train")
    verb.set_defaults(run=train)
    [verb.add_argument(name) for name in ["checkout", "work"]]
    verb.add_argument("--seconds", type=float, default=1800)
    verb.add_argument("--steps", type=int, help="instead of what fits into --seconds")
    verb.add_argument("--threads", type=int, default=2)
    verb.add_argument("--time-only", action="store_true", help="print the seconds of a step and stop")
    verb = verbs.add_parser("predict")
    verb.set_defaults(run=predict)
    [verb.add_argument(name) for name in ["events", "checkout", "work"]]
    verb.add_argument("--split", default="held_out")
    verb.add_argument("--threads", type=int, default=2)
    verb.add_argument("--no-event-moments", action="store_true")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
