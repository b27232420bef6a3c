import pytest

from usage.tree import Folder


@pytest.fixture
def root():
    folder = Folder("")
    for path, size in [
        ("z.log", 70),
        ("notes.txt", 30),
        ("photos/2023/cat.jpg", 400),
        ("photos/dog.jpg", 70),
        ("music/song.ogg", 900),
        ("music/b/old.ogg", 70),
    ]:
        folder.add(path, size)
    return folder


def test_largest_first(root):
    assert root.largest(2) == [("music/song.ogg", 900), ("photos/2023/cat.jpg", 400)]


def test_equally_large_by_path(root):
    assert root.largest(5)[2:] == [("music/b/old.ogg", 70), ("photos/dog.jpg", 70), ("z.log", 70)]


def test_fewer_files_than_asked_for(root):
    assert len(root.largest(100)) == 6


def test_of_a_folder(root):
    photos = root.folder_at("photos")
    assert photos.largest(1) == [("2023/cat.jpg", 400)]


def test_none(root):
    assert root.largest(0) == []
    assert Folder("").largest(3) == []
