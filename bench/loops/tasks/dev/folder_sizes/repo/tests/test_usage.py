import pytest

from usage.listing import human, read_listing, tree_lines
from usage.tree import Folder

LISTING = """
300 notes.txt
4096 photos/2023/cat.jpg
2048 photos/dog.jpg
9000 music/a song.ogg
""".splitlines()


def test_sizes():
    root = read_listing(LISTING)
    assert root.size == 15444
    assert root.folder_at("photos/2023").size == 4096


def test_walk():
    paths = [path for path, _ in read_listing(LISTING).walk()]
    assert paths == ["notes.txt", "photos/2023/cat.jpg", "photos/dog.jpg", "music/a song.ogg"]


def test_walk_of_a_folder():
    photos = read_listing(LISTING).folder_at("photos")
    assert [(path, file.size) for path, file in photos.walk()] == [
        ("2023/cat.jpg", 4096),
        ("dog.jpg", 2048),
    ]


def test_file_in_the_way():
    root = Folder("")
    root.add("a", 1)
    with pytest.raises(NotADirectoryError):
        root.add("a/b", 1)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0B"), (1023, "1023B"), (2048, "2K"), (5 * 2**40, "5T")]
)
def test_human(size, text):
    assert human(size) == text


def test_tree_lines():
    assert list(tree_lines(read_listing(LISTING))) == ["music 9K", "photos 6K", "  2023 4K"]
