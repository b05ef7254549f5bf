"""llama.cpp's server with a GGUF model, for one request at a time: prints its URL and serves until its input ends.

    python3 server.py MODEL.gguf chat|embedding
"""

import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path, kind = sys.argv[1:3]
params.model_alias = {"served"}
params.port, params.n_ctx, params.n_parallel, params.warmup = 0, 1024, 1, False
params.verbosity = -1
if kind == "embedding":
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
