"""Plans and hits for property tests."""

from hypothesis import strategies as st

from graphforget.exact.plan import Plan


@st.composite
def plans(draw):
    """Chains and families of subsets, small enough to try every hit on."""
    slices = draw(st.integers(1, 6))
    if draw(st.booleans()):
        orders = draw(st.lists(st.permutations(range(slices)), min_size=1, max_size=5))
        cut = draw(st.integers(1, slices))
        return Plan.chains(2, slices, dict.fromkeys(tuple(order[:cut]) for order in orders))
    subset = st.sets(st.integers(0, slices - 1), min_size=1)
    family = draw(st.lists(subset.map(lambda one: tuple(sorted(one))), min_size=1, max_size=8))
    return Plan.subsets(2, slices, dict.fromkeys(family))


@st.composite
def plans_and_hits(draw):
    plan = draw(plans())
    hit = st.frozensets(st.integers(0, plan.slices - 1), min_size=1, max_size=2)
    return plan, draw(st.lists(hit, max_size=6))
