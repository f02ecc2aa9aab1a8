#!/usr/bin/env bash
# Onsets after the index date (Mayo Clinic, NAFLD and matched controls): predicted for subjects held out, beside Cox
# regression and gradient boosting on the same subjects: WORK/report/report.html.
#
#   bash docs/lab/scripts/nafld.sh OSLER DATA WORK [TRAIN OPTIONS…]
#
# DATA holds mayo/; WORK is made and filled; `python3` needs scikit-learn, pandas, pyarrow, lightgbm and lifelines.
set -euo pipefail
osler="$(realpath "$1")" data="$(realpath "$2")/mayo" work="$3"
shift 3
root="$(cd "$(dirname "$0")/../../.." && pwd)"
mkdir -p "$work"
cd "$work"
[ -f site.key ] || "$osler" key new --out site.key
[ -d events ] || "$osler" ingest --from table --mapping "$root/examples/mayo-nafld.toml" --key site.key --name "Mayo NAFLD" \
  --splits 0.65,0.1,0.25 --out events "$data/nafld1.csv" "$data/nafld2.csv" "$data/nafld3.csv"
[ -d timeline ] || "$osler" tokenize --out timeline events
[ -d model ] || "$osler" train --config "$root/docs/lab/scripts/nafld.toml" --out model "$@" timeline
codes=ICD10CM//E11.9,ICD10CM//I50.9,ICD10CM//I21.9,ICD10CM//I63.9,ICD10CM//I10,ICD10CM//I48.91,MEDS_DEATH
[ -d calibrated ] || "$osler" calibrate --model model --at events/labels/index_date --out calibrated events
"$osler" predict --model calibrated --at events/labels/index_date --codes "$codes" --horizons 1y,5y --force --out predictions events
"$osler" baseline --like predictions --at events/labels/index_date --force --out boosted events
[ -f cox.parquet ] || python3 "$root/docs/lab/scripts/nafld_baselines.py" events predictions .
"$osler" evaluate --events events --title "Onsets after the index date: Mayo Clinic NAFLD" --draws 1000 \
  --beside "boosting on counts=boosted" --beside Cox=cox.parquet --beside LightGBM=lightgbm.parquet \
  --beside "Cox and LightGBM=cox_and_lightgbm.parquet" --force --out report predictions
