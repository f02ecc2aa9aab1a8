#!/usr/bin/env bash
# What 16- and 8-bit numbers cost: log-likelihood per held-out event, and how far risks move.
#
#   bash docs/lab/scripts/precision.sh OSLER WORK PYTHON
#
# WAYS: the ways to compare (bf16x3/f32 wants a processor with a matrix unit). WORK is what docs/lab/scripts/delphi.sh filled (events, model); PYTHON has pyarrow and numpy.
set -euo pipefail
osler="$(realpath "$1")" work="$2" python="$3"
cd "$work"
mkdir -p precision
ways="${WAYS:-f32/f32 f32/f16 bf16/f32 int8/f32 int8/f16}"
for way in $ways; do
  weights="${way%/*}" cache="${way#*/}"
  out="precision/$weights-$cache"
  "$osler" predict --force --model model --likelihood --precision "$weights" --cache "$cache" --out "$out-likelihood" events
  "$osler" predict --force --model model --codes all --horizons 1y,5y --precision "$weights" --cache "$cache" --out "$out" events
done
"$python" - $ways <<'PYTHON'
import json, sys
import numpy
import pyarrow.parquet as parquet

keys = ["subject_id", "prediction_time", "task", "horizon_days"]
def risks(name):
    table = parquet.read_table(f"precision/{name}/predictions.parquet").to_pandas().sort_values(keys)
    return table["predicted_boolean_probability"].to_numpy()

whole = risks("f32-f32")
print(f"{len(whole)} risks")
for way in sys.argv[1:]:
    name = way.replace("/", "-")
    found = json.load(open(f"precision/{name}-likelihood/likelihood.json"))
    mine, apart = found["code_and_time"], numpy.abs(risks(name) - whole)
    print(f"{way:9} {mine['mean']:.5f} [{mine['low']:.5f}, {mine['high']:.5f}] nats per event, {found['events']} events; "
          f"risks apart by {apart.max():.2e} at most, {apart.mean():.2e} on average")
PYTHON
