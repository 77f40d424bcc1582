"""Naming another class on the command line gives that class with its own defaults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graphforget import nn, unlearn
from graphforget.commands import forget, train
from graphforget.commands.parsing import parse
from graphforget.learn import ERASE, CrossEntropy
from graphforget.learn.erase.head import RidgeHead


def learner(*words):
    return parse(train.parser(), ["--data", "digits", "--out", "x", *words]).learner


def method(*words):
    return parse(forget.parser(), ["r", "--sample", "x", "--out", "x", *words]).method


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("", CrossEntropy()),
        ("--learner ERASE", ERASE()),
        ("--learner.epochs 7 --learner ERASE", ERASE(epochs=7)),
        ("--learner ERASE --learner.encoder.layers 3", ERASE(encoder=nn.NormalisedGAT(layers=3))),
        ("--learner ERASE --learner.encoder GCN", ERASE(encoder=nn.GCN())),
        ("--learner.encoder NormalisedGAT", CrossEntropy(encoder=nn.NormalisedGAT())),
        (
            "--learner ERASE --learner.head RidgeHead --learner.head.every 3",
            ERASE(head=RidgeHead(every=3)),
        ),
    ],
)
def test_a_learner_has_its_own_defaults(words, wanted):
    assert learner(*words.split()) == wanted


@pytest.mark.parametrize(
    "name",
    ["BadTeacher", "D2DGN", "FineTune", "GNNDelete", "GradientAscent", "NegGradPlus", "Resume",
     "Rewind", "SCRUB", "Unlink"],
)
def test_a_method_has_its_own_defaults(name):
    assert method("--method", name) == getattr(unlearn, name)()


def test_what_was_given_is_kept():
    assert method("--method.alpha", "0.3") == replace(unlearn.D2DGN(), alpha=0.3)
    assert method("--method", "SCRUB", "--method.alpha", "0.3") == unlearn.SCRUB(alpha=0.3)


def test_files_name_classes_too(tmp_path):
    file = tmp_path / "train.yaml"
    file.write_text("learner:\n  class_path: ERASE\n  init_args:\n    epochs: 9\n")
    assert learner("--config", str(file)) == ERASE(epochs=9)


def test_a_printed_configuration_is_the_one_that_would_run(capsys, tmp_path):
    with pytest.raises(SystemExit):
        learner("--learner", "ERASE", "--print_config")
    file = tmp_path / "printed.yaml"
    file.write_text(capsys.readouterr().out)
    assert parse(train.parser(), ["--config", str(file)]).learner == ERASE()
