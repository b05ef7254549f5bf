"""llama.cpp's C interface, as much of it as is needed to run a model. Fits the version that package.json pins."""

import ctypes
import glob
import os
from ctypes import POINTER, c_bool, c_char_p, c_float, c_int8, c_int32, c_size_t, c_uint32, c_void_p

FILE_TYPE_Q8_0 = 7
# Parts of what the library takes when it is not told otherwise: by them a wrong idea of a structure's layout is noticed.
EXPECTED_CONTEXT = {"n_ctx": 512, "n_batch": 2048, "n_ubatch": 512, "type_k": 1, "type_v": 1, "offload_kqv": True}


class ModelParams(ctypes.Structure):
    _fields_ = [
        ("devices", c_void_p),
        ("tensor_buft_overrides", c_void_p),
        ("n_gpu_layers", c_int32),
        ("split_mode", c_int32),
        ("load_mode", c_int32),
        ("lazy_mode", c_int32),
        ("main_gpu", c_int32),
        ("tensor_split", c_void_p),
        ("progress_callback", c_void_p),
        ("progress_callback_user_data", c_void_p),
        ("kv_overrides", c_void_p),
        ("vocab_only", c_bool),
        ("check_tensors", c_bool),
        ("use_extra_bufts", c_bool),
        ("no_host", c_bool),
        ("no_alloc", c_bool),
        ("load_mtp", c_bool),
    ]


class ContextParams(ctypes.Structure):
    _fields_ = [
        *((name, c_uint32) for name in ("n_ctx", "n_batch", "n_ubatch", "n_seq_max", "n_rs_seq")),
        *((name, c_uint32) for name in ("n_outputs_max", "n_outputs_max_per_seq")),
        *((name, c_int32) for name in ("n_threads", "n_threads_batch", "ctx_type", "rope_scaling_type")),
        *((name, c_int32) for name in ("pooling_type", "attention_type", "flash_attn_type")),
        *((name, c_float) for name in ("rope_freq_base", "rope_freq_scale", "yarn_ext_factor", "yarn_attn_factor")),
        *((name, c_float) for name in ("yarn_beta_fast", "yarn_beta_slow")),
        ("yarn_orig_ctx", c_uint32),
        ("defrag_thold", c_float),
        ("cb_eval", c_void_p),
        ("cb_eval_user_data", c_void_p),
        ("type_k", c_int32),
        ("type_v", c_int32),
        ("abort_callback", c_void_p),
        ("abort_callback_data", c_void_p),
        *((name, c_bool) for name in ("embeddings", "offload_kqv", "no_perf", "op_offload", "swa_full", "kv_unified")),
        ("samplers", c_void_p),
        ("n_samplers", c_size_t),
        ("ctx_other", c_void_p),
    ]


class QuantizeParams(ctypes.Structure):
    _fields_ = [
        *((name, c_int32) for name in ("nthread", "ftype", "output_tensor_type", "token_embedding_type")),
        *((name, c_bool) for name in ("allow_requantize", "quantize_output_tensor", "only_copy", "pure")),
        *((name, c_bool) for name in ("keep_split", "dry_run")),
        *((name, c_void_p) for name in ("imatrix", "kv_overrides", "tt_overrides", "prune_layers")),
        ("max_buf_size", c_size_t),
    ]


class Batch(ctypes.Structure):
    _fields_ = [
        ("n_tokens", c_int32),
        ("token", POINTER(c_int32)),
        ("embd", c_void_p),
        ("pos", POINTER(c_int32)),
        ("n_seq_id", POINTER(c_int32)),
        ("seq_id", POINTER(POINTER(c_int32))),
        ("logits", POINTER(c_int8)),
    ]


LogCallback = ctypes.CFUNCTYPE(None, ctypes.c_int, c_char_p, c_void_p)


def library():
    """Loads the libraries from the folder that LLAMA_CPP names, with the kernels that fit this processor best."""
    folder = os.environ["LLAMA_CPP"]
    (llama_path,) = glob.glob(f"{folder}/libllama.v*.so")
    (ggml_path,) = glob.glob(f"{folder}/libggml.v*.so")
    lib = ctypes.CDLL(llama_path)
    quiet = LogCallback(lambda level, text, data: None)
    lib.llama_log_set(quiet, None)
    lib.quiet = quiet  # the library calls it as long as it lives
    ctypes.CDLL(ggml_path).ggml_backend_load_all_from_path(folder.encode())
    signatures = {
        "llama_model_default_params": (ModelParams, []),
        "llama_context_default_params": (ContextParams, []),
        "llama_model_quantize_default_params": (QuantizeParams, []),
        "llama_model_quantize": (c_uint32, [c_char_p, c_char_p, POINTER(QuantizeParams)]),
        "llama_model_load_from_file": (c_void_p, [c_char_p, ModelParams]),
        "llama_init_from_model": (c_void_p, [c_void_p, ContextParams]),
        "llama_free": (None, [c_void_p]),
        "llama_model_get_vocab": (c_void_p, [c_void_p]),
        **{f"llama_model_n_{what}": (c_int32, [c_void_p]) for what in ("layer", "embd", "head", "head_kv")},
        "llama_vocab_n_tokens": (c_int32, [c_void_p]),
        "llama_vocab_is_eog": (c_bool, [c_void_p, c_int32]),
        "llama_tokenize": (c_int32, [c_void_p, c_char_p, c_int32, POINTER(c_int32), c_int32, c_bool, c_bool]),
        "llama_detokenize": (c_int32, [c_void_p, POINTER(c_int32), c_int32, c_char_p, c_int32, c_bool, c_bool]),
        "llama_batch_init": (Batch, [c_int32, c_int32, c_int32]),
        "llama_decode": (c_int32, [c_void_p, Batch]),
        "llama_get_memory": (c_void_p, [c_void_p]),
        "llama_memory_clear": (None, [c_void_p, c_bool]),
        "llama_get_logits_ith": (POINTER(c_float), [c_void_p, c_int32]),
        "llama_sampler_init_greedy": (c_void_p, []),
        "llama_sampler_sample": (c_int32, [c_void_p, c_void_p, c_int32]),
        "llama_print_system_info": (c_char_p, []),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


class Model:
    """A model from a GGUF file, on the processor."""

    def __init__(self, path, threads):
        self.lib, self.threads = library(), threads
        params = self.lib.llama_model_default_params()
        assert params.use_extra_bufts and not params.vocab_only, "the library is of another version"
        params.n_gpu_layers = 0
        self.handle = self.lib.llama_model_load_from_file(path.encode(), params)
        assert self.handle, f"llama.cpp cannot load {path}"
        self.vocab = self.lib.llama_model_get_vocab(self.handle)
        self.greedy = self.lib.llama_sampler_init_greedy()

    def tokens(self, text):
        """The text's tokens; names of control tokens in it stand for those tokens."""
        text = text.encode()
        room = (c_int32 * (len(text) + 8))()
        count = self.lib.llama_tokenize(self.vocab, text, len(text), room, len(room), True, True)
        assert count >= 0, "the text does not tokenise"
        return room[:count]

    def text(self, tokens):
        """The text of the tokens."""
        room = ctypes.create_string_buffer(64 * len(tokens) + 64)
        count = self.lib.llama_detokenize(
            self.vocab, (c_int32 * len(tokens))(*tokens), len(tokens), room, len(room), False, True
        )
        assert count >= 0, "the tokens do not fit"
        return room.raw[:count].decode(errors="replace")

    def kv_bytes_per_token(self):
        """Bytes that keys and values of a token take, as f16."""
        layers, width, heads, kv_heads = (
            getattr(self.lib, f"llama_model_n_{what}")(self.handle) for what in ("layer", "embd", "head", "head_kv")
        )
        return layers * kv_heads * (width // heads) * 2 * 2

    def about(self):
        """Version, and what of the processor is used."""
        version = os.path.basename(self.lib._name).removeprefix("libllama.").removesuffix(".so")
        return f"llama.cpp {version}, {self.lib.llama_print_system_info().decode().strip()}"

    def ends(self, token):
        """Whether the token ends a text."""
        return self.lib.llama_vocab_is_eog(self.vocab, token)


class Context:
    """Keys and values of `texts` texts of at most `tokens` tokens each."""

    def __init__(self, model, tokens, texts=1):
        self.model, self.lib = model, model.lib
        params = self.lib.llama_context_default_params()
        for name, value in EXPECTED_CONTEXT.items():
            assert getattr(params, name) == value, f"the library is of another version: {name}"
        params.n_ctx, params.n_seq_max, params.n_outputs_max = tokens * texts, texts, texts
        params.n_threads = params.n_threads_batch = model.threads
        self.handle = self.lib.llama_init_from_model(model.handle, params)
        assert self.handle, "llama.cpp cannot make a context"
        self.batch = self.lib.llama_batch_init(params.n_batch, 0, texts)

    def read(self, pieces):
        """Reads `(text, position, tokens)` pieces in one call; returns the rows with what follows each piece's last token."""
        batch, at, rows = self.batch, 0, []
        for text, position, tokens in pieces:
            for offset, token in enumerate(tokens):
                batch.token[at], batch.pos[at], batch.n_seq_id[at] = token, position + offset, 1
                batch.seq_id[at][0], batch.logits[at] = text, offset + 1 == len(tokens)
                at += 1
            rows.append(at - 1)
        batch.n_tokens = at
        failed = self.lib.llama_decode(self.handle, batch)
        assert failed == 0, f"llama.cpp cannot read {at} tokens: {failed}"
        return rows

    def best(self, row):
        """The most likely token after a row."""
        return self.lib.llama_sampler_sample(self.model.greedy, self.handle, row)

    def logits(self, row):
        """How likely each token is after a row."""
        return self.lib.llama_get_logits_ith(self.handle, row)[: self.lib.llama_vocab_n_tokens(self.model.vocab)]

    def forget(self):
        """Empties the memory of all texts."""
        self.lib.llama_memory_clear(self.lib.llama_get_memory(self.handle), False)

    def close(self):
        """Gives the memory back."""
        self.lib.llama_free(self.handle)
