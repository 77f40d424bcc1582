"""The retained loss keeps the ascent in bounds."""

from __future__ import annotations

from graphforget.unlearn import GradientAscent, NegGradPlus


def test_it_forgets_and_keeps_what_ascent_alone_destroys(secret):
    fast = {"steps": 60, "learning_rate": 0.01}
    after = NegGradPlus(beta=0.9, **fast)(secret.trained, secret.request)
    wrecked = GradientAscent(**fast)(secret.trained, secret.request)
    assert secret.belief(after) < secret.belief(secret.trained) - 0.2
    assert secret.accuracy(after) > max(0.8, secret.accuracy(wrecked))
