"""The `[sweep]` section: what it lists, what it refuses, that it comes back from its file."""

import pytest

from layerscope import LayerscopeError, Study
from layerscope.training.sweep.trials import costs_of, trials_of

GRID = 'grid = { "model.blocks" = [1, 2], "training.optimizer" = ["sgd", "adamw"] }'


def test_a_grid_then_a_list_each_with_every_seed(study_of):
    listed = (
        'settings = [{ "model.blocks" = 3 }, { "model.blocks" = 2, "training.optimizer" = "sgd" }]'
    )
    trials = trials_of(study_of(f"{GRID}\n{listed}\nseeds = [4, 7]"))
    got = [(t.study.model.blocks, t.study.training.optimizer, t.seed) for t in trials]
    pairs = [
        (1, "sgd"),
        (1, "adamw"),
        (2, "sgd"),
        (2, "adamw"),
        (3, "muon"),
    ]  # one was listed twice
    assert got == [(blocks, name, seed) for blocks, name in pairs for seed in (4, 7)]
    assert all(trial.study.training.seed == trial.seed for trial in trials)
    assert all(trial.study.sweep is None for trial in trials)
    assert len({trial.name for trial in trials}) == len(trials) == 10
    assert trials[2].name == "001-blocks1-optimizeradamw-seed4"


def test_tables_are_dotted_keys_and_the_studys_own_seed_is_the_default(study_of):
    study = study_of(
        "[sweep.grid]\nmodel.blocks = [1]\n[sweep.grid.training.augment]\nflip = [0.5]"
    )
    (trial,) = trials_of(study)
    assert (trial.study.model.blocks, trial.study.training.augment.flip, trial.seed) == (1, 0.5, 0)


def test_a_saved_sweep_loads_back_equal(study_of, tmp_path):
    sizes = '"training.train_sizes" = [[], [[0.0, 24]]]'
    text = f'grid = {{ "model.blocks" = [1], {sizes} }}\nsettings = [{{ model.blocks = 3 }}]'
    study = study_of(text + "\nhalving = { first = 1 }\nseeds = 2")
    study.save(tmp_path / "again.toml")
    assert Study.load(tmp_path / "again.toml") == study


def test_a_swept_root_is_relative_to_the_study_file(tmp_path):
    (tmp_path / "a.toml").write_text(
        '[data]\nroot = "one"\n[model]\n[sweep.grid]\n"data.root" = ["one", "/two", "$THREE"]\n'
    )
    roots = [trial.study.data.root for trial in trials_of(Study.load(tmp_path / "a.toml"))]
    assert roots == [str(tmp_path / "one"), "/two", "$THREE"]


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ("", "nothing is tried"),
        ('grid = { "model.blocks" = 3 }', r"model\.blocks: a list of values to try"),
        ('grid = { "model.blocks" = [] }', r"model\.blocks: a list of values to try"),
        ('grid = { "training.seed" = [1] }', r"seeds = \[0, 1, 2\]"),
        ('grid = { "views.layers" = ["conv"] }', "changes nothing that is compared"),
        ('settings = [{ "name" = "x" }]', "changes nothing that is compared"),
        (f"{GRID}\nseeds = 0", "from 1 to 1,000"),
        (f"{GRID}\nseeds = [1, 1]", "each once"),
        (f"{GRID}\nseeds = []", "at least one"),
        (f'{GRID}\nrule = "luck"', "'one_standard_error' or 'best'"),
        (f"{GRID}\nhalving = {{ factor = 1 }}", r"halving\.factor = 1"),
    ],
)
def test_a_section_that_makes_no_sense_is_refused(study_of, sweep, said):
    with pytest.raises(LayerscopeError, match=said):
        study_of(sweep)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("model.blocks", "0", r"blocks 0: model\.blocks = 0: it should be greater than"),
        ("model.depth", "3", r"model\.depth: a study has no such key"),
        ("net.blocks", "3", "a study has no table net"),
        ("training.optimizer", '"adam"', "optimizer adam: .*did you mean 'adamw'"),
    ],
)
def test_a_value_that_its_key_does_not_allow_is_refused_before_anything_runs(
    study_of, key, value, said
):
    with pytest.raises(LayerscopeError, match=rf"\[sweep\] .*{said}"):
        trials_of(study_of(f'grid = {{ "{key}" = [{value}] }}'))


def test_a_study_without_a_sweep_is_told_how_to_have_one(digits_study):
    with pytest.raises(LayerscopeError, match=r"no \[sweep\] section.*\n.*\n.*model\.blocks"):
        trials_of(Study.load(digits_study))


def test_costs_are_those_of_the_networks(study_of):
    costs = costs_of(trials_of(study_of('grid = { "model.channels" = [32] }\nseeds = 2')))
    (cost,) = costs.values()
    assert cost.parameters == 38_314  # of study-mnist
    convolved = 9 * (28 * 28 * 1 * 32 + 14 * 14 * 32 * 32 + 7 * 7 * 32 * 64)
    assert cost.flops == 2 * (convolved + 4 * 4 * 64 * 10)
