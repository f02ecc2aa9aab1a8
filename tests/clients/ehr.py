"""An EHR nobody here wrote, sekmet-fhir, guarded by SMART Backend Services, with patients nobody here wrote (Synthea's):

    ehr.py prepare PORT DIRECTORY                    settings, keys and patients
    ehr.py export OSLER DIRECTORY                    `osler ingest fhir+http://…` against it
    ehr.py prefetch URL KEY DIRECTORY                CDS Hooks calls whose prefetch it is asked for by `osler serve --fhir-server`

The patients are the smallest of $OSLER_SHARED_DATA, read in place."""

import json
import os
import subprocess
import sys
import tarfile
import time
import uuid
from pathlib import Path

import httpx
import jwt
import zstandard
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from record import bundle, key_of

PATIENTS = 5


def prepare(port, directory):
    home = Path(directory)
    home.mkdir()
    clients = []
    for name, scopes in (("osler", "system/*.read"), ("loader", "system/*.*")):
        key = ec.generate_private_key(ec.SECP384R1())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (home / f"{name}.pem").write_bytes(private)
        (home / f"{name}.pem").chmod(0o600)
        public = home / f"{name}.pub"
        public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        clients.append({"client_id": name, "public_key_path": str(public.resolve()), "scopes": scopes})
    settings = {
        "base_url": f"http://127.0.0.1:{port}/fhir",
        "host": "127.0.0.1",
        "port": int(port),
        "data_dir": str(home.resolve() / "data"),
        "simulator": {"enabled": False},
        "validation": {"inbound": "off"},
        "server_auth": {"types": ["smart"], "smart_clients": clients},
    }
    # JSON is YAML.
    (home / "settings.yaml").write_text(json.dumps(settings))
    (home / "patients").mkdir()
    archive = Path(os.environ["OSLER_SHARED_DATA"]) / "fhir-r4-synthea-bundles.tar.zst"
    with archive.open("rb") as compressed:
        stream = zstandard.ZstdDecompressor().stream_reader(compressed)
        with tarfile.open(fileobj=stream, mode="r|") as files:
            found = []
            for file in files:
                if file.isfile() and file.name.endswith(".json") and "Information" not in file.name:
                    found.append((file.size, files.extractfile(file).read()))
                    found = sorted(found, key=lambda pair: pair[0])[:PATIENTS]
    for at, (_, text) in enumerate(found):
        (home / "patients" / f"patient-{at}.json").write_bytes(text)


def settings_of(directory):
    return json.loads((Path(directory) / "settings.yaml").read_text())


def token(directory, client, scope):
    """A token of the EHR's, got as its documentation has it."""
    base = settings_of(directory)["base_url"]
    endpoint = httpx.get(f"{base}/.well-known/smart-configuration", timeout=60).json()["token_endpoint"]
    claims = {"iss": client, "sub": client, "aud": endpoint, "exp": int(time.time()) + 240, "jti": str(uuid.uuid4())}
    form = {
        "grant_type": "client_credentials",
        "scope": scope,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(claims, (Path(directory) / f"{client}.pem").read_text(), algorithm="ES384"),
    }
    answer = httpx.post(endpoint, data=form, timeout=60)
    answer.raise_for_status()
    return answer.json()["access_token"]


def ehr(directory, client, scope):
    bearer = {"authorization": f"Bearer {token(directory, client, scope)}"}
    return httpx.Client(base_url=settings_of(directory)["base_url"], headers=bearer, timeout=300)


def load(server, record):
    """Stores a Bundle's resources under the ids that they have."""
    for entry in record["entry"]:
        resource = entry["resource"]
        entry["request"] = {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}
    answer = server.post("/", json={**record, "type": "transaction"})
    answer.raise_for_status()


def patient_of(record):
    return next(e["resource"] for e in record["entry"] if e["resource"]["resourceType"] == "Patient")


def records(directory):
    return [json.loads(path.read_text()) for path in sorted((Path(directory) / "patients").iterdir())]


def events(directory):
    files = [path for path in Path(directory, "data").rglob("*") if path.is_file()]
    assert files
    return {path.relative_to(directory): path.read_bytes() for path in files}


def export(osler, directory):
    server = ehr(directory, "loader", "system/*.*")
    for record in records(directory):
        load(server, record)
    ids = [patient_of(record)["id"] for record in records(directory)]
    members = [{"entity": {"reference": f"Patient/{id}"}} for id in ids[:2]]
    group = {"resourceType": "Group", "id": "ward", "type": "person", "actual": True, "member": members}
    server.put("/Group/ward", json=group).raise_for_status()
    base = settings_of(directory)["base_url"]
    home = Path(directory)
    subprocess.run([osler, "key", "new", "--out", home / "site.key"], check=True, capture_output=True)

    def ingest(out, *rest, key="osler.pem", succeeds=True):
        words = [osler, "ingest", "--from", "fhir", "--synthetic", "--key", home / "site.key", "--out", home / out]
        if rest[-1].startswith("fhir+"):
            words += ["--download", home / f"{out}-files", "--smart-client", "osler", "--smart-key", home / key]
        done = subprocess.run([*words, *rest], capture_output=True, text=True)
        assert (done.returncode == 0) == succeeds, done.stderr
        for secret in ("eyJ", *ids):
            assert secret not in done.stderr, "a token or an id was told"
        return done.stderr

    said = ingest("all", f"fhir+{base}")
    ingest("local", str(home / "patients"))
    assert events(home / "all") == events(home / "local"), "the export's events are not those of the same records"
    print(f"export: {said.splitlines()[0].split(';')[0]}; the same events as from disk")

    said = ingest("ward", "--export-group", "ward", "--export-types", "Patient,Condition,Encounter", f"fhir+{base}")
    kinds = {path.name.split(".")[0] for path in (home / "ward-files" / "resources").iterdir()}
    assert kinds == {"Patient", "Condition", "Encounter"}, kinds
    exported = (home / "ward-files" / "resources").glob("Patient.*")
    assert sorted(json.loads(line)["id"] for path in exported for line in path.open()) == sorted(ids[:2])
    print("export: a Group's members, three types")

    later = ingest("later", "--export-since", "2200-01-01T00:00:00Z", f"fhir+{base}", succeeds=False)
    assert "holds no resources" in later, later
    refused = ingest("refused", f"fhir+{base}", key="loader.pem", succeeds=False)
    assert "401 (invalid_client)" in refused and "registration" in refused, refused
    refused = ingest("nobody", "--export-group", "none", f"fhir+{base}", succeeds=False)
    assert "404 (not-found)" in refused, refused
    print("export: nothing since, another's key, a Group that isn't there: each told")


def prefetch(url, key, directory):
    osler = httpx.Client(base_url=url, headers={"authorization": f"Bearer {key_of(key)}"}, timeout=60)
    base = settings_of(directory)["base_url"]
    # Those of another generator, and one whose codes the model knows.
    known = bundle(url, key_of(key))
    load(ehr(directory, "loader", "system/*.*"), known)
    service = next(s for s in osler.get("/cds-services").json()["services"] if s["hook"] == "patient-view")
    reader = ehr(directory, "osler", "system/*.read")
    bearer = reader.headers["authorization"].removeprefix("Bearer ")

    def call(patient, prefetch, server=base, token=bearer):
        authorization = {"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.read", "subject": "osler"}
        body = {
            "hook": "patient-view",
            "hookInstance": str(uuid.uuid4()),
            "fhirServer": server,
            "fhirAuthorization": authorization,
            "context": {"userId": "Practitioner/1", "patientId": patient},
            "prefetch": prefetch,
        }
        return osler.post(f"/cds-services/{service['id']}", json=body)

    def asked(patient, template):
        return reader.get("/" + template.replace("{{context.patientId}}", patient)).json()

    def shown(answer):
        assert answer.status_code == 200, answer.text
        return [{k: v for k, v in card.items() if k != "uuid"} for card in answer.json()["cards"]]

    def requests():
        return [line for line in (Path(directory) / "log").read_text().splitlines() if '"GET /fhir/' in line]

    cards = 0
    for record in [known, *records(directory)]:
        patient = patient_of(record)["id"]
        templates = service["prefetch"].items()
        sent = {name: asked(patient, template) for name, template in templates}
        filled = shown(call(patient, sent))
        before = len(requests())
        fetched = shown(call(patient, {}))
        lines = requests()[before:]
        for template in service["prefetch"].values():
            query = f'"GET /fhir/{template.split("?")[0].split("/")[0]}'
            assert any(query in line and line.endswith(" 200 OK") for line in lines), f"{query} was not asked"
        if any(link["relation"] == "next" for bundle in sent.values() for link in bundle.get("link", [])):
            # The EHR's prefetch is a first page; who fetches goes on to the last.
            for card in filled:
                assert "were sent" in card["detail"], card["detail"]
            for card in fetched:
                assert "were sent" not in card["detail"], card["detail"]
        else:
            assert fetched == filled, "what was fetched isn't what was sent"
        cards += len(fetched)
    before = len(requests())
    unnamed = call(patient, {}, server=base.replace("127.0.0.1", "localhost"))
    assert unnamed.status_code == 412 and len(requests()) == before, unnamed.text
    assert call(patient, {}, token="eyJub3QiOiJvbmUifQ.x.y").status_code == 412
    print(f"prefetch: {1 + PATIENTS} patients fetched from the EHR, all queries answered; {cards} cards, the same as when it sends the whole prefetch; 412 otherwise")


if __name__ == "__main__":
    {"prepare": prepare, "export": export, "prefetch": prefetch}[sys.argv[1]](*sys.argv[2:])
