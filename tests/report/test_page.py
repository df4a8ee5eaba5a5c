"""The page of a planted run: valid, self-contained, escaped, and equal to its numbers."""

import csv
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from layerscope import report
from layerscope.data.inputs import InputSpec
from layerscope.errors import LayerscopeError
from layerscope.evaluation import Predictions
from layerscope.nets.geometry import geometry
from layerscope.nets.study import study_2d
from layerscope.run import Run
from layerscope.study import Study
from layerscope.views import View

CLASSES = ["cat", '<b>dog</b> & "co"', "house", "never shown"]
CONFUSION = [[62, 13, 3, 0], [75, 1831, 5, 0], [0, 1, 32, 0], [0, 0, 0, 0]]
NAME = '<img src=x onerror="alert(1)">'
LAYERS = ["conv1", "conv2"]
VOID = {"meta", "img", "br", "source", "link", "hr", "input"}


def write_csv(path: Path, rows: list[dict]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def plant_tables(run: Run, said: Predictions) -> None:
    said.save(run.predictions_file)
    blank = {"sha256": "", "source": "", "reason": ""}
    rows = [
        {"id": name, "split": "val", "label": CLASSES[true]} | blank
        for name, true in zip(said.ids, said.true, strict=True)
    ]
    for label, n in zip(CLASSES, (40, 90, 30, 20), strict=True):
        rows += [{"id": f"{label} {i}", "split": "train", "label": label} | blank for i in range(n)]
    rows.append(blank | {"id": "bad.jpg", "split": "train", "label": "cat", "reason": "<i>cut</i>"})
    write_csv(run.data_file, rows)
    columns = "epoch,images,seconds,train_loss,train_accuracy,val_loss,val_accuracy"
    columns += ",val_balanced_accuracy"
    table = [
        "1,100,30,1.2,0.5,1.1,0.6,0.55",
        "2,200,60,0.8,0.7,,,",
        "3,300,90,0.6,0.8,0.9,0.7,0.65",
    ]
    run.history_file.write_text("\n".join([columns, *table, "4,400,120,0.5,0.9,1.0,0.7,0.6\n"]))
    architecture = run.study.model.model_dump(mode="json")
    spec = InputSpec("photo", (3, 32, 32), mean=(0.5,) * 3, std=(0.25,) * 3)
    model = {"architecture": architecture, "classes": CLASSES, "input": spec.as_dict()}
    run.model_file.write_text(json.dumps(model))
    provenance = {"finished": "2025-03-01T10:00:00+00:00", "versions": {"torch": "<2.13>"}}
    run.provenance_file.write_text(json.dumps(provenance))


def plant_views(run: Run) -> None:
    random = np.random.default_rng(0)
    examples, views = [], []
    (run.views_folder / "images").mkdir(parents=True)
    for place, (true, predicted) in enumerate([(0, 0), (0, 1), (1, 1), (1, 0), (2, 2)]):
        image = f"images/{place:03d}.png"
        pixels = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(run.views_folder / image)
        facts = {"id": f"x/{place}.jpg", "true": CLASSES[true], "predicted": CLASSES[predicted]}
        examples.append(facts | {"probability": 0.876, "split": "val", "image": image})

    def add(view: View, places: list[int], **more: object) -> None:
        name = f"{len(views)}.npz"
        view.save(run.views_folder / name)
        entry = {"method": view.method, "layer": view.layer, "file": name, "examples": places}
        views.append({"group": "g", "axes": list(view.axes), **entry, **more})

    shown = {"examples": ("a", "b"), "input_size": (32, 32)}
    add(
        View(random.normal(size=(8, 3, 5, 5)), ("unit", "channel", "y", "x"), "filters", "conv1"),
        [],
    )
    for places in ([0, 1], [2, 3]):
        for size, layer in zip((32, 16), LAYERS, strict=True):
            maps = np.abs(random.normal(size=(2, 4, size, size))).astype(np.float32)
            channels = [[3, 1, 0, 2], [7, 6, 5, 4]]
            axes = ("batch", "channel", "y", "x")
            add(View(maps, axes, "feature_maps", layer, **shown), places, channels=channels)
            cams = maps[:, 0] * [[[0.0]], [[1.0]]]
            cam = View(cams.astype(np.float32), ("batch", "y", "x"), "grad_cam", layer, **shown)
            add(cam, places, target=["cat", "house"])
            values = random.normal(size=(2, 3, 32, 32)).astype(np.float32)
            down = View(values, axes, "deconvnet", layer, signed=True, **shown)
            add(down, places, units=[17, 23], activation=[3.14, 0.0], rank=0)
    sound = View(np.zeros((2, 9), np.float32), ("batch", "somewhere"), "saliency", "conv1")
    add(sound, [0, 1])
    refused = [{"group": "g", "method": "grad_cam", "layer": "fc", "reason": "no <u>space</u>"}]
    index = {"key": {}, "examples": examples, "views": views, "refused": refused}
    (run.views_folder / "index.json").write_text(json.dumps(index))


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """A run of the documented files, planted: hostile names, an empty class, a refused file."""
    data = {"kind": "photos", "root": "photos", "size": 32, "balance": "undersample"}
    model = {"preset": "study-2d", "blocks": 2, "channels": 4}
    study = Study(name=NAME, data=data, model=model)
    planted = Run.create(tmp_path_factory.mktemp("runs") / "planted", study)
    plant_tables(planted, Predictions.from_confusion(CONFUSION, CLASSES))
    plant_views(planted)
    return planted


@pytest.fixture(scope="module")
def page(run) -> Path:
    return report.page(run)


class Reader(HTMLParser):
    """Reads a page strictly: every element that is opened is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.elements, self.tables, self.words = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.words.append(data)
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def read(page) -> Reader:
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


def table(read: Reader, *head: str) -> list[list[str]]:
    found = [rows for rows in read.tables if rows[0][: len(head)] == list(head)]
    assert len(found) == 1, head
    return [[" ".join(cell.split()) for cell in row] for row in found[0]]


def test_the_page_holds_all_it_shows(page, read):
    text = page.read_text(encoding="utf-8")
    links = [
        value for _, a in read.elements for key, value in a.items() if key in ("src", "srcset")
    ]
    assert links
    assert all(link.startswith("data:image/") for link in links)
    outer = [a.get("href", "#") for _, a in read.elements]
    assert all(link.startswith("#") for link in outer)
    assert "url(" not in text
    assert "@import" not in text
    assert [a for tag, a in read.elements if tag == "script"] == [{}]  # one, and it is inside
    assert [path.name for path in page.parent.iterdir()] == ["index.html"]


def test_every_picture_has_words_and_every_head_a_scope(read):
    assert all(a.get("alt") for tag, a in read.elements if tag == "img")
    assert all(a.get("scope") for tag, a in read.elements if tag == "th")
    ids = [a["id"] for _, a in read.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert all(a["href"][1:] in ids for tag, a in read.elements if tag == "a")
    labels = [a["aria-labelledby"] for _, a in read.elements if "aria-labelledby" in a]
    assert set(labels) <= set(ids)
    tags = [tag for tag, _ in read.elements]
    assert all(tags.count(tag) == 1 for tag in ("h1", "main", "header", "footer", "nav", "title"))
    assert dict(read.elements)["html"]["lang"] == "en"


def test_headings_never_skip_a_level(read):
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_names_with_markup_in_them_are_shown_as_they_are(page, read):
    words = "".join(read.words)
    for name in (*CLASSES, NAME, "<2.13>", "<i>cut</i>"):
        assert name in words
    assert not {"b", "i", "u"} & {tag for tag, _ in read.elements}
    assert not any("onerror" in attributes for _, attributes in read.elements)
    assert "alert(" not in re.search("<script>(.*?)</script>", page.read_text(), re.DOTALL)[1]


def test_the_per_class_table_is_the_evaluations(run, read):
    result = run.evaluation()
    rows = table(read, "class", "precision")
    for row, each in zip(rows[1:], result.per_class, strict=False):
        shown = [each.name, *(row[i].split()[0] for i in (1, 2, 3)), row[4], row[5].split()[0]]
        figures = (each.precision, each.recall, each.f1, each.precision_equal_prevalence)
        p, r, f, e = ("n/a" if it.value is None else f"{it.value:.2f}" for it in figures)
        assert shown == [each.name, p, r, f, f"{each.support:,}", e]
        if each.recall.interval:
            assert row[2].split()[1:] == [f"{each.recall.low:.2f}", "to", f"{each.recall.high:.2f}"]
    assert rows[4][1] == "n/a undefined"
    assert rows[-2][:4] == ["macro average", *(f"{x:.2f}" for x in vars(result.macro).values())]
    words = " ".join(" ".join(read.words).split())
    assert f"accuracy {result.accuracy.value:.3f} {result.accuracy.low:.3f} to" in words
    for sentence in result.as_dict()["findings"] + result.as_dict()["notes"]:
        assert sentence in words.replace("\xa0", " ")
    assert "cat is most often confused with <b>dog</b>" in words


def test_the_confusion_table_has_the_true_class_in_rows(read):
    rows = next(
        rows for rows in read.tables if len(rows[0]) > 1 and rows[0][1] == "predicted class"
    )
    assert rows[1] == ["true class", *CLASSES, "support"]
    for row, name, counts in zip(rows[2:], CLASSES, CONFUSION, strict=True):
        assert row[0] == name
        assert [int(cell.split()[0].replace(",", "")) for cell in row[1:-1]] == counts
        assert int(row[-1].replace(",", "")) == sum(counts)
    assert rows[2][2] == "13 17 %"


def test_the_counts_are_before_and_after_balance(read):
    rows = table(read, "class", "train")
    assert rows[0][:5] == ["class", "train", "val", "one epoch", "refused"]
    assert [row[:5] for row in rows[1:]] == [
        ["cat", "40", "78", "20", "1"],
        [CLASSES[1], "90", "1,911", "20", "0"],
        ["house", "30", "33", "20", "0"],
        ["never shown", "20", "0", "20", "0"],
        ["all", "180", "2,022", "80", "1"],
    ]


def test_the_layers_are_the_geometrys(read):
    rows = table(read, "layer", "kind")
    net = study_2d(2, 4, classes=4, input_shape=(3, 32, 32))
    expected = geometry(net, (3, 32, 32))
    assert [row[0] for row in rows[1:-1]] == [layer.name for layer in expected]
    assert rows[1][2:7] == ["32 × 32", "4", "5 × 5", "1 × 1", f"{expected[0].parameters:,}"]
    assert rows[-1][6] == f"{sum(p.numel() for p in net.parameters()):,}"


def test_the_best_epoch_and_the_length_of_training_are_told(read):
    words = " ".join(" ".join(read.words).split())
    assert "4 epochs, 400 examples shown, 2.0 minutes." in words
    assert "By balanced accuracy on the validation split, epoch 3 is the best." in words
    assert "best epoch on this same split" in words


def test_each_class_has_its_examples_in_every_layer(page, read):
    looks = [rows for rows in read.tables if rows[0][0] == "picture"]
    assert len(looks) == 6  # three methods of the two classes with views
    for rows in looks:
        assert [head.split()[0] for head in rows[0][1:]] == LAYERS
        assert len(rows) == 3
    assert looks[0][1][0].strip() == "✓ cat 88 %"
    assert looks[0][2][0].strip() == f"✗ {CLASSES[1]} 88 %"
    assert "unit 17 · 3.14" in "".join(read.words)
    alts = [a["alt"] for tag, a in read.elements if tag == "img"]
    assert "Feature maps at conv2, cat: channels 3, 1, 0, 2" in alts
    assert sum("zero everywhere" in alt for alt in alts) == 4
    assert alts.count("Grad-CAM at conv2, cat: for house, over the picture") == 1
    assert "no <u>space</u>" in "".join(read.words)
    assert "saliency at conv1: its axes are batch, somewhere" in "".join(read.words)


def test_a_confused_pair_is_shown_with_its_pictures(read):
    place = next(i for i, (tag, a) in enumerate(read.elements) if a.get("class") == "pairs")
    pictures = [a["alt"] for tag, a in read.elements[place : place + 30] if tag == "img"]
    assert pictures[0] == "cat: x/1.jpg"


def test_the_page_is_the_same_each_time(run, page):
    before = page.read_bytes()
    assert report.page(run).read_bytes() == before


def test_a_run_without_views_says_so(run, tmp_path):
    bare = Run.create(tmp_path / "bare", run.study)
    plant_tables(bare, Predictions.from_confusion(CONFUSION, CLASSES))
    assert "holds no views yet" in report.page(bare).read_text(encoding="utf-8")
    bare.predictions_file.unlink()
    with pytest.raises(LayerscopeError, match="no predictions"):
        report.page(bare)


READABLE = """
(() => {
  const bright = c => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e)
    .backgroundColor; if (!/, 0\\)$/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
  const poor = []; document.querySelectorAll('details').forEach(d => d.open = true);
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (walk.nextNode()) { const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim()) continue;
    const [a, b] = [bright(getComputedStyle(e).color), bright(ground(e))].sort((x, y) => x - y);
    seen += 1; if ((b + 0.05) / (a + 0.05) < 4.5) poor.push(walk.currentNode.data.trim()); }
  return [seen, poor]; })()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_browser_opens_it_from_disk_at_any_width_and_in_both_schemes(
    page, browser, width, scheme
):
    browser.open(page, width, scheme)
    seen, poor = browser.evaluate(READABLE)  # all sections are open from here on
    assert seen > 200
    assert poor == []
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    broken = "[...document.images].filter(i => !i.complete || !i.naturalWidth).length"
    assert browser.evaluate(broken) == 0
    assert browser.evaluate("document.images.length") > 30
    assert browser.complaints() == []
    paper = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 20, 23)"}[scheme]


def test_a_link_to_a_class_opens_its_section(page, browser):
    browser.open(page)
    opened = "[...document.querySelectorAll('details.class')].map(part => part.open)"
    assert browser.evaluate(opened) == [True, False]
    browser.evaluate("document.querySelector('a[href=\"#class-2\"]').click()")
    browser.evaluate("new Promise(done => setTimeout(done, 100))")
    assert browser.evaluate(opened) == [True, True]


def test_a_damaged_index_of_views_is_told_by_name(run, tmp_path):
    broken = Run.create(tmp_path / "broken", run.study)
    plant_tables(broken, Predictions.from_confusion(CONFUSION, CLASSES))
    broken.views_folder.mkdir()
    (broken.views_folder / "index.json").write_text("{")
    with pytest.raises(LayerscopeError, match=r"index.json is damaged"):
        report.page(broken)


def test_views_of_other_weights_are_refused(run, tmp_path):
    stale = Run.create(tmp_path / "stale", run.study)
    plant_tables(stale, Predictions.from_confusion(CONFUSION, CLASSES))
    plant_views(stale)
    index = stale.views_folder / "index.json"
    stale.weights_file.write_bytes(b"weights")
    keyed = json.loads(index.read_text()) | {"key": {"weights_sha256": stale.weights_digest()}}
    index.write_text(json.dumps(keyed))
    report.page(stale)
    stale.weights_file.write_bytes(b"others")
    with pytest.raises(LayerscopeError, match="show other weights"):
        report.page(stale)
