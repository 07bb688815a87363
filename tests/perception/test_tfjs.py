"""TensorFlow.js graphs as ONNX: every operation against plain numpy, on a graph written by hand."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spatialgen.errors import WeightsError
from spatialgen.perception.onnx_session import cpu_session
from spatialgen.perception.tfjs import load_graph, to_onnx

Array = NDArray[Any]
RNG = np.random.default_rng(3)


class GraphFile:
    """A graph model on disk, written node by node."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "model.json"
        self.nodes: list[dict[str, Any]] = [{"name": "x", "op": "Placeholder", "attr": {}}]
        self.weights: list[dict[str, Any]] = []
        self.data = b""

    def constant(self, name: str, value: Any, dtype: str = "float32", stored: str | None = None) -> str:
        array = np.asarray(value, dtype)
        spec: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": dtype}
        if stored:
            spec["quantization"] = {"dtype": stored}
        self.weights.append(spec)
        self.data += array.astype(stored or dtype).tobytes()
        self.nodes.append({"name": name, "op": "Const", "attr": {}})
        return name

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"scope/{op}_{len(self.nodes)}"
        self.nodes.append({"name": name, "op": op, "input": list(inputs), "attr": attributes})
        return name

    def run(self, x: Array, *outputs: str) -> list[Array]:
        shard = self.path.parent / "shard1"
        shard.write_bytes(self.data)
        groups = [{"paths": ["shard1"], "weights": self.weights}]
        self.path.write_text(json.dumps({"modelTopology": {"node": self.nodes}, "weightsManifest": groups}))
        model = to_onnx(load_graph(self.path), {"x": x.shape}, outputs)
        return cpu_session(model).run(None, {"x": x.astype(np.float32)})


@pytest.fixture
def graph(tmp_path: Path) -> GraphFile:
    return GraphFile(tmp_path)


def text(value: str) -> dict[str, Any]:
    return {"s": base64.b64encode(value.encode()).decode()}


def whole(*values: int) -> dict[str, Any]:
    return {"list": {"i": [str(v) for v in values]}}


def convolve(x: Array, kernel: Array, stride: int, same: bool) -> Array:
    """(H, W, C) by (h, w, C, K), in plain loops, padded as TensorFlow pads."""
    size = kernel.shape[0]
    if same:
        out = [-(-n // stride) for n in x.shape[:2]]
        total = [max((o - 1) * stride + size - n, 0) for o, n in zip(out, x.shape[:2], strict=True)]
        x = np.pad(x, [(total[0] // 2, -(-total[0] // 2)), (total[1] // 2, -(-total[1] // 2)), (0, 0)])
    rows, cols = ((n - size) // stride + 1 for n in x.shape[:2])
    result = np.zeros((rows, cols, kernel.shape[3]))
    for r in range(rows):
        for c in range(cols):
            window = x[r * stride : r * stride + size, c * stride : c * stride + size]
            result[r, c] = np.tensordot(window, kernel, 3)
    return result


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("same", [True, False])
def test_convolution(graph: GraphFile, stride: int, same: bool) -> None:
    x, kernel = RNG.normal(size=(1, 7, 6, 3)), RNG.normal(size=(3, 3, 3, 5))
    window = {"strides": whole(1, stride, stride, 1), "padding": text("SAME" if same else "VALID")}
    conv = graph.node("Conv2D", "x", graph.constant("k", kernel), **window, data_format=text("NHWC"))
    (got,) = graph.run(x, conv)
    np.testing.assert_allclose(got[0], convolve(x[0], kernel, stride, same), atol=1e-4)


def test_depthwise_convolution_with_two_outputs_a_channel(graph: GraphFile) -> None:
    x, kernel = RNG.normal(size=(1, 6, 7, 3)), RNG.normal(size=(3, 3, 3, 2))
    padding = {"s": list(b"SAME")}  # old files write text as a list of bytes
    conv = graph.node(
        "DepthwiseConv2dNative", "x", graph.constant("k", kernel), strides=whole(1, 2, 2, 1), padding=padding
    )
    (got,) = graph.run(x, conv)
    for channel in range(3):
        expected = convolve(x[0, ..., [channel]].transpose(1, 2, 0), kernel[:, :, [channel]], 2, True)
        np.testing.assert_allclose(got[0, ..., 2 * channel : 2 * channel + 2], expected, atol=1e-4)


def test_batch_normalisation_and_activations(graph: GraphFile) -> None:
    x = RNG.normal(size=(1, 4, 4, 2)) * 8
    gamma, beta, mean, variance = (RNG.uniform(0.5, 2, 2) for _ in range(4))
    named = [graph.constant(n, v) for n, v in zip("gbmv", (gamma, beta, mean, variance), strict=True)]
    norm = graph.node("FusedBatchNorm", "x", *named, epsilon={"f": 0.001})
    relu6, leaky = graph.node("Relu6", norm), graph.node("LeakyRelu", norm, alpha={"f": 0.1})
    sigmoid = graph.node("Sigmoid", norm)
    got = graph.run(x, norm, relu6, leaky, sigmoid)
    expected = (x - mean) / np.sqrt(variance + 0.001) * gamma + beta
    np.testing.assert_allclose(got[0], expected, atol=1e-4)
    np.testing.assert_allclose(got[1], np.clip(expected, 0, 6), atol=1e-4)
    np.testing.assert_allclose(got[2], np.where(expected > 0, expected, 0.1 * expected), atol=1e-4)
    np.testing.assert_allclose(got[3], 1 / (1 + np.exp(-expected)), atol=1e-4)


def test_arithmetic_concatenation_split_and_padding(graph: GraphFile) -> None:
    x = RNG.normal(size=(1, 2, 3, 4))
    bias = graph.constant("bias", [1, 2, 3, 4], stored="float16")
    total = graph.node("AddN", "x", graph.node("BiasAdd", "x", bias), graph.node("Mul", "x", bias))
    less = graph.node("Sub", total, "x")
    wide = graph.node("ConcatV2", less, "x", graph.constant("axis", 2, "int32"))
    sizes = graph.constant("sizes", [1, 3], "int32")
    split = graph.node("SplitV", wide, sizes, graph.constant("split_axis", 3, "int32"))
    amounts = graph.constant("amounts", [[0, 0], [1, 0], [0, 2], [0, 0]], "int32")
    padded = graph.node("PadV2", split + ":1", amounts, graph.constant("value", -9.0))
    turned = graph.node("Transpose", split, graph.constant("perm", [0, 3, 1, 2], "int32"))
    got = graph.run(x, padded, turned)
    expected = np.concatenate([x + 1.0 * np.arange(1, 5) + x * np.arange(1, 5), x], axis=2)
    np.testing.assert_allclose(
        got[0], np.pad(expected[..., 1:], [(0, 0), (1, 0), (0, 2), (0, 0)], constant_values=-9), atol=1e-5
    )
    np.testing.assert_allclose(got[1], expected[..., :1].transpose(0, 3, 1, 2), atol=1e-5)


def test_pooling_and_resizing(graph: GraphFile) -> None:
    x = RNG.normal(size=(1, 4, 4, 1))
    pool = graph.node("MaxPool", "x", ksize=whole(1, 2, 2, 1), strides=whole(1, 2, 2, 1), padding=text("VALID"))
    double = graph.constant("size", [8, 8], "int32")
    half_pixel = graph.node("ResizeBilinear", "x", double, half_pixel_centers={"b": True})
    corners = graph.node("ResizeBilinear", "x", double, align_corners={"b": True})
    got = graph.run(x, pool, half_pixel, corners)
    np.testing.assert_allclose(got[0][0, ..., 0], x[0, ..., 0].reshape(2, 2, 2, 2).max(axis=(1, 3)), atol=1e-5)
    centres = (np.arange(8) + 0.5) / 2 - 0.5
    for image, positions in ((got[1], np.clip(centres, 0, 3)), (got[2], np.linspace(0, 3, 8))):
        rows = np.array([np.interp(positions, range(4), column) for column in x[0, ..., 0].T]).T
        expected = np.array([np.interp(positions, range(4), row) for row in rows])
        np.testing.assert_allclose(image[0, ..., 0], expected, atol=1e-5)


def test_what_is_not_covered_is_refused(graph: GraphFile) -> None:
    loop = graph.node("LoopCond", "x")
    with pytest.raises(WeightsError, match="LoopCond"):
        graph.run(np.zeros((1, 2)), loop)
    with pytest.raises(WeightsError, match="no tensor nowhere"):
        graph.run(np.zeros((1, 2)), "nowhere")


def test_a_shard_that_is_cut_off_is_refused(graph: GraphFile) -> None:
    bias = graph.constant("bias", np.zeros(100))
    graph.data = graph.data[:-4]
    with pytest.raises((WeightsError, ValueError)):
        graph.run(np.zeros((1, 100)), graph.node("BiasAdd", "x", bias))


def test_quantised_integers_are_refused(graph: GraphFile) -> None:
    bias = graph.constant("bias", np.zeros(4), stored="uint8")
    with pytest.raises(WeightsError, match="quantised"):
        graph.run(np.zeros((1, 4)), graph.node("BiasAdd", "x", bias))
