#!/usr/bin/env bash
# In-hospital death from the first 48 hours (PhysioNet/CinC 2012): trained on set-a, measured once on set-b,
# beside logistic regression on the last values.
#
#   bash docs/lab/scripts/physionet2012.sh OSLER DATA WORK [TRAIN OPTIONS…]
#
# DATA holds physionet2012/; WORK is made and filled; `python3` needs scikit-learn, pandas and pyarrow.
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
"$osler" train --events a --labels "a/labels/$task" --out model "$@" timeline
"$osler" predict --model model --labels "b/labels/$task" --split all --out predictions b
"$osler" evaluate --out report predictions
python3 "$root/docs/lab/scripts/physionet_logistic.py" a b
