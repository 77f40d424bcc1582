from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from graphforget.core.config import from_config, to_config
from graphforget.core.errors import UserError
from graphforget.core.pool import LocalPool


@dataclass(frozen=True)
class Encoder:
    hidden: int = 64
    dropout: float = 0.5


@dataclass(frozen=True)
class Method:
    encoder: Encoder = Encoder()
    snapshots: tuple[float, ...] = (0.5, 0.9)
    stages: tuple[Encoder, ...] = ()
    name: str | None = None
    weights: Any = None
    pool: LocalPool = field(default=LocalPool(), repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.name == "bad":
            raise ValueError("name must not be bad")


KNOWN = (Encoder, Method)
NAME = f"{Method.__module__}.Method"


def test_nested_dataclasses_round_trip_through_json() -> None:
    method = Method(Encoder(16), (0.1,), (Encoder(1), Encoder(2, 0.0)), "x", {"ring": 2.0})
    config = json.loads(json.dumps(to_config(method)))
    assert from_config(config, KNOWN) == method
    assert config["encoder"] == {"class": f"{Encoder.__module__}.Encoder"} | vars(Encoder(16))
    assert "pool" not in config


def test_fields_that_are_not_mentioned_take_their_defaults() -> None:
    assert from_config({"class": NAME}, KNOWN) == Method()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"class": "subprocess.Popen", "args": "true"}, "may not be named"),
        ({"class": "os.system"}, "may not be named"),
        ({"class": "collections.OrderedDict"}, "may not be named"),
        ({"class": "graphforget.core.files.os"}, "not one of our"),
        ({"class": "graphforget.core.files.write_atomically", "path": "x"}, "not one of our"),
        ({"class": "graphforget.core.config.Path"}, "not one of our"),
        ({"class": "graphforget.core.nowhere.Thing"}, "there is no class"),
        ({"class": "graphforget.core.pool.Nothing"}, "there is no class"),
        ({"class": "graphforget..pool.LocalPool"}, "there is no class"),
        ({"class": ""}, "may not be named"),
        ({"class": 3}, "wanted an object"),
        ({}, "wanted an object"),
        ([], "wanted an object"),
        ({"class": NAME, "epochs": 3}, "no field 'epochs'; its fields: encoder"),
        ({"class": NAME, "name": "bad"}, "must not be bad"),
        ({"class": NAME, "encoder": {"class": "os.system"}}, "may not be named"),
    ],
)
def test_bad_configurations_are_refused_in_one_line(config, message) -> None:
    with pytest.raises(UserError, match=message) as refused:
        from_config(config, KNOWN)
    assert "\n" not in str(refused.value)


def test_what_json_cannot_say_is_refused_when_written() -> None:
    with pytest.raises(UserError, match="Method.name"):
        to_config(Method(name=object()))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="frozen dataclass"):
        to_config(3)


def test_a_package_may_offer_its_classes(monkeypatch) -> None:
    import graphforget.core.config as config

    class Offer:
        value = "fractions:Fraction"

    monkeypatch.setattr(config, "entry_points", lambda group: [Offer])
    with pytest.raises(UserError, match="not one of our"):  # offered, but no dataclass
        from_config({"class": "fractions.Fraction"})
