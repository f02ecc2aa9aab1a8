"""An EHR's signing keys: issuer.py DIRECTORY writes issuers.toml, the key set, and the private keys beside it."""

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
