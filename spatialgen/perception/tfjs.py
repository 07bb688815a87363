"""TensorFlow.js graph models as ONNX: small detectors that package registries carry in that format only.

Covers the operations of convolutional detectors, from the input to tensors named by the caller, so that the
control flow around the network (resizing loops, non-maximum suppression) is left out. The file is JSON and raw
numbers; nothing in it is executed.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialgen.errors import WeightsError

OPSET = 17
NHWC_TO_NCHW = [0, 3, 1, 2]
NCHW_TO_NHWC = [0, 2, 3, 1]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One operation: its inputs as "name:output" and its attributes as plain Python values."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A graph model: nodes and constants by name."""

    nodes: Mapping[str, Node]
    constants: Mapping[str, NDArray[Any]]


def load_graph(model_json: Path) -> Graph:
    """Read `model_json` and the weight shards beside it. Raises WeightsError if they do not fit together."""
    document = json.loads(model_json.read_text("utf-8"))
    constants: dict[str, NDArray[Any]] = {}
    for group in document["weightsManifest"]:
        data = b"".join((model_json.parent / Path(p).name).read_bytes() for p in group["paths"])
        constants.update(_constants(group["weights"], data, model_json))
    nodes = [_node(raw) for raw in document["modelTopology"]["node"]]
    return Graph({n.name: n for n in nodes}, constants)


def to_onnx(graph: Graph, inputs: Mapping[str, Sequence[int]], outputs: Sequence[str]) -> bytes:
    """Return an ONNX model that computes `outputs` (tensor names) from `inputs` (tensor name: shape), float32.

    Raises WeightsError where the graph between them has an operation that is not covered.
    """
    from onnx import TensorProto, helper

    build = _Build(graph, set(inputs))
    results = [build.tensor(name) for name in outputs]
    build.nodes.extend(helper.make_node("Identity", [r], [_plain(o)]) for r, o in zip(results, outputs, strict=True))
    ends = [helper.make_tensor_value_info(_plain(o), TensorProto.FLOAT, None) for o in outputs]
    starts = [helper.make_tensor_value_info(n, TensorProto.FLOAT, list(s)) for n, s in inputs.items()]
    made = helper.make_graph(build.nodes, "tfjs", starts, ends, build.initializers)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    serialised: bytes = model.SerializeToString()
    return serialised


@dataclass(slots=True)
class _Build:
    """The ONNX graph while it grows; `done` maps a tensor of the source to its name in the result."""

    graph: Graph
    inputs: set[str]
    nodes: list[Any] = field(default_factory=list)
    initializers: list[Any] = field(default_factory=list)
    done: dict[str, str] = field(default_factory=dict)

    def tensor(self, name: str) -> str:
        """Return the result's name of source tensor `name`, adding what computes it."""
        plain = name.removesuffix(":0")
        if plain in self.inputs:
            return plain
        if plain not in self.done:
            if plain in self.graph.constants:
                self.done[plain] = self.constant(self.graph.constants[plain])
            else:
                self._add_node(self._source(plain.split(":")[0]))
        return self.done[plain]

    def value(self, name: str) -> NDArray[Any]:
        """Return constant `name`. Raises WeightsError if it is computed."""
        if name not in self.graph.constants:
            raise WeightsError(f"graph model: {name} should be a constant")
        return self.graph.constants[name]

    def constant(self, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, op: str, inputs: Sequence[str], outputs: int = 1, /, **attributes: Any) -> list[str]:
        from onnx import helper

        names = [f"{op}_{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, **attributes))
        return names

    def channels_first(self, op: str, inputs: Sequence[str], **attributes: Any) -> list[str]:
        """Add `op`, which takes channels first, around data with channels last."""
        first = self.node("Transpose", inputs[:1], perm=NHWC_TO_NCHW)
        result = self.node(op, first + list(inputs[1:]), **attributes)
        return self.node("Transpose", result, perm=NCHW_TO_NHWC)

    def _source(self, name: str) -> Node:
        if name not in self.graph.nodes:
            raise WeightsError(f"graph model: there is no tensor {name}")
        return self.graph.nodes[name]

    def _add_node(self, node: Node) -> None:
        if node.op not in _OPERATIONS:
            raise WeightsError(f"graph model: operation {node.op} of {node.name} is not covered")
        for k, result in enumerate(_OPERATIONS[node.op](self, node)):
            self.done[node.name if k == 0 else f"{node.name}:{k}"] = result


def _convolution(build: _Build, node: Node) -> list[str]:
    kernel = build.value(node.inputs[1])
    depthwise = node.op == "DepthwiseConv2dNative"
    if depthwise:  # (h, w, in, multiplier) -> (in * multiplier, 1, h, w)
        height, width, channels, multiplier = kernel.shape
        weights = kernel.reshape(height, width, channels * multiplier, 1).transpose(2, 3, 0, 1)
    else:  # (h, w, in, out) -> (out, in, h, w)
        weights = kernel.transpose(3, 2, 0, 1)
    return build.channels_first(
        "Conv",
        [build.tensor(node.inputs[0]), build.constant(weights)],
        group=kernel.shape[2] if depthwise else 1,
        dilations=node.attributes.get("dilations", [1, 1, 1, 1])[1:3],
        **_window(node),
    )


def _max_pool(build: _Build, node: Node) -> list[str]:
    kernel = node.attributes["ksize"][1:3]
    return build.channels_first("MaxPool", [build.tensor(node.inputs[0])], kernel_shape=kernel, **_window(node))


def _window(node: Node) -> dict[str, Any]:
    padding = {"SAME": "SAME_UPPER", "VALID": "VALID"}.get(str(node.attributes["padding"]))
    if padding is None or node.attributes.get("data_format", "NHWC") != "NHWC":
        raise WeightsError(f"graph model: padding or data format of {node.name} is not covered")
    return {"strides": node.attributes["strides"][1:3], "auto_pad": padding}


def _batch_norm(build: _Build, node: Node) -> list[str]:
    gamma, beta, mean, variance = (build.value(name).astype(np.float64) for name in node.inputs[1:5])
    scale = gamma / np.sqrt(variance + node.attributes["epsilon"])
    scaled = build.node("Mul", [build.tensor(node.inputs[0]), build.constant(scale.astype(np.float32))])
    return build.node("Add", [*scaled, build.constant((beta - mean * scale).astype(np.float32))])


def _same(op: str) -> Callable[[_Build, Node], list[str]]:
    return lambda build, node: build.node(op, [build.tensor(i) for i in node.inputs])


def _relu6(build: _Build, node: Node) -> list[str]:
    low, high = (build.constant(np.array(v, np.float32)) for v in (0.0, 6.0))
    return build.node("Clip", [build.tensor(node.inputs[0]), low, high])


def _leaky_relu(build: _Build, node: Node) -> list[str]:
    return build.node("LeakyRelu", [build.tensor(node.inputs[0])], alpha=float(node.attributes["alpha"]))


def _transpose(build: _Build, node: Node) -> list[str]:
    permutation = [int(i) for i in build.value(node.inputs[1])]
    return build.node("Transpose", [build.tensor(node.inputs[0])], perm=permutation)


def _concat(build: _Build, node: Node) -> list[str]:
    *parts, axis = node.inputs
    return build.node("Concat", [build.tensor(p) for p in parts], axis=int(build.value(axis)))


def _pad(build: _Build, node: Node) -> list[str]:
    amounts = build.constant(build.value(node.inputs[1]).astype(np.int64).T.reshape(-1))
    filling = build.value(node.inputs[2]) if len(node.inputs) > 2 else np.array(0.0)
    value = build.constant(filling.astype(np.float32).reshape(()))
    return build.node("Pad", [build.tensor(node.inputs[0]), amounts, value])


def _split(build: _Build, node: Node) -> list[str]:
    sizes = build.value(node.inputs[1]).astype(np.int64)
    axis = int(build.value(node.inputs[2]))
    inputs = [build.tensor(node.inputs[0]), build.constant(sizes)]
    return build.node("Split", inputs, len(sizes), axis=axis)


def _resize_bilinear(build: _Build, node: Node) -> list[str]:
    height, width = (int(v) for v in build.value(node.inputs[1]))
    first = build.node("Transpose", [build.tensor(node.inputs[0])], perm=NHWC_TO_NCHW)
    shape = build.node("Shape", first)
    batch = build.node(
        "Slice", [*shape, build.constant(np.array([0])), build.constant(np.array([2])), build.constant(np.array([0]))]
    )
    sizes = build.node("Concat", [*batch, build.constant(np.array([height, width]))], axis=0)
    if node.attributes.get("align_corners"):
        mode = "align_corners"
    else:
        mode = "half_pixel" if node.attributes.get("half_pixel_centers") else "asymmetric"
    resized = build.node("Resize", [*first, "", "", *sizes], coordinate_transformation_mode=mode, mode="linear")
    return build.node("Transpose", resized, perm=NCHW_TO_NHWC)


_OPERATIONS: dict[str, Callable[[_Build, Node], list[str]]] = {
    "Add": _same("Add"),
    "AddN": _same("Sum"),
    "AddV2": _same("Add"),
    "BiasAdd": _same("Add"),
    "ConcatV2": _concat,
    "Conv2D": _convolution,
    "DepthwiseConv2dNative": _convolution,
    "FusedBatchNorm": _batch_norm,
    "LeakyRelu": _leaky_relu,
    "MaxPool": _max_pool,
    "Mul": _same("Mul"),
    "Pad": _pad,
    "PadV2": _pad,
    "Relu6": _relu6,
    "ResizeBilinear": _resize_bilinear,
    "Sigmoid": _same("Sigmoid"),
    "SplitV": _split,
    "Sub": _same("Sub"),
    "Transpose": _transpose,
}


def _constants(specs: Sequence[Any], data: bytes, source: Path) -> dict[str, NDArray[Any]]:
    constants: dict[str, NDArray[Any]] = {}
    offset = 0
    for spec in specs:
        stored = np.dtype(spec.get("quantization", {}).get("dtype", spec["dtype"])).newbyteorder("<")
        if stored.kind == "u" or offset > len(data):
            raise WeightsError(f"{source}: weights of {spec['name']} are quantised or cut off")
        count = math.prod(spec["shape"])
        values = np.frombuffer(data, stored, count, offset)
        constants[spec["name"]] = values.astype(spec["dtype"]).reshape(spec["shape"])
        offset += count * stored.itemsize
    if offset != len(data):
        raise WeightsError(f"{source}: its weights take {offset} bytes, the shards hold {len(data)}")
    return constants


def _node(raw: Mapping[str, Any]) -> Node:
    inputs = tuple(i for i in raw.get("input", ()) if not i.startswith("^"))
    attributes = {key: _attribute(value) for key, value in raw.get("attr", {}).items()}
    return Node(raw["name"], raw["op"], inputs, attributes)


def _attribute(raw: Mapping[str, Any]) -> Any:
    """Return an attribute's value: text comes as base64 or as a list of bytes, whole numbers as text."""
    if "s" in raw:
        text = raw["s"]
        return (base64.b64decode(text) if isinstance(text, str) else bytes(text)).decode("ascii")
    if "i" in raw:
        return int(raw["i"])
    if "list" in raw:
        return [int(i) for i in raw["list"].get("i") or ()]
    return raw.get("f", raw.get("b"))


def _plain(name: str) -> str:
    return name.replace("/", "_").replace(":", "_")
