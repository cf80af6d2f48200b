"""Object files on disk: what one process compiled, the next one loads.

The folder is ``CHAINRULE_CACHE`` (``off`` for none) or the user's own folder for caches. Nothing
here raises: where a file cannot be read or written, is damaged, or where the folder could be
written by another user, whose code we would run, there is no cache.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import threading
import time
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path

#: Bytes that the folder may hold; what has not been used for longest is removed.
LIMIT = 256 * 2**20

_SUFFIX = ".object"
_DIGEST = 16

#: Bytes written since the folder was last gone through.
_written = LIMIT
_lock = threading.Lock()


def key(*facts: object) -> str:
    """A name for what these facts determine."""
    digest = blake2b(digest_size=24)
    for fact in facts:
        text = str(fact).encode()
        digest.update(f"{len(text)}:".encode())
        digest.update(text)
    return digest.hexdigest()


def load(name: str) -> bytes | None:
    """What was saved under this name, or nothing."""
    folder = directory()
    if folder is None:
        return None
    path = folder / (name + _SUFFIX)
    try:
        data = path.read_bytes()
    except OSError:
        return None
    content = data[_DIGEST:]
    if data[:_DIGEST] != _checksum(name, content):
        _remove(path)
        return None
    with suppress(OSError):
        os.utime(path)  # used now
    return content


def save(name: str, content: bytes) -> None:
    """Keep ``content`` under this name, if that is possible."""
    folder = directory()
    if folder is None:
        return
    try:
        # Readers see the whole file or none: it gets its name when it is complete.
        handle, draft = tempfile.mkstemp(dir=folder, suffix=".draft")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_checksum(name, content) + content)
            Path(draft).replace(folder / (name + _SUFFIX))
        except BaseException:
            _remove(Path(draft))
            raise
    except OSError:
        return
    global _written  # noqa: PLW0603 - a fact about the process
    with _lock:
        _written += len(content)
        due = _written > LIMIT // 16
        if due:
            _written = 0
    if due:
        _prune(folder)


def directory() -> Path | None:
    """The folder of this user's object files, made if need be; nothing if there is to be none."""
    return _directory(os.environ.get("CHAINRULE_CACHE", ""))


@cache
def _directory(wish: str) -> Path | None:
    if wish.lower() in ("off", "0", "no", "false"):
        return None
    try:
        folder = Path(wish).expanduser() if wish else _default()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            return None
        if hasattr(os, "getuid"):
            facts = folder.stat()
            if facts.st_uid != os.getuid() or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                return None
    except (OSError, RuntimeError):  # no home folder
        return None
    return folder


def _default() -> Path:
    """The platform's folder for what can be made again."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "chainrule" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "chainrule"
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".cache") / "chainrule"


def _checksum(name: str, content: bytes) -> bytes:
    return blake2b(content, digest_size=_DIGEST, key=name.encode()[:64]).digest()


def _prune(folder: Path) -> None:
    """Remove what was used least recently until three quarters of the limit are in use."""
    entries = []
    try:
        with os.scandir(folder) as files:
            for file in files:
                if file.name.endswith((_SUFFIX, ".draft")):
                    facts = file.stat()
                    entries.append((facts.st_mtime, facts.st_size, Path(file.path)))
    except OSError:
        return
    total = sum(size for _, size, _ in entries)
    over = total > LIMIT
    now = time.time()
    for used, size, path in sorted(entries):
        # A draft that has not become a file within the hour belongs to a process that was killed.
        if path.suffix == ".draft" and now - used > 3600:
            _remove(path)
        elif over and total > LIMIT * 3 // 4:
            _remove(path)
            total -= size


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
