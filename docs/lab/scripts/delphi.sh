#!/usr/bin/env bash
# Log-likelihood per event and AUC by code on lives never seen (Delphi's simulated UK-Biobank-like set): Osler, simple
# processes, and, where a checkout of github.com/gerstung-lab/Delphi is given, Delphi's own network trained on the same
# subjects for the same wall time on the same threads, one after the other.
#
#   bash docs/lab/scripts/delphi.sh OSLER DATA WORK [TRAIN OPTIONS…]
#   CHECKOUT=Delphi [THREADS=2] bash docs/lab/scripts/delphi.sh OSLER DATA WORK [TRAIN OPTIONS…]
#
# DATA holds delphi/; WORK is made and filled; `python3` needs numpy, pandas and pyarrow, for Delphi torch too.
# SECONDS_OF_DELPHI gives its network another time than Osler took.
set -euo pipefail
osler="$(realpath "$1")" data="$(realpath "$2")/delphi" work="$3"
shift 3
root="$(cd "$(dirname "$0")/../../.." && pwd)"
scripts="$root/docs/lab/scripts" threads="${THREADS:-2}"
checkout="${CHECKOUT:+$(realpath "$CHECKOUT")}"
mkdir -p "$work"
cd "$work"
[ -f site.key ] || "$osler" key new --out site.key
[ -d events ] || "$osler" ingest --from table --mapping "$root/examples/delphi.toml" --synthetic --key site.key \
  --out events "$data/events.csv.zst"
[ -d timeline ] || "$osler" tokenize --out timeline events
if [ ! -d model ]; then
  begin=$(date +%s)
  "$osler" train --config "$scripts/delphi.toml" --threads "$threads" --out model "$@" timeline
  echo $(($(date +%s) - begin)) > seconds
fi
[ -d likelihood ] || "$osler" predict --model model --likelihood --out likelihood events
[ -d risks ] || "$osler" predict --model model --every-event --codes all --horizons 1y --out risks events
python3 "$scripts/delphi_baselines.py" events
if [ -z "$checkout" ]; then
  python3 "$scripts/delphi_auc.py" events osler=risks/risks.parquet
  exit
fi
network="$scripts/delphi_network.py" limit="${SECONDS_OF_DELPHI:-$(cat seconds)}"
if [ ! -f network/checkpoint/ckpt.pt ]; then
  python3 "$network" data events "$checkout" network
  python3 "$network" train "$checkout" network --seconds "$limit" --threads "$threads"
fi
[ -f network/risks.parquet ] || python3 "$network" predict events "$checkout" network --threads "$threads"
python3 "$scripts/delphi_likelihood.py" likelihood/likelihood.parquet network/likelihood.parquet
python3 "$scripts/delphi_auc.py" events osler=risks/risks.parquet delphi=network/risks.parquet --check "$checkout"
