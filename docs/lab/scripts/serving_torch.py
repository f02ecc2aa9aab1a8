"""The same model in PyTorch behind FastAPI, as well as it can be batched: serving_torch.py MODEL [PORT]

Of the shape of MODEL/config.json (weights are random: what they are changes no time). A request brings tokens, not a record: it
is spared reading, de-identifying and tokenising. It answers as Osler does: the twenty highest risks at nine horizons, death
competing. Requests wait for each other no longer than the batch before them takes; only the last token is carried through the last
block's queries and feed-forward part, as nothing else is asked. THREADS, WORKERS (processes), BATCH and DTYPE (float32, bfloat16)
may be set; OMP_WAIT_POLICY=PASSIVE keeps idle threads from spinning, which on a shared machine costs fifty times the work.
"""

import asyncio
import json
import math
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import numpy
import orjson
import torch
import torch.nn.functional as F
import uvicorn
from fastapi import FastAPI, Request, Response
from torch import nn

config = json.load(open(f"{sys.argv[1]}/config.json"))
threads, most = int(os.environ.get("THREADS", 2)), int(os.environ.get("BATCH", 32))
dtype = getattr(torch, os.environ.get("DTYPE", "float32"))
torch.set_num_threads(threads)
torch.manual_seed(0)
width, heads, kv_heads = config["width"], config["heads"], config["key_value_heads"]
head, pairs = width // heads, width // heads // 2
rotary = config["rotary"]
risk_codes, rank, horizons = len(config["risk"]["codes"]), config["risk"]["rank"], 9
lengths = torch.tensor([1, 6, 23, 60, 90, 185.25, 365.25, 1095.75, 1826.25])


def linear(i, o):
    return nn.Linear(i, o, bias=False)


def rotate(x, cos, sin):
    a, b = x[..., :pairs], x[..., pairs:]
    return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = (nn.RMSNorm(width, config["norm_epsilon"]) for _ in range(2))
        self.qkv, self.o = linear(width, (heads + 2 * kv_heads) * head), linear(width, width)
        self.gate_up, self.down = linear(width, 2 * config["feed_forward"]), linear(config["feed_forward"], width)

    def forward(self, x, cos, sin, last):
        b, t, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).split((width, kv_heads * head, kv_heads * head), -1)
        q, k, v = (y.view(b, t, -1, head).transpose(1, 2) for y in (q, k, v))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if last is None:
            a = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=heads != kv_heads)
        else:  # of each row's last token alone
            rows, place = torch.arange(b), last
            q, x = q[rows, :, place].unsqueeze(2), x[rows, place].unsqueeze(1)
            mask = (torch.arange(t) <= place[:, None])[:, None, None]
            a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=heads != kv_heads)
        x = x + self.o(a.transpose(1, 2).flatten(2))
        gate, up = self.gate_up(self.norm2(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.age = nn.Embedding(config["vocabulary_size"], width), linear(16, width)
        self.value, self.lift = linear(config["value"]["knots"], width), linear(width, width)
        self.blocks = nn.ModuleList(Block() for _ in range(config["layers"]))
        self.norm = nn.RMSNorm(width, config["norm_epsilon"])
        self.state, self.table = linear(width, horizons * rank), nn.Parameter(torch.randn(risk_codes, rank) * 0.02)
        self.bias = nn.Parameter(torch.full((horizons, risk_codes), -9.0))
        by_index, by_time = rotary["index_pairs"], pairs - rotary["index_pairs"]
        periods = torch.logspace(math.log10(rotary["shortest_period_days"]), math.log10(rotary["longest_period_days"]), by_time)
        self.register_buffer("by_index", rotary["base"] ** (-torch.arange(by_index) / max(by_index, 1)))
        self.register_buffer("by_time", 2 * math.pi / periods)
        for p in self.parameters():
            if p.dim() == 2 and p is not self.bias:
                nn.init.normal_(p, std=0.02)

    def forward(self, code, age, value, last):
        t = code.shape[1]
        x = self.embed(code)
        features = torch.sin(age[..., None] / (30.0 * 2.0 ** torch.arange(16)))
        x = x + self.age(features.to(x.dtype))
        basis = F.relu(1 - (value[..., None] * 15 - torch.arange(16)).abs()).to(x.dtype)
        x = x + self.lift(self.value(basis) * x)
        index = torch.arange(t)[:, None] * self.by_index
        angles = torch.cat((index.expand(code.shape[0], t, -1), age[..., None] * self.by_time), -1)[:, None]
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        for block in self.blocks[:-1]:
            x = block(x, cos, sin, None)
        x = self.blocks[-1](x, cos, sin, last)
        state = self.state(self.norm(x[:, 0])).view(-1, horizons, rank)
        logs = (state @ self.table.T + self.bias).float()
        hazard, death = logs.exp(), logs[..., :1].exp()
        both = hazard + death
        leaving = -torch.expm1(-both * lengths[:, None])
        free = torch.cat((torch.ones_like(leaving[:, :1]), (1 - leaving).cumprod(1)[:, :-1]), 1)
        curves = (hazard / both * free * leaving).cumsum(1)
        top = curves[:, 5].topk(min(20, risk_codes)).indices
        return curves.transpose(1, 2).contiguous(), top


model = Model().to(dtype).eval()
reference = numpy.random.default_rng(0).random((risk_codes, horizons)).astype("float32")
answers = ThreadPoolExecutor(1)
queue = asyncio.Queue()


@asynccontextmanager
async def lifespan(_):
    task = asyncio.create_task(run())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@torch.inference_mode()
def ask(batch):
    longest = max(len(asked["code"]) for asked, _ in batch)
    code = numpy.zeros((len(batch), longest), "int64")
    age, value = numpy.zeros((2, len(batch), longest), "float32")
    for row, (asked, _) in enumerate(batch):
        n = len(asked["code"])
        code[row, :n], age[row, :n], value[row, :n] = asked["code"], asked["age"], asked["value"]
    last = torch.tensor([len(asked["code"]) - 1 for asked, _ in batch])
    curves, top = model(torch.from_numpy(code), torch.from_numpy(age), torch.from_numpy(value), last)
    return curves.numpy(), top.numpy()


async def run():
    loop = asyncio.get_running_loop()
    while True:
        batch = [await queue.get()]
        while len(batch) < most and not queue.empty():
            batch.append(queue.get_nowait())
        curves, top = await loop.run_in_executor(answers, ask, batch)
        for (_, future), rows, best in zip(batch, curves, top):
            if not future.done():
                future.set_result((rows, best))


@app.get("/health/ready")
async def ready():
    return {}


@app.post("/v1/risk")
async def risk(request: Request):
    asked = orjson.loads(await request.body())
    future = asyncio.get_running_loop().create_future()
    queue.put_nowait((asked, future))
    rows, best = await future
    risks = [
        {"code": f"ICD10CM//{c}", "description": "A condition that has a name", "kind": "condition", "already_recorded": False,
         "cumulative_incidence": rows[c], "reference": reference[c]}
        for c in best.tolist()
    ]
    body = orjson.dumps({"model": "torch", "patients": [{"risks": risks}]}, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, media_type="application/json")


if __name__ == "__main__":
    port, workers = int(sys.argv[2]) if len(sys.argv) > 2 else 8090, int(os.environ.get("WORKERS", 1))
    quiet = {"loop": "uvloop", "http": "httptools", "log_level": "warning", "access_log": False}
    uvicorn.run("serving_torch:app", port=port, workers=workers, app_dir=os.path.dirname(os.path.abspath(__file__)), **quiet)
