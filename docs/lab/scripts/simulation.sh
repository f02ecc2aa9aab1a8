#!/usr/bin/env bash
# Horizon risk beside simulation on 500 held-out lives of Delphi's simulated set: 1-year risk of the ten commonest
# codes, how both are calibrated, and what the estimators' variances are at equal work.
#
#   bash docs/lab/scripts/simulation.sh OSLER DATA WORK [TRAIN OPTIONS…]
#
# DATA holds delphi/; WORK is made and filled. A model, or events, that WORK already holds are used.
set -euo pipefail
osler="$(realpath "$1")" data="$(realpath "$2")/delphi" work="$3"
shift 3
root="$(cd "$(dirname "$0")/../../.." && pwd)"
mkdir -p "$work"
cd "$work"
[ -f site.key ] || [ -d events ] || "$osler" key new --out site.key
[ -d events ] || "$osler" ingest --from table --mapping "$root/examples/delphi.toml" --synthetic --key site.key \
  --out events "$data/events.csv.zst"
[ -d timeline ] || "$osler" tokenize --out timeline events
[ -d model ] || "$osler" train --out model "$@" timeline
for estimator in counting scope reach; do
  "$osler" simulate --model model --subjects 500 --trajectories 256 --estimator "$estimator" --force \
    --out "futures-$estimator" events
done
"$osler" simulate --model model --subjects 500 --trajectories 256 --event-first --force --out futures-event-first events
"$osler" predict --model model --codes common --horizons 1y --force --out predictions events
for one in futures-event-first predictions; do
  "$osler" evaluate --min-events 3 --force --out "report-$one" "$one"
done
"$osler" bench risk --size S --json
