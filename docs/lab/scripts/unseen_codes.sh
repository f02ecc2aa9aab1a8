#!/usr/bin/env bash
# How does a model read codes that it never saw? A fifth of the codes are withheld from the training and tuning lives of
# Delphi's simulated set; held-out lives keep them, and are read in four ways.
#
#   bash docs/lab/scripts/unseen_codes.sh OSLER DATA WORK [TRAIN OPTIONS…]
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
[ -s withheld.txt ] || python3 "$root/docs/lab/scripts/unseen_codes.py" withhold events > withheld.txt
[ -d timeline ] || "$osler" tokenize --withhold withheld.txt --out timeline events
[ -d model ] || "$osler" train --out model "$@" timeline
for way in describe parent unknown ignore; do
  [ -d "risks-$way" ] || "$osler" predict --model model --every-event --codes all --horizons 1y --unseen-codes "$way" \
    --out "risks-$way" events
done
python3 "$root/docs/lab/scripts/unseen_codes.py" compare events withheld.txt risks-describe risks-parent risks-unknown risks-ignore
