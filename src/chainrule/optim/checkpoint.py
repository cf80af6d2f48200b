"""Checkpoints: the state of training in a folder, whole at every moment, whatever kills it.

``checkpoint.json`` says where training stands and names the file of arrays that belongs to it,
``step-….npz``. Both are written beside and moved into place, the arrays first, so that the one
that is named is always complete; older ones are then removed.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError

NAME = "checkpoint.json"
FORMAT = 1


class Checkpoint:
    """A folder that holds one state of training."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    def save(self, step: int, about: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        """Replace what is there; ``about`` is plain data for JSON.

        Raises `OSError` where the folder cannot be written; what was there before is then whole.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"step-{step:09d}.npz"
        buffer = io.BytesIO()
        np.savez(buffer, **dict(arrays))
        self._write(name, buffer.getvalue())
        head = {"format": FORMAT, "arrays": name, "step": step, **about}
        self._write(NAME, json.dumps(head, indent=1).encode())
        for old in self.folder.glob("step-*.npz"):
            if old.name != name:
                old.unlink(missing_ok=True)

    def _write(self, name: str, content: bytes) -> None:
        # Of one name for all steps, so that what a kill left unfinished is written over.
        beside = self.folder / f".unfinished{Path(name).suffix}"
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.folder / name)
        finally:
            beside.unlink(missing_ok=True)

    def load(self) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        """What was saved last, or ``None``.

        Raises `ArgumentError` where the files are damaged or of another format.
        """
        path = self.folder / NAME
        if not path.exists():
            return None
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            # Opened here: NumPy leaves a damaged file open.
            with (self.folder / about["arrays"]).open("rb") as file, np.load(file) as read:
                arrays = {name: read[name] for name in read.files}
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise ArgumentError(
                f"fit: the checkpoint in {self.folder} cannot be read ({error}). "
                "Name another folder, or write resume=False to start over."
            ) from error
        if about.get("format") != FORMAT:
            raise ArgumentError(
                f"fit: the checkpoint in {self.folder} has format {about.get('format')!r}, and "
                f"this version reads {FORMAT}. Write resume=False to start over."
            )
        return about, arrays


def same(about: Mapping[str, Any], identity: Mapping[str, Any], folder: Path) -> None:
    """Refuse to resume what was another training; the message says what differs."""
    saved = about["identity"]
    for key in {**saved, **identity}:
        if saved.get(key) != identity.get(key):
            raise ArgumentError(
                f"fit: the checkpoint in {folder} is of another training: {key} was "
                f"{_short(saved.get(key))} and is {_short(identity.get(key))}. "
                "Name another folder, or write resume=False to start over."
            )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 120 else text[:117] + "..."
