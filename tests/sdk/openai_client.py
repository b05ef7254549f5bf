"""What an application does with OpenAI's own Python client; prints one JSON line, ends with an assertion if it fails."""

import json
import os

import openai

CHAT, EMBEDDING = "smollm2-135m-instruct", "all-minilm-l6-v2"
QUESTION = [{"role": "user", "content": "Name the capital of France."}]

url, key = os.environ["OPENAI_BASE_URL"], os.environ["OPENAI_API_KEY"]
client = openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=60)
seen = {"client": "python", "version": openai.__version__}

models = {model.id for model in client.models.list()}
assert {CHAT, EMBEDDING} <= models, models
assert client.models.retrieve(CHAT).id == CHAT

answer = client.chat.completions.create(model=CHAT, messages=QUESTION, max_tokens=16, temperature=0)
seen["chat"] = answer.choices[0].message.content
assert "Paris" in seen["chat"], seen
assert answer.choices[0].finish_reason in ("stop", "length"), answer
assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens, answer.usage

text, usage, pieces = "", None, 0
options = {"include_usage": True}
for chunk in client.chat.completions.create(
    model=CHAT, messages=QUESTION, max_tokens=16, temperature=0, stream=True, stream_options=options
):
    if chunk.choices and chunk.choices[0].delta.content:
        text += chunk.choices[0].delta.content
        pieces += 1
    usage = chunk.usage or usage
assert text == seen["chat"], (text, seen["chat"])
assert pieces > 1, "not streamed"
assert usage is not None and usage.completion_tokens == answer.usage.completion_tokens, usage
seen["stream_pieces"] = pieces

done = client.completions.create(model=CHAT, prompt="The capital of France is", max_tokens=4, temperature=0)
seen["completion"] = done.choices[0].text
assert done.choices[0].text and done.usage.completion_tokens >= 1, done

# The client asks for base64 by default and decodes it itself.
vectors = client.embeddings.create(model=EMBEDDING, input=["A cat sleeps.", "A kitten naps."])
assert [item.index for item in vectors.data] == [0, 1], vectors
assert all(len(item.embedding) == 384 for item in vectors.data)
plain = client.embeddings.create(model=EMBEDDING, input="A cat sleeps.", encoding_format="float")
difference = max(abs(a - b) for a, b in zip(plain.data[0].embedding, vectors.data[0].embedding))
assert difference < 1e-5, difference
seen["embedding_dimensions"] = len(plain.data[0].embedding)


def error_of(kind, call):
    try:
        call()
    except kind as error:
        return {"status": error.status_code, "code": error.code, "message": error.message}
    raise AssertionError(f"no {kind.__name__}")


def chat(with_client=client, **changes):
    return with_client.chat.completions.create(**{"model": CHAT, "messages": QUESTION, "max_tokens": 4, **changes})


stranger = openai.OpenAI(base_url=url, api_key="sk-not-a-key", max_retries=0, timeout=60)
seen["errors"] = {
    "AuthenticationError": error_of(openai.AuthenticationError, lambda: chat(stranger)),
    "NotFoundError": error_of(openai.NotFoundError, lambda: chat(model="no-such-model")),
    "NotFoundError of models": error_of(openai.NotFoundError, lambda: client.models.retrieve("no-such-model")),
    "BadRequestError": error_of(openai.BadRequestError, lambda: chat(temperature=9)),
    "BadRequestError of messages": error_of(openai.BadRequestError, lambda: chat(messages=[])),
    "BadRequestError of max_tokens": error_of(openai.BadRequestError, lambda: chat(max_tokens=-1)),
}
assert seen["errors"]["NotFoundError"]["code"] == "model_not_found", seen["errors"]
assert seen["errors"]["AuthenticationError"]["code"] == "invalid_api_key", seen["errors"]
assert "sk-not-a-key" not in json.dumps(seen["errors"]), "the error repeats the key"
print(json.dumps(seen))
