"""Patients that are kept, charts that come again longer, and futures that are drawn: patients.py URL KEY OTHER_KEY"""

import copy
import json
import sys

import httpx

from record import bundle, key_of

url, key, other = sys.argv[1], key_of(sys.argv[2]), key_of(sys.argv[3])
http = httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=120)
date = lambda resource: resource.get("onsetDateTime") or resource.get("effectiveDateTime") or resource.get("authoredOn") or (resource.get("period") or {}).get("start") or resource.get("occurrenceDateTime") or ""
example = bundle(url, key)
dated = sorted((entry for entry in example["entry"] if date(entry["resource"])), key=lambda entry: date(entry["resource"]))
# A record that the model's context doesn't hold whole is read anew each time.
dated = dated[-120:]
entries = [entry for entry in example["entry"] if not date(entry["resource"])] + dated
whole = example | {"entry": entries}
late = dated[-4:]
early = copy.deepcopy(whole) | {"entry": [entry for entry in entries if entry not in late]}
new = {"resourceType": "Bundle", "type": "collection", "entry": late}


def ok(answer, status=200):
    assert answer.status_code == status, answer.text
    return answer.json()


def near(one, another):
    curves = lambda answer: {risk["code"]: risk["cumulative_incidence"] for risk in answer["patients"][0]["risks"]}
    one, another = curves(one), curves(another)
    # Which code is the twentieth of two that are alike may turn on the last bit.
    both = one.keys() & another.keys()
    assert len(both) >= 19, (one.keys(), another.keys())
    assert all(abs(a - b) < 1e-4 for code in both for a, b in zip(one[code], another[code]))


def tokens():
    lines = [line.split() for line in http.get("/metrics").text.splitlines() if line.startswith("osler_state_tokens{")]
    return {name.split('"')[1]: float(value) for name, value in lines}


kept = ok(http.post("/v1/patients", json=early), 201)
path = f"/v1/patients/{kept['patient_id']}"
before = ok(http.post(f"{path}/risk", json={}))
near(before, ok(http.post("/v1/risk", json=early)))
added = ok(http.post(f"{path}/events", json=new))
assert added["events"] == kept["events"] + added["added"]["read"] and added["added"]["read"] >= len(late), added
assert ok(http.post(f"{path}/events", json=new))["added"]["read"] == 0
read = tokens()["read"]
after = ok(http.post(f"{path}/risk", json={}))
read = tokens()["read"] - read
near(after, ok(http.post("/v1/risk", json=whole)))
assert after["patients"] != before["patients"]
total = tokens()
assert 0 < read < 60 < total["known"], (read, total)
assert len(ok(http.post(f"{path}/embed", json={}))["embeddings"][0]) > 1
stranger = httpx.Client(base_url=url, headers={"authorization": f"Bearer {other}"}, timeout=60)
assert stranger.get(path).status_code == stranger.delete(path).status_code == 404
another = copy.deepcopy(new)
for entry in another["entry"]:
    for field in ("subject", "patient"):
        if field in entry["resource"]:
            entry["resource"][field] = {"reference": "Patient/somebody-else"}
assert http.post(f"{path}/events", json=another).status_code == 422
assert http.delete(path).status_code == 204 and http.get(path).json()["error"]["code"] == "no_such_patient"
print(f"kept patients: {read:.0f} tokens read for {added['added']['read']} events more; the answer is that of the whole record")

asked = {"patient": whole, "trajectories": 200, "horizons_days": [30, 365], "futures": 2, "seed": 5}
plain = ok(http.post("/v1/simulate", json=asked))
assert plain["trajectories"] == 200 and len(plain["futures"]) == 2
assert all(0 <= p <= 1 for risk in plain["risks"] for p in risk["probability"])
events = []
with http.stream("POST", "/v1/simulate", json=asked | {"stream": True}) as answer:
    assert answer.headers["content-type"] == "text/event-stream", answer.headers
    for line in answer.iter_lines():
        if line.startswith("event: "):
            events.append([line[7:], None])
        elif line.startswith("data: "):
            events[-1][1] = json.loads(line[6:])
assert events[-1][0] == "answer" and all(name == "progress" for name, _ in events[:-1]), events
drawn = events[-1][1]
assert drawn["futures"] == plain["futures"] and drawn["risks"] == plain["risks"], "the same seed, other futures"
print(f"futures: the same by stream and at once; {len(events) - 1} notes of progress; {plain['deaths']} of 200 end in death")
