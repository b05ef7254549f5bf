// What an application does with OpenAI's own npm client; prints one JSON line, ends with an assertion if it fails.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

// The client lies in the folder that scripts/setup made, not beside this file.
const require = createRequire(join(process.env.CUCKOO_NPM, "package.json"));
const OpenAI = require("openai");

const CHAT = "smollm2-135m-instruct";
const EMBEDDING = "all-minilm-l6-v2";
const messages = [{ role: "user", content: "Name the capital of France." }];
const options = { baseURL: process.env.OPENAI_BASE_URL, maxRetries: 0, timeout: 60_000 };
const client = new OpenAI({ ...options, apiKey: process.env.OPENAI_API_KEY });
const seen = { client: "npm", version: require("openai/version").VERSION };

const models = [];
for await (const model of client.models.list()) models.push(model.id);
assert(models.includes(CHAT) && models.includes(EMBEDDING), models.join());
assert.equal((await client.models.retrieve(CHAT)).id, CHAT);

const answer = await client.chat.completions.create({ model: CHAT, messages, max_tokens: 16, temperature: 0 });
seen.chat = answer.choices[0].message.content;
assert.match(seen.chat, /Paris/);
assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);

let text = "";
let usage;
seen.stream_pieces = 0;
const stream = await client.chat.completions.create({
  model: CHAT, messages, max_tokens: 16, temperature: 0, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  const piece = chunk.choices[0]?.delta?.content;
  if (piece) {
    text += piece;
    seen.stream_pieces += 1;
  }
  usage = chunk.usage ?? usage;
}
assert.equal(text, seen.chat);
assert(seen.stream_pieces > 1, "not streamed");
assert.equal(usage?.completion_tokens, answer.usage.completion_tokens);

const done = await client.completions.create({
  model: CHAT, prompt: "The capital of France is", max_tokens: 4, temperature: 0,
});
seen.completion = done.choices[0].text;
assert(seen.completion && done.usage.completion_tokens >= 1);

// The client asks for base64 by default and decodes it itself.
const vectors = await client.embeddings.create({ model: EMBEDDING, input: ["A cat sleeps.", "A kitten naps."] });
assert.deepEqual(vectors.data.map((item) => item.index), [0, 1]);
seen.embedding_dimensions = vectors.data[0].embedding.length;
assert.equal(seen.embedding_dimensions, 384);
const length = Math.hypot(...vectors.data[0].embedding);
assert(Math.abs(length - 1) < 1e-3, `length ${length}`);

async function errorOf(kind, call) {
  try {
    await call();
  } catch (error) {
    assert(error instanceof kind, `expected ${kind.name}, got ${error}`);
    return { status: error.status, code: error.code, message: error.message };
  }
  throw new Error(`no ${kind.name}`);
}
const chat = (changes, withClient = client) =>
  withClient.chat.completions.create({ model: CHAT, messages, max_tokens: 4, ...changes });

const stranger = new OpenAI({ ...options, apiKey: "sk-not-a-key" });
seen.errors = {
  AuthenticationError: await errorOf(OpenAI.AuthenticationError, () => chat({}, stranger)),
  NotFoundError: await errorOf(OpenAI.NotFoundError, () => chat({ model: "no-such-model" })),
  "NotFoundError of models": await errorOf(OpenAI.NotFoundError, () => client.models.retrieve("no-such-model")),
  BadRequestError: await errorOf(OpenAI.BadRequestError, () => chat({ temperature: 9 })),
  "BadRequestError of messages": await errorOf(OpenAI.BadRequestError, () => chat({ messages: [] })),
};
assert.equal(seen.errors.NotFoundError.code, "model_not_found");
assert.equal(seen.errors.AuthenticationError.code, "invalid_api_key");
console.log(JSON.stringify(seen));
