"""llama.cpp in a process of its own, for `cargo xtask bench engine`: a question a line, an answer a line, both JSON.

    LLAMA_CPP=$(scripts/llama-cpp/install) python3 scripts/llama-cpp/measure.py MODEL.gguf THREADS TEXTS TEXT_TOKENS

Each method of `Bench` is a question; times do not include asking. TEXTS of at most TEXT_TOKENS tokens fit at once.
"""

import contextlib
import json
import os
import sys
import time

import llama


def resident_bytes():
    """Memory of this process that is in RAM."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Bench:
    """What can be asked."""

    def __init__(self, path, threads, texts, text_tokens):
        # Python and its modules are not llama.cpp's.
        self.before = resident_bytes()
        self.model = llama.Model(path, threads)
        self.text_tokens = text_tokens
        self.shared = llama.Context(self.model, text_tokens, texts)

    def about(self):
        """What runs here, and the bytes that the keys and values of a token take."""
        return {"about": self.model.about(), "kv_bytes_per_token": self.model.kv_bytes_per_token()}

    def count(self, text):
        """Tokens of a text."""
        return {"tokens": len(self.model.tokens(text))}

    def prefill(self, text):
        """Reads a text and chooses what follows."""
        tokens = self.model.tokens(text)
        with self.alone() as context:
            begun = time.perf_counter()
            context.best(context.read([(0, 0, tokens)])[0])
            return {"tokens": len(tokens), "seconds": time.perf_counter() - begun}

    def decode(self, text, tokens):
        """Produces tokens after a text; the first is the reading's."""
        prompt = self.model.tokens(text)
        with self.alone() as context:
            row = context.read([(0, 0, prompt)])[0]
            begun = time.perf_counter()
            for position in range(len(prompt), len(prompt) + tokens - 1):
                row = context.read([(0, position, [context.best(row)])])[0]
            context.best(row)
            return {"tokens": tokens - 1, "seconds": time.perf_counter() - begun}

    def concurrent(self, texts, tokens):
        """Reads texts at once and produces tokens after each."""
        begun = time.perf_counter()
        streams = self.start(texts)
        for _ in range(tokens - 1):
            self.step(streams)
        self.choose(streams)
        return {"tokens": tokens * len(texts), "seconds": time.perf_counter() - begun}

    def loaded(self, texts, text, tokens):
        """How long a new text waits for its first token, if it comes as a step begins and others have produced tokens.
        It is read whole in the step after, beside the others' next tokens, as llama.cpp's server does."""
        streams, new = self.start(texts), self.model.tokens(text)
        for _ in range(tokens):
            self.step(streams)
        begun = time.perf_counter()
        self.step(streams)
        pieces = self.choose(streams)
        rows = self.shared.read([*pieces, (len(texts), 0, new)])
        self.shared.best(rows[-1])
        return {"tokens": len(new), "seconds": time.perf_counter() - begun}

    def memory(self):
        """Bytes in RAM, without those of Python."""
        return {"bytes": resident_bytes() - self.before}

    def alone(self):
        """A context for one text, in which llama.cpp is at its best; it takes no memory once the answer is given."""
        return contextlib.closing(llama.Context(self.model, self.text_tokens))

    def start(self, texts):
        """Reads the texts; returns each stream's row and length."""
        prompts = [self.model.tokens(text) for text in texts]
        self.shared.forget()
        rows = self.shared.read([(stream, 0, prompt) for stream, prompt in enumerate(prompts)])
        return [[row, len(prompt)] for row, prompt in zip(rows, prompts)]

    def choose(self, streams):
        """Chooses each stream's next token; returns the pieces to read next."""
        return [(at, length, [self.shared.best(row)]) for at, (row, length) in enumerate(streams)]

    def step(self, streams):
        """Goes on by a token in each stream."""
        for stream, row in zip(streams, self.shared.read(self.choose(streams))):
            stream[0], stream[1] = row, stream[1] + 1


bench = Bench(sys.argv[1], *map(int, sys.argv[2:5]))
for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps(getattr(bench, question.pop("ask"))(**question)), flush=True)
