"""The questions that the demo model is trained on have the answers that their texts give."""

import gzip
import json
import random
import re

import claims
import pytest
from abstracts import polarity, title_question
from questions import LABELS, Sources, questions
from rephrased import Rephrased
from statements import Statement, asked
from texts import sentences

LOWER = frozenset({"zinc", "mortality", "treatment", "pain", "exercise"})


@pytest.mark.parametrize(
    ("statement", "question", "label"),
    [
        (
            "Zinc significantly reduced the duration of colds (p = 0.01).",
            "Does zinc reduce the duration of colds?",
            "yes",
        ),
        ("Statins improve survival in men.", "Do Statins improve survival in men?", "yes"),
        (
            "However, zinc did not significantly prevent colds in children [12].",
            "Does zinc prevent colds in children?",
            "no",
        ),
        ("Exercise failed to improve sleep.", "Does exercise improve sleep?", "no"),
        ("Zinc had no significant effect on weight.", "Does zinc have an effect on weight?", "no"),
        ("Zinc had a clear effect on weight.", "Does zinc have an effect on weight?", "yes"),
        (
            "These results suggest that pain was associated with age, but sex was not.",
            "Is pain associated with age?",
            "yes",
        ),
        ("Mortality was not related to age.", "Is mortality related to age?", "no"),
        (
            "There was no significant difference in pain between men and women.",
            "Is there a difference in pain between men and women?",
            "no",
        ),
        (
            "There was a significant correlation between age and weight (r = 0.4).",
            "Is there a correlation between age and weight?",
            "yes",
        ),
    ],
)
def test_a_statement_becomes_a_question_that_it_answers(statement, question, label):
    made = asked(None, statement, LOWER)
    assert made is not None
    assert (made.question, made.label) == (question, label)


@pytest.mark.parametrize(
    "statement",
    [
        "It reduced mortality.",
        "This treatment improved survival.",
        "Patients were recruited in 2003.",
        "We found a way.",
        "Zinc may reduce pain.",
        "The groups differed at 24, 48 and 72 hours.",
        "Changes in weight were small.",
        "Zinc reduced it.",
        "Zinc improved the radiographic, clinical course.",
        "",
    ],
)
def test_a_statement_of_another_form_is_refused(statement):
    assert asked(None, statement, LOWER) is None


def test_the_opposite_question_is_answered_with_no():
    made = {asked(random.Random(n), "Zinc reduced pain.", LOWER) for n in range(40)}
    answers = {a.question.split()[2]: a.label for a in made if a}
    assert answers["increase"] == "no"
    assert {answers[verb] for verb in answers if verb != "increase"} == {"yes"}


ZINC = Statement("zinc", "reduce", "pain in men", is_state=False, denied=False)
STATINS = Statement("statins", "safe", "in pregnancy", is_state=True, denied=False)


def test_a_statement_is_asked_asserted_and_denied():
    assert ZINC.question() == "Does zinc reduce pain in men?"
    assert ZINC.question("lower", past=True) == "Did zinc lower pain in men?"
    assert ZINC.clause() == "zinc reduces pain in men"
    assert ZINC.clause(past=True) == "zinc reduced pain in men"
    assert ZINC.clause(denied=True) == "zinc does not reduce pain in men"
    assert ZINC.clause("lead to", past=True, denied=True) == "zinc did not lead to pain in men"
    assert ZINC.opposite == "increase"
    assert "lower" in ZINC.synonyms
    assert STATINS.question() == "Are statins safe in pregnancy?"
    assert STATINS.clause(denied=True, past=True) == "statins were not safe in pregnancy"
    assert STATINS.opposite == "unsafe"
    fell = Statement("pain", "fall", "in men", is_state=False, denied=False)
    assert fell.opposite is None
    assert not fell.synonyms


@pytest.mark.parametrize(
    ("verb", "third"),
    [("abolish", "abolishes"), ("vary", "varies"), ("delay", "delays"), ("lead to", "leads to")],
)
def test_the_third_person(verb, third):
    assert Statement("it", verb, "", is_state=False, denied=False).clause() == f"it {third}"


DOWN = {"reduce", "lower", "decrease", "diminish"}


@pytest.mark.parametrize("label", LABELS)
def test_a_rephrased_statement_has_the_answer_of_its_label(monkeypatch, label):
    frames = {
        "openers": ["", "In brief,"],
        "yes": ["It is true that THAT."],
        "no": ["It is false that THAT."],
        "maybe": ["It is unknown whether THAT."],
    }
    for module in ("claims", "rephrased"):
        monkeypatch.setattr(f"{module}.GENERAL", frames)
    made = Rephrased(
        [
            Statement("zinc", "reduce", "pain in infants", is_state=False, denied=False),
            Statement("iron", "increase", "weight of mothers", is_state=False, denied=True),
        ]
    )
    rng = random.Random(2)
    verbs = "|".join((*DOWN, "increase", "raise", "elevate"))
    wordings = set()
    for _ in range(400):
        record = made.record(rng, label)
        told, question = record["context"].lower(), record["question"]
        wordings.add(question)
        subject, verb, thing = re.search(
            rf"(zinc|iron) ({verbs})\w* (pain|weight)", question
        ).groups()
        about = [s for s in re.findall(r"[^.]+", told) if re.search(f"{subject} .*{thing}", s)]
        if label == "maybe":
            assert all(s.strip().startswith("it is unknown") for s in about)
            continue
        said = about[0]
        assert len(about) == 1
        assert "unknown" not in said
        told_verb = re.search(verbs, said)[0]
        denied = bool(re.search("not |failed|false", said))
        same = (told_verb in DOWN) == (verb in DOWN)
        assert same or not denied, "what is denied of a rise says nothing of a fall"
        assert label == ("yes" if same and not denied else "no")
    assert len(wordings) > 15


def test_statements_about_one_thing_cannot_stand_beside_each_other():
    with pytest.raises(ValueError, match="pain"):
        Rephrased([ZINC]).record(random.Random(0), "maybe")


@pytest.mark.parametrize(
    ("conclusion", "label"),
    [
        (["Vitamin D supplements reduced falls."], "yes"),
        (["Vitamin D supplements did not reduce falls."], "no"),
        (["No effect of vitamin D supplements was seen."], "no"),
        (
            ["Further studies are needed to determine whether vitamin supplements prevent falls."],
            "maybe",
        ),
        (
            ["Vitamin supplements reduced falls.", "Vitamin supplements had no effect on fall."],
            None,
        ),
        (["Aspirin reduced strokes."], None),
    ],
)
def test_polarity(conclusion, label):
    assert polarity("Do vitamin supplements reduce falls?", conclusion) == label


@pytest.mark.parametrize(
    ("title", "question"),
    [
        (
            "Effect of zinc on weight gain: a randomised trial",
            "Does zinc have an effect on weight gain?",
        ),
        ("The efficacy of Exercise for back pain", "Is exercise effective for back pain?"),
        ("Effect of zinc versus iron on weight", None),
        ("A trial of zinc", None),
    ],
)
def test_titles(title, question):
    assert title_question(title, LOWER) == question


@pytest.mark.parametrize(
    ("name", "plural"),
    [
        ("statins", True),
        ("diet and exercise", True),
        ("older women", True),
        ("diabetes", False),
        ("tuberculosis", False),
        ("the use of statins", False),
        ("loss of teeth", False),
        ("scabies", False),
        ("the pancreas", False),
        ("hand, foot and mouth disease", False),
        ("mice", True),
    ],
)
def test_number(name, plural):
    assert claims.is_plural(name) is plural


@pytest.mark.parametrize(
    ("verb", "plural"),
    [
        ("reduces", "reduce"),
        ("causes", "cause"),
        ("stabilizes", "stabilize"),
        ("is", "are"),
        ("passes", "pass"),
        ("goes", "go"),
        ("carries", "carry"),
        ("lies", "lie"),
        ("differs", "differ"),
    ],
)
def test_plural_verbs(verb, plural):
    assert claims.plural_verb(verb) == plural


def test_no_two_files_have_a_kind_of_the_same_name():
    files = [json.loads(path.read_text()) for path in claims._FOLDER.glob("*.json")]
    for key, kept in (("frames", claims.FRAMES), ("things", claims._KINDS)):
        assert sum(len(one.get(key, ())) for one in files) == len(kept)


def test_another_name_is_drawn_though_all_of_its_kind_share_a_word():
    things, rng = claims.Things(), random.Random(0)
    things.kinds["vaccines"] = ["the flu vaccine", "the measles vaccine"]
    assert things.other(rng, ["vaccines"], ["the flu vaccine"]) == "the measles vaccine"


def test_a_phrase_is_filled_and_agrees():
    values = {"X": "statins", "Y": "NF-kB", "THAT": "No X"}
    rng = random.Random(0)
    assert claims.fill(rng, "does_X X [reduce|reduce] Y ?", values) == "do statins reduce NF-kB?"
    assert re.fullmatch(
        r"No doubt in [1-9]{2}% that No X", claims.fill(rng, "No doubt in NN% that THAT", values)
    )


@pytest.mark.parametrize("frame", sorted(claims.FRAMES))
def test_every_phrase_can_be_filled(frame):
    rng, kind = random.Random(1), claims.FRAMES[frame]
    values = {**claims.Things().values(rng, kind), "Z": "children"}
    states = set(kind["states"])
    for ask in kind["asks"]:
        assert {*ask["yes"], *ask["no"]} <= states - {"unclear"}
        assert not {*ask["yes"]} & {*ask["no"]}
    phrases = [p for told in kind["states"].values() for p in told]
    phrases += [p for ask in kind["asks"] for p in (*ask["of"], *ask["that"])]
    for phrase in phrases:
        text = claims.fill(rng, phrase, values)
        assert not re.search(r"[\[\]|_]|\b[XYZW]\b", text), text


def test_a_generated_text_says_what_its_label_says():
    rng, things = random.Random(3), claims.Things()
    for label in ("yes", "no"):
        for _ in range(200):
            claim = claims.Claim(rng, things)
            said = claim.answers(rng, label, 1)[0]
            shared = [n for slot, n in claim.values.items() if slot != "Z" and n in said.lower()]
            assert shared or any(n.lower() in said.lower() for n in claim.values.values())
    made = claims.generated(random.Random(5), things, "maybe", [])
    assert made == claims.generated(random.Random(5), things, "maybe", [])


@pytest.mark.parametrize("label", LABELS)
def test_a_plain_text_is_a_sentence_or_two(label):
    things, rng = claims.Things(), random.Random(3)
    made = [claims.plain(rng, things, label) for _ in range(200)]
    assert {one["gold"] for one in made} == {label}
    assert {one["context"].count(". ") for one in made} <= {0, 1}
    assert all(one["context"].endswith(".") for one in made)


def test_sentences_lose_citations_and_registrations():
    text = "Zinc works [1, 2]. Registered as NCT0123. See Fig. A for more. It ends."
    assert sentences(text) == ["Zinc works.", "See Fig. A for more.", "It ends."]


@pytest.fixture
def sources(tmp_path):
    """A few small papers, trials and labelled questions."""
    papers, trials, rows = [], [], {}
    for n, (drug, effect, part) in enumerate(
        (drug, effect, part)
        for drug in ("zinc", "iron", "copper", "garlic")
        for effect, part in (("reduced", "fever"), ("did not reduce", "cough"))
    ):
        said = f"Treatment with {drug} {effect} {part} in infants."
        papers.append(
            {
                "pmcid": f"PMC{n}",
                "title": f"Effect of {drug} on {part}",
                "abstract": f"BACKGROUND: The value of {drug} is debated. METHODS: Eighty infants "
                f"took part in several towns last year. RESULTS: {said} All of them went home. "
                f"CONCLUSIONS: {said}",
                "sections": [{"heading": "Results", "text": f"Most infants grew. {said}"}],
            }
        )
        trials.append(
            {
                "pmcid": f"PMC{n}",
                "prompt": "1",
                "intervention": drug,
                "comparator": "placebo",
                "outcome": part,
                "label": ("no significant difference", "significantly decreased")[n % 2 == 0],
                "evidence": said,
            }
        )
    for n in range(180):
        rows[str(n)] = {
            "QUESTION": f"Is method {n} useful?",
            "CONTEXTS": [f"Surgeons tried method {n}.", "It was seen in ten towns."],
            "LONG_ANSWER": "The answer is here.",
            "final_decision": LABELS[n % 3],
        }
    paths = [tmp_path / name for name in ("pmc.gz", "evidence.gz", "pqal.json")]
    for path, lines in zip(paths, (papers, trials), strict=False):
        with gzip.open(path, "wt", encoding="utf-8") as out:
            out.writelines(json.dumps(line) + "\n" for line in lines)
    paths[2].write_text(json.dumps(rows), encoding="utf-8")
    return Sources(*paths, seed=1)


def test_records_are_mixed_and_the_same_again(sources):
    made = list(questions(sources, 7, 300, 80))
    assert made == list(questions(sources, 7, 300, 80))
    assert made != list(questions(sources, 8, 300, 80))
    assert {record["gold"] for record in made} == set(LABELS)
    assert all(len(record["context"].split()) <= 80 for record in made)
    held_out = {f"Is method {n} useful?" for n in range(30, 180)}
    asked_about = {record["question"] for record in made}
    assert "Is method 3 useful?" in asked_about
    assert not asked_about & held_out


def test_questions_about_papers_have_the_label_of_the_paper(sources):
    for record in questions(sources, 2, 400, 80):
        match = re.match(r"Does treatment with (\w+) \w+ (\w+) in infants\?", record["question"])
        if match and f"Treatment with {match[1]}" in record["context"]:
            asks_less = re.search("reduce|lower|decrease|diminish", record["question"])
            fell = match[2] == "fever"
            assert record["gold"] == ("yes" if fell and asks_less else "no")
