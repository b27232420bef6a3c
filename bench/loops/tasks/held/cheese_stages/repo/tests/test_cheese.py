from cheese import ageing
from cheese.ageing import needs_turning, stage
from cheese.cellar import tag, to_turn


def test_stages_as_text():
    assert stage(29) == "young"
    assert stage(30) == "medium"
    assert stage(500) == "aged"


def test_turning():
    assert needs_turning(4)
    assert not needs_turning(34)
    assert needs_turning(35)


def test_stages_have_names():
    assert stage(0) is ageing.Stage.YOUNG
    assert stage(119) is ageing.Stage.MEDIUM
    assert stage(120) is ageing.Stage.AGED


def test_there_are_three_stages():
    assert [member.value for member in ageing.Stage] == ["young", "medium", "aged"]
    assert f"{ageing.Stage.AGED}" == "aged"


def test_tag():
    assert tag("Alma", 12) == "Alma: young, not for sale"
    assert tag("Brun", 140) == "Brun: aged (140 days)"


def test_to_turn():
    assert to_turn({"Alma": 12, "Brun": 140, "Cora": 33}) == ["Brun", "Alma"]
