#!/usr/bin/env bash
# What deploy/Dockerfile makes, by hand, where there is no container engine: a root of the binary and the libraries that distroless's
# `cc` has, nothing else; a user who is nobody; ready, closed without a key, answering with one, gone on SIGTERM.
#
#   bash deploy/check.sh OSLER MODEL SCRATCH      (as root, for chroot)
set -euo pipefail
osler="$(realpath "$1")" model="$(realpath "$2")" root="$3/image" nobody=65532
rm -rf "$root"
mkdir -p "$root/usr/local/bin" "$root/lib64" "$root/lib/x86_64-linux-gnu" "$root/var/osler/site" "$root/var/osler/model" "$root/dev"
cp "$osler" "$root/usr/local/bin/osler"
while read -r library; do
  case "$(basename "$library")" in
    ld-linux-x86-64.so.2 | libc.so.6 | libm.so.6 | libgcc_s.so.1 | libpthread.so.0 | libdl.so.2) cp -L "$library" "$root$library" ;;
    *) echo "$library is not in distroless's cc"; exit 1 ;;
  esac
done < <(ldd "$osler" | grep -o '/lib[^ ]*')
cp "$model"/* "$root/var/osler/model/"
"$osler" access grant --governance "$root/var/osler/site" --name check --scope predict,read --trial >"$3/image.key"
chown -R "$nobody:$nobody" "$root/var/osler/site"
chmod -R go-w "$root"

# The image's own words, but for the port, which may be taken here.
words="$(sed -n 's/^CMD \[\(.*\)\]$/\1/p' "$(dirname "$0")/Dockerfile" | tr -d '",')"
[ -n "$words" ] || { echo "the Dockerfile has no CMD"; exit 1; }
port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
# shellcheck disable=SC2086 # words are words
OSLER_LOG=warn chroot --userspec="$nobody:$nobody" "$root" /usr/local/bin/osler ${words/8080/$port} &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
url="http://127.0.0.1:$port"
for _ in $(seq 100); do curl -fsS "$url/health/ready" >/dev/null 2>&1 && break; sleep 0.2; done
curl -fsS "$url/health/ready" >/dev/null
[ "$(awk '/^Uid:/ {print $2}' "/proc/$server/status")" = "$nobody" ] || { echo "it doesn't run as nobody"; exit 1; }
body='{"events": [{"code": "GENDER//F"}, {"time": "1958-05-01", "code": "MEDS_BIRTH"}, {"time": "2019-03-04", "code": "ICD10CM//E11.9"}]}'
ask() { curl -s -o /dev/null -w '%{http_code}' -H 'content-type: application/json' -d "$body" "$@" "$url/v1/risk"; }
[ "$(ask)" = 401 ] || { echo "answered without a key"; exit 1; }
[ "$(ask -H "api-key: $(cat "$3/image.key")")" = 200 ] || { echo "not answered with a key"; exit 1; }
written="$(find "$root" -newer "$3/image.key" -type f ! -path "$root/var/osler/site/*" ! -path "$root/var/osler/model/*" -user "$nobody")"
[ -z "$written" ] || { echo "written outside the governance directory: $written"; exit 1; }
kill -TERM "$server"
for _ in $(seq 100); do kill -0 "$server" 2>/dev/null || break; sleep 0.1; done
kill -0 "$server" 2>/dev/null && { echo "it is still there 10 s after SIGTERM"; exit 1; }
wait "$server" && echo "image by hand: nobody, no shell, ready, 401 without a key, 200 with one, ended on SIGTERM"
