import pytest


def test_the_plan_of_the_issue(tell):
    told = tell("s3t", "plan", "--shards", 5, "--slices", 32, "--orders", 4)
    assert told.code == 0
    assert "deletions to the first dark shard  154.3" in told.out
    assert "deletions to the last dark shard   575.6" in told.out
    assert told.out.splitlines()[3].split()[:2] == ["deletions", "mean"]


def test_numbers_for_machines(tell):
    words = ["--shards", 2, "--slices", 4, "--subsets", 8, "--nodes", 80, "--json"]
    told = tell("s3t", "plan", *words)
    assert told.json["training_cost"] == 8.0
    assert told.json["nodes_per_slice"] == 10.0
    assert told.json["stages"] == 30 and not told.json["chained"]
    assert told.json["curve"][1]["depth"] == 3.5


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--shards", 0], "--shards: wanted 1 to"),
        (["--slices", 65], "--slices: wanted 1 to 64"),
        (["--slices", 3, "--orders", 7], "3 slices have 6 orders"),
        (["--orders", 2, "--subsets", 3], "chains or subsets"),
        (["--subsets", 0.5], "wanted at least 1"),
        (["--nodes", 15], "got 15 items for 4 x 4 slices"),
        (["--slices", "many"], "--slices: wanted int, got many"),
    ],
)
def test_what_cannot_work_is_refused(refused, words, says):
    assert says in refused("s3t", "plan", *words)


def test_the_group_has_help_and_names_the_nearest(tell, refused):
    told = tell("s3t", "--help")
    assert told.code == 0 and "  plan " in told.out
    assert tell("s3t", "plan", "--help").out.startswith("usage: graphforget s3t plan")
    assert "did you mean 'plan'?" in refused("s3t", "plann")
    assert "see graphforget s3t --help" in refused("s3t")
