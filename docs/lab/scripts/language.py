"""Osler, transformers and llama.cpp on the same GGUF file: tokens per second of prompts and of writing, in turns.

    uv pip install torch transformers gguf llama-cpp-python
    python docs/lab/scripts/language.py target/release/osler SCRATCH [--rounds 5] [--threads 2] [--written 32] [--without llama.cpp]

Each round runs the three one after the other on all prompts of tests/python/language_prompts.json: the prompt in
one go, of which only the last token's logits are wanted, then greedy tokens with kept keys and values. transformers
runs in 32 bits, eager and with its default attention; llama.cpp as llama-cpp-python builds it. Prints the medians and
ranges of rounds, and ratios within rounds.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/python"))
PROMPTS = ROOT / "tests/python/language_prompts.json"


def osler(arguments, model, written):
    command = [arguments.osler, "bench", "language", "--model", str(model), "--prompts", str(PROMPTS), "--json"]
    command += ["--threads", str(arguments.threads), "--decode", str(written)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found["prompt_tokens_per_s"], found["decode_tokens_per_s"], found["rss_mb"]


class Transformers:
    def __init__(self, path, threads):
        import torch
        from transformers import AutoModelForCausalLM

        torch.set_num_threads(threads)
        self.torch = torch
        model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
        self.model = model.eval()

    def run(self, prompts, written):
        torch, read, wrote = self.torch, 0.0, 0.0
        with torch.inference_mode():
            for tokens in prompts:
                begin = time.perf_counter()
                out = self.model(torch.tensor([tokens]), use_cache=True, logits_to_keep=1)
                next_token = out.logits[:, -1:].argmax(-1)
                read += time.perf_counter() - begin
                begin = time.perf_counter()
                for _ in range(written):
                    out = self.model(next_token, past_key_values=out.past_key_values, use_cache=True)
                    next_token = out.logits[:, -1:].argmax(-1)
                wrote += time.perf_counter() - begin
        return sum(map(len, prompts)) / read, len(prompts) * written / wrote


class LlamaCpp:
    def __init__(self, path, threads):
        from llama_cpp import Llama

        self.model = Llama(str(path), n_ctx=2048, n_batch=512, n_threads=threads, n_threads_batch=threads, verbose=False)

    def tokens(self, text):
        return self.model.tokenize(text.encode(), add_bos=False, special=True)

    def run(self, prompts, written):
        import numpy as np

        read, wrote = 0.0, 0.0
        for tokens in prompts:
            self.model.reset()
            begin = time.perf_counter()
            self.model.eval(tokens)
            read += time.perf_counter() - begin
            begin = time.perf_counter()
            for _ in range(written):
                logits = self.model._ctx.get_logits_ith(-1)
                self.model.eval([int(np.ctypeslib.as_array(logits, (self.model.n_vocab(),)).argmax())])
            wrote += time.perf_counter() - begin
        return sum(map(len, prompts)) / read, len(prompts) * written / wrote


def ours(arguments, model, scratch):
    """The prompts' tokens, as Osler has them."""
    from safetensors import safe_open

    logits = scratch / "tokens.safetensors"
    command = [arguments.osler, "bench", "language", "--model", str(model), "--prompts", str(PROMPTS), "--json"]
    subprocess.run([*command, "--decode", "0", "--logits", str(logits), "--force"], check=True, capture_output=True)
    with safe_open(logits, "np") as file:
        count = len(json.loads(PROMPTS.read_text()))
        tokens = [file.get_tensor(f"tokens.{index}").tolist() for index in range(count)]
    logits.unlink()
    return tokens


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("osler")
    parser.add_argument("scratch", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--written", type=int, default=32)
    parser.add_argument("--without", action="append", default=[], choices=["transformers", "llama.cpp"])
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    from check_language import model_file

    arguments.scratch.mkdir(parents=True, exist_ok=True)
    path = model_file(arguments.scratch)
    prompts = ours(arguments, path, arguments.scratch)
    sides = {"transformers": Transformers, "llama.cpp": LlamaCpp}
    others = {name: side(path, arguments.threads) for name, side in sides.items() if name not in arguments.without}
    if "llama.cpp" in others:
        texts = json.loads(PROMPTS.read_text())
        same = sum(others["llama.cpp"].tokens(text) == tokens for text, tokens in zip(texts, prompts))
        print(f"{same} of {len(texts)} prompts have the same tokens as llama.cpp gives them")
    for other in others.values():
        other.run(prompts[:2], 2)
    rounds = []
    for _ in range(arguments.rounds):
        found = {"osler": osler(arguments, path, arguments.written)[:2]}
        found |= {name: other.run(prompts, arguments.written) for name, other in others.items()}
        rounds.append(found)
        print({name: [round(rate, 1) for rate in rates] for name, rates in found.items()}, flush=True)
    for kind, what in enumerate(["prompt", "written"]):
        for name in rounds[0]:
            rates = [found[name][kind] for found in rounds]
            ratios = [found["osler"][kind] / found[name][kind] for found in rounds]
            print(
                f"{what:8} {name:13} {statistics.median(rates):8.1f} tokens/s ({min(rates):.1f} to {max(rates):.1f});"
                f" Osler is {statistics.median(ratios):.2f} times as fast ({min(ratios):.2f} to {max(ratios):.2f})"
            )


if __name__ == "__main__":
    main()
