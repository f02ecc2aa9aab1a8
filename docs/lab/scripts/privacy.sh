#!/usr/bin/env bash
# What models give away, on Delphi's simulated set (7,143 lives): a model trained as usual with canaries planted, its
# twin trained on the same lives until it knows them by heart, and futures of the first beside what followed.
#
#   bash docs/lab/scripts/privacy.sh OSLER DATA WORK [REFERENCES [STEPS]]
#
# DATA holds delphi/; WORK is made and filled. Models and events that WORK already holds are used.
set -euo pipefail
osler="$(realpath "$1")" data="$(realpath "$2")/delphi" work="$3" references="${4:-8}" steps="${5:-300}"
root="$(cd "$(dirname "$0")/../../.." && pwd)"
mkdir -p "$work"
cd "$work"
[ -f site.key ] || "$osler" key new --out site.key
# Nearly half are held out: a share of one in a thousand takes thousands of them.
[ -d events ] || "$osler" ingest --from table --mapping "$root/examples/delphi.toml" --synthetic --key site.key \
  --splits 0.5,0.05,0.45 --out events "$data/events.csv.zst"
[ -d timeline ] || "$osler" tokenize --out timeline events
cat > usual.toml <<TOML
[model]
width = 48
layers = 2
heads = 2
feed_forward = 128
context = 256
[training]
max_steps = $steps
TOML
# Nothing keeps it from learning by heart, and no tuning loss stops it before the end.
cat > by-heart.toml <<TOML
[model]
width = 48
layers = 2
heads = 2
feed_forward = 128
context = 256
[training]
max_steps = $((2 * steps))
epochs = 200
dropout = 0.0
weight_decay = 0.0
averaging = 0.0
learning_rate = 0.004
patience = 1000
evaluate_every = $((2 * steps))
TOML
[ -d usual ] || "$osler" train --config usual.toml --canaries 16 --out usual timeline
[ -d by-heart ] || "$osler" train --config by-heart.toml --canaries usual/canaries.json --out by-heart timeline
[ -d clean ] || "$osler" train --config usual.toml --seed 2 --out clean timeline
"$osler" audit --model usual --references "$references" --force --out audit-usual events
"$osler" audit --model by-heart --references 0 --force --out audit-by-heart events
"$osler" audit --model clean --canaries usual/canaries.json --references 0 --force --out audit-clean events
"$osler" simulate --model clean --check --subjects 1000 --trajectories 5 --horizons 5y --force --out futures events
