"""Writes a patch-svc model as an ONNX graph: input (n, 1, 28, 28) in 0..1, output ten probabilities.

The graph is the model's arithmetic written down once more; ``export`` compares the two before it writes the file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.errors import OpsError
from core.base.files import write_atomic
from core.digits.model_file import read_blob, read_card, read_patch_model
from core.digits.patch_model import Expert, KernelVotes, PatchModel
from core.digits.patches import CONTRAST, PAD_PIXELS, SIDE, PatchBank, pooling_windows
from core.digits.plain_digits import plain_digits
from core.digits.upright import STEEPEST

_OPSET = 17


def export(report: Callable[..., None], model: Path, target: Path) -> None:
    """Raises OpsError for a model that is not patch-svc or ONNX, and where the onnx package is missing."""
    card = read_card(model)
    if card.kind == "onnx":
        write_atomic(target, read_blob(model)[0], mode=0o644)
        return
    if card.kind != "patch-svc":
        raise OpsError(
            f"{card.name} cannot be written as ONNX",
            "Only patch-svc models and imported ONNX graphs can",
            "Export it as a model file instead",
            code="model",
        )
    report(0, 1, "Building the graph")
    opened, _ = read_patch_model(model)
    content = graph_of(opened)
    report(0.5, 1, "Comparing the graph with the model")
    _compare(opened, content, target.name)
    write_atomic(target, content, mode=0o644)


def _compare(model: PatchModel, content: bytes, name: str) -> None:
    from core.digits.stock import open_onnx_graph

    images, _ = plain_digits()
    difference = np.abs(
        open_onnx_graph(content, name).answer(images).probabilities - model.answer(images).probabilities
    ).max()
    if not difference < 1e-2:
        raise OpsError(
            "The ONNX graph does not answer as the model does",
            f"Its probabilities differ by up to {difference:.3g}",
            "This is a fault of Opsdesk: please report it",
            code="bug",
        )


class _Graph:
    """Nodes and constants, named as they come."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, array: NDArray[Any] | float) -> str:
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        kind = np.int64 if isinstance(array, np.ndarray) and array.dtype.kind == "i" else np.float32
        self.constants.append(numpy_helper.from_array(np.asarray(array, kind), name))
        return name

    def __call__(self, operation: str, *inputs: str | NDArray[Any] | float, **attributes: Any) -> str:
        from onnx import helper

        names = [entry if isinstance(entry, str) else self.constant(entry) for entry in inputs]
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, names, [output], **attributes))
        return output


def graph_of(model: PatchModel) -> bytes:
    try:
        from onnx import TensorProto, checker, helper
    except ImportError as error:
        raise OpsError(
            "Writing ONNX needs the onnx package",
            "It is an optional part and is not installed",
            "Install it with: uv pip install 'opsdesk[onnx]'",
            code="missing",
        ) from error
    g = _Graph()
    decisions = [_expert(g, expert) for expert in model.experts]
    averaged = g("Mean", *decisions) if len(decisions) > 1 else decisions[0]
    scores = _margins(g, averaged, len(model.digits))
    softmax = g("Softmax", g("Mul", scores, float(model.sharpness)), axis=1)
    spread = np.zeros((len(model.digits), 10), np.float32)
    spread[np.arange(len(model.digits)), model.digits] = 1
    g.nodes.append(helper.make_node("MatMul", [softmax, g.constant(spread)], ["probabilities"]))
    graph = helper.make_graph(
        g.nodes,
        "patch-svc",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, 28, 28])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 10])],
        g.constants,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8)
    checker.check_model(made)
    content: bytes = made.SerializeToString()
    return content


def _expert(g: _Graph, expert: Expert) -> str:
    """Decisions (n, pairs) of one expert."""
    projection = expert.projection
    image = _upright(g) if projection.upright else "image"
    projected = g("MatMul", g("Sub", _bank(g, image, projection.bank), projection.mean), projection.axes)
    return _decisions(g, projected, expert.votes)


def _upright(g: _Graph) -> str:
    """As ``upright``: the slope from second moments, then every pixel read from beside it."""
    place = np.arange(SIDE, dtype=np.float32)
    down, across = place.reshape(1, 1, SIDE, 1), place.reshape(1, 1, 1, SIDE)
    axes = np.array([1, 2, 3])

    def total(value: str) -> str:
        return g("ReduceSum", value, axes, keepdims=1)

    mass = g("Add", total("image"), 1e-6)
    y = g("Sub", down, g("Div", total(g("Mul", "image", down)), mass))  # (n, 1, 28, 1)
    x = g("Sub", across, g("Div", total(g("Mul", "image", across)), mass))
    leaning = total(g("Mul", g("Mul", "image", y), x))
    spread = g("Add", total(g("Mul", "image", g("Mul", y, y))), g("Mul", mass, 1e-6))
    slope = g("Clip", g("Div", leaning, spread), -STEEPEST, STEEPEST)
    # GridSample counts columns and rows from -1 to 1
    unit = 2 / (SIDE - 1)
    columns = g("Sub", g("Mul", g("Add", g("Mul", slope, y), across), unit), 1.0)  # (n, 1, 28, 28)
    rows = g("Add", g("Mul", columns, 0.0), down * unit - 1)
    grid = g("Concat", g("Unsqueeze", columns, np.array([4])), g("Unsqueeze", rows, np.array([4])), axis=4)
    flat = g("Reshape", grid, np.array([-1, SIDE, SIDE, 2]))
    return g("GridSample", "image", flat, align_corners=1, mode="bilinear", padding_mode="zeros")


def _bank(g: _Graph, image: str, bank: PatchBank) -> str:
    """As ``PatchBank.encode``: one convolution for the answers, one for the mean, one for the mean square."""
    size, atoms = bank.size, bank.atoms.shape[1]
    pads = [PAD_PIXELS] * 4
    kernels = bank.atoms.T.reshape(atoms, 1, size, size)
    flat = np.full((1, 1, size, size), 1 / size**2, np.float32)
    answer = g("Conv", image, kernels, pads=pads)
    mean = g("Conv", image, flat, pads=pads)
    square = g("Conv", g("Mul", image, image), flat, pads=pads)
    variance = g("Max", g("Sub", square, g("Mul", mean, mean)), 0.0)
    scale = g("Sqrt", g("Add", variance, CONTRAST))
    centred = g("Sub", answer, g("Mul", mean, bank.atoms.sum(0).reshape(1, atoms, 1, 1)))
    answer = g("Sub", g("Div", centred, scale), bank.offset.reshape(1, atoms, 1, 1))
    up = g("Relu", g("Sub", answer, bank.threshold))
    down = g("Relu", g("Sub", g("Neg", answer), bank.threshold))
    split = g("Reshape", g("Concat", up, down, axis=1), np.array([0, 2 * atoms, -1]))
    windows = pooling_windows(bank.positions, bank.grid)
    pooled = g("MatMul", split, np.kron(windows, windows).T)  # down times across
    ordered = g("Transpose", g("Sqrt", pooled), perm=[0, 2, 1])
    return g("Reshape", ordered, np.array([0, bank.width]))


def _decisions(g: _Graph, rows: str, votes: KernelVotes) -> str:
    """As ``KernelVotes``: likeness to every support vector, decisions of the class pairs."""
    lengths = votes.gamma * (votes.vectors**2).sum(1)
    own = g("Mul", g("ReduceSum", g("Mul", rows, rows), np.array([1]), keepdims=1), float(votes.gamma))
    exponent = g("Sub", g("Sub", g("MatMul", rows, 2 * votes.gamma * votes.vectors.T), lengths), own)
    likeness = g("Exp", exponent)
    classes = len(votes.counts)
    owner = np.repeat(np.arange(classes), votes.counts)
    first, second = np.triu_indices(classes, 1)
    # a pair's decision weighs the vectors of its two classes only
    weights = np.zeros((len(owner), len(first)), np.float32)
    for pair, (one, other) in enumerate(zip(first, second, strict=True)):
        weights[owner == one, pair] = votes.duals[other - 1, owner == one]
        weights[owner == other, pair] = votes.duals[one, owner == other]
    return g("Add", g("MatMul", likeness, weights), votes.intercepts)


def _margins(g: _Graph, decisions: str, classes: int) -> str:
    """As ``margins_of``."""
    first, second = np.triu_indices(classes, 1)
    # every class's decisions with the sign of its side, nine to a class; the least is its margin
    sides = np.zeros((len(first), classes, classes - 1), np.float32)
    for pair, (one, other) in enumerate(zip(first, second, strict=True)):
        sides[pair, one, other - 1], sides[pair, other, one] = 1, -1
    signed = g("MatMul", decisions, sides.reshape(len(first), -1))
    return g("ReduceMin", g("Reshape", signed, np.array([0, classes, classes - 1])), axes=[2], keepdims=0)
