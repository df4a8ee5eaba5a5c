"""The review sheet in headless Chromium: keys, filters, saving, opening again, undoing."""

import csv
import io
import shutil
from pathlib import Path

import pytest

from layerscope.cleaning.findings import Finding, merged
from layerscope.data.decisions import COLUMNS, read_rows
from layerscope.report.review import write_review

sync_api = pytest.importorskip("playwright.sync_api")
JPEG = b"\xff\xd8\xff\xd9"
HOSTILE = 'cat/"</script><b>,1.jpg'


def _findings() -> list[Finding]:
    return [
        Finding("val/a.jpg", "aa", "leaking", 1.0, "keep", "the same", "cat", "val", group="g"),
        Finding("train/b.jpg", "bb", "leaking", 1.0, "drop", "the same", "cat", "train", group="g"),
        Finding("train/c.jpg", "cc", "mislabelled", 0.9, "relabel:dog", "why", "cat", "train"),
        Finding(HOSTILE, "dd", "mislabelled", 0.8, "drop", "<i>why</i>", "bird", "train"),
    ]


@pytest.fixture(scope="module")
def chrome():
    program = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None
    )
    if program is None:
        pytest.skip("no browser: none of chromium, chromium-browser, chrome is installed")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def sheet(tmp_path: Path, chrome):
    """The open sheet; what the console says is an error of the test."""
    rows = merged(_findings(), [])
    path = _write(tmp_path, rows, "1")
    context = chrome.new_context(accept_downloads=True, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    yield page
    context.close()
    assert said == []


def _write(folder: Path, rows, stamp: str) -> Path:
    pictures = dict.fromkeys(["val/a.jpg"], JPEG)
    classes = ["bird", "cat", "dog"]
    return write_review(
        folder / "review.html", "pets", classes, _findings(), rows, pictures, stamp=stamp
    )


def _saved(page, folder: Path) -> Path:
    with page.expect_download() as download:
        page.click("#save")
    path = folder / "keep_drop.csv"
    download.value.save_as(path)
    return path


def test_keys_decide_and_the_table_is_saved(sheet, tmp_path):
    assert sheet.locator(".cluster").count() == 3
    assert sheet.locator(".find").count() == 4
    assert sheet.inner_text("#told") == "0 of 4 decided"
    sheet.fill("#who", "Anna, B.")
    sheet.locator("#who").blur()
    sheet.keyboard.press("k")
    sheet.keyboard.press("d")
    sheet.keyboard.press("a")
    sheet.keyboard.press("r")
    sheet.keyboard.press("r")  # the next class
    assert sheet.inner_text("#told") == "4 of 4 decided, not saved"
    rows = read_rows(_saved(sheet, tmp_path))
    assert [row.decision for row in rows] == ["keep", "drop", "relabel:dog", "relabel:dog"]
    assert [row.id for row in rows] == [each.id for each in _findings()]
    assert {row.who for row in rows} == {"Anna, B."}
    assert all(row.when.endswith("+00:00") for row in rows)
    assert sheet.inner_text("#told") == "4 of 4 decided"


def test_undo_and_moving(sheet, tmp_path):
    sheet.keyboard.press("ArrowDown")
    sheet.keyboard.press("d")
    sheet.keyboard.press("ArrowUp")
    sheet.keyboard.press("u")
    row = read_rows(_saved(sheet, tmp_path))[1]
    assert (row.decision, row.who, row.when) == ("", "", "")
    sheet.click("text=is a dog")
    assert read_rows(_saved(sheet, tmp_path))[2].decision == "relabel:dog"
    sheet.click("text=is a dog")  # a second click takes it back
    assert read_rows(_saved(sheet, tmp_path))[2].decision == ""


def test_filters(sheet):
    sheet.click("button[data-issue=mislabelled]")
    assert sheet.locator(".find").count() == 2
    sheet.select_option("#class", "bird")
    assert sheet.locator(".find .name").all_inner_texts() == [HOSTILE]
    sheet.click("button[data-issue='']")
    sheet.select_option("#class", "")
    sheet.keyboard.press("ArrowUp")
    sheet.keyboard.press("d")  # goes on to the next
    sheet.check("#open")
    assert sheet.locator(".find").count() == 3


def test_opened_again_the_decisions_are_there_until_the_next_scan(sheet, tmp_path):
    sheet.keyboard.press("d")
    sheet.once("dialog", lambda dialog: dialog.accept())
    sheet.reload()
    assert sheet.inner_text("#told") == "1 of 4 decided, not saved"
    table = _saved(sheet, tmp_path)
    rows = merged(_findings(), read_rows(table))
    sheet.goto(_write(tmp_path, rows, "2").as_uri())  # the next scan has read the table
    assert sheet.inner_text("#told") == "1 of 4 decided"
    sheet.goto(_write(tmp_path, merged(_findings(), []), "3").as_uri())  # its rows were removed
    assert sheet.inner_text("#told") == "0 of 4 decided"
    sheet.set_input_files("#load", table)
    sheet.wait_for_function("document.getElementById('told').textContent.startsWith('1 of 4')")


def test_a_row_without_a_finding_is_saved_but_not_shown(chrome, tmp_path):
    old = merged(_findings()[:1], [])[0]
    gone = type(old)("gone.jpg", "ee", "odd", "0.1", "drop", "drop", "Bo", "2026-11-24")
    path = _write(tmp_path, merged(_findings(), [gone]), "4")
    page = chrome.new_page()
    page.goto(path.as_uri())
    assert page.locator(".find").count() == 4
    text = _saved(page, tmp_path).read_bytes().decode()
    last = list(csv.DictReader(io.StringIO(text, newline="")))[-1]
    assert tuple(last) == COLUMNS
    assert (last["id"], last["who"]) == ("gone.jpg", "Bo")
    page.close()


def test_thumbnails_are_small_pictures_of_each_kind():
    import numpy as np
    from PIL import Image

    from layerscope.cleaning.pool import Pool
    from layerscope.cleaning.thumbnails import thumbnails

    kinds = {
        "photo": np.full((2, 172, 172, 3), 200, dtype=np.uint8),
        "sound": (np.sin(np.arange(2 * 800) / 5) * 9000).astype(np.int16).reshape(2, 800),
        "recording": np.random.default_rng(0).normal(size=(2, 4, 256)).astype(np.float32),
    }
    for values in kinds.values():
        ids, none = ["a", "b"], ["", ""]
        pool = Pool(ids, np.zeros(2, int), none, none, none, values, np.arange(2), ("x",))
        made = thumbnails(pool, ["b", "a", "b", "lost"], most=1)
        assert list(made) == ["b"]
        picture = Image.open(io.BytesIO(made["b"]))
        assert picture.height == 128
        assert len(made["b"]) < 20_000
        if values.ndim < 4:
            assert np.asarray(picture).min() < 100 < 200 < np.asarray(picture).max()
