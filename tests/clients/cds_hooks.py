"""An EHR: discovery, each hook with its templates filled in, tokens, feedback: cds_hooks.py URL KEY SITE"""

import sys
import time
import uuid

import httpx
import jwt
from healthchain.models.requests.cdsrequest import CDSRequest
from healthchain.models.responses.cdsdiscovery import CDSServiceInformation
from healthchain.models.responses.cdsfeedback import CDSFeedback
from healthchain.models.responses.cdsresponse import CDSResponse

from record import bundle, key_of

url, key = sys.argv[1], key_of(sys.argv[2])
http = httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=60)
resources = [entry["resource"] for entry in bundle(url, key)["entry"]]
patient = next(resource for resource in resources if resource["resourceType"] == "Patient")


def fill(template):
    """What a FHIR server answers to a template."""
    request = template.replace("{{context.patientId}}", patient["id"])
    assert "{{" not in request, request
    if request == f"Patient/{patient['id']}":
        return patient
    kind = request.split("?")[0]
    found = [{"resource": resource} for resource in resources if resource["resourceType"] == kind]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": found}


def call(service):
    context = {"userId": "Practitioner/1", "patientId": patient["id"], "encounterId": "e"}
    if service["hook"].startswith("order-"):
        context |= {"selections": [], "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": []}}
    return {
        "hook": service["hook"],
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": "https://ehr.example/r4",
        "context": context,
        "prefetch": {name: fill(template) for name, template in service["prefetch"].items()},
    }


def check(answer):
    """The specification's rules, beside those that healthchain's models know."""
    answer.raise_for_status()
    CDSResponse.model_validate(answer.json())
    for card in answer.json()["cards"]:
        assert 0 < len(card["summary"]) < 140
        assert card["indicator"] in ("info", "warning", "critical")
        assert card["source"]["label"]
        assert ("suggestions" in card) <= ("selectionBehavior" in card)
        assert all(reason["display"] for reason in card.get("overrideReasons", []))
        uuid.UUID(card["uuid"])
    return answer.json()["cards"]


services = http.get("/cds-services").json()["services"]
CDSServiceInformation.model_validate({"services": services})
assert len(services) == 5
shown = []
for service in services:
    CDSRequest.model_validate(call({**service, "hook": service["hook"]}))
    shown += check(http.post(f"/cds-services/{service['id']}", json=call(service)))
print(f"cds hooks: 5 services with their templates filled in, {len(shown)} cards")

first = services[0]
path = f"/cds-services/{first['id']}"
for lacking in ("patient", "conditions"):
    short = call(first)
    del short["prefetch"][lacking]
    assert http.post(path, json=short).status_code == 412
report = {
    "card": shown[0]["uuid"] if shown else str(uuid.uuid4()),
    "outcome": "overridden",
    "overrideReason": {"reason": {"system": "urn:osler:override-reason", "code": "known", "display": "Known"}, "userComment": "Ann Canary is known to us"},
    "outcomeTimestamp": "2026-11-26T10:00:00Z",
}
CDSFeedback.model_validate(report)
assert http.post(f"{path}/feedback", json={"feedback": [report]}).status_code == 200
print("cds hooks: 412 without required data; feedback")

private = {kid: open(f"{kid}.pem").read() for kid in ("ec", "rsa")}


def token(algorithm="ES384", kid="ec", **changes):
    now = int(time.time())
    claims = {"iss": "https://ehr.example", "aud": f"https://osler.example{path}", "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
    claims |= changes
    secret = None if algorithm == "none" else "x" * 48 if algorithm.startswith("HS") else private[kid]
    return jwt.encode(claims, secret, algorithm=algorithm, headers={"kid": kid})


def shown_to(bearer):
    return httpx.post(url + path, json=call(first), headers={"authorization": f"Bearer {bearer}"}, timeout=60)


now = int(time.time())
for good in (token(), token("RS384", "rsa")):
    assert shown_to(good).json() == {"cards": []}, "a draft shows an EHR no card"
    assert shown_to(good).status_code == 401, "a token opens once"
for what, bad in {
    "alg none": token("none"),
    "HMAC": token("HS384"),
    "RS256": token("RS256", "rsa"),
    "expired": token(iat=now - 900, exp=now - 600),
    "for a day": token(exp=now + 86400),
    "for another address": token(aud="https://osler.example/cds-services"),
    "of another issuer": token(iss="https://evil.example"),
    "unknown key": token(kid="ec").replace(".", "!", 1),
}.items():
    assert shown_to(bad).status_code == 401, what
print("cds hooks: ES384 and RS384 open once; none, HMAC, RS256, expired, long-lived, misdirected, foreign don't")
