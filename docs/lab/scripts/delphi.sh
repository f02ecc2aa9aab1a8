#!/usr/bin/env bash
# Log-likelihood per event on lives never seen (Delphi's simulated UK-Biobank-like set), beside a Markov chain with
# age bins and incidence by age and sex.
#
#   bash docs/lab/scripts/delphi.sh OSLER DATA WORK [TRAIN OPTIONS…]
#
# DATA holds delphi/; WORK is made and filled; `python3` needs numpy, pandas and pyarrow.
set -euo pipefail
osler="$(realpath "$1")" data="$(realpath "$2")/delphi" work="$3"
shift 3
root="$(cd "$(dirname "$0")/../../.." && pwd)"
mkdir -p "$work"
cd "$work"
[ -f site.key ] || "$osler" key new --out site.key
[ -d events ] || "$osler" ingest --from table --mapping "$root/examples/delphi.toml" --synthetic --key site.key \
  --out events "$data/events.csv.zst"
[ -d timeline ] || "$osler" tokenize --out timeline events
"$osler" train --out model "$@" timeline
"$osler" predict --model model --likelihood --out likelihood events
python3 "$root/docs/lab/scripts/delphi_baselines.py" events
