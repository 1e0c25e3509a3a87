"""The other side of decode.py: the same weights in llama.cpp. It needs llama-cpp-python and gguf, not torch.

    python tests/benchmarks/decode_llama.py weights.npz --precision float32 --threads 2

It answers lines on stdin with JSON: ``scores IDS``, ``decode N``, ``prompt N``. The weights are those
of a model with RMSNorm, by the names of ``LanguageModel``.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import gguf
import llama_cpp
import numpy as np

KINDS = {
    "float32": gguf.GGMLQuantizationType.F32,
    "bfloat16": gguf.GGMLQuantizationType.BF16,
    "int8": gguf.GGMLQuantizationType.Q8_0,
}
MATRICES = ("token_embd.weight", "ssm_in.weight", "ssm_out.weight")


def write_gguf(weights: Any, path: Path, precision: str) -> int:
    """Write the model as ``mamba2``; the bytes of its matrices."""
    shape = json.loads(str(weights["config"]))
    writer = gguf.GGUFWriter(path, "mamba2")
    embedding = weights["embedding.weight"]
    writer.add_vocab_size(len(embedding))
    writer.add_tokenizer_model("no_vocab")
    writer.add_context_length(2**20)
    writer.add_embedding_length(embedding.shape[1])
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    writer.add_block_count(shape["n_layers"])
    writer.add_ssm_conv_kernel(shape["d_conv"])
    writer.add_ssm_inner_size(shape["d_inner"])
    writer.add_ssm_state_size(shape["d_state"])
    writer.add_ssm_time_step_rank(shape["n_heads"])
    writer.add_ssm_group_count(shape["n_groups"])
    writer.add_layer_norm_rms_eps(shape["norm_eps"])
    size = 0

    def put(name: str, array: Any) -> None:
        nonlocal size
        array = np.ascontiguousarray(array, dtype=np.float32)
        if name.endswith(MATRICES):
            data = gguf.quants.quantize(array, KINDS[precision])
            writer.add_tensor(name, data, raw_dtype=KINDS[precision])
            size += data.nbytes
        else:
            writer.add_tensor(name, array)

    put("token_embd.weight", embedding)
    put("output_norm.weight", weights["norm.weight"])
    for i in range(shape["n_layers"]):
        ours, theirs = f"layers.{i}.", f"blk.{i}."
        put(theirs + "attn_norm.weight", weights[ours + "norm.weight"])
        put(theirs + "ssm_in.weight", weights[ours + "mixer.in_proj.weight"])
        put(theirs + "ssm_conv1d.weight", weights[ours + "mixer.conv1d.weight"][:, 0])
        put(theirs + "ssm_conv1d.bias", weights[ours + "mixer.conv1d.bias"])
        put(theirs + "ssm_dt.bias", weights[ours + "mixer.dt_bias"])
        put(theirs + "ssm_a", -np.exp(weights[ours + "mixer.A_log"])[:, None])
        put(theirs + "ssm_d", weights[ours + "mixer.D"][:, None])
        put(theirs + "ssm_norm.weight", weights[ours + "mixer.norm.weight"].reshape(shape["n_groups"], -1))
        put(theirs + "ssm_out.weight", weights[ours + "mixer.out_proj.weight"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return size


class Llama:
    def __init__(self, path: Path, threads: int) -> None:
        llama_cpp.llama_backend_init()
        self._quiet = llama_cpp.llama_log_callback(lambda *_: None)
        llama_cpp.llama_log_set(self._quiet, ctypes.c_void_p(0))
        options = llama_cpp.llama_model_default_params()
        options.use_extra_bufts = (
            False  # its AMX form of Q8_0 ends in a fault where rows are no multiple of 32
        )
        model = llama_cpp.llama_model_load_from_file(str(path).encode(), options)
        if not model:
            sys.exit("llama.cpp cannot load the model")
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = params.n_batch = 8192
        params.n_threads = params.n_threads_batch = threads
        self.context = llama_cpp.llama_init_from_model(model, params)
        self.vocab_size = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))

    def forget(self) -> None:
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)

    def take_in(self, ids: list[int]) -> None:
        array = (llama_cpp.llama_token * len(ids))(*ids)
        if llama_cpp.llama_decode(self.context, llama_cpp.llama_batch_get_one(array, len(ids))):
            sys.exit("llama.cpp cannot decode")

    def scores(self) -> Any:
        return np.ctypeslib.as_array(llama_cpp.llama_get_logits(self.context), shape=(self.vocab_size,))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path)
    parser.add_argument("--precision", choices=list(KINDS), default="float32")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        size = write_gguf(np.load(args.weights), path, args.precision)
        llama = Llama(path, args.threads)
    print(json.dumps({"bytes": size, "version": llama_cpp.__version__}), flush=True)
    for line in sys.stdin:
        what, value = line.split(" ", 1)
        llama.forget()
        if what == "scores":
            llama.take_in(json.loads(value))
            answer: Any = llama.scores().tolist()
        elif what == "decode":
            llama.take_in([5, 6, 7])
            began = time.perf_counter()
            for _ in range(int(value)):
                llama.take_in([int(llama.scores().argmax())])
            answer = (time.perf_counter() - began) / int(value)
        else:
            ids = [(7 * i) % (llama.vocab_size - 2) + 2 for i in range(int(value))]
            began = time.perf_counter()
            llama.take_in(ids)
            llama.scores().argmax()
            answer = time.perf_counter() - began
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
