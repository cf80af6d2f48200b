"""Object files on disk: found again, never wrong, never in the way."""

import ctypes
import os
import subprocess
import sys

import pytest
from chainrule.native import cache, llvm

TWICE = "define double @f(double %x) {\n %y = fadd double %x, %x\n ret double %y\n}\n"


@pytest.fixture
def folder(monkeypatch, tmp_path):
    place = tmp_path / "objects"
    monkeypatch.setenv("CHAINRULE_CACHE", str(place))
    return place


def entries(folder):
    return sorted(p for p in folder.iterdir() if p.suffix == ".object")


def test_what_was_saved_is_loaded(folder):
    name = cache.key("x86", 1, "text")
    assert cache.load(name) is None
    cache.save(name, b"content")
    assert cache.load(name) == b"content"
    assert [p.suffix for p in folder.iterdir()] == [".object"]


def test_a_key_tells_facts_apart():
    keys = [cache.key("ab", "c"), cache.key("a", "bc"), cache.key("abc"), cache.key("ab", "c", "")]
    assert len(set(keys)) == 4


@pytest.mark.parametrize("word", ["off", "0", "OFF"])
def test_it_is_switched_off(monkeypatch, tmp_path, word):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHAINRULE_CACHE", word)
    cache.save("name", b"content")
    assert cache.load("name") is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: bytes([data[0] ^ 1]) + data[1:],
        lambda data: data[:-3],
        lambda data: data[:5],
        lambda data: b"",
        lambda data: data + b"x",
    ],
)
def test_a_damaged_file_is_not_used(folder, damage):
    cache.save("name", b"the content of a file")
    [path] = entries(folder)
    path.write_bytes(damage(path.read_bytes()))
    assert cache.load("name") is None
    assert not entries(folder)


def test_a_file_under_another_name_is_not_used(folder):
    cache.save("name", b"content")
    entries(folder)[0].rename(folder / "other.object")
    assert cache.load("other") is None


def test_a_folder_that_cannot_be_made_is_no_cache(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "file" / "below"))
    cache.save("name", b"content")
    assert cache.load("name") is None


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners here")
def test_a_folder_that_others_can_write_to_is_not_trusted(monkeypatch, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setenv("CHAINRULE_CACHE", str(shared))
    assert cache.directory() is None


def test_a_folder_that_vanishes_is_no_error(folder):
    cache.save("name", b"content")
    entries(folder)[0].unlink()
    folder.rmdir()
    cache.save("name", b"content")
    assert cache.load("name") is None


def test_the_least_recently_used_go_first(folder, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT", 10_000)
    for k in range(30):
        cache.save(f"n{k}", bytes(1000))
        for path in entries(folder):  # all are as old as their number says
            moment = 1_000_000 + int(path.stem[1:])
            os.utime(path, (moment, moment))
        assert cache.load("n0") is not None  # and this one is used now
    held = {p.stem for p in entries(folder)}
    assert {"n0", "n29"} <= held
    assert sum(p.stat().st_size for p in entries(folder)) <= 11_000


def test_code_is_compiled_once(folder, monkeypatch):
    if not llvm.available():
        pytest.skip(llvm.why_not())
    calls = []
    real = llvm._object
    monkeypatch.setattr(llvm, "_object", lambda *a: calls.append(a) or real(*a))

    def value(ir=TWICE, machine=None):
        code = llvm.compile_text(ir, ["f"], {}, machine or llvm.machine())
        return ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(code["f"])(1.5)

    assert value() == value() == 3.0
    assert len(calls) == 1
    assert value(TWICE.replace("fadd", "fsub")) == 0.0
    assert value(machine=llvm.machine("baseline")) == 3.0
    assert len(calls) == 3
    # A file that is whole and yet no object is compiled again.
    for path in entries(folder):
        cache.save(path.stem, b"no object")
    assert value() == 3.0
    assert len(calls) == 4
    assert value() == 3.0
    assert len(calls) == 4


def test_processes_share_a_folder(folder):
    program = """
import sys
from chainrule.native import cache
cache.LIMIT = 40_000
for round in range(40):
    for k in range(12):
        found = cache.load(f"n{k}")
        assert found is None or found == bytes([k]) * 5000, k
        if found is None or round % 10 == 0:
            cache.save(f"n{k}", bytes([k]) * 5000)
print("done")
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
        )
        for _ in range(3)
    ]
    assert [p.communicate(timeout=60)[0].strip() for p in processes] == ["done"] * 3
    assert not [p for p in folder.iterdir() if p.suffix == ".draft"]
