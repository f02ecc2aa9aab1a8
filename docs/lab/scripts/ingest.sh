#!/usr/bin/env bash
# Every set of DATA through `osler ingest`: subjects, events, rejections, seconds, peak memory.
#
#   bash docs/lab/scripts/ingest.sh OSLER DATA WORK
set -euo pipefail
osler="$(realpath "$1")" data="$(realpath "$2")" work="$3"
root="$(cd "$(dirname "$0")/../../.." && pwd)"
mkdir -p "$work"
cd "$work"
[ -f site.key ] || "$osler" key new --out site.key --quiet

one() {
  local name="$1"
  shift
  local measured
  measured="$(/usr/bin/time -f '%e s | %M KB' "$osler" ingest --quiet --force --key site.key --out "$name" "$@" 2>&1)"
  python3 - "$name" "$measured" <<'P'
import json, sys
counts = json.load(open(f"{sys.argv[1]}/manifest.json"))["counts"]
subjects, events = (sum(counts[what].values()) for what in ("subjects", "events"))
print("|", sys.argv[1], "|", f"{subjects:,}", "|", f"{events:,}", "|", counts["rejected"], "|", sys.argv[2], "|")
P
}

echo "| set | subjects | events | rejected | wall | peak |"
echo "|---|---|---|---|---|---|"
one fhir-bundles --from fhir --synthetic "$data/fhir-r4-synthea-bundles.tar.zst"
one fhir-bulk --from fhir --synthetic "$data/fhir-r4-bulk-ndjson-10.tar.zst"
one omop-gibleed --from omop --synthetic "$data/omop-gibleed-5.4-csv.tar.zst"
one meds-gibleed --from meds --synthetic "$data/meds-0.3-gibleed.tar.zst"
one synthea-csv --from synthea --synthetic "$data/synthea-csv-27.tar.zst"
one physionet-a --from table --mapping "$root/examples/physionet2012.toml" "$data/physionet2012/set-a.tar.zst" "$data/physionet2012/Outcomes-a.txt"
one physionet-b --from table --mapping "$root/examples/physionet2012.toml" "$data/physionet2012/set-b.tar.zst" "$data/physionet2012/Outcomes-b.txt"
one mayo-nafld --from table --mapping "$root/examples/mayo-nafld.toml" "$data"/mayo/nafld{1,2,3}.csv
one delphi --from table --mapping "$root/examples/delphi.toml" --synthetic "$data/delphi/events.csv.zst"
