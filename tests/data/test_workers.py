"""Worker processes: crashes, full disks and broken installations are told, never a traceback."""

import os
import subprocess
import sys
import textwrap

import pytest

from layerscope import LayerscopeError
from layerscope.data import photo, workers
from layerscope.data.photo import Decoder

DECODER = Decoder(size=16)
ROW = 16 * 16 * 3


@pytest.fixture
def pack(tmp_path):
    path = tmp_path / "pack"
    path.touch()
    return path


def decoded(pack, root, names, **more):
    chunks = workers.decode_into(pack, 0, root, names, DECODER, **more)
    return [answer for chunk in chunks for answer in chunk]


def names_of(root):
    return sorted(str(path.relative_to(root)) for path in root.glob("*/*.jpg"))


@pytest.mark.parametrize("jobs", [1, 2, 7])
def test_answers_and_pixels_are_in_the_order_of_the_photographs(pets, pack, monkeypatch, jobs):
    monkeypatch.setattr(workers, "CHUNK", 2)
    names = names_of(pets)
    answers = decoded(pack, pets, names, jobs=jobs)
    expected = [photo.read(str(pets / name), DECODER) for name in names]
    assert [answer[0] for answer in answers] == [each.sha256 for each in expected]
    assert pack.read_bytes() == b"".join(each.pixels for each in expected)


@pytest.mark.parametrize("signal", ["SIGSEGV", "SIGABRT"])
def test_a_photograph_that_crashes_its_decoder_is_refused_alone(pets, pack, monkeypatch, signal):
    program = f"""
        import os, signal
        from layerscope.data import photo
        whole = photo.read
        def read(path, decoder):
            if path.endswith("dog/3.jpg"):
                os.kill(os.getpid(), signal.{signal})
            return whole(path, decoder)
        photo.read = read
        from layerscope.data.worker import main
        main()
    """
    monkeypatch.setattr(workers, "_PROGRAM", textwrap.dedent(program))
    names = names_of(pets)
    reasons = {
        name: reason
        for name, (_, reason, _) in zip(names, decoded(pack, pets, names), strict=True)
        if reason
    }
    assert reasons == {"dog/3.jpg": "its decoder crashes"}


def test_a_worker_that_is_killed_stops_the_packing(pets, pack, monkeypatch):
    program = "import os, sys; sys.stdin.readline(); os.kill(os.getpid(), 9)"
    monkeypatch.setattr(workers, "_PROGRAM", program)
    with pytest.raises(LayerscopeError, match="ended from outside"):
        decoded(pack, pets, names_of(pets))


def test_a_worker_that_cannot_start_tells_its_last_words(pets, pack, monkeypatch):
    monkeypatch.setattr(workers, "_PROGRAM", "raise ImportError('no Pillow here')")
    with pytest.raises(LayerscopeError, match=r"exit status 1\): ImportError: no Pillow here"):
        decoded(pack, pets, names_of(pets))


def test_a_full_disk_is_told_by_the_worker(pets, tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    pack = tmp_path / "pack"
    pack.symlink_to("/dev/full")
    with pytest.raises(LayerscopeError, match=r"the disk is full.*LAYERSCOPE_CACHE"):
        decoded(pack, pets, names_of(pets))


def test_workers_end_when_no_more_answers_are_wanted(pets, pack, monkeypatch):
    started = []
    start = subprocess.Popen

    def note(*args, **kwargs):
        started.append(start(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(workers.subprocess, "Popen", note)
    monkeypatch.setattr(workers, "CHUNK", 1)
    answers = workers.decode_into(pack, 0, pets, names_of(pets), DECODER, jobs=3)
    next(answers)
    answers.close()
    assert len(started) == 3
    assert all(process.poll() is not None for process in started)


def test_a_worker_loads_neither_torch_nor_numpy():
    program = (
        "import sys; import layerscope.data.worker; print(*{'torch', 'numpy'} & set(sys.modules))"
    )
    path = os.pathsep.join(p for p in sys.path if p)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert done.stdout.strip() == ""
