"""The vocabulary of a fresh model."""

import json
from itertools import product

import pytest

from biogpt_plugins.training.vocabulary import train_vocabulary

# Many pairs are equally frequent, and so are many characters: the trainer chooses among them.
TEXTS = [" ".join(map("".join, product("abcdef", "ghijkl", "mnopqr")))]


def written(folder, **sizes) -> tuple[str, str]:
    train_vocabulary(TEXTS, folder, **sizes)
    return (folder / "vocab.json").read_text(), (folder / "merges.txt").read_text()


@pytest.mark.parametrize("characters", [120, 9])
def test_the_same_texts_give_the_same_files(tmp_path, characters):
    files = {written(tmp_path / str(n), merges=60, characters=characters) for n in range(8)}
    assert len(files) == 1


def test_the_most_frequent_characters_are_kept(tmp_path):
    train_vocabulary(["bbb bbc caa z"], tmp_path, merges=0, characters=3)
    assert list(json.loads((tmp_path / "vocab.json").read_text())) == [
        *("<s>", "<pad>", "</s>", "<unk>"),
        *("a", "a</w>", "b", "b</w>", "c", "c</w>"),
    ]
