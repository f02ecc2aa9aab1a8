#!/usr/bin/env bash
# Planted, found, false alarms: on ten synthetic populations a model that learned half of the people by heart, canaries
# among them, and its clean twin, which is asked about the same canaries.
#
#   bash docs/lab/scripts/privacy_planted.sh OSLER WORK [POPULATIONS]
set -euo pipefail
osler="$(realpath "$1")" work="$2" populations="${3:-10}"
mkdir -p "$work"
cd "$work"
[ -f site.key ] || "$osler" key new --quiet --out site.key
shape='[model]
width = 32
layers = 2
heads = 2
feed_forward = 64
context = 512
[training]
batch_tokens = 4096
evaluate_every = 1000
'
printf '%sdropout = 0.0\nweight_decay = 0.0\naveraging = 0.0\nlearning_rate = 0.01\nwarmup_steps = 10\nepochs = 400\nmax_steps = 300\n' \
  "$shape" > fault.toml
printf '%slearning_rate = 0.001\nepochs = 1\n' "$shape" > clean.toml
for seed in $(seq "$populations"); do
  at="population-$seed"
  "$osler" synth --quiet --force --subjects 110 --seed "$((100 + seed))" --out "$at"
  "$osler" ingest --quiet --force --from fhir --synthetic --key site.key --splits 0.5,0,0.5 --out "$at-events" "$at/fhir"
  "$osler" tokenize --quiet --force --min-subjects 3 --out "$at-timeline" "$at-events"
  "$osler" train --quiet --force --config fault.toml --canaries 6 --seed "$seed" --out "$at-fault" "$at-timeline"
  "$osler" train --quiet --force --config clean.toml --seed "$seed" --out "$at-clean" "$at-timeline"
  "$osler" audit --quiet --force --model "$at-fault" --references 0 --simulated 0 --out "$at-found" "$at-events"
  "$osler" audit --quiet --force --model "$at-clean" --canaries "$at-fault/canaries.json" --references 2 --simulated 0 \
    --out "$at-silent" "$at-events"
done
python3 - "$populations" <<'PYTHON'
import json, sys
n = int(sys.argv[1])
reports = {kind: [json.load(open(f"population-{s}-{kind}/report.json")) for s in range(1, n + 1)] for kind in ("found", "silent")}
def alarms(report, attack):
    return sum(f["attack"] == attack and f["severity"] != "note" for f in report["findings"])
print(f"{'planted':32}{'found':>8}{'clean twins with a false alarm':>34}")
for fault, attack in (("an overfit model", "membership_inference"), ("memorised canaries", "canaries"), ("(nothing)", "attribute_inference")):
    found = sum(alarms(r, attack) > 0 for r in reports["found"])
    false = sum(alarms(r, attack) > 0 for r in reports["silent"])
    print(f"{fault + ', ' + attack:48}{found:>3}/{n}{false:>10}/{n}")
for kind in reports:
    for i, r in enumerate(reports[kind]):
        m = r["attacks"]["membership"]
        print(kind, i + 1, [(x["attack"][:10], x["members"], x["outsiders"], x["auc"]["value"], x["auc"]["low"]) for x in m],
              [(g["repeats"], round(g["mean"]["value"], 2), g["p_value"]) for g in r["attacks"]["canaries"]])
PYTHON
