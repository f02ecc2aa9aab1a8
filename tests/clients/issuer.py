"""An EHR's and an identity provider's signing keys: issuer.py DIRECTORY writes issuers.toml, oidc.toml, the key sets, and the private
keys beside it."""

import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

directory = Path(sys.argv[1])
keys = {"ec": ec.generate_private_key(ec.SECP384R1()), "rsa": rsa.generate_private_key(65537, 3072)}
public = []
for kid, key in keys.items():
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (directory.parent / f"{kid}.pem").write_bytes(pem)
    algorithm = ECAlgorithm if kid == "ec" else RSAAlgorithm
    public.append({**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig"})
(directory / "ehr.jwks.json").write_text(json.dumps({"keys": public}))
(directory / "issuers.toml").write_text(
    'audience = "https://osler.example"\n[[issuer]]\niss = "https://ehr.example"\njwks = "ehr.jwks.json"\n'
)

tenant = "11111111-2222-3333-4444-555555555555"
entra = rsa.generate_private_key(65537, 2048)
(directory.parent / "entra.pem").write_bytes(entra.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
# As Entra ID publishes them: no `alg`, and members of its own.
jwk = {k: v for k, v in json.loads(RSAAlgorithm.to_jwk(entra.public_key())).items() if k != "key_ops"}
jwk |= {"kid": "entra-1", "use": "sig", "x5c": ["MIIC"], "issuer": f"https://login.microsoftonline.com/{tenant}/v2.0"}
(directory / "entra.jwks.json").write_text(json.dumps({"keys": [jwk]}))
(directory / "oidc.toml").write_text(
    f"""[[issuer]]
iss = "https://login.microsoftonline.com/{tenant}/v2.0"
aud = "api://osler"
tid = "{tenant}"
jwks = "entra.jwks.json"

[roles.developer]
values = ["Osler.Developer"]
scopes = ["predict", "chat", "score", "read"]
trial = true
[roles.clinician]
values = ["Osler.Clinician"]
scopes = ["chat", "cds", "read"]
"""
)
