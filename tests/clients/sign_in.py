"""Tokens in Entra ID's shape, signed by PyJWT, shown by OpenAI's client and an Azure credential: sign_in.py URL PRIVATE_KEY"""

import base64
import hashlib
import hmac
import json
import sys
import time
from pathlib import Path

import httpx
import jwt
import openai
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

url, key = sys.argv[1], Path(sys.argv[2]).read_bytes()
tenant = "11111111-2222-3333-4444-555555555555"


def token(algorithm="RS256", signing=key, kid="entra-1", **changes):
    now = int(time.time())
    claims = {
        "aud": "api://osler",
        "iss": f"https://login.microsoftonline.com/{tenant}/v2.0",
        "iat": now,
        "nbf": now,
        "exp": now + 3900,
        "azp": "99999999-8888-7777-6666-555555555555",
        "name": "Ann Canary",
        "oid": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "preferred_username": "ann.canary@hospital.example",
        "roles": ["Osler.Developer"],
        "scp": "access_as_user",
        "sub": "x7kLcanary",
        "tid": tenant,
        "uti": "u",
        "ver": "2.0",
    } | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, signing, algorithm=algorithm, headers={"kid": kid})


def status(shown):
    answer = httpx.get(f"{url}/openai/v1/models", headers={"authorization": f"Bearer {shown}"})
    return answer.status_code, answer.json().get("error", {}).get("code")


client = openai.OpenAI(base_url=f"{url}/openai/v1", api_key=token())
model = client.models.list().data[0].id
messages = [{"role": "user", "content": "Hello"}]
assert "FHIR R4 Bundle" in client.chat.completions.create(model=model, messages=messages).choices[0].message.content
# Twice with one credential: such a token is good until it ends.
azure = openai.AzureOpenAI(azure_endpoint=url, azure_ad_token_provider=token, api_version="2024-10-21")
for _ in range(2):
    azure.chat.completions.create(model=model, messages=messages)
clinician = token(roles=["Osler.Clinician"])
assert httpx.post(f"{url}/v1/risk", json={}, headers={"authorization": f"Bearer {clinician}"}).status_code == 403

now = int(time.time())
pem = load_pem_private_key(key, None).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
claims = token().split(".")[1]


def by_public_key():
    # PyJWT refuses to do it.
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": "entra-1"}).encode()).rstrip(b"=").decode()
    tag = hmac.new(pem, f"{head}.{claims}".encode(), hashlib.sha256).digest()
    return f"{head}.{claims}.{base64.urlsafe_b64encode(tag).rstrip(b'=').decode()}"


for what, shown, expected in [
    ("expired", token(exp=now - 120), (401, "token_refused")),
    ("not valid yet", token(nbf=now + 600), (401, "token_refused")),
    ("for another application", token(aud="api://other"), (401, "token_refused")),
    ("of another tenant", token(tid="22222222-2222-3333-4444-555555555555"), (401, "token_refused")),
    ("of another issuer", token(iss="https://login.microsoftonline.com/common/v2.0"), (401, "token_refused")),
    ("alg none", token(algorithm="none", signing=None), (401, "token_refused")),
    ("HS256 by the public key", by_public_key(), (401, "token_refused")),
    ("RS512", token(algorithm="RS512"), (401, "token_refused")),
    ("unknown kid", token(kid="entra-2"), (401, "token_refused")),
    ("no role", token(roles=None), (403, "no_role")),
    ("another application's role", token(roles=["Owner"]), (403, "no_role")),
    ("huge", token(padding="x" * 12000), (401, "token_refused")),
]:
    assert status(shown) == expected, (what, status(shown))
assert status(token()) == (200, None)
print("identity provider: openai and AzureOpenAI with tokens in Entra ID's shape; 12 hostile tokens refused")
