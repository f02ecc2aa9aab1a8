#!/usr/bin/env bash
# Planted, found, false alarms: on ten synthetic populations a model that learned half of the people by heart, canaries
# among them; its gentle twin, which saw them once and none of the canaries; and a control that learned other people by
# heart and saw none of them. All three are attacked in the same way.
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
printf '%slearning_rate = 0.001\nepochs = 1\n' "$shape" > gentle.toml
for seed in $(seq "$populations"); do
  at="population-$seed"
  "$osler" synth --quiet --force --subjects 110 --seed "$((100 + seed))" --out "$at"
  "$osler" ingest --quiet --force --from fhir --synthetic --key site.key --splits 0.5,0,0.5 --out "$at-events" "$at/fhir"
  "$osler" tokenize --quiet --force --min-subjects 3 --out "$at-timeline" "$at-events"
  "$osler" train --quiet --force --config fault.toml --canaries 6 --seed "$seed" --out "$at-fault" "$at-timeline"
  "$osler" train --quiet --force --config gentle.toml --seed "$seed" --out "$at-gentle" "$at-timeline"
done
for seed in $(seq "$populations"); do
  at="population-$seed" other="population-$((seed % populations + 1))"
  settings="--quiet --force --references 2 --simulated 0"
  "$osler" audit $settings --model "$at-fault" --out "$at-found" "$at-events"
  "$osler" audit $settings --model "$at-gentle" --canaries "$at-fault/canaries.json" --out "$at-once" "$at-events"
  # Asked about no canaries: its vocabulary need not have their codes.
  "$osler" audit $settings --model "$other-fault" --control --out "$at-control" "$at-events"
done
python3 - "$populations" <<'PYTHON'
import json, sys
n = int(sys.argv[1])
kinds = ("found", "once", "control")
reports = {kind: [json.load(open(f"population-{s}-{kind}/report.json")) for s in range(1, n + 1)] for kind in kinds}
alarm = lambda r, attack, word: any(f["attack"] == attack and f["severity"] != "note" and word in f["what"] for f in r["findings"])
print(f"{'':56}{'by heart':>10}{'seen once':>10}{'control':>10}")
for attack, word in (("membership_inference", "log-likelihood"), ("membership_inference", "ratio"), ("canaries", ""), ("attribute_inference", "")):
    counts = [f"{sum(alarm(r, attack, word) for r in reports[kind])}/{n}" for kind in kinds]
    print(f"{(attack + ' ' + word):56}" + "".join(f"{c:>10}" for c in counts))
for kind in reports:
    for i, r in enumerate(reports[kind]):
        m = r["attacks"]["membership"]
        print(kind, i + 1, [(x["attack"][:10], x["members"], x["outsiders"], x["auc"]["value"], x["auc"]["low"]) for x in m],
              [(g["repeats"], round(g["mean"]["value"], 2), g["p_value"]) for g in r["attacks"]["canaries"]])
PYTHON
