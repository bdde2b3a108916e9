"""Names that grounded decoding copies: letters that the vocabulary lacks, and singulars."""

import json
import shutil

import bundled
import pytest
import torch
from doubles import unscored
from transformers import BioGptForCausalLM, BioGptTokenizer

import biogpt_plugins
from biogpt_plugins import Pipeline
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.engine import Copy, Grammar
from biogpt_plugins.engines.copied import Spelling
from biogpt_plugins.engines.derivations import Derivation
from biogpt_plugins.engines.transformers_engine import TransformersEngine

UNKNOWN = 3


@pytest.mark.parametrize(
    ("written", "found"),
    [
        pytest.param([3], [13], id="the first of equals"),
        pytest.param([7, 3], [7, 13], id="what is before it"),
        pytest.param([3, 9], [24, 9], id="what is behind it"),
        pytest.param([8, 3, 9, 5], [8, 24, 9, 5], id="both"),
        pytest.param([3, 9, 0, 7, 3, 8], [24, 9, 0, 7, 13, 8], id="several"),
        pytest.param([1, 2], [1, 2], id="none"),
    ],
)
def test_an_unknown_piece_is_spelt_as_where_it_was_copied(written, found):
    spelling = Spelling([7, 3, 8, 3, 9], [7, 13, 8, 24, 9], UNKNOWN)
    assert spelling.of(written) == found
    assert spelling.first(written) == (written.index(3) if 3 in written else len(written))


def test_a_word_before_a_name_is_alike_by_chance():
    # and <unk> - carotene ... <unk> - blocker; written: and <unk> - blocker
    spelling = Spelling([5, 3, 9, 1, 4, 3, 9, 6], [5, 13, 9, 1, 4, 24, 9, 6], UNKNOWN)
    assert spelling.of([2, 5, 3, 9, 6]) == [2, 5, 24, 9, 6]


def test_a_piece_within_a_name_is_spelt_by_both_of_its_sides():
    # il - 1 <unk> inhibitor caused ... tnf <unk> inhibitor and fever; written: il - 1 <unk> ...
    text, letters = [6, 7, 8, 3, 9, 10, 11, 3, 9, 5, 12], (13, 24)
    spelt = [letters[at > 3] if token == 3 else token for at, token in enumerate(text)]
    written = [2, 6, 7, 8, 3, 9, 5, 12]
    assert Spelling(text, spelt, UNKNOWN).of(written) == [2, 6, 7, 8, 13, 9, 5, 12]


def test_a_text_may_have_no_unknown_piece():
    assert Spelling([7], [7], UNKNOWN).of([3, 7]) == [3, 7]


LACKING = ("q</w>", "α", "β", "ψ", "χ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The bundled model without some letters, whose tokens have other names."""
    folder = shutil.copytree(bundled.DEMO, tmp_path_factory.mktemp("lacking") / "model")
    names = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    kept = {
        f"lacking{id_}" if any(letter in name for letter in LACKING) else name: id_
        for name, id_ in names.items()
    }
    (folder / "vocab.json").write_text(json.dumps(kept), encoding="utf-8")
    merges = (folder / "merges.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [pair for pair in merges if not any(letter in pair for letter in LACKING)]
    (folder / "merges.txt").write_text("".join(kept), encoding="utf-8")
    return folder


@pytest.fixture(scope="module", params=["transformers", "ctranslate2"])
def pipeline(request, folder):
    return biogpt_plugins.load(
        folder, "bc5cdr", engine=request.param, dtype="float32", device="cpu", decoding="grounded"
    )


GREEK = "α-methyldopa and β-blockers caused ψ-rash."


@pytest.mark.parametrize(
    "text",
    ["meningioma on depo-subq provera", "rash after depo-subq", GREEK, "5-htχa and χ", "the ψ"],
)
def test_copied_words_keep_all_their_letters(pipeline, text):
    tokens = pipeline.engine._tokens
    words = list(tokens.words_of(text, 999))
    copied = [token for _, ids in words for token in ids]
    assert tokens.text(tokens.spelling(words).of(copied)) == text
    assert tokens.text(copied) != text


def test_completions_and_streams_spell_them_alike(pipeline):
    for text in (
        "Meningioma in a woman on depo-subQ provera. Depo-subQ provera caused meningioma.",
        "α-methyldopa caused ψ-rash in a woman on β-blockers.",
    ):
        (found,) = pipeline.run([text])
        *pieces, last = pipeline.stream(text)
        assert "".join(piece.text for piece in pieces) == found.completion
        assert unscored(last.prediction.result) == unscored(found.result)
        for relation in found.result:
            for end in (relation.head, relation.tail):
                assert end.grounded
                assert end.name == end.text.lower() or f"{end.name}s" == end.text.lower()


@pytest.fixture
def told(folder):
    """What is found in a text by the model of the folder if it is told which pair to write."""
    model = BioGptForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = BioGptTokenizer.from_pretrained(folder)
    engine = TransformersEngine(model, tokenizer, model_name="told")

    def find(text, pair, form="grounded"):
        pipe = Pipeline("bc5cdr", engine, cards=read_card(folder).tasks, decoding=form)
        written = f"the relation between {pair} exists."
        with bundled.dictated(written, to=model, in_words_of=tokenizer):
            (found,) = pipe.run([text])
        return found

    return find


def test_the_instance_of_number_20(told):
    text = "Meningioma in a woman on depo-subQ provera. Depo-subQ provera caused meningioma."
    found = told(text, "depo-subq provera and meningioma")
    assert [relation.head.name for relation in found.result] == ["depo-subq provera"]
    assert found.warnings == ()


def test_a_plural_may_be_copied_as_a_singular(told):
    """Number 19: "ulcers" had a score of 0.03 where the model prefers "ulcer"."""
    text, pair = "Aspirin caused gastric ulcers.", "aspirin and gastric ulcer"
    (free,), (grounded,) = (told(text, pair, form).result for form in ("free", "grounded"))
    assert grounded.score == pytest.approx(free.score, rel=1e-3)
    assert grounded.score > 0.9
    assert grounded.tail.text == "gastric ulcers"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("gastric ulcers", {"gastric", "gastric ulcers", "gastric ulcer", "ulcers", "ulcer"}),
        ("ulcers.", {"ulcers", "ulcer"}),
        ("ulcers bled", {"ulcers", "ulcer", "ulcers bled", "bled"}),
        ("gas", {"gas"}),
        ("virus", {"virus"}),
        ("loss", {"loss"}),
    ],
)
def test_the_names_of_a_text(text, names):
    ids: dict[str, int] = {}

    def split(words):
        return [ids.setdefault(word, len(ids)) for word in words.split()]

    grammar = Grammar(clause=(Copy(),), separator=None)
    words = [(word, split(word)) for word in text.split()]
    spelt, open_, found = {}, [[]], set()
    while open_:
        path = Derivation(grammar, words, split, 9)
        written = open_.pop()
        for token in written:
            path.take(token)
        if path.finished:
            spelt = {token: word for word, token in ids.items()}
            found.add(" ".join(spelt[token] for token in written).removesuffix(" ."))
        else:
            open_ += [[*written, token] for token in path.tokens()]
    assert found == names
