"""The pack: decoded once, made again when a file changes, safe against kills and full disks."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from layerscope import LayerscopeError
from layerscope.data import DataSettings, pack, prepare
from layerscope.data.photo import Decoder, read


def load(root):
    return prepare(DataSettings(root=str(root), size=16))


def pixels_by_id(dataset):
    return {
        name: split.batch([k])[0].permute(1, 2, 0).numpy().tobytes()
        for split in dataset.splits.values()
        for k, name in enumerate(split.ids)
    }


def expected(root):
    return {
        f"{path.parent.name}/{path.name}": read(str(path), Decoder(16)).pixels
        for path in root.glob("*/*.jpg")
    }


def test_the_pack_holds_what_decoding_gives(pets, cache):
    assert pixels_by_id(load(pets)) == expected(pets)


def test_a_second_run_decodes_nothing(pets, cache, monkeypatch):
    first = load(pets)
    monkeypatch.setattr(pack, "decode_into", None)
    assert pixels_by_id(load(pets)) == pixels_by_id(first)
    assert load(pets).fingerprint == first.fingerprint


def anonymous_memory():
    """Give what this process holds in memory of its own, in MB; mapped files are not counted."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1000


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="there is no /proc here")
def test_the_pixels_are_mapped_and_not_read_into_memory(many, cache):
    settings = DataSettings(root=str(many), size=256)
    prepare(settings)
    before = anonymous_memory()
    dataset = prepare(settings)
    dataset["train"].batch([0, 5])
    assert len(dataset["train"].values) * 256 * 256 * 3 > 75e6
    assert anonymous_memory() - before < 25


@pytest.mark.parametrize("change", ["content", "touched content of equal size", "added", "removed"])
def test_a_changed_source_is_decoded_again(pets, cache, change):
    before = load(pets).fingerprint
    one, other = pets / "cat" / "0.jpg", pets / "dog" / "1.jpg"
    if change == "content":
        one.write_bytes(other.read_bytes())
    elif change == "added":
        (pets / "cat" / "new.jpg").write_bytes(other.read_bytes())
    elif change == "removed":
        one.unlink()
    else:
        stamp = one.stat()
        content = bytearray(one.read_bytes())
        content[-20] ^= 1
        one.write_bytes(content)
        os.utime(one, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    after = load(pets)
    assert after.fingerprint != before
    assert pixels_by_id(after) == expected(pets)


def test_another_decoder_makes_another_pack(pets, cache):
    load(pets)
    prepare(DataSettings(root=str(pets), size=24))
    assert len(list(cache.glob("*.npz"))) == 2


def test_two_runs_that_want_one_pack_share_it(many, cache, script):
    path = script("""
        from layerscope.data import pack
        decode, built = pack.decode_into, []
        pack.decode_into = lambda *given, **more: built.append(1) or decode(*given, **more)
        dataset = prepare(DataSettings(root=sys.argv[1], size=32))
        print(dataset.fingerprint, len(built))
    """)
    runs = [
        subprocess.Popen([sys.executable, path, str(many)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [run.communicate(timeout=120)[0].split() for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert answers[0][0] == answers[1][0]
    assert sorted(built for _, built in answers) == ["0", "1"]
    assert len(list(cache.glob("*.npy"))) == 1
    assert not list(cache.glob("*.part"))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_build_that_is_cut_off_leaves_nothing_that_is_taken_for_a_pack(many, cache, script, how):
    path = script("""
        import time
        from layerscope.data import pack
        decode = pack.decode_into
        def slowly(*given):
            for answers in decode(*given):
                time.sleep(0.2)
                yield answers
        pack.decode_into = slowly
        prepare(DataSettings(root=sys.argv[1], size=32))
    """)
    run = subprocess.Popen([sys.executable, path, str(many)], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list(cache.glob("*.part")) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    run.send_signal(how)
    run.communicate(timeout=60)
    assert run.returncode != 0
    assert not list(cache.glob("*.npz"))
    for path in list(many.glob("*/*.jpg"))[:-2:3]:
        path.unlink()
    dataset = prepare(DataSettings(root=str(many), size=32))
    first = dataset["train"].batch([0])
    assert (dataset["train"].batch(range(len(dataset["train"]))) == first).all()
    assert not list(cache.glob("*.part"))


def test_a_spoiled_pack_is_built_again(pets, cache):
    before = pixels_by_id(load(pets))
    (index,) = cache.glob("*.npz")
    index.write_bytes(index.read_bytes()[:100])
    assert pixels_by_id(load(pets)) == before
    (pixels,) = cache.glob("*.npy")
    pixels.unlink()
    assert pixels_by_id(load(pets)) == before


def test_a_full_disk_is_said_and_leaves_nothing(pets, cache, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        yield

    monkeypatch.setattr(pack, "decode_into", full)
    with pytest.raises(LayerscopeError, match=r"disk is full.*LAYERSCOPE_CACHE"):
        load(pets)
    assert not [path for path in cache.iterdir() if path.suffix != ".lock"]


def test_a_disk_too_small_is_said_before_anything_is_decoded(pets, cache, monkeypatch):
    monkeypatch.setattr(pack.shutil, "disk_usage", lambda _folder: type("U", (), {"free": 10}))
    with pytest.raises(LayerscopeError, match=r"the pack needs .* has 0\.0 GB free"):
        load(pets)


def test_a_cache_that_cannot_be_written_is_told(pets, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("a file stands where the cache should be")
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tmp_path / "taken"))
    with pytest.raises(LayerscopeError, match=r"cannot write the pack in .*set LAYERSCOPE_CACHE"):
        load(pets)


def test_packs_lie_in_the_users_cache_unless_told_otherwise(monkeypatch, tmp_path):
    monkeypatch.delenv("LAYERSCOPE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert pack.cache_folder() == tmp_path / "layerscope"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert pack.cache_folder() == tmp_path / ".cache" / "layerscope"
