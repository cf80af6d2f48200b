"""Optimisers, clipping and schedules agree with PyTorch's, step by step, to 1e-12."""

import numpy as np
import pytest
from tests.optim.torch_cases import GOLDEN, OPTIMIZERS, SCHEDULES, STEPS, ours, rates

CLOSE = {"rtol": 1e-12, "atol": 1e-12}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name):
    with np.load(GOLDEN) as golden:
        np.testing.assert_allclose(ours(OPTIMIZERS[name][0]), golden[name], **CLOSE)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule(name):
    schedule = SCHEDULES[name][0]
    with np.load(GOLDEN) as golden:
        expected = golden[f"rate_{name}"]
    np.testing.assert_allclose([schedule(k) for k in range(STEPS)], expected, **CLOSE)
    np.testing.assert_allclose(schedule(np.arange(STEPS)), expected, **CLOSE)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_live(name):
    """With the PyTorch that is installed, where one is."""
    pytest.importorskip("torch")
    optimizer, run = OPTIMIZERS[name]
    np.testing.assert_allclose(ours(optimizer), run(), **CLOSE)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_live(name):
    pytest.importorskip("torch")
    schedule, scheduler = SCHEDULES[name]
    np.testing.assert_allclose([schedule(k) for k in range(STEPS)], rates(scheduler), **CLOSE)
