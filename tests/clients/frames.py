"""MLflow's scoring client, unmodified, and a managed endpoint's frames: frames.py URL KEY"""

import json
import os
import sys
import tempfile
from urllib.parse import urlparse

import httpx
import pandas
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

from record import bundle, key_of

url, key = sys.argv[1], key_of(sys.argv[2])
address = urlparse(url)
# MLflow's client has no word for a key; the library beneath it takes one from here.
netrc = tempfile.NamedTemporaryFile("w", delete=False)
netrc.write(f"machine {address.hostname} login any password {key}\n")
netrc.close()
os.environ["NETRC"] = netrc.name
try:
    client = ScoringServerClient(address.hostname, address.port)
    client.wait_server_ready()
    assert client.get_version()
    record = bundle(url, key)
    frame = pandas.DataFrame({"patient": [json.dumps(record)] * 2})
    predictions = client.invoke(frame, params={"top": 3}).get_predictions()
    assert len(predictions) == 2 and len(predictions["risks"][0]) == 3
    assert client.invoke([{"patient": record}]).get_predictions()["risks"][0]
finally:
    os.remove(netrc.name)
print("mlflow: ping, version, invocations of a frame and of a list")

headers = {"authorization": f"Bearer {key}"}
model = httpx.get(f"{url}/v1/models", headers=headers).json()["models"][0]["name"]
body = {"input_data": {"columns": ["patient"], "index": [0], "data": [[record]]}, "params": {"top": 3}}
rows = httpx.post(f"{url}/score", json=body, headers=headers | {"azureml-model-deployment": model}, timeout=60).json()
assert rows[0]["risks"] == predictions["risks"][0]
assert httpx.post(f"{url}/score", json=body, headers=headers | {"azureml-model-deployment": "other"}).status_code == 404
print("managed endpoint: a frame with columns, a deployment's header")
