"""What somebody who means harm sends: hostile.py URL KEY. Prints attack, expected, got."""

import json
import socket
import sys
import time
from urllib.parse import urlparse

import httpx

from record import key_of

url, key = sys.argv[1], key_of(sys.argv[2])
address = urlparse(url)
good = {"events": [{"code": "MEDS_BIRTH", "time": "1950-01-01"}, {"code": "ICD10CM//I10", "time": "2019-01-01"}]}
failures = 0


def told(attack, expected, got):
    global failures
    wrong = got not in (expected if isinstance(expected, tuple) else (expected,))
    failures += wrong
    print(f"{'WRONG ' if wrong else ''}| {attack} | {expected} | {got} |")


def ask(method, path, content=None, **headers):
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    try:
        return httpx.request(method, url + path, content=content, headers=headers, timeout=60).status_code
    except httpx.HTTPError as error:
        return type(error).__name__


def raw(request, wait=30):
    begun = time.time()
    with socket.create_connection((address.hostname, address.port), timeout=wait) as stream:
        stream.sendall(request)
        answer = b""
        try:
            while part := stream.recv(65536):
                answer += part
        except OSError:
            pass
    status = answer.split(b" ")[1].decode() if answer.startswith(b"HTTP/") else "closed"
    return (int(status) if status.isdigit() else status), time.time() - begun


risk, cds, chat = "/v1/risk", "/cds-services/osler-patient-view", "/openai/v1/chat/completions"
for path in (risk, cds, chat):
    told(f"17 MB body at {path}", (413, "WriteError", "ReadError"), ask("POST", path, b"[" + b"1," * (17 << 19) + b"1]"))
    told(f"100,000 brackets at {path}", 400, ask("POST", path, b'{"a":' + b"[" * 100000 + b"]" * 100000 + b"}"))
    told(f"half a JSON at {path}", 400, ask("POST", path, b'{"patient": {"events": ['))
    told(f"not UTF-8 at {path}", 400, ask("POST", path, b'{"\xff\xfe": 1}'))
    told(f"an empty body at {path}", 400, ask("POST", path, b""))
    told(f"a list at {path}", 400, ask("POST", path, b"[]"))
    told(f"a form at {path}", 415, ask("POST", path, b"a=b", content_type="application/x-www-form-urlencoded"))
    told(f"no key at {path}", 401, ask("POST", path, json.dumps(good), authorization=""))
    told(f"a key of zeros at {path}", 401, ask("POST", path, json.dumps(good), authorization="Bearer osler_000000000000_" + "0" * 64))
    told(f"a key of 1 MB at {path}", (401, 431, "WriteError", "ReadError", "RemoteProtocolError"), ask("POST", path, json.dumps(good), authorization="Bearer " + "a" * (1 << 20)))
deep = '{"resourceType":"Bundle","entry":' + "[" * 5000 + "]" * 5000 + "}"
told("a deep record within a message", 400, ask("POST", chat, json.dumps({"messages": [{"role": "user", "content": deep}]})))
told("60,000 half-open objects in a message", 200, ask("POST", chat, json.dumps({"messages": [{"role": "user", "content": '{"a":' * 60000}]})))
told("257 patients", 400, ask("POST", risk, json.dumps({"patients": [good] * 257})))
told("numbers that overflow", (400, 422, 200), ask("POST", risk, json.dumps(good).replace('"2019-01-01"', '"2019-01-01","numeric_value":1e999')))
told("a date in year 9999", 400, ask("POST", risk, json.dumps(good).replace("2019", "9999")))
told("a path that climbs", 404, ask("GET", "/openai/../../../etc/passwd"))
told("a model's name that climbs", 404, ask("POST", "/openai/deployments/..%2f..%2fetc%2fpasswd/chat/completions", json.dumps({"messages": []})))
told("a service's name that climbs", 404, ask("POST", "/cds-services/..%2f..%2fetc%2fpasswd", b"{}"))
told("another method", 405, ask("DELETE", risk))
told("a name in x-request-id", 200, ask("POST", risk, json.dumps(good), x_request_id="Ann Canary"))
host = f"host: {address.netloc}\r\n".encode()
auth = f"authorization: Bearer {key}\r\n".encode()
status, _ = raw(b"POST /v1/risk HTTP/1.1\r\n" + host + auth + b"x-request-id: a\r\n\tcanary: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
told("a folded header", (400, 415), status)
status, _ = raw(b"POST /v1/risk HTTP/1.1\r\n" + host + auth + b"content-length: 2\r\ntransfer-encoding: chunked\r\nconnection: close\r\ncontent-type: application/json\r\n\r\n0\r\n\r\n")
told("two lengths (request smuggling)", 400, status)
status, took = raw(b"GET /v1/models HTTP/1.1\r\n" + host)
told("a head that never ends is cut off within 15 s", True, took < 15)
status, took = raw(b"POST /v1/risk HTTP/1.1\r\n" + host + auth + b"content-type: application/json\r\ncontent-length: 100\r\n\r\n{")
told("a body that never comes is cut off within 25 s", True, status in (408, "closed") and took < 25)
told("and the server still answers", 200, ask("POST", risk, json.dumps(good)))
sys.exit(1 if failures else 0)
