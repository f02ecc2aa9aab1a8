#!/usr/bin/env bash
# Decoding with kept keys and values beside PyTorch, both sides in turn: 64 sequences of 256 tokens, 2 threads.
#
#   bash docs/lab/scripts/decoding.sh OSLER TORCH_DECODER PYTHON [TURNS]
#
# TORCH_DECODER is the reference's script, PYTHON one that has torch (uv venv V; uv pip install --python V/bin/python torch numpy).
# Prints every turn and, at the end, medians and ratios turn by turn.
set -euo pipefail
osler="$(realpath "$1")" reference="$(realpath "$2")" python="$3" turns="${4:-5}"
found="$(mktemp)"
trap 'rm -f "$found"' EXIT

turn() { # SIZE NAME COMMAND…: one side's tokens a second
  local size="$1" name="$2"
  shift 2
  "$@" | "$python" -c "import json, sys; print('$size', '$name', json.load(sys.stdin)['decode_tokens_per_s'])" | tee -a "$found"
}

for _ in $(seq "$turns"); do
  for size in S M; do
    turn "$size" torch "$python" "$reference" "$size" decode --threads 2
    for way in f32/f32 f32/f16 bf16/f16 int8/f32 int8/f16; do
      turn "$size" "$way" "$osler" bench decoder --size "$size" --mode decode --threads 2 --seconds 10 \
        --precision "${way%/*}" --cache "${way#*/}" --json
    done
  done
done
for precision in f32 bf16 int8; do
  "$osler" bench decoder --size S --mode risk --threads 2 --seconds 10 --precision "$precision"
done
"$python" - "$found" <<'PYTHON'
import collections, statistics, sys
rates = collections.defaultdict(list)
for line in open(sys.argv[1]):
    size, name, rate = line.split()
    rates[size, name].append(float(rate))
print("size  weights/cache  tokens/s   ratio to torch: median (range)")
for (size, name), mine in rates.items():
    ratios = [a / b for a, b in zip(mine, rates[size, "torch"])]
    print(f"{size:4}  {name:13}  {statistics.median(mine):8.0f}   {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
PYTHON
