// Azure's client for JavaScript, unmodified: node chat.mjs URL KEY_FILE
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import ModelClient, { isUnexpected } from "@azure-rest/ai-inference";
import { AzureKeyCredential } from "@azure/core-auth";
import { createSseStream } from "@azure/core-sse";

const [url, file] = process.argv.slice(2);
const key = readFileSync(file, "utf8").trim();
const client = ModelClient(url, new AzureKeyCredential(key), { allowInsecureConnection: true });
const examples = await (await fetch(`${url}/v1/examples`, { headers: { authorization: `Bearer ${key}` } })).json();
const record = JSON.stringify(examples.examples[0].patient);
const messages = [{ role: "user", content: `What may become of this patient?\n${record}` }];

const info = await client.path("/info").get();
assert(!isUnexpected(info), "info");
const chat = await client.path("/chat/completions").post({ body: { messages, model: info.body.model_name } });
assert(!isUnexpected(chat), JSON.stringify(chat.body));
const text = chat.body.choices[0].message.content;
assert.match(text, /Not a medical device/);

const stream = await client.path("/chat/completions").post({ body: { messages, stream: true } }).asNodeStream();
let streamed = "";
for await (const event of createSseStream(stream.body)) {
  if (event.data === "[DONE]") break;
  streamed += JSON.parse(event.data).choices[0]?.delta?.content ?? "";
}
assert.equal(streamed, text);

const floats = await client.path("/embeddings").post({ body: { input: [record] } });
assert(!isUnexpected(floats), JSON.stringify(floats.body));
const coded = await client.path("/embeddings").post({ body: { input: [record], encoding_format: "base64" } });
const bytes = Buffer.from(coded.body.data[0].embedding, "base64");
const decoded = Array.from({ length: bytes.length / 4 }, (_, place) => bytes.readFloatLE(4 * place));
assert.deepEqual(decoded, floats.body.data[0].embedding.map(Math.fround));

const refused = await client.path("/chat/completions").post({ body: { messages: [{ role: "user", content: '{"resourceType": "Patient"}' }] } });
assert(isUnexpected(refused) && refused.status === "422");
console.log("@azure-rest/ai-inference: info, chat, stream, embeddings, error");
