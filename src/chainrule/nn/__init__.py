"""Neural networks as plain NumPy functions of arrays and dicts of arrays.

There are no modules and no hidden state: a layer is a function of its parameters and its input, a
network a function of a dict, and what is random is given a generator. All of it runs on NumPy
arrays as it is, and `chainrule.grad` and `chainrule.jit` take it like any other function.

>>> import numpy as np
>>> import chainrule as cr
>>> from chainrule import nn
>>> network = nn.sequential(("hidden", nn.linear), nn.relu, ("out", nn.linear))
>>> rng = np.random.default_rng(0)
>>> params = {"hidden": nn.init_linear(rng, 4, 16), "out": nn.init_linear(rng, 16, 3)}
>>> def loss(params, X, y):
...     return nn.cross_entropy(network(params, X), y)
>>> gradient = cr.grad(loss)(params, rng.normal(size=(20, 4)), rng.integers(0, 3, 20))
>>> gradient["hidden"]["weight"].shape
(4, 16)
"""

from .activations import (
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from .attention import attention, multi_head_attention
from .compose import sequential
from .convolution import avg_pool2d, conv2d, max_pool2d
from .initial import (
    fans,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    init_batch_norm,
    init_conv2d,
    init_embedding,
    init_layer_norm,
    init_linear,
    init_multi_head_attention,
    lecun_normal,
    lecun_uniform,
    ones,
    orthogonal,
    zeros,
)
from .layers import (
    batch_norm,
    batch_statistics,
    dropout,
    embedding,
    layer_norm,
    linear,
    rms_norm,
)
from .losses import binary_cross_entropy_with_logits, cross_entropy, mse

__all__ = [
    "attention",
    "avg_pool2d",
    "batch_norm",
    "batch_statistics",
    "binary_cross_entropy_with_logits",
    "conv2d",
    "cross_entropy",
    "dropout",
    "elu",
    "embedding",
    "fans",
    "gelu",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "init_batch_norm",
    "init_conv2d",
    "init_embedding",
    "init_layer_norm",
    "init_linear",
    "init_multi_head_attention",
    "layer_norm",
    "leaky_relu",
    "lecun_normal",
    "lecun_uniform",
    "linear",
    "log_softmax",
    "max_pool2d",
    "mse",
    "multi_head_attention",
    "ones",
    "orthogonal",
    "relu",
    "rms_norm",
    "sequential",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
    "zeros",
]
