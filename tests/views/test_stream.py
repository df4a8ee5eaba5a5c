import gc
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope import Refused
from layerscope.views import Scope
from layerscope.views.by_class import ClassSums, class_names, class_order, rest_means
from layerscope.views.stream import known_labels, read
from layerscope.views.strongest import Strongest
from zoo import build


def parts_of(data, *, memory=2**29, classes=("a", "b", "c", "d")):
    net, images = build("plain")
    trace = Scope(net, classes=classes, memory=memory).trace(images[:2])
    seen = []

    def visit(part):
        content = part.trace.tape.input.tensor.clone()
        seen.append((part.trace.examples, part.labels, part.trace.true, content))

    count = read(trace, data, visit, "a method")
    return count, seen


def batches():
    images = build("plain")[1]
    return images, [(images[:3], ["b", "a", "b"], ["x", "y", "z"]), images[3:]]


@pytest.mark.parametrize("memory", [1, 2**29])
def test_examples_come_once_in_order_under_their_names(memory):
    images, data = batches()
    count, seen = parts_of(iter(data), memory=memory)
    assert count == 5
    assert [name for names, *_ in seen for name in names] == ["x", "y", "z", "3", "4"]
    assert torch.equal(torch.cat([x for *_, x in seen]), images)
    assert len(seen) == (5 if memory == 1 else 2)


def test_labels_are_the_scope_s_indices_where_they_can_be():
    _, seen = parts_of(batches()[1])
    assert seen[0][1] == (1, 0, 1)
    assert seen[0][2].tolist() == [1, 0, 1]
    assert seen[1][1:3] == (None, None)
    images = batches()[0]
    _, seen = parts_of([(images, np.array([7, 0, 0, 0, 0]))])
    assert seen[0][1] == (7, 0, 0, 0, 0)
    assert seen[0][2] is None
    _, seen = parts_of([(images[:1], ["zebra"])], classes=None)
    assert seen[0][1] == ("zebra",)


def test_the_trace_s_own_batch_is_the_data_set_where_none_is_given():
    net, images = build("plain")
    trace = Scope(net).trace(images, true=[0, 1, 2, 3, 0], examples="abcde")
    seen = []
    assert read(trace, None, seen.append, "a method") == 5
    assert seen[0].trace is trace
    assert seen[0].labels == (0, 1, 2, 3, 0)


IMAGES = torch.zeros(2, 3, 19, 19)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (IMAGES, r"a Tensor; give an iterable of batches.*data=\[images\]"),
        (3, "a int; give an iterable"),
        ([], "gave no examples"),
        ([(IMAGES, [0])], "batch 0 has 1 labels for 2 examples"),
        ([IMAGES, (IMAGES, None, ["a"])], "batch 1 has 1 ids for 2 examples"),
        ([IMAGES[..., 1:]], r"batch 0 holds examples of the shape \(3, 19, 18\), the trace of"),
        ([(IMAGES, IMAGES, IMAGES, IMAGES)], "a tuple of 4"),
        ([(IMAGES, [0, 1.5])], "the label 1.5"),
        ([(IMAGES, [0, -1])], "the label -1"),
        ([(IMAGES, [0, True])], "the label True"),
        ([IMAGES, IMAGES / 0], "batch 1 holds NaN or infinity in 2 of 2 examples"),
        ([IMAGES.byte()], "torch.uint8; give floats in the model's units"),
    ],
)
def test_what_is_no_data_set_is_refused(data, words):
    with pytest.raises(Refused, match=f"a method.*{words}"):
        parts_of(data)


def test_missing_labels_are_refused_by_the_method_s_name():
    with pytest.raises(Refused, match="selectivity needs the labels"):
        known_labels(None, "selectivity")


def test_a_part_s_memory_is_free_before_the_next_is_traced():
    net, images = build("plain")
    trace = Scope(net, memory=1).trace(images[:1])
    alive = []
    gc.collect()
    gc.disable()
    try:

        def visit(part):
            assert not any(tensor() is not None for tensor in alive)
            alive.extend(weakref.ref(value.tensor) for value in part.trace.tape.values[1:])

        read(trace, [images], visit, "a method")
    finally:
        gc.enable()
    assert len(alive) > 5


@given(
    maps=st.integers(0, 2**32).map(
        lambda seed: torch.randint(
            -2, 4, (9, 3, 2, 2), generator=torch.Generator().manual_seed(seed)
        ).float()
    ),
    cuts=st.lists(st.integers(1, 8), max_size=4),
    top=st.integers(1, 11),
)
@settings(max_examples=60, deadline=None)
def test_the_strongest_are_those_of_a_stable_sort_however_the_data_are_cut(maps, cuts, top):
    units = torch.tensor([2, 0])
    found = Strongest.none_yet(units, top, maps)
    ends = [*sorted(set(cuts)), 9]
    for start, end in zip([0, *ends], ends, strict=False):
        found = found.joined(maps[start:end], start)
    for row, unit in enumerate(units.tolist()):
        peaks = maps[:, unit].flatten(1).amax(1).tolist()
        order = sorted((n for n in range(9) if peaks[n] > 0), key=lambda n: (-peaks[n], n))[:top]
        missing = top - len(order)
        assert found.examples[row].tolist() == order + [-1] * missing
        assert found.values[row].tolist() == [peaks[n] for n in order] + [0.0] * missing
        places = [maps[n, unit].flatten().tolist().index(peaks[n]) for n in order]
        assert found.positions[row].tolist() == places + [-1] * missing


def test_an_answer_that_is_not_a_number_is_refused():
    maps = torch.zeros(2, 1, 3)
    maps[1, 0, 2] = float("nan")
    with pytest.raises(Refused, match=r"NaN.*from number 40 on"):
        Strongest.none_yet(torch.tensor([0]), 2, maps).joined(maps, 40)


@given(cut=st.integers(1, 11))
@settings(max_examples=15, deadline=None)
def test_class_means_are_those_of_all_examples_at_once(cut):
    values = torch.randn(12, 2, 3, generator=torch.Generator().manual_seed(1))
    labels = [0, 2, 2, 0, 2, 0, 0, 2, 2, 2, 0, 2]
    sums = ClassSums()
    sums.add(labels[:cut], values[:cut])
    sums.add(labels[cut:], values[cut:])
    order = sums.order(None)
    assert order == [0, 2]
    assert sums.counts(order).tolist() == [5, 7]
    expected = [values.double()[np.array(labels) == label].mean(0) for label in order]
    torch.testing.assert_close(sums.means(order), torch.stack(expected), rtol=0, atol=1e-15)


def test_classes_weigh_alike_in_the_mean_of_the_rest():
    assert rest_means(torch.tensor([[1.0], [2.0], [6.0]])).tolist() == [[4.0], [3.5], [1.5]]


def test_classes_stand_in_the_scope_s_order():
    assert class_order([2, 0, 2], ["z", "y", "x"]) == [0, 2]
    assert class_names([0, 2], ["z", "y", "x"]).tolist() == ["z", "x"]
    assert class_order(["dog", "cat"], None) == ["cat", "dog"]
    assert class_names([1, 5], ["z", "y"]).tolist() == ["y", "5"]
    with pytest.raises(Refused, match="'horse' is none of the scope's classes"):
        class_order([0, "horse"], ["cat", "dog"])


def test_a_flat_layer_answers_at_no_position():
    found = Strongest.none_yet(torch.tensor([1]), 2, torch.zeros(1))
    found = found.joined(torch.tensor([[0.0, 3.0], [9.0, 5.0]]), 0)
    assert found.values.tolist() == [[5.0, 3.0]]
    assert found.positions.tolist() == [[0, 0]]
    assert found.examples.tolist() == [[1, 0]]
