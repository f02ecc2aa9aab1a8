#!/usr/bin/env bash
# A model of hospital A asked about the people of hospital B, which writes diagnoses by category, tests in codes and units of its
# own, and diagnoses later: how much is lost, and what brings it back? All synthetic.
#
#   bash docs/lab/scripts/portability.sh OSLER WORK [TRAIN OPTIONS…]
#
# WORK is made and filled; what is there is not made again.
set -euo pipefail
osler="$(realpath "$1")" work="$2"
shift 2
mkdir -p "$work"
cd "$work"
[ -f site.key ] || "$osler" key new --out site.key
synth() { [ -d "$1" ] || "$osler" synth --format meds --key site.key --out "$@"; }
synth people-a --subjects 8000 --seed 77 --splits 0.8,0.05,0.15
synth people-b --subjects 8000 --seed 88 --splits 0.8,0.05,0.15 --site b
synth local --subjects 500 --seed 5005 --splits 1,0,0 --site b
truth="--subjects 1500 --splits 0,0,1 --truth --truth-observed 1500 --truth-particles 100 --truth-draws 20"
synth graded-a --seed 4004 $truth
synth graded-b --seed 4004 $truth --site b
for site in a b; do
  [ -d "timeline-$site" ] || "$osler" tokenize --out "timeline-$site" "people-$site"
  [ -d "model-$site" ] || "$osler" train --out "model-$site" "$@" "timeline-$site"
done
# Five hundred of B's people: to learn from alone, to go on from A's model, to set its risks.
[ -d timeline-local ] || "$osler" tokenize --out timeline-local local
[ -d model-local ] || "$osler" train --out model-local "$@" timeline-local
[ -d timeline-tuned ] || "$osler" tokenize --model model-a --out timeline-tuned local
[ -d model-tuned ] || "$osler" train --from model-a --out model-tuned --learning-rate 2e-4 --epochs 2 timeline-tuned
# A's model reads B's codes: every sure pair is taken as it is, which somebody should have looked at.
[ -f pairs.csv ] || "$osler" adopt --model model-a --propose pairs.csv local
[ -d model-adopted ] || "$osler" adopt --model model-a --pairs pairs.csv --out model-adopted local
[ -d model-adopted-calibrated ] || "$osler" calibrate --model model-adopted --split train --visits 3 --out model-adopted-calibrated local
[ -d timeline-adopted ] || "$osler" tokenize --model model-adopted --out timeline-adopted local
[ -d model-adopted-tuned ] || "$osler" train --from model-adopted --out model-adopted-tuned --learning-rate 2e-4 --epochs 2 timeline-adopted
for way in parent describe; do
  [ -d "model-calibrated-$way" ] || "$osler" calibrate --model model-a --split train --visits 3 --unseen-codes "$way" \
    --out "model-calibrated-$way" local
done
grade() { # NAME MODEL SITE [OPTIONS…]
  local name="$1" model="$2" site="$3"
  shift 3
  [ -d "grades-$name" ] || "$osler" grade --model "$model" --truth "graded-$site" --split all --show risks --draws 200 \
    --out "grades-$name" "$@" "graded-$site" > /dev/null
}
grade home model-a a
grade away-ignore model-a b --unseen-codes ignore
grade away-parent model-a b
grade away-described model-a b --unseen-codes describe
grade calibrated-parent model-calibrated-parent b
grade calibrated-described model-calibrated-describe b --unseen-codes describe
grade adopted model-adopted b
grade adopted-calibrated model-adopted-calibrated b
grade tuned model-tuned b
grade adopted-tuned model-adopted-tuned b
grade local model-local b
grade native model-b b
python3 - "$PWD" <<'P'
import glob, json, os, sys
for path in sorted(glob.glob(os.path.join(sys.argv[1], "grades-*", "report.json"))):
    print(os.path.basename(os.path.dirname(path))[7:], json.load(open(path))["answer"])
P
