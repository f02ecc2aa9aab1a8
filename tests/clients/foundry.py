"""Azure's own tools read what is deployed, offline: foundry.py DEPLOY_AZURE MODEL SCRATCH"""

import pathlib
import shutil
import subprocess
import sys

import yaml
from azure.ai.ml import load_environment, load_model, load_online_deployment, load_online_endpoint

deploy, trained, scratch = map(pathlib.Path, sys.argv[1:4])
loaders = {"environment": load_environment, "model": load_model, "endpoint": load_online_endpoint, "deployment": load_online_deployment}
work = scratch / "deploy/azure"
shutil.rmtree(work, ignore_errors=True)
shutil.copytree(deploy, work)
shutil.copytree(trained, scratch / "osler-demo/model", dirs_exist_ok=True)
loaded = {name: load(source=str(work / f"{name}.yml")) for name, load in loaders.items()}

# They agree with each other and with the server.
deployment, environment = loaded["deployment"], loaded["environment"]
assert deployment.endpoint_name == loaded["endpoint"].name and deployment.name in loaded["endpoint"].traffic
assert deployment.model == f"{loaded['model'].name}:{loaded['model'].version}"
assert deployment.environment == f"{environment.name}:{environment.version}"
routes = {kind: environment.inference_config[f"{kind}Route"] for kind in ("liveness", "readiness", "scoring")}
dockerfile = (deploy.parent / "Dockerfile").read_text()
for kind, path in {"liveness": "/health/live", "readiness": "/health/ready", "scoring": "/score"}.items():
    assert routes[kind]["path"] == path and f"EXPOSE {routes[kind]['port']}\n" in dockerfile, kind
assert f'"{deployment.model_mount_path}"' in dockerfile
print("azure-ai-ml: environment, model, endpoint, deployment")

# What these loaders are for: a name that is none is refused.
for name, load in loaders.items():
    wrong = work / f"wrong-{name}.yml"
    wrong.write_text((work / f"{name}.yml").read_text() + "\ncanary_field: 1\n")
    try:
        load(source=str(wrong))
    except Exception as error:
        assert "canary_field" in str(error), error
    else:
        raise AssertionError(f"{name}: a field that doesn't exist was taken")
print("azure-ai-ml: each refuses a field that doesn't exist")

validate = [sys.executable, "-m", "azureml.assets.validate_assets", "-a", "asset.yaml", "-n", "-C", "-i"]
said = subprocess.run([*validate, work / "catalog"], capture_output=True, text=True)
assert said.returncode == 0 and "Found 0 error(s) in 1 asset(s)" in said.stdout, said.stdout + said.stderr
spec = work / "catalog/spec.yaml"
assert yaml.safe_load(spec.read_text())["system_metadata"]["industry"] == "health-and-life-sciences"
spec.write_text(spec.read_text().replace("name: Osler-Timelines", "name: osler azureml thing"))
assert subprocess.run([*validate, work / "catalog"], capture_output=True).returncode != 0
print("azureml-assets: the catalogue's entry, names and categories; a wrong name is found")
