import html
import json
import subprocess
import sys
import unicodedata
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import shared

from biogpt_plugins.text.grounding import Aligner, Span, ground, sentence_at, sentences, words
from biogpt_plugins.values.results import Entity, Relation


def mentions(text: str, name: str) -> list[str]:
    return [text[start:end] for start, end in Aligner(text).find(name)]


def relation(head: str, tail: str) -> Relation:
    return Relation(
        head=Entity(text=head, type="chemical"), type="CID", tail=Entity(text=tail, type="disease")
    )


# --- find -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        pytest.param("Naloxone, or naloxone.", "naloxone", ["Naloxone", "naloxone"], id="case"),
        pytest.param(
            "given cyclosporine A.", "cyclosporine a", ["cyclosporine A"], id="last-letter"
        ),
        pytest.param(
            "5 mg/kg of [3H]-naloxone", "[3h] -naloxone", ["[3H]-naloxone"], id="brackets"
        ),
        pytest.param(
            "2',3'-dideoxycytidine",
            "2', 3' -dideoxycytidine",
            ["2',3'-dideoxycytidine"],
            id="primes",
        ),
        pytest.param("2″-deoxy or 2''-deoxy", '2"-deoxy', ["2″-deoxy", "2''-deoxy"], id="double"),
        pytest.param("poly(ADP-ribose)", "poly (adp -ribose)", ["poly(ADP-ribose)"], id="parens"),
        pytest.param("CPA/EE pills", "cpa / ee", ["CPA/EE"], id="slash"),
        pytest.param("(+/-)-PG-9", "(+ / -) -pg-9", ["(+/-)-PG-9"], id="plus-minus"),
        pytest.param(
            "Parkinson's disease", "parkinson 's disease", ["Parkinson's disease"], id="moses"
        ),
        pytest.param(
            "Parkinson’s disease", "parkinson's disease", ["Parkinson’s disease"], id="curly"
        ),
        pytest.param("a count <5 here", "count &lt; 5", ["count <5"], id="escape-in-name"),
        pytest.param("a count &lt;5 here", "count < 5", ["count &lt;5"], id="escape-in-text"),
        pytest.param("&lt;5 here", "&amp;lt;5", ["&lt;5"], id="escaped-twice"),
        pytest.param("5&#39;-GMP", "5&apos;-gmp", ["5&#39;-GMP"], id="numeric-escape"),
        pytest.param("TNF-α rose", "tnf-alpha", ["TNF-α"], id="greek-in-text"),
        pytest.param("TNF-alpha rose", "tnf-α", ["TNF-alpha"], id="greek-in-name"),
        pytest.param("TNFα rose", "tnf-alpha", ["TNFα"], id="greek-joined"),
        pytest.param("TNF&alpha; rose", "tnfα", ["TNF&alpha;"], id="greek-escape"),
        pytest.param("λ phage", "lambda phage", ["λ phage"], id="lambda"),
        pytest.param("5 µg of it", "5 μg", ["5 µg"], id="micro-sign-and-mu"),
        pytest.param("Sjögren syndrome", "sjogren syndrome", ["Sjögren syndrome"], id="accent"),
        pytest.param("cafe\u0301 one", "café", ["cafe\u0301"], id="accent-apart"),
        pytest.param("H₂O₂ and Na⁺", "h2o2", ["H₂O₂"], id="subscripts"),
        pytest.param("Prozac™ helps", "prozac", ["Prozac"], id="trade-mark"),
        pytest.param("beta\u2010blocker", "beta-blocker", ["beta\u2010blocker"], id="dash"),
        pytest.param(
            "hyper\u00adtension", "hypertension", ["hyper\u00adtension"], id="soft-hyphen"
        ),
        pytest.param("renal\n  failure", "renal failure", ["renal\n  failure"], id="line-break"),
        pytest.param("of naloxone", " naloxone . ", ["naloxone"], id="edge-punctuation"),
        pytest.param("STRASSE strasse", "straße", ["STRASSE", "strasse"], id="sharp-s"),
        pytest.param("İl-2 and IL-2", "il-2", ["İl-2", "IL-2"], id="dotted-capital-i"),
        pytest.param("No effect of NO, no", "no", ["NO"], id="acronym"),
        pytest.param("No effect, no", "no", ["No", "no"], id="no-acronym"),
        pytest.param("a💊 aspirin", "aspirin", ["aspirin"], id="after-emoji"),
    ],
)
def test_normal_form(text: str, name: str, expected: list[str]) -> None:
    assert mentions(text, name) == expected


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        pytest.param("5-HT and 5HT", "5 ht", ["5-HT"], id="hyphen-as-space"),
        pytest.param("MK-801", "mk801", ["MK-801"], id="hyphen-or-none"),
        pytest.param("PGE(2) fell", "pge2", ["PGE(2)"], id="bracket-or-none"),
        pytest.param("[3H]-naloxone", "3h-naloxone", ["[3H]-naloxone"], id="bracket-taken-in"),
        pytest.param(
            "gamma-aminobutyric acid",
            "gamma amino butyric acid",
            ["gamma-aminobutyric acid"],
            id="gap",
        ),
        pytest.param(
            "Parkinson's disease", "parkinson disease", ["Parkinson's disease"], id="genitive"
        ),
        pytest.param("two seizures", "seizure", ["seizures"], id="plural-in-text"),
        pytest.param("one seizure", "seizures", ["seizure"], id="plural-in-name"),
        pytest.param("seizure, seizures", "seizure", ["seizure"], id="plural-only-if-not-exact"),
        pytest.param(
            "pleural and pericardial effusions",
            "pleural effusions",
            ["pleural and pericardial effusions"],
            id="coordination-before",
        ),
        pytest.param(
            "Deficits in learning and memory.",
            "deficits in memory",
            ["Deficits in learning and memory"],
            id="coordination-within",
        ),
        pytest.param(
            "learning (rats), or memory loss", "learning loss", [], id="coordination-broken"
        ),
        pytest.param("renal tests in heart disease", "renal disease", [], id="no-coordination"),
        pytest.param(
            "cyclosporine A (CsA)", "cyclosporine (csa)", ["cyclosporine"], id="without-parenthesis"
        ),
        pytest.param("after CsA.", "cyclosporine (csa)", ["CsA"], id="abbreviation"),
        pytest.param("after CsA.", "cyclosporine (csa", ["CsA"], id="abbreviation-cut-off"),
        pytest.param(
            "ACE is up", "angiotensin converting enzyme (ace) inhibitor", [], id="part-only"
        ),
        pytest.param("HR fell", "decrease of heart rate (hr)", [], id="another-initial"),
        pytest.param("0.4 mg/kg of it", "naloxone (0.4 mg/kg)", [], id="a-dose-is-no-abbreviation"),
        pytest.param("a hemorrhage", "haemorrhage", ["hemorrhage"], id="british"),
        pytest.param("cyclosporine A", "cyclosporin a", ["cyclosporine A"], id="letter-missing"),
        pytest.param("hepatoma", "hematoma", [], id="another-letter-is-another-word"),
        pytest.param("nitrite", "nitrate", [], id="short-words-are-not-respelled"),
        pytest.param("cyclosporin, cyclosporines", "cyclosporine", ["cyclosporines"], id="order"),
    ],
)
def test_fallbacks(text: str, name: str, expected: list[str]) -> None:
    assert mentions(text, name) == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("all day long", "da"),
        ("acetate", "ace"),
        ("TNFα", "tnf"),
        ("TNFα", "alpha"),
        ("IL-12", "il-1"),
        ("hypertension", "tension"),
        ("iron. Deficiency of", "iron deficiency"),
        ("a-b", "ab"),
        ("", "aspirin"),
        ("aspirin", ""),
        ("aspirin", " .,; "),
        ("aspirin", "()"),
        ("aspirin", "a.*n"),
    ],
)
def test_no_mention(text: str, name: str) -> None:
    assert mentions(text, name) == []


@pytest.mark.parametrize("name", ["a+b", "a*", "(a", "a)", "[a", "a\\b", "a|b", "a?", "^a$", "{a}"])
def test_signs_of_patterns_are_ordinary(name: str) -> None:
    assert mentions(f"x {name} y", name)[0].strip("?") == name.strip("?")


def test_mentions_come_in_text_order_and_keep_their_offsets() -> None:
    text = "İ TNF-α, then TNF-alpha."
    assert Aligner(text).find("tnf-alpha") == [Span(2, 7), Span(14, 23)]


UNTIMED = settings(max_examples=100, deadline=None)  # a busy machine is no failure
STRINGS = st.text(
    st.one_of(
        st.characters(),  # all of them, lone surrogates and NUL included
        st.sampled_from("aAbsiİßαΑ12 -/()[]{}',.;&#x\0\u0301\u200b\u00adﬁ½…™💊\ud83d\n\\*+?^$|"),
    ),
    max_size=40,
)


@given(text=STRINGS, name=STRINGS, data=st.data())
@UNTIMED
def test_every_span_is_a_mention(text: str, name: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    aligner = Aligner(text)
    for wanted in (name, text[start:end], text[start:end].lower(), html.escape(text[start:end])):
        spans = aligner.find(wanted)
        assert spans == sorted(spans)
        for found in spans:
            mention = text[found.start : found.end]
            assert mention
            assert mention == mention.strip()


WRITTEN = ["TNF-α", "β2", "[3H]-x", "a/b", "2',3'-y", "Sjögren", "5%", "i.v."]


@given(words=st.lists(st.sampled_from(WRITTEN), min_size=1, max_size=8))
@UNTIMED
def test_whatever_stands_in_the_text_is_found(words: list[str]) -> None:
    text = " ".join(words)
    aligner = Aligner(text)
    for word in words:
        for spelled in (word.lower(), word.replace("-", " - "), unicodedata.normalize("NFD", word)):
            found = aligner.find(html.escape(spelled))
            assert word.rstrip(".") in {text[start:end] for start, end in found}


@pytest.mark.parametrize("sign", ["(", "a", "a ", "&", ". ", "\n", "-", "'", " ", "a and "])
def test_long_odd_texts_come_to_an_end(sign: str) -> None:
    text = sign * 5000
    Aligner(text).find("a a")
    Aligner("a and b").find(text)
    ground([relation("a", "a")], text)
    sentence_at(text, 5, 6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n ", []),
        (" One of Fig. 2.  Two of i.v. use!\n", ["One of Fig. 2.", "Two of i.v. use!"]),
        ("No full stop", ["No full stop"]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    found = sentences(text)
    assert [text[start:end] for start, end in found] == expected
    assert found == [sentence_at(text, *span) for span in found]


def test_words() -> None:
    text = "TNF-α, Patients' i.v. doses (p<0.05)"
    assert words(text) == ["tnf", "alpha", "patient", "i", "v", "dose", "p", "0", "05"]


def test_parsers_can_use_it_without_torch() -> None:
    code = "import sys, biogpt_plugins.text.grounding; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- ground ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "head", "tail", "expected"),
    [
        pytest.param("Lithium. A lithium tremor.", "lithium", "tremor", (11, 19), id="nearest"),
        pytest.param("A tremor. Lithium (Li) is it.", "li", "tremor", (19, 2), id="one-each"),
        pytest.param(
            "Lithium gave two of our older patients tremor. Lithium was stopped.",
            "lithium",
            "tremor",
            (0, 39),
            id="same-sentence-before-nearer",
        ),
        pytest.param(
            "Cocaine dependence follows cocaine.",
            "cocaine",
            "cocaine dependence",
            (27, 0),
            id="apart-before-overlapping",
        ),
        pytest.param(
            "Cocaine dependence.", "cocaine", "cocaine dependence", (0, 0), id="overlapping"
        ),
        pytest.param("tremor; lithium; tremor", "lithium", "tremor", (8, 0), id="tie-goes-first"),
        pytest.param("Lithium, lithium.", "lithium", "tremor", (0, None), id="only-head"),
        pytest.param("Tremor, tremor.", "lithium", "tremor", (None, 0), id="only-tail"),
        pytest.param("Nothing.", "lithium", "tremor", (None, None), id="neither"),
        pytest.param("", "lithium", "tremor", (None, None), id="empty"),
    ],
)
def test_places(text: str, head: str, tail: str, expected: tuple[int | None, int | None]) -> None:
    (found,) = ground([relation(head, tail)], text)
    assert (found.head.start, found.tail.start) == expected
    assert found.grounded == (None not in expected)
    for end, name in ((found.head, head), (found.tail, tail)):
        assert end.name == name
        assert end.text == (name if end.start is None else text[end.start : end.end])


def test_ground_changes_nothing_else_and_can_be_repeated() -> None:
    text = "TNF-α causes fever."
    given_ = Relation(
        head=Entity(text="tnf-alpha", type="chemical", id="D014409"),
        type="CID",
        tail=Entity(text="fever", type="disease"),
    )
    found = ground([given_, given_], text)
    assert found[0].head.model_dump(exclude_none=True) == {
        "text": "TNF-α",
        "type": "chemical",
        "start": 0,
        "end": 5,
        "id": "D014409",
        "name": "tnf-alpha",
    }
    assert given_.head.start is None
    assert ground(found, text) == found
    assert Relation.model_validate_json(found[0].model_dump_json()) == found[0]
    assert ground(found, "another text") == [given_, given_]


@given(st.lists(st.sampled_from(["a", "b", "a b", "x", "x.", "X"]), max_size=12))
@UNTIMED
def test_the_pair_is_the_best_of_all(words: list[str]) -> None:
    text = " ".join(words)
    heads, tails = Aligner(text).find("a"), Aligner(text).find("a b")

    def cost(pair: tuple[Span, Span]) -> tuple[bool, bool, int]:
        (low, high), sentences = sorted(pair), {sentence_at(text, *span) for span in pair}
        return high.start < low.end, len(sentences) > 1, high.start - low.end

    (found,) = ground([relation("a", "a b")], text)
    if heads and tails:
        chosen = Span(found.head.start, found.head.end), Span(found.tail.start, found.tail.end)
        assert cost(chosen) == min(map(cost, product(heads, tails)))


# --- sentences ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sentences",
    [
        pytest.param(["Lithium works.", "It is safe!", "Is it?", "Yes."], id="marks"),
        pytest.param(["We gave 0.5 mg i.v. to rats.", "All lived."], id="decimal-and-dotted"),
        pytest.param(["It was given i.v.", "The dose was low."], id="dotted-end"),
        pytest.param(["Drugs (e.g. Lithium, i.e. Li) vs. Placebo were tried."], id="abbreviations"),
        pytest.param(["See Fig. 2 by Smith et al. (2003) and J. F. Smith."], id="references"),
        pytest.param(["She had hepatitis C.", "The drug was stopped."], id="letter-at-the-end"),
        pytest.param(['He said "stop."', "(He did.)", "We agree."], id="quotes"),
        pytest.param(["P < 0.05.", "5-HT fell.", "[3H]-x rose."], id="digit-or-bracket-first"),
        pytest.param(["One paragraph\n\n", "and another"], id="paragraphs"),
        pytest.param(["One line\nand the next."], id="line-break"),
        pytest.param(["all is lower case.", "and so is this."], id="lower-cased"),
        pytest.param(["TITLE: A study.", "OBJECTIVE: To see.", "E. coli grew."], id="headings"),
        pytest.param(["No mark at all"], id="no-mark"),
    ],
)
def test_sentence_at(sentences: list[str]) -> None:
    text = "  " + " ".join(sentences) + " "
    at = 2
    for sentence in sentences:
        span = Span(at, at + len(sentence.strip()))
        assert {sentence_at(text, i, i + 1) for i in range(*span)} == {span}
        at += len(sentence) + 1


def test_a_span_over_two_sentences_gets_both() -> None:
    assert sentence_at("One. Two. Three.", 2, 6) == Span(0, 9)


@given(text=STRINGS, start=st.integers(-2, 45), length=st.integers(0, 20))
@UNTIMED
def test_sentence_at_holds_for_any_string(text: str, start: int, length: int) -> None:
    span = sentence_at(text, start, start + length)
    assert 0 <= span.start <= span.end <= len(text)
    sentence = text[span.start : span.end]
    assert sentence == sentence.strip()
    if text[max(start, 0) : max(start + length, 0)].strip() and start >= 0:
        core = text[start : start + length]
        assert span.start <= start + len(core) - len(core.lstrip())
        assert span.end >= start + len(core.rstrip())


# --- real papers ----------------------------------------------------------------------------

Annotation = tuple[int, int, str]
SPLITS = {"train": "CDR_TrainingSet.PubTator.txt", "valid": "CDR_DevelopmentSet.PubTator.txt"}


def annotations(path: Path) -> dict[str, list[Annotation]]:
    found: dict[str, list[Annotation]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        match line.split("\t"):
            case [pmid, start, end, _, _, ids, *_]:
                found.setdefault(pmid, []).append((int(start), int(end), ids))
    return found


def longest(ids: dict[str, str], wanted: str) -> str:
    exact = [name for name, id_ in ids.items() if id_ == wanted]
    return max(exact or [n for n, id_ in ids.items() if wanted in id_.split("|")], key=len)


def gold(document: dict) -> list[tuple[str, str, str, str]]:
    """(chemical, disease, chemical id, disease id) as the official targets write them."""
    chemicals, diseases = document["chemical2id"], document["disease2id"]
    pairs = [(r["chemical"], r["disease"]) for r in document["relations"]]
    return [(longest(chemicals, c), longest(diseases, d), c, d) for c, d in pairs]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory):
    """What the real vocabulary makes of a name: Moses, BPE and back."""
    folder = tmp_path_factory.mktemp("biogpt")
    vocabulary = dict(zip(["<s>", "<pad>", "</s>", "<unk>"], range(4), strict=True))
    for line in shared("tokenizer/biogpt/dict.txt").read_text(encoding="utf-8").splitlines():
        symbol = line.rsplit(" ", 1)[0]
        whole = symbol.removesuffix("@@") if symbol.endswith("@@") else f"{symbol}</w>"
        vocabulary[whole] = len(vocabulary)
    merges = shared("tokenizer/biogpt/bpecodes").read_text(encoding="utf-8")
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text(merges, encoding="utf-8")
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.BioGptTokenizer.from_pretrained(folder)
    return lambda name: tokenizer.decode(tokenizer.encode(name), skip_special_tokens=True)


@pytest.mark.parametrize("split", SPLITS)
def test_gold_names_of_bc5cdr_find_their_annotations(split: str, spoken) -> None:
    documents = json.loads(shared(f"bc5cdr/{split}.json").read_text(encoding="utf-8"))
    annotated = annotations(shared(f"bc5cdr/{SPLITS[split]}"))
    named = found = single = right = 0
    for pmid, document in documents.items():
        text = f"{document['title']} {document['abstract']}"
        pairs = gold(document)
        relations = ground([relation(spoken(c), spoken(d)) for c, d, *_ in pairs], text)
        for grounded, (_, _, *ids) in zip(relations, pairs, strict=True):
            for end, wanted in zip((grounded.head, grounded.tail), ids, strict=True):
                named += 1
                if end.start is None:
                    continue
                found += 1
                assert text[end.start : end.end] == end.text
                # The parts of "pleural and pericardial effusions" are annotated as the whole.
                places = [(s, e) for s, e, id_ in annotated[pmid] if id_ == wanted]
                single += bool(places)
                right += (end.start, end.end) in places
    assert named > 2000
    assert found / named > 0.998
    assert right / single > 0.985


@pytest.mark.parametrize("split", SPLITS)
def test_no_annotated_mention_is_cut_by_a_sentence(split: str) -> None:
    documents = json.loads(shared(f"bc5cdr/{split}.json").read_text(encoding="utf-8"))
    annotated = annotations(shared(f"bc5cdr/{SPLITS[split]}"))
    for pmid, document in documents.items():
        text = f"{document['title']} {document['abstract']}"
        for start, end, _ in annotated[pmid]:
            assert sentence_at(text, start, end) == sentence_at(text, start, start + 1)
