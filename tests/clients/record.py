"""The server's own example patients (synthetic, nobody), fetched once."""

import httpx


def key_of(path):
    with open(path) as file:
        return file.read().strip()


def bundle(url, key):
    answer = httpx.get(f"{url}/v1/examples", headers={"authorization": f"Bearer {key}"}, timeout=60)
    answer.raise_for_status()
    return answer.json()["examples"][0]["patient"]
