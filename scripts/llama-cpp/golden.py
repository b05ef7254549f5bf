"""Writes what llama.cpp says to the prompts of crates/engine/tests/golden/prompts.json, the most likely token each time.

    LLAMA_CPP=$(scripts/llama-cpp/install) python3 scripts/llama-cpp/golden.py MODEL.gguf > crates/engine/tests/golden/NAME.json
"""

import hashlib
import heapq
import json
import pathlib
import sys

import llama

NEW_TOKENS = 64
CONTEXT_TOKENS = 1024
PROMPTS = pathlib.Path(__file__).parents[2] / "crates/engine/tests/golden/prompts.json"


def chatml(messages):
    """The messages as the model's own template renders them."""
    turns = "".join(f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n" for message in messages)
    return f"{turns}<|im_start|>assistant\n"


def answer(model, context, prompt):
    """The most likely tokens after the prompt, and how far each was ahead of the second."""
    context.forget()
    text = prompt["text"] if "text" in prompt else chatml(prompt["chat"])
    prompt_tokens = model.tokens(text)
    row, position, tokens, margins = context.read([(0, 0, prompt_tokens)])[0], len(prompt_tokens), [], []
    while True:
        logits = context.logits(row)
        best, second = heapq.nlargest(2, range(len(logits)), key=logits.__getitem__)
        tokens.append(best)
        margins.append(round(logits[best] - logits[second], 4))
        if len(tokens) == NEW_TOKENS or model.ends(best):
            break
        row, position = context.read([(0, position, [best])])[0], position + 1
    said = tokens[:-1] if model.ends(tokens[-1]) else tokens
    return {
        "name": prompt["name"],
        "prompt_tokens": prompt_tokens,
        "tokens": tokens,
        "margins": margins,
        "text": model.text(said),
    }


path = sys.argv[1]
with open(path, "rb") as file:
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
# One thread: what comes out does not depend on their number, and nothing else that runs here disturbs it.
model = llama.Model(path, threads=1)
context = llama.Context(model, CONTEXT_TOKENS)
answers = []
for prompt in json.loads(PROMPTS.read_text()):
    answers.append(answer(model, context, prompt))
    print(f"{prompt['name']}: {answers[-1]['text'][:60]!r}", file=sys.stderr)
system = model.lib.llama_print_system_info().decode().strip()
# A line for each answer, so that a change of one is a change of one line.
lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in answers)
print(f'{{"sha256": "{sha256}", "system": "{system}", "answers": [\n{lines}\n]}}')
