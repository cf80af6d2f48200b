"""Each optimiser, clipping and schedule here and in PyTorch, run on the same 100 gradients.

``python tests/optim/torch_cases.py`` writes ``torch.npz``, the numbers that PyTorch gives, where
torch is installed; the tests compare with them everywhere.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from chainrule import optim as o

with suppress(ImportError):  # the functions that need it are run where it is installed
    import torch

GOLDEN = Path(__file__).with_name("torch.npz")
STEPS = 100
START = {"w": np.array([[0.3, -1.2]]), "b": np.float64(0.7)}


def gradients() -> Iterator[dict[str, Any]]:
    """Small, large, and exactly zero ones."""
    rng = np.random.default_rng(6)
    for k in range(STEPS):
        size = (0.0 if k % 17 == 5 else 1.0) * 10.0 ** rng.integers(-3, 3)
        yield {"w": size * rng.normal(size=(1, 2)), "b": np.float64(size * rng.normal())}


def ours(optimizer: o.GradientTransformation) -> np.ndarray:
    """The parameters after each of the steps, one row each."""
    params, state, rows = START, optimizer.init(START), []
    for grads in gradients():
        updates, state = optimizer.update(grads, state, params)
        params = o.apply_updates(params, updates)
        rows.append([*params["w"][0], params["b"]])
    return np.array(rows)


def theirs(
    make: Callable[[list[Any]], Any],
    clip: Callable[[list[Any]], Any] = lambda tensors: None,
    scheduler: Callable[[Any], Any] | None = None,
) -> np.ndarray:
    """The same by PyTorch."""
    tensors = [torch.tensor(np.asarray(START[k]), requires_grad=True) for k in ("w", "b")]
    optimizer = make(tensors)
    schedule = scheduler and scheduler(optimizer)
    rows = []
    for grads in gradients():
        for tensor, key in zip(tensors, ("w", "b"), strict=True):
            tensor.grad = torch.tensor(np.asarray(grads[key]))
        clip(tensors)
        optimizer.step()
        if schedule:
            schedule.step()
        rows.append([*tensors[0].detach().numpy()[0], tensors[1].item()])
    return np.array(rows)


def rates(scheduler: Callable[[Any], Any]) -> np.ndarray:
    """The learning rate that a scheduler of PyTorch's gives at each step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule, found = scheduler(optimizer), []
    for _ in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return np.array(found)


# fmt: off
OPTIMIZERS: dict[str, tuple[o.GradientTransformation, Callable[[], np.ndarray]]] = {
    "sgd":            (o.sgd(0.1), lambda: theirs(lambda p: torch.optim.SGD(p, 0.1))),
    "sgd_decay":      (o.sgd(0.1, weight_decay=0.05), lambda: theirs(lambda p: torch.optim.SGD(p, 0.1, weight_decay=0.05))),
    "momentum":       (o.sgd(0.1, 0.9), lambda: theirs(lambda p: torch.optim.SGD(p, 0.1, momentum=0.9))),
    "dampening":      (o.sgd(0.1, 0.9, 0.3, 0.01), lambda: theirs(lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, dampening=0.3, weight_decay=0.01))),
    "nesterov":       (o.sgd(0.1, 0.8, nesterov=True, weight_decay=0.01), lambda: theirs(lambda p: torch.optim.SGD(p, 0.1, momentum=0.8, nesterov=True, weight_decay=0.01))),
    "adam":           (o.adam(0.05), lambda: theirs(lambda p: torch.optim.Adam(p, 0.05))),
    "adam_decay":     (o.adam(0.05, 0.8, 0.95, 1e-3, 0.1), lambda: theirs(lambda p: torch.optim.Adam(p, 0.05, (0.8, 0.95), 1e-3, 0.1))),
    "adamw":          (o.adamw(0.05), lambda: theirs(lambda p: torch.optim.AdamW(p, 0.05))),
    "adamw_decay":    (o.adamw(0.05, weight_decay=0.3), lambda: theirs(lambda p: torch.optim.AdamW(p, 0.05, weight_decay=0.3))),
    "rmsprop":        (o.rmsprop(0.02), lambda: theirs(lambda p: torch.optim.RMSprop(p, 0.02))),
    "rmsprop_all":    (o.rmsprop(0.02, 0.9, 1e-4, 0.7, centered=True, weight_decay=0.01), lambda: theirs(lambda p: torch.optim.RMSprop(p, 0.02, 0.9, 1e-4, 0.01, 0.7, centered=True))),
    "adagrad":        (o.adagrad(0.1), lambda: theirs(lambda p: torch.optim.Adagrad(p, 0.1))),
    "adagrad_all":    (o.adagrad(0.1, 0.02, 0.01, 0.5, 1e-6), lambda: theirs(lambda p: torch.optim.Adagrad(p, 0.1, 0.02, 0.01, 0.5, 1e-6))),
    "clip_value":     (o.chain(o.clip_by_value(0.5), o.sgd(0.1)), lambda: theirs(lambda p: torch.optim.SGD(p, 0.1), lambda p: torch.nn.utils.clip_grad_value_(p, 0.5))),
    "clip_norm":      (o.chain(o.clip_by_global_norm(1.0), o.adamw(0.05)), lambda: theirs(lambda p: torch.optim.AdamW(p, 0.05), lambda p: torch.nn.utils.clip_grad_norm_(p, 1.0))),
    "scheduled":      (o.chain(o.clip_by_global_norm(1.0), o.adam(o.piecewise(0.1, {50: 0.5}))), lambda: theirs(lambda p: torch.optim.Adam(p, 0.1), lambda p: torch.nn.utils.clip_grad_norm_(p, 1.0), lambda opt: torch.optim.lr_scheduler.MultiStepLR(opt, [50], 0.5))),
    "scheduled_adamw": (o.adamw(o.cosine(0.1, STEPS)), lambda: theirs(lambda p: torch.optim.AdamW(p, 0.1), scheduler=lambda opt: torch.optim.lr_scheduler.CosineAnnealingLR(opt, STEPS))),
}

SCHEDULES: dict[str, tuple[o.schedules.Schedule, Callable[[Any], Any]]] = {
    "step":        (o.step_decay(0.1, 30, 0.5), lambda opt: torch.optim.lr_scheduler.StepLR(opt, 30, 0.5)),
    "exponential": (o.exponential(0.1, 0.97), lambda opt: torch.optim.lr_scheduler.ExponentialLR(opt, 0.97)),
    "cosine":      (o.cosine(0.1, STEPS, 0.001), lambda opt: torch.optim.lr_scheduler.CosineAnnealingLR(opt, STEPS, 0.001)),
    "piecewise":   (o.piecewise(0.1, {30: 0.2, 80: 0.2}), lambda opt: torch.optim.lr_scheduler.MultiStepLR(opt, [30, 80], 0.2)),
    "linear":      (o.linear(0.01, 0.1, 20), lambda opt: torch.optim.lr_scheduler.LinearLR(opt, 0.1, 1.0, 20)),
    "warm_up":     (o.warm_up(o.exponential(0.1, 0.9), 10, 0.01), lambda opt: torch.optim.lr_scheduler.SequentialLR(opt, [torch.optim.lr_scheduler.LinearLR(opt, 0.1, 1.0, 10), torch.optim.lr_scheduler.ExponentialLR(opt, 0.9)], [10])),
    "one_cycle":   (o.one_cycle(0.3, STEPS + 1), lambda opt: torch.optim.lr_scheduler.OneCycleLR(opt, 0.3, STEPS + 1)),
}
# fmt: on


def record() -> None:
    """Write what PyTorch gives."""
    found = {name: run() for name, (_, run) in OPTIMIZERS.items()}
    found |= {f"rate_{name}": rates(scheduler) for name, (_, scheduler) in SCHEDULES.items()}
    np.savez(GOLDEN, **found)


if __name__ == "__main__":
    record()
