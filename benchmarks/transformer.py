"""DistilBERT's speed, at random weights: its architecture from `transformers`, in ONNX Runtime, on all cores.

Speed depends on the architecture and not on the weights, which are not downloaded here. The tokens are random, so the
time of its tokenizer is left out, in its favour.
"""

import time
from pathlib import Path

import numpy as np

TOKENS, BATCH_SIZE = 256, 8

ACCURACY = 0.9282
"""On the official test half, of the model that Sanh et al. (2019, arXiv:1910.01108, table 2) trained on IMDB."""


def rates(folder: Path, reviews: int) -> dict[str, float]:
    """Name -> reviews/s, of float32 and of int8.

    Args:
        folder: for the models, 330 MB.
        reviews: to time.
    """
    return {
        f"DistilBERT, {precision}, {TOKENS} tokens, ONNX Runtime": _rate(path, reviews)
        for precision, path in _models(folder).items()
    }


def _models(folder: Path) -> dict[str, Path]:
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    network = DistilBertForSequenceClassification(DistilBertConfig(attn_implementation="eager")).eval()
    whole, small = folder / "distilbert.onnx", folder / "distilbert-int8.onnx"
    indices = torch.ones((2, TOKENS), dtype=torch.int64)
    names, axes = ["input_ids", "attention_mask"], {0: "batch"}
    torch.onnx.export(
        network,
        (indices, indices),
        str(whole),
        input_names=names,
        output_names=["logits"],
        dynamic_axes=dict.fromkeys(names, axes),
        dynamo=False,
    )
    quantize_dynamic(whole, small, weight_type=QuantType.QInt8)
    return {"float32": whole, "int8": small}


def _rate(model: Path, reviews: int) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    tokens = np.random.default_rng(0).integers(1_000, 30_000, (BATCH_SIZE, TOKENS))
    inputs = {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
    session.run(None, inputs)
    batches = -(-reviews // BATCH_SIZE)
    started = time.perf_counter()
    for _ in range(batches):
        session.run(None, inputs)
    return batches * BATCH_SIZE / (time.perf_counter() - started)
