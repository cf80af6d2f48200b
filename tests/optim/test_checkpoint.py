"""Training killed at any moment goes on from its checkpoint, bit by bit."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import chainrule as cr
import numpy as np
import pytest
from chainrule import optim as o
from chainrule.errors import ArgumentError
from chainrule.optim.checkpoint import Checkpoint

PROGRAM = """
import os, signal, sys
import numpy as np
import chainrule as cr

folder, kill, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
rng = np.random.default_rng(0)
X, y = rng.normal(size=(90, 5)), rng.normal(size=90)
params = {"w": rng.normal(size=(5, 8)) / 2, "b": np.zeros(8), "v": (rng.normal(size=8) / 3, 0.0)}

def loss(p, X, y, rng):
    hidden = cr.nn.dropout(np.tanh(X @ p["w"] + p["b"]), 0.2, rng)
    return np.mean((hidden @ p["v"][0] + p["v"][1] - y) ** 2)

def callback(at):
    if at.step == kill:
        os.kill(os.getpid(), signal.SIGKILL)

optimizer = cr.optim.chain(
    cr.optim.clip_by_global_norm(1.0), cr.optim.adamw(cr.optim.one_cycle(0.05, 120))
)
result = cr.fit(
    loss, params, (X, y), optimizer=optimizer, batch_size=16, epochs=20, seed=5,
    validation=(X, y), callbacks=callback, checkpoint=folder, checkpoint_every=7,
)
h = result.history
np.savez(out, *[result.params[k] for k in "wb"], *result.params["v"], h.loss, h.gradient_norm,
         h.epoch_loss, h.validation_loss, h.epoch_end, result.loss)
print(result.message)
"""


def run(folder: Path, kill: int) -> subprocess.CompletedProcess[str]:
    arguments = [str(folder / "checkpoint"), str(kill), str(folder / "out.npz")]
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, *arguments],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_killed_and_resumed_is_the_same_bit_by_bit(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    done = run(whole, -1)
    assert done.returncode == 0, done.stderr
    for kill in (17, 50, 84):  # in the middle of epochs, and at the end of one
        died = run(killed, kill)
        assert died.returncode == -signal.SIGKILL, died.stderr
    done = run(killed, -1)
    assert done.returncode == 0, done.stderr
    assert "Resumed from step 77" in done.stdout
    with np.load(whole / "out.npz") as right, np.load(killed / "out.npz") as found:
        assert right.files == found.files
        for name in right.files:
            assert right[name].tobytes() == found[name].tobytes()
    assert sorted(p.name for p in (killed / "checkpoint").iterdir()) == [
        "checkpoint.json",
        "step-000000120.npz",
    ]


RNG = np.random.default_rng(1)
X = RNG.normal(size=(40, 3))
Y = X @ np.array([1.0, -2.0, 0.5])


def loss(w, X, y):
    return np.mean((X @ w - y) ** 2)


def test_more_epochs_go_on_from_there(tmp_path):
    whole = cr.fit(loss, np.zeros(3), (X, Y), epochs=6)
    cr.fit(loss, np.zeros(3), (X, Y), epochs=4, checkpoint=tmp_path)
    result = cr.fit(loss, np.zeros(3), (X, Y), epochs=6, checkpoint=tmp_path)
    assert result.params.tobytes() == whole.params.tobytes()
    assert result.history.loss.tobytes() == whole.history.loss.tobytes()
    assert result.message == "Ended after 6 epochs, as asked. (Resumed from step 8.)"
    again = cr.fit(loss, np.zeros(3), (X, Y), epochs=6, checkpoint=tmp_path)
    assert again.params.tobytes() == whole.params.tobytes()


def test_a_stream_goes_on_from_there(tmp_path):
    def stream():
        return ((X[k : k + 8], Y[k : k + 8]) for k in range(0, 40, 8))

    whole = cr.fit(loss, np.zeros(3), stream, epochs=3)
    cr.fit(loss, np.zeros(3), stream, epochs=3, steps=7, checkpoint=tmp_path)
    result = cr.fit(loss, np.zeros(3), stream, epochs=3, checkpoint=tmp_path)
    assert result.history.loss.tobytes() == whole.history.loss.tobytes()
    assert result.history.epoch_loss.tobytes() == whole.history.epoch_loss.tobytes()


def test_starting_over(tmp_path):
    cr.fit(loss, np.zeros(3), (X, Y), epochs=4, checkpoint=tmp_path)
    result = cr.fit(loss, np.zeros(3), (X, Y), epochs=2, checkpoint=tmp_path, resume=False)
    assert result.epochs == 2
    assert "Resumed" not in result.message


def test_sizes_may_be_numpys(tmp_path):
    result = cr.fit(
        loss, np.zeros(3), (X, Y), batch_size=np.int64(8), epochs=np.int64(1), seed=np.int64(2),
        checkpoint=tmp_path,
    )  # fmt: skip
    assert result.steps == 5


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"params": np.zeros(3, "f")}, "params was .*float64.* and is .*float32"),
        ({"seed": 1}, "seed was 0 and is 1"),
        ({"batch_size": 8}, "batch_size was 32 and is 8"),
        ({"data": (X[:30], Y[:30])}, "examples was 40 and is 30"),
        ({"optimizer": o.sgd(0.1)}, "state was"),
    ],
)
def test_another_training_is_refused(tmp_path, changed, says):
    cr.fit(loss, np.zeros(3), (X, Y), epochs=1, checkpoint=tmp_path)
    given = {"params": np.zeros(3), "data": (X, Y), **changed}
    with pytest.raises(ArgumentError, match=says):
        cr.fit(loss, given.pop("params"), given.pop("data"), checkpoint=tmp_path, **given)


def test_a_damaged_checkpoint_is_refused(tmp_path):
    cr.fit(loss, np.zeros(3), (X, Y), epochs=1, checkpoint=tmp_path)
    (arrays,) = tmp_path.glob("*.npz")
    arrays.write_bytes(arrays.read_bytes()[:100])
    with pytest.raises(ArgumentError, match="cannot be read"):
        cr.fit(loss, np.zeros(3), (X, Y), checkpoint=tmp_path)
    (tmp_path / "checkpoint.json").write_text(json.dumps({"format": 99, "arrays": "a"}))
    with pytest.raises(ArgumentError, match="cannot be read"):
        cr.fit(loss, np.zeros(3), (X, Y), checkpoint=tmp_path)


def test_what_cannot_be_written_does_not_end_training(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(RuntimeWarning, match="could not be written"):
        result = cr.fit(loss, np.zeros(3), (X, Y), epochs=1, checkpoint=tmp_path / "file" / "in")
    assert result.success


def test_an_unfinished_save_leaves_the_one_before(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(1, {"a": 1}, {"x": np.ones(2)})
    write = Checkpoint._write

    def dies(self, name, content):
        if name.endswith("json"):
            raise OSError("disk full")
        write(self, name, content)

    monkeypatch.setattr(Checkpoint, "_write", dies)
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save(2, {"a": 2}, {"x": np.zeros(2)})
    about, arrays = checkpoint.load()
    assert (about["a"], about["step"]) == (1, 1)
    assert arrays["x"].tolist() == [1, 1]


def test_what_a_kill_leaves_unfinished_does_not_pile_up(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path)
    with monkeypatch.context() as killed:
        killed.setattr(Path, "replace", _die)
        killed.setattr(Path, "unlink", lambda *paths, **options: None)
        for step in (1, 2):
            with pytest.raises(KeyboardInterrupt):
                checkpoint.save(step, {"a": 1}, {"x": np.ones(2)})
    assert len(list(tmp_path.iterdir())) == 1
    checkpoint.save(3, {"a": 1}, {"x": np.ones(2)})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint.json", "step-000000003.npz"]


def _die(*paths):
    raise KeyboardInterrupt
