"""Each function of `nn` here and in PyTorch, on the same arrays: values and gradients.

``python tests/nn/torch_cases.py`` writes ``torch.npz``, the numbers that PyTorch gives, where torch
is installed; the tests compare with them everywhere.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import chainrule as cr
import numpy as np
from chainrule import nn

with suppress(ImportError):  # the functions that need it are run where it is installed
    import torch
    import torch.nn.functional as F

GOLDEN = Path(__file__).with_name("torch.npz")


class Case(NamedTuple):
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    #: Shapes of standard normal arguments, by which the gradient is taken; arrays as they are.
    given: tuple[Any, ...]


def array(given: Any, k: int) -> np.ndarray:
    rng = np.random.default_rng((9, k))
    return rng.normal(size=given) if isinstance(given, tuple) else np.asarray(given)


def arguments(case: Case) -> list[np.ndarray]:
    return [array(given, k) for k, given in enumerate(case.given)]


def weights(shape: tuple[int, ...]) -> np.ndarray:
    """What a result is weighed with, to make one number of it."""
    return np.cos(np.arange(np.prod(shape, dtype=int), dtype=float)).reshape(shape) + 0.1


def flat(value: Any, gradients: Any) -> np.ndarray:
    return np.concatenate([np.ravel(a) for a in (value, *gradients)])


def ours(case: Case, how: Callable[..., Any] = lambda f: f) -> np.ndarray:
    given = arguments(case)
    wrt = tuple(k for k, a in enumerate(given) if a.dtype.kind == "f")
    value = how(case.ours)(*given)
    c = weights(np.shape(value))
    gradients = how(cr.grad(lambda *given: np.sum(c * case.ours(*given)), wrt=wrt))(*given)
    return flat(value, gradients)


def theirs(case: Case) -> np.ndarray:
    given = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arguments(case)]
    value = case.theirs(*given)
    c = torch.tensor(weights(tuple(value.shape)))
    gradients = torch.autograd.grad((c * value).sum(), [t for t in given if t.requires_grad])
    return flat(value.detach().numpy(), [g.numpy() for g in gradients])


TAILS = np.array([-700.0, -40.0, -9.0, -1.5, -0.3, 1e-9, 0.4, 2.0, 8.5, 19.0])
IMAGE, KERNEL = (2, 3, 7, 6), (4, 3, 3, 2)
LABELS = np.array([2, 0, 1, 2, 2])
SHARES = np.array([[0.2, 0.3, 0.5], [1, 0, 0], [0.6, 0.1, 0.3], [0.1, 0.1, 0.8], [0, 0.5, 0.5]])
DENSE = np.array([[[0, 2], [1, 1]], [[2, 2], [0, 1]]])
LOOK = np.array([[True, False, True, True], [True] * 4, [False, True, True, False]])
PARTS = ((2, 3, 4), (2, 5, 4), *[(4, 4), (4,)] * 4)


def conv(**options: Any) -> Callable[..., Any]:
    return lambda x, w, *b: nn.conv2d(
        {"weight": w, **({"bias": b[0]} if b else {})}, x, **options
    )


EARLIER = np.random.default_rng(3).normal(1.0, 2.0, (4, 5))


def known(x: Any, w: Any) -> Any:
    return nn.batch_norm({"weight": w} | nn.batch_statistics(EARLIER), x)


def their_known(x: Any, w: Any) -> Any:
    earlier = torch.tensor(EARLIER)
    return F.batch_norm(x, earlier.mean(0), earlier.var(0), w, None, False)


def heads(x: Any, context: Any, *p: Any) -> Any:
    names = ("query", "key", "value", "output")
    p = {n: {"weight": p[2 * k], "bias": p[2 * k + 1]} for k, n in enumerate(names)}
    return nn.multi_head_attention(p, x, 2, context)


def their_heads(x: Any, context: Any, *p: Any) -> Any:
    wq, bq, wk, bk, wv, bv, wo, bo = p
    weight = torch.cat([wq.T, wk.T, wv.T])
    return F.multi_head_attention_forward(
        x.swapaxes(0, 1), context.swapaxes(0, 1), context.swapaxes(0, 1), 4, 2, weight,
        torch.cat([bq, bk, bv]), None, None, False, 0.0, wo.T, bo, need_weights=False,
    )[0].swapaxes(0, 1)  # fmt: skip


# fmt: off
CASES: dict[str, Case] = {
    "relu":             Case(nn.relu, lambda x: F.relu(x), (TAILS,)),
    "leaky_relu":       Case(lambda x: nn.leaky_relu(x, 0.2), lambda x: F.leaky_relu(x, 0.2), (TAILS,)),
    "elu":              Case(lambda x: nn.elu(x, 1.5), lambda x: F.elu(x, 1.5), (TAILS,)),
    "gelu":             Case(nn.gelu, lambda x: F.gelu(x), (TAILS,)),
    "gelu_tanh":        Case(lambda x: nn.gelu(x, "tanh"), lambda x: F.gelu(x, approximate="tanh"), (TAILS,)),
    "silu":             Case(nn.silu, lambda x: F.silu(x), (TAILS,)),
    "tanh":             Case(nn.tanh, lambda x: torch.tanh(x), (TAILS,)),
    "sigmoid":          Case(nn.sigmoid, lambda x: torch.sigmoid(x), (TAILS,)),
    "softplus":         Case(nn.softplus, lambda x: F.softplus(x, threshold=1000), (TAILS,)),
    "softmax":          Case(nn.softmax, lambda x: F.softmax(x, -1), ((3, 4),)),
    "softmax_axis":     Case(lambda x: nn.softmax(x, 1), lambda x: F.softmax(x, 1), ((3, 4, 2),)),
    "softmax_tails":    Case(nn.softmax, lambda x: F.softmax(x, -1), (TAILS,)),
    "log_softmax":      Case(nn.log_softmax, lambda x: F.log_softmax(x, -1), ((3, 4),)),
    "log_softmax_axis": Case(lambda x: nn.log_softmax(x, 0), lambda x: F.log_softmax(x, 0), ((3, 4),)),
    "log_softmax_tails": Case(nn.log_softmax, lambda x: F.log_softmax(x, -1), (TAILS,)),
    "linear":           Case(lambda x, w, b: nn.linear({"weight": w, "bias": b}, x), lambda x, w, b: F.linear(x, w.T, b), ((2, 5, 3), (3, 4), (4,))),
    "linear_bare":      Case(lambda x, w: nn.linear({"weight": w}, x), lambda x, w: F.linear(x, w.T), ((3,), (3, 4))),
    "embedding":        Case(lambda w, i: nn.embedding({"weight": w}, i), lambda w, i: F.embedding(i, w), ((6, 3), DENSE)),
    "layer_norm":       Case(lambda x, w, b: nn.layer_norm({"weight": w, "bias": b}, x), lambda x, w, b: F.layer_norm(x, (5,), w, b), ((3, 4, 5), (5,), (5,))),
    "layer_norm_two":   Case(lambda x, w, b: nn.layer_norm({"weight": w, "bias": b}, x, 1e-3), lambda x, w, b: F.layer_norm(x, (4, 5), w, b, 1e-3), ((3, 4, 5), (4, 5), (4, 5))),
    "layer_norm_bare":  Case(lambda x: nn.layer_norm({}, x), lambda x: F.layer_norm(x, (5,)), ((3, 5),)),
    "batch_norm":       Case(lambda x, w, b: nn.batch_norm({"weight": w, "bias": b}, x), lambda x, w, b: F.batch_norm(x, None, None, w, b, True), ((6, 5), (5,), (5,))),
    "batch_norm_image": Case(lambda x, w: nn.batch_norm({"weight": w}, x, 1, 1e-3), lambda x, w: F.batch_norm(x, None, None, w, None, True, eps=1e-3), (IMAGE, (3,))),
    "batch_norm_known": Case(known, their_known, ((6, 5), (5,))),
    "rms_norm":         Case(lambda x, w: nn.rms_norm({"weight": w}, x), lambda x, w: F.rms_norm(x, (5,), w, 1e-5), ((3, 5), (5,))),
    "conv":             Case(conv(), lambda x, w, b: F.conv2d(x, w, b), (IMAGE, KERNEL, (4,))),
    "conv_bare":        Case(conv(), lambda x, w: F.conv2d(x, w), (IMAGE, KERNEL)),
    "conv_stride":      Case(conv(stride=2, padding=1), lambda x, w, b: F.conv2d(x, w, b, 2, 1), (IMAGE, KERNEL, (4,))),
    "conv_uneven":      Case(conv(stride=(1, 3), padding=(2, 0)), lambda x, w, b: F.conv2d(x, w, b, (1, 3), (2, 0)), (IMAGE, KERNEL, (4,))),
    "conv_same":        Case(conv(padding="same"), lambda x, w, b: F.conv2d(x, w, b, padding="same"), (IMAGE, (4, 3, 3, 3), (4,))),
    "conv_same_even":   Case(conv(padding="same"), lambda x, w: F.conv2d(F.pad(x, (1, 2, 0, 1)), w), (IMAGE, (4, 3, 2, 4))),
    "conv_dilation":    Case(conv(dilation=(2, 1), padding=1), lambda x, w, b: F.conv2d(x, w, b, 1, 1, (2, 1)), (IMAGE, KERNEL, (4,))),
    "conv_one":         Case(conv(), lambda x, w, b: F.conv2d(x, w, b), (IMAGE, (4, 3, 1, 1), (4,))),
    "max_pool":         Case(lambda x: nn.max_pool2d(x, 2), lambda x: F.max_pool2d(x, 2), (IMAGE,)),
    "max_pool_overlap": Case(lambda x: nn.max_pool2d(x, 3, 2, 1), lambda x: F.max_pool2d(x, 3, 2, 1), (IMAGE,)),
    "max_pool_uneven":  Case(lambda x: nn.max_pool2d(x, (3, 2), (1, 2)), lambda x: F.max_pool2d(x, (3, 2), (1, 2)), (IMAGE,)),
    "avg_pool":         Case(lambda x: nn.avg_pool2d(x, 2), lambda x: F.avg_pool2d(x, 2), (IMAGE,)),
    "avg_pool_overlap": Case(lambda x: nn.avg_pool2d(x, 3, 1, 1), lambda x: F.avg_pool2d(x, 3, 1, 1), (IMAGE,)),
    "attention":        Case(nn.attention, lambda q, k, v: F.scaled_dot_product_attention(q, k, v), ((2, 3, 4), (2, 5, 4), (2, 5, 2))),
    "attention_causal": Case(lambda q, k, v: nn.attention(q, k, v, causal=True), lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), ((2, 3, 4), (2, 3, 4), (2, 3, 2))),
    "attention_masked": Case(lambda q, k, v: nn.attention(q, k, v, LOOK), lambda q, k, v: F.scaled_dot_product_attention(q, k, v, torch.tensor(LOOK)), ((2, 3, 4), (2, 4, 4), (2, 4, 2))),
    "attention_heads":  Case(heads, their_heads, PARTS),
    "mse":              Case(nn.mse, lambda a, b: F.mse_loss(a, b), ((4, 3), (4, 3))),
    "mse_sum":          Case(lambda a, b: nn.mse(a, b, "sum"), lambda a, b: F.mse_loss(a, b, reduction="sum"), ((4, 3), (4, 3))),
    "mse_none":         Case(lambda a, b: nn.mse(a, b, "none"), lambda a, b: F.mse_loss(a, b, reduction="none"), ((4, 3), (4, 3))),
    "labels":           Case(lambda z, y: nn.cross_entropy(z, y), lambda z, y: F.cross_entropy(z, y), ((5, 3), LABELS)),
    "labels_none":      Case(lambda z, y: nn.cross_entropy(z, y, reduction="none"), lambda z, y: F.cross_entropy(z, y, reduction="none"), ((5, 3), LABELS)),
    "labels_smooth":    Case(lambda z, y: nn.cross_entropy(z, y, label_smoothing=0.1), lambda z, y: F.cross_entropy(z, y, label_smoothing=0.1), ((5, 3), LABELS)),
    "labels_axis":      Case(lambda z, y: nn.cross_entropy(z, y, axis=1, reduction="sum"), lambda z, y: F.cross_entropy(z, y, reduction="sum"), ((2, 3, 2, 2), DENSE)),
    "labels_far":       Case(lambda z, y: nn.cross_entropy(1e3 * z, y), lambda z, y: F.cross_entropy(1e3 * z, y), ((5, 3), LABELS)),
    "probabilities":    Case(nn.cross_entropy, lambda z, t: F.cross_entropy(z, t), ((5, 3), SHARES)),
    "probabilities_smooth": Case(lambda z, t: nn.cross_entropy(z, t, label_smoothing=0.2), lambda z, t: F.cross_entropy(z, t, label_smoothing=0.2), ((5, 3), SHARES)),
    "binary":           Case(nn.binary_cross_entropy_with_logits, lambda z, t: F.binary_cross_entropy_with_logits(z, t), ((5, 3), SHARES)),
    "binary_far":       Case(lambda z, t: nn.binary_cross_entropy_with_logits(100 * z, t), lambda z, t: F.binary_cross_entropy_with_logits(100 * z, t), ((5, 3), SHARES)),
}
# fmt: on


def record() -> None:
    """Write what PyTorch gives."""
    np.savez_compressed(GOLDEN, **{name: theirs(case) for name, case in CASES.items()})


if __name__ == "__main__":
    record()
