#!/usr/bin/env bash
# In-hospital death from the first 48 hours (PhysioNet/CinC 2012): trained on set-a, measured once on set-b,
# beside logistic regression, LightGBM and ExtraTrees: WORK/report/report.html.
#
#   bash docs/lab/scripts/physionet2012.sh OSLER DATA WORK [OPTIONS OF THE BASE MODEL…]
#
# NETWORK=1 averages a network that was trained on the labels with the stack; READOUT=FILE.toml changes the read-out.
# DATA holds physionet2012/; WORK is made and filled; `python3` needs scikit-learn, lightgbm, pandas and pyarrow.
set -euo pipefail
osler="$(realpath "$1")" data="$(realpath "$2")/physionet2012" work="$3"
shift 3
root="$(cd "$(dirname "$0")/../../.." && pwd)"
mkdir -p "$work"
cd "$work"
task=in_hospital_death
[ -f site.key ] || "$osler" key new --out site.key
ingest() { "$osler" ingest --from table --mapping "$root/examples/physionet2012.toml" --key site.key "$@"; }
[ -d a ] || ingest --name "PhysioNet 2012 set-a" --splits 0.88,0.12,0 --out a "$data/set-a.tar.zst" "$data/Outcomes-a.txt"
[ -d b ] || ingest --name "PhysioNet 2012 set-b" --splits 0,0,1 --out b "$data/set-b.tar.zst" "$data/Outcomes-b.txt"
[ -d timeline ] || "$osler" tokenize --out timeline a
# The network by itself, which learns the records and the task together: the page's first table.
if [ -n "${NETWORK:-}" ]; then
  [ -d network ] || "$osler" train --config "$root/docs/lab/scripts/physionet2012.toml" --events a --labels "a/labels/$task" --out network timeline
fi
# A model of the records alone, and a stack read off it, chosen by cross-validation within set-a.
[ -d base ] || "$osler" train --config "$root/docs/lab/scripts/physionet2012_base.toml" --out base "$@" timeline
[ -d stack ] || "$osler" train --from base --tune stack ${READOUT:+--config "$READOUT"} --events a --labels "a/labels/$task" --out stack timeline
"$osler" predict --model stack ${NETWORK:+--model network} --labels "b/labels/$task" --split all --force --out predictions b
"$osler" baseline --like predictions --labels "a/labels/$task" --asked b --force --out boosted a
[ -f mean.parquet ] || python3 "$root/docs/lab/scripts/physionet_baselines.py" a b .
"$osler" evaluate --events b --title "Death in hospital: PhysioNet/CinC 2012, set-b" --draws 1000 \
  --beside "boosting on counts=boosted" --beside "logistic regression=logistic_regression.parquet" \
  --beside LightGBM=lightgbm.parquet --beside ExtraTrees=extratrees.parquet --beside "mean of the three=mean.parquet" \
  --force --out report predictions
