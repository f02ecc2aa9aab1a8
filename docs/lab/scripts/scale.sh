#!/usr/bin/env bash
# What long records, large vocabularies and large models take, beside what was stated. Each in a process of its own.
#
#   bash docs/lab/scripts/scale.sh OSLER [THREADS]
set -uo pipefail
osler="$(realpath "$1")" threads="${2:-2}"
"$osler" bench scale --threads "$threads" --json
"$osler" bench scale --threads "$threads" --gradient-slots 2 --json
"$osler" bench scale --threads "$threads" --size small --gradient-slots 2 --json
"$osler" bench scale --threads "$threads" --size base --codes 5000 --events 5000 --context 1024 --steps 3 --json
# Refused before it is begun, on a machine with less.
"$osler" bench scale --threads "$threads" --size large --json
