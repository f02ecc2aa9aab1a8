"""The server's FHIR answers are valid R4, and its labels those of HL7's AI Transparency guide: fhir_out.py URL KEY"""

import sys

import httpx
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome

from record import bundle, key_of

url, key = sys.argv[1], key_of(sys.argv[2])
http = httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=60)

statement = http.get("/fhir/metadata")
assert statement.headers["content-type"] == "application/fhir+json"
assert CapabilityStatement.model_validate(statement.json()).rest[0].operation[0].name == "risk"

sent = bundle(url, key)
answer = http.post("/fhir/$risk", json=sent, headers={"content-type": "application/fhir+json"})
answer.raise_for_status()
found = Bundle.model_validate(answer.json())
kinds = {entry.resource.get_resource_type(): entry.resource for entry in found.entry}
assert set(kinds) == {"RiskAssessment", "GuidanceResponse", "Device", "DocumentReference", "Provenance"}
for resource in kinds.values():
    assert resource.meta.security[0].code == "AIAST", resource
risk, provenance = kinds["RiskAssessment"], kinds["Provenance"]
assert risk.prediction and all(0 <= p.probabilityDecimal <= 100 for p in risk.prediction)
assert any(p.outcome.coding and p.outcome.coding[0].system == "http://hl7.org/fhir/sid/icd-10-cm" for p in risk.prediction)
assert provenance.reason[0].coding[0].code == "AIAST"
assert {target.reference for target in provenance.target} <= {entry.fullUrl for entry in found.entry}
patient = next(entry["resource"] for entry in sent["entry"] if entry["resource"]["resourceType"] == "Patient")
for said in [patient["id"], patient["birthDate"], *[name.get("family", "\0") for name in patient.get("name", [])]]:
    assert said not in answer.text, "the answer names the patient"

for request in (
    http.post("/fhir/$risk", json={"resourceType": "Bundle", "type": "collection"}),
    http.post("/fhir/$risk", content="{", headers={"content-type": "application/fhir+json"}),
    http.get("/fhir/Patient/1"),
    httpx.get(f"{url}/fhir/metadata"),
):
    assert request.status_code >= 400
    OperationOutcome.model_validate(request.json())
print(f"fhir: CapabilityStatement, {', '.join(sorted(kinds))} and OperationOutcome are valid R4 with their AI labels, {len(risk.prediction)} predictions")
