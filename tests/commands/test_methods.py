import graphforget.unlearn


def test_every_exported_method_is_listed_with_what_it_supports(tell):
    told = tell("methods", "--json")
    assert told.code == 0
    listed = {method["name"]: method for method in told.json["methods"]}
    assert set(graphforget.unlearn.__all__) <= set(listed)
    assert listed["Retrain"]["exact"] and not listed["Unlink"]["exact"]
    assert "edge" in listed["Retrain"]["supports"]["link"]
    assert all(method["says"].endswith((".", ":")) for method in listed.values())


def test_table_has_one_line_a_method(tell):
    lines = tell("methods").out.splitlines()
    assert lines[0].split()[:2] == ["method", "exact"]
    assert any(line.startswith("D2DGN") for line in lines)
