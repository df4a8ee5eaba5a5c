"""What training takes where a study is silent: sounds have their recipe, pictures none."""

from layerscope import Study
from layerscope.data.settings import DataSettings
from layerscope.nets.settings import ModelSettings
from layerscope.training.recipes import suited
from layerscope.training.settings import AugmentSettings, TrainingSettings


def words(**training):
    return Study(
        data=DataSettings(kind="waveforms", root="words"),
        model=ModelSettings(preset="study-1d"),
        training=TrainingSettings(**training),
    ).training


def test_a_silent_study_of_sounds_takes_the_recipe():
    study = Study(
        data=DataSettings(kind="waveforms", root="words"),
        model=ModelSettings(preset="study-1d"),
    )
    assert study.training == words() == suited(TrainingSettings(), "waveforms")
    assert study.training.keep == "last"  # nothing is chosen on val
    assert study.training.augment.sound.shift > 0


def test_what_is_given_stays_even_where_it_is_the_default():
    default = TrainingSettings()
    given = words(epochs=default.epochs, augment=AugmentSettings())
    assert given.epochs == default.epochs
    assert given.augment == AugmentSettings()
    assert given.learning_rate == words().learning_rate != default.learning_rate


def test_other_kinds_take_the_settings_as_they_are():
    for kind in ("photos", "mnist", "digits", "recordings"):
        assert suited(TrainingSettings(), kind) == TrainingSettings()


def test_a_filled_study_saves_and_loads_back_equal(tmp_path):
    study = Study(
        data=DataSettings(kind="waveforms", root=str(tmp_path)),
        model=ModelSettings(preset="study-1d"),
        training=TrainingSettings(epochs=3),
    )
    study.save(tmp_path / "study.toml")
    assert Study.load(tmp_path / "study.toml") == study
