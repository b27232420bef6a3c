from textwrap import dedent

import pytest

from handbook.numbers import contents, find, numbered
from handbook.outline import Chapter, chapters

HANDBOOK = dedent("""\
    # Preface {plain}
    # Arriving
    ## Your keys
    ### Lost keys
    ## Your desk
    # Leaving {late, hidden}
    ## Keys again
    #nothing
    """)


def titles(text):
    return [chapter.title for chapter in chapters(dedent(text))]


def test_chapters():
    first, *_, last = chapters(HANDBOOK)
    assert first == Chapter(1, "Preface", 1, {"plain"})
    assert last == Chapter(2, "Keys again", 7)


def test_numbers():
    numbers = [number for number, _ in numbered(HANDBOOK)]
    assert numbers == ["", "1", "1.1", "1.1.1", "1.2", "2", "2.1"]


def test_contents():
    assert contents(HANDBOOK).splitlines() == [
        "Preface",
        "1 Arriving",
        "   1.1 Your keys",
        "   1.2 Your desk",
        "   2.1 Keys again",
    ]


def test_find():
    assert find(HANDBOOK, "1.2") == 5
    with pytest.raises(KeyError):
        find(HANDBOOK, "3")


def test_comments_in_code_are_no_chapters():
    text = """\
        # Backup
        ```sh
        # every night
        ```
        ## Restore
        ~~~
        # only once
        ~~~
        """
    assert titles(text) == ["Backup", "Restore"]


@pytest.mark.parametrize(("outer", "inner"), [("```", "~~~"), ("~~~", "```")])
def test_other_fence_within_code(outer, inner):
    lines = ["# Writing", outer, inner, "# an example", inner, outer, "# Printing"]
    assert titles("\n".join(lines)) == ["Writing", "Printing"]


def test_single_other_fence_within_code():
    lines = ["# Writing", "```text", "# before", "~~~", "# after", "  ```", "## More"]
    assert titles("\n".join(lines)) == ["Writing", "More"]


def test_code_that_is_not_closed():
    assert titles("# Open\n```\n# inside") == ["Open"]
