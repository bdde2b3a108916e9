"""Corpora with their gold: every format, the tables of names, and what is wrong with a file."""

import json

import pytest
from shared_data import shared

from biogpt_plugins.corpus import read_gold
from biogpt_plugins.scoring.gold import Document
from biogpt_plugins.tasks import get_task
from biogpt_plugins.training.examples import read_examples
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Question

TITLE = "Aspirin and ulcers"
ABSTRACT = "Acetylsalicylic acid caused gastric or duodenal ulcers; α-blockers: “none”."
BC5CDR = {
    "1": {
        "title": TITLE,
        "abstract": ABSTRACT,
        "relations": [
            {"chemical": "D1", "disease": "D2"},
            {"chemical": "D1", "disease": "D3"},
            {"chemical": "D1", "disease": "D2"},
        ],
        "chemical2id": {"aspirin": "D1", "acetylsalicylic acid": "D1", "α-blockers": "-1"},
        "disease2id": {"ulcers": "D9", "gastric ulcers": "D2", "duodenal ulcers": "D3"},
    },
    "2": {
        "title": "Aspirin.",
        "abstract": "",
        "relations": [{"chemical": "D4", "disease": "D5"}],
        "chemical2id": {"aspirin": "D4"},
        "disease2id": {},
    },
    "3": {"title": "None", "abstract": "", "relations": None, "chemical2id": {}, "disease2id": {}},
}
PUBTATOR = f"""1|t|{TITLE}
1|a|{ABSTRACT}
1\t0\t7\tAspirin\tChemical\tD1
1\t12\t18\tulcers\tDisease\tD8
1\t12\t18\tulcers\tDisease\tMESH:D9
1\t19\t39\tAcetylsalicylic acid\tChemical\tMESH:D1
1\t47\t73\tgastric or duodenal ulcers\tDisease\tD2|D3\tgastric ulcers|duodenal ulcers
1\t75\t85\tα-blockers\tChemical\t-1
1\t75\t76\tα\tSpecies\t7
1\t47\t54\tgastric or\tDisease\tD2|D3
1\tCID\tD1\tMESH:D2
1\tCID\tD1\tD3
1\tCID\tD1\tD2

2|t|Aspirin.
2|a|\r
2\t0\t7\tAspirin\tChemical\tD4
2\tCID\tD4\tD5
3|t|None
"""
BIOC = f"""<?xml version='1.0' encoding='UTF-8'?><!DOCTYPE collection SYSTEM 'BioC.dtd'>
<collection><source>x</source>
<document><id>1</id>
<passage><infon key="type">title</infon><offset>0</offset><text>{TITLE}</text>
{{Aspirin|Chemical|D1}}{{ulcers|Disease|D9}}
</passage>
<passage><infon key="type">abstract</infon><offset>19</offset><text>{ABSTRACT}</text>
{{Acetylsalicylic acid|Chemical|D1}}{{gastric or duodenal ulcers|Disease|D2+D3}}
{{gastric ulcers|Disease|D2}}{{duodenal ulcers|Disease|D3}}{{α-blockers|Chemical|-1}}
</passage>
<relation id='R0'><infon key="relation">CID</infon>
<infon key="Chemical">D1</infon><infon key="Disease">D2</infon></relation>
<relation id='R1'><infon key="relation">CID</infon>
<infon key="Chemical">D1</infon><infon key="Disease">D3</infon></relation>
</document>
<document><id>2</id><passage><infon key="type">title</infon><text>Aspirin.</text>
{{Aspirin|Chemical|D4}}</passage>
<relation><infon key="relation">CID</infon>
<infon key="Chemical">D4</infon><infon key="Disease">D5</infon></relation></document>
<document><id>3</id><passage><infon key="type">title</infon><text>None</text></passage></document>
</collection>"""
for mark in {part.split("}")[0] for part in BIOC.split("{")[1:]}:
    name, kind, ids = mark.split("|")
    BIOC = BIOC.replace(
        f"{{{mark}}}",
        f'<annotation><infon key="type">{kind}</infon><infon key="MESH">{ids.replace("+", "|")}'
        f"</infon><text>{name}</text></annotation>",
    )
INTERACTIONS = {
    "d1": {
        "abstract": " Zinc lowers iron.\nIron and Lead. ",
        "triples": [
            {"drug": "iron", "target": "Lead", "interaction": "int", "modify": False},
            {"drug": "zinc", "target": "iron", "interaction": "Effect"},
            {"drug": "Lead", "target": "zinc", "interaction": "advise"},
        ],
    },
    "d2": {"title": "T", "abstract": "A", "triples": None},
}
QUESTIONS = {
    "7": {
        "QUESTION": "Why?",
        "CONTEXTS": ["So.", "And so."],
        "LONG_ANSWER": "Yes.",
        "final_decision": "maybe",
    },
    "8": {"QUESTION": "How?", "CONTEXTS": ["Thus."], "LONG_ANSWER": "No.", "final_decision": "no"},
}
HOC = (
    '"Vessels" grew , and 5 % of cells died .\tinducing angiogenesis|resisting cell death\n\n'
    "Nothing .\tempty\r\n\n"
)
NO_LABELS = {
    key: {name: value for name, value in row.items() if name != "final_decision"}
    for key, row in QUESTIONS.items()
}


@pytest.fixture
def file(tmp_path):
    def write(content, name="corpus.json"):
        path = tmp_path / name
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def jsonl(*rows):
    return "\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n"


def shown(gold):
    return [(d.id, d.gold, d.input) for d in gold.documents]


@pytest.mark.parametrize("content", [BC5CDR, PUBTATOR, BIOC], ids=["json", "pubtator", "bioc"])
def test_bc5cdr_is_the_same_in_every_format(file, content):
    gold = read_gold(file(content), "BC5CDR")
    assert gold.task == "bc5cdr"
    assert shown(gold) == [
        (
            "1",
            (("D1", "D2"), ("D1", "D3")),
            {"id": "1", "title": TITLE, "abstract": ABSTRACT},
        ),
        ("2", (("D4", "D5"),), {"id": "2", "title": "Aspirin.", "abstract": ""}),
        ("3", (), {"id": "3", "title": "None", "abstract": ""}),
    ]
    assert gold.names == {
        "chemical2id": {"aspirin": "D4", "acetylsalicylic acid": "D1", "α-blockers": "-1"},
        "disease2id": BC5CDR["1"]["disease2id"],
    }
    told = []
    # Nothing in document 2 is called D5.
    [example] = read_examples(file(content), ["bc5cdr"], tell=told.append)
    assert told[0].endswith(": 2 documents have no relation that bc5cdr can write: left out")
    assert example.target == (
        "the relation between acetylsalicylic acid and gastric ulcers exists; "
        "the relation between acetylsalicylic acid and duodenal ulcers exists."
    )


def test_places_are_said(file):
    def places(content):
        return [
            d.where.partition("corpus.json, ")[2]
            for d in read_gold(file(content), "bc5cdr").documents
        ]

    assert places(BC5CDR) == ["key '1'", "key '2'", "key '3'"]
    assert places(PUBTATOR) == ["line 1", "line 15", "line 19"]
    assert places(BIOC) == ["document 1", "document 2", "document 3"]


TABLES = {"chemical2id": {"aspirin": "D1"}, "disease2id": {"ulcers": "D2"}}


@pytest.mark.parametrize("name", ["test.json", "test.gold.json", "test"])
def test_tables_of_names_that_lie_beside_the_corpus(file, name):
    file({**TABLES, "more": {}}, "test.entities.json")
    assert read_gold(file(BC5CDR, name), "bc5cdr").names == TABLES


def test_tables_of_names_that_are_given(file):
    file("broken", "test.entities.json")
    tables = file(TABLES, "tables")
    gold = read_gold(
        file([{"id": 5, "gold": [["D1", "MESH:D2"]]}], "test.json"), "bc5cdr", entities=tables
    )
    assert gold.documents == (
        Document("5", (("D1", "D2"),), None, f"{tables.parent}/test.json, item 1"),
    )
    assert gold.names == TABLES


@pytest.mark.parametrize(
    ("task", "document"),
    [
        ("ddi", {"id": "d1", "title": "", "abstract": " Zinc lowers iron.\nIron and Lead. "}),
        ("kd_dti", {"id": "d1", "title": "", "abstract": " Zinc lowers iron.\nIron and Lead. "}),
    ],
)
def test_interactions(file, task, document):
    gold = read_gold(file(INTERACTIONS), task)
    triples = (("Lead", "zinc", "advise"), ("zinc", "iron", "effect"), ("iron", "Lead", "int"))
    assert shown(gold) == [
        ("d1", triples, document),
        ("d2", (), {"id": "d2", "title": "T", "abstract": "A"}),
    ]
    assert gold.names == {}
    prompt = get_task(task).render(gold.documents[0].input).text
    assert task != "ddi" or "Zinc lowers iron. Iron and Lead.".lower() in prompt.lower()


@pytest.mark.parametrize("task", ["pubmedqa", "pubmedqa_reasoning_free"])
def test_questions(file, task):
    gold = read_gold(file(QUESTIONS), task)
    assert [d.gold for d in gold.documents] == ["maybe", "no"]
    question = get_task(task).read_input(gold.documents[0].input)
    assert (question.id, question.question, question.text, question.long_answer) == (
        "7",
        "Why?",
        "So. And so.",
        "Yes.",
    )


@pytest.mark.parametrize("rows", [QUESTIONS, NO_LABELS], ids=["labelled", "bare"])
def test_ground_truth_comes_before_the_labels_and_the_order_of_the_corpus(file, rows):
    truth = file({"8": "yes", "7": "no"}, "truth.json")
    gold = read_gold(file(rows), "pubmedqa", ground_truth=truth)
    assert [(d.id, d.gold) for d in gold.documents] == [("8", "yes"), ("7", "no")]
    assert [d.input["question"] for d in gold.documents] == ["How?", "Why?"]
    first = read_gold(file(rows), "pubmedqa", ground_truth=truth, limit=1)
    assert first.documents == gold.documents[:1]
    alone = read_gold(truth, "pubmedqa")
    assert shown(alone) == [("8", "yes", None), ("7", "no", None)]


@pytest.mark.parametrize("rows", [QUESTIONS, NO_LABELS], ids=["labelled", "bare"])
def test_ground_truth_selects_the_questions_that_it_names(file, rows):
    gold = read_gold(file(rows), "pubmedqa", ground_truth=file({"8": "yes"}, "truth.json"))
    assert [(d.id, d.gold, d.input["context"]) for d in gold.documents] == [("8", "yes", "Thus.")]


def test_hoc(file):
    assert shown(read_gold(file(HOC), "hoc")) == [
        (
            "1",
            ("inducing angiogenesis", "resisting cell death"),
            {"text": '"Vessels" grew , and 5 % of cells died .'},
        ),
        ("2", (), {"text": "Nothing ."}),
    ]
    targets = [example.target for example in read_examples(file(HOC), ["hoc"])]
    assert targets[1] == "the type of this document is empty."


ASKED = (
    "question: Is a context: needed? context: The answer: unknown. It helped. answer: It does."
    "\tYes\r\nquestion: Why? context: So. answer: No reason\tmaybe\n"
)


def test_pubmedqa_as_tsv(file):
    task = "pubmedqa_reasoning_free"
    gold = read_gold(file(ASKED), task)
    assert [(d.id, d.gold) for d in gold.documents] == [("1", "yes"), ("2", "maybe")]
    sources = [get_task(task).source(Question(**d.input)).source for d in gold.documents]
    official = [line.split("\t")[0] for line in ASKED.strip().split("\n")]
    assert sources == [official[0], f"{official[1]}."]
    assert read_gold(file(ASKED), "pubmedqa").documents[1].input["context"] == "So."
    with pytest.raises(InputError, match="has no examples for hoc"):
        read_gold(file(ASKED), "hoc")


PAPER = {"title": "T", "abstract": "A"}
ENDS = {"head": {"text": "Zinc", "id": "D1"}, "type": "CID", "tail": {"text": "Rash", "id": "D2"}}


@pytest.mark.parametrize(
    ("task", "rows", "documents"),
    [
        ("bc5cdr", [{**PAPER, "gold": [ENDS]}], [("1", (("D1", "D2"),), PAPER)]),
        (
            "bc5cdr",
            [{"pmid": 9, "gold": [{"head": "Zinc", "type": "CID", "tail": "rash"}]}],
            [("9", (("zinc", "rash"),), None)],
        ),
        (
            "ddi",
            [
                {"id": "a", "gold": [["Zinc", "iron", "int"]]},
                {"task": "hoc", "text": "x", "gold": "empty"},
                {"task": "DDI", "text": "x", "gold": [{**ENDS, "type": "effect"}]},
            ],
            [
                ("a", (("Zinc", "iron", "int"),), None),
                ("2", (("Zinc", "Rash", "effect"),), {"text": "x"}),
            ],
        ),
        ("kd-dti", [{"id": "a", "gold": []}], [("a", (), None)]),
        (
            "pubmedqa",
            [{"question": "q\u2028?", "context": "c", "gold": "yes"}],
            [("1", "yes", {"question": "q\u2028?", "context": "c"})],
        ),
        (
            "hoc",
            [{"id": 1, "gold": ["empty"]}, {"id": 2, "gold": "cellular energetics"}],
            [("1", (), None), ("2", ("cellular energetics",), None)],
        ),
    ],
)
@pytest.mark.parametrize("write", [jsonl, lambda *rows: list(rows)], ids=["jsonl", "array"])
def test_rows_of_our_own(file, task, rows, documents, write):
    assert shown(read_gold(file(write(*rows)), task)) == documents


def test_names_of_rows_are_their_own_ids_where_they_have_none(file):
    rows = [
        {**PAPER, "gold": [ENDS]},
        {**PAPER, "gold": [{"head": "Zinc oxide", "type": "CID", "tail": "RASH"}]},
    ]
    gold = read_gold(file(jsonl(*rows)), "bc5cdr")
    assert gold.documents[1].gold == (("zinc oxide", "rash"),)
    assert gold.names == {
        "chemical2id": {"zinc": "D1", "zinc oxide": "zinc oxide"},
        "disease2id": {"rash": "rash"},
    }
    tables = file({"chemical2id": {"zinc oxide": "D7"}, "disease2id": {"rash": "D8"}}, "tables")
    gold = read_gold(file(jsonl(*rows)), "bc5cdr", entities=tables)
    assert [d.gold for d in gold.documents] == [(("D1", "D2"),), (("D7", "D8"),)]


def test_limit_takes_the_first(file):
    gold = read_gold(file(BC5CDR), "bc5cdr", limit=1)
    assert [d.id for d in gold.documents] == ["1"]
    assert gold.names["chemical2id"]["aspirin"] == "D4", "the tables are those of the whole corpus"


BOMB = BIOC.replace("'BioC.dtd'>", "'BioC.dtd' [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]>")
TRIPLE = {"drug": "a", "target": "b", "interaction": "effect"}
ROW = {"id": 1, "question": "q?", "context": "c", "gold": "yes"}


@pytest.mark.parametrize(
    ("task", "content", "message"),
    [
        ("bc5cdr", "", "has no examples for bc5cdr: give JSONL"),
        ("ddi", BC5CDR, "has no examples for ddi"),
        ("bc5cdr", HOC, "has no examples for bc5cdr"),
        ("hoc", PUBTATOR, "has no examples for hoc"),
        ("hoc", BIOC, "has no examples for hoc"),
        ("hoc", "plain prose", "cannot read .*corpus.json: unknown format: give"),
        ("bc5cdr", "prose\n1|t|T\n", "unknown format"),
        ("bc5cdr", jsonl({**PAPER, "gold": []}).replace("}", "}\nprose"), "line 2: not valid JSON"),
        ("hoc", b"caf\xe9\tempty", r"is not UTF-8 \(byte 0xe9 at 3\): convert"),
        (
            "generate",
            jsonl({"text": "x", "gold": "y"}),
            "generate has no metric",
        ),
        # JSON
        ("bc5cdr", json.dumps(BC5CDR, indent=1)[:-9], "corpus.json: not valid JSON: .*line 49"),
        ("bc5cdr", '{"1": {}, "1": {}}', "not valid JSON: the key '1' occurs twice"),
        ("bc5cdr", "[" * 200_000, "not valid JSON: .*recursion"),
        ("bc5cdr", {"1": {"text": "x"}}, "key '1': it must have \"relations\""),
        ("bc5cdr", {"1": {**BC5CDR["1"], "title": None}}, "key '1': title: input should be"),
        ("bc5cdr", {"1": {**BC5CDR["1"], "title": "", "abstract": " "}}, "key '1': the text of"),
        (
            "bc5cdr",
            {"1": {**BC5CDR["1"], "relations": [{"chemical": "D1"}]}},
            "key '1': relations: 0: disease: field required",
        ),
        ("ddi", {"1": {"abstract": "x", "triples": [{}]}}, "triples: 0: drug: field required"),
        (
            "ddi",
            {
                "1": {
                    "abstract": "x",
                    "triples": [{**TRIPLE, "interaction": "odd"}],
                }
            },
            "key '1': ddi has no relation type 'odd': use one of mechanism",
        ),
        ("pubmedqa", {"1": {"QUESTION": "q"}}, "CONTEXTS: field required"),
        ("pubmedqa", {"7": {**QUESTIONS["7"], "final_decision": "yep"}}, "key '7': label: "),
        ("pubmedqa", NO_LABELS, "key '7' has no final_decision: add a ground truth file"),
        ("pubmedqa", {"1": "yes", "2": "yep"}, "key '2': label: "),
        # rows
        ("pubmedqa", jsonl(ROW, ROW), "line 3 has the same id as .* line 1, 1: give"),
        ("pubmedqa", jsonl(ROW) + '{"id": \n', "line 2: not valid JSON: "),
        ("pubmedqa", jsonl(ROW) + "[1]\n", "line 2: it must be a JSON object, not list"),
        (
            "pubmedqa",
            jsonl(ROW) + '{"id": 2} {"id": 3}',
            "not valid JSON: .* follows its end",
        ),
        ("pubmedqa", [{"id": 1}], 'item 1: it has no "gold"'),
        ("pubmedqa", [{**ROW, "task": "chess"}], "item 1: no task is called 'chess'"),
        ("pubmedqa", [{**ROW, "question": None}], "item 1: .*question"),
        ("hoc", [{"text": "x", "gold": ["cell death"]}], "item 1: hoc has no label 'cell death'"),
        (
            "bc5cdr",
            [{**PAPER, "gold": [{**ENDS, "type": "int"}]}],
            "no relation type 'int': use one of CID",
        ),
        ("bc5cdr", [{**PAPER, "gold": [{"head": "a"}]}], "item 1: type: field required"),
        ("bc5cdr", [{**PAPER, "gold": "aspirin"}], "item 1: input should be a valid list"),
        ("bc5cdr", [{"id": 1, "gold": [["D1"]]}], "item 1: 1: field required"),
        ("bc5cdr", [{"id": 1, "gold": [["D1", "D2"]]}], r"give the tables of names, corpus\.ent"),
        # PubTator, BioC and TSV
        ("bc5cdr", "1|t|T\n1|a|A\n2\tCID\tD1\tD2", r"line 3 must be 1\|a\|abstract"),
        ("bc5cdr", PUBTATOR + "1|t|Again", "line 20 has the same id as .*line 1, 1: give"),
        ("bc5cdr", BIOC[:-20], "it is not valid XML: "),
        ("bc5cdr", BOMB, "must not declare XML entities"),
        ("bc5cdr", "<html/>", "it is not BioC: the root .* not 'html'"),
        (
            "bc5cdr",
            BIOC.replace("<id>2</id>", ""),
            'document 2: it needs an id and a passage of type "title"',
        ),
        (
            "bc5cdr",
            BIOC.replace('key="Disease"', 'key="disease"'),
            "document 1: a CID relation needs the ids",
        ),
        ("hoc", HOC + "No labels .", "line 5: it must have 2 columns, not 1: the sentence"),
        ("hoc", HOC + "One .\tdying\n", "line 5: hoc has no label 'dying'"),
        ("pubmedqa", ASKED + "question: How?\tno", 'line 3: it must read "question: ... context: '),
        (
            "pubmedqa",
            ASKED + "question: How?",
            "line 3: it must have 2 columns, not 1: the question",
        ),
        ("pubmedqa", ASKED.replace("maybe", "perhaps"), "line 2: label: input should be 'yes'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(file, task, content, message):
    with pytest.raises(InputError, match=message):
        read_gold(file(content), task)


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        (
            "pubmedqa",
            {"ground_truth": {"91": "yes", "8": "no", "9": "no"}},
            "given names 2 questions that .*corpus.json lacks, for example 9",
        ),
        ("pubmedqa", {"ground_truth": {}}, "given: it names no question"),
        ("pubmedqa", {"ground_truth": {"7": "yes", "8": "yep"}}, "given: 8: input should be 'yes'"),
        ("pubmedqa", {"ground_truth": "no json"}, "given: not valid JSON"),
        ("pubmedqa", {"entities": TABLES}, "pubmedqa takes no tables of entities"),
        ("bc5cdr", {"ground_truth": {"1": "yes"}}, "bc5cdr takes no ground truth"),
        ("bc5cdr", {"entities": {"chemical2id": {}}}, "given: it lacks disease2id"),
        (
            "bc5cdr",
            {"entities": {"chemical2id": {"a": 1}}},
            "given: chemical2id: a: input should be",
        ),
        ("bc5cdr", {"limit": 0}, "limit must be 1 or more, not 0"),
    ],
)
def test_what_is_wrong_with_the_other_files_is_said(file, task, options, message):
    given = {
        name: value if name == "limit" else file(value, "given") for name, value in options.items()
    }
    with pytest.raises(InputError, match=message):
        read_gold(file(QUESTIONS if task == "pubmedqa" else BC5CDR), task, **given)


def test_a_question_that_is_there_twice_is_said_though_a_ground_truth_selects_it(file):
    rows = [{"id": 7, "question": "q?", "context": "c", "gold": "yes"}] * 2
    with pytest.raises(InputError, match=r"item 2 has the same id as .*item 1, 7: give"):
        read_gold(file(rows), "pubmedqa", ground_truth=file({"7": "yes"}, "given"))


def test_a_name_without_an_id_is_said(file):
    tables = file({"chemical2id": {}, "disease2id": {"rash": "D2"}}, "tables")
    row = {**PAPER, "gold": [{"head": "Zinc", "type": "CID", "tail": "rash"}]}
    with pytest.raises(InputError, match="item 1: 'Zinc' has no id in the tables"):
        read_gold(file([row]), "bc5cdr", entities=tables)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(InputError, match=r"data file '.*nowhere' does not exist: give JSONL"):
        read_gold(tmp_path / "nowhere", "bc5cdr")
    with pytest.raises(InputError, match=r"data file .* does not exist"):
        read_gold(tmp_path, "bc5cdr")


def test_files_without_texts_teach_nothing(file):
    with pytest.raises(InputError, match="item 1 has no text to train on: give JSONL"):
        read_examples(file([{"id": "1", "gold": "yes"}]), ["pubmedqa"])


def test_the_real_sample_is_the_same_in_pubtator_and_bioc():
    one, other = (
        read_gold(shared(f"bc5cdr/CDR_sample.gold.{form}"), "bc5cdr")
        for form in ("PubTator", "BioC.xml")
    )
    assert len(one.documents) == 50
    assert shown(one) == shown(other)
    assert one.names == other.names


@pytest.mark.parametrize(
    ("split", "pubtator", "relations", "fewer", "otherwise_named"),
    [
        ("train", "CDR_Training", 1038, {}, {"fibrous myopathy"}),
        # Papers without a name for an id in the official tables, so that the JSON lacks relations.
        (
            "valid",
            "CDR_Development",
            1012,
            {"9022662": 2, "1595783": 1},
            {"hyperkinetic", "dyskinetic"},
        ),
    ],
)
def test_the_real_json_is_the_real_pubtator(split, pubtator, relations, fewer, otherwise_named):
    from_json = read_gold(shared(f"bc5cdr/{split}.json"), "bc5cdr")
    from_pubtator = read_gold(shared(f"bc5cdr/{pubtator}Set.PubTator.txt"), "bc5cdr")
    assert sum(len(d.gold) for d in from_pubtator.documents) == relations
    for ours, theirs in zip(from_pubtator.documents, from_json.documents, strict=True):
        assert (ours.id, ours.input) == (theirs.id, theirs.input)
        assert set(theirs.gold) <= set(ours.gold)
        assert len(ours.gold) - len(theirs.gold) == fewer.get(ours.id, 0)
    targets = [
        {e.input.id: e.target for e in read_examples(shared(f"bc5cdr/{name}"), ["bc5cdr"])}
        for name in (f"{split}.json", f"{pubtator}Set.PubTator.txt")
    ]
    differ = {pmid for pmid, target in targets[0].items() if targets[1][pmid] != target}
    assert differ <= {"3800626"}  # has "fibrous myopathy"
    for kind, ids in from_json.names.items():
        differ = ids.items() ^ from_pubtator.names[kind].items()
        assert {name for name, _ in differ} <= otherwise_named


def test_the_real_tables_of_names_follow_our_rule(file):
    given = shared("bc5cdr/valid.entities.json")
    assert read_gold(shared("bc5cdr/valid.json"), "bc5cdr").names == json.loads(given.read_text())
    own = read_gold(file(shared("bc5cdr/valid.json").read_bytes(), "copy.json"), "bc5cdr").names
    assert own == json.loads(given.read_text())
    assert [list(table) for table in own.values()] == [
        list(table) for table in json.loads(given.read_text()).values()
    ]


@pytest.mark.parametrize(
    ("task", "documents", "labels"),
    [("bc5cdr", 500, 1066), ("ddi", 191, 949), ("pubmedqa", 500, None)],
)
def test_the_real_gold_without_texts(task, documents, labels):
    gold = read_gold(shared(f"scorer/{task}/test.gold.json"), task)
    assert len(gold.documents) == documents
    assert all(d.input is None for d in gold.documents)
    assert labels is None or sum(len(d.gold) for d in gold.documents) == labels
    rows = json.loads(shared(f"scorer/{task}/test.gold.json").read_text())
    assert json.loads(json.dumps([{"id": d.id, "gold": d.gold} for d in gold.documents])) == rows


def test_a_real_ground_truth_selects_its_questions(file):
    corpus = shared("pubmedqa/pqal_train.json")
    labels = {d.id: d.gold for d in read_gold(corpus, "pubmedqa").documents}
    wanted = dict(reversed([*labels.items()][::2]))
    gold = read_gold(corpus, "pubmedqa", ground_truth=file(wanted, "truth.json"))
    assert [(d.id, d.gold) for d in gold.documents] == [*wanted.items()]


def test_the_real_questions():
    gold = read_gold(shared("pubmedqa/pqal_train.json"), "pubmedqa", limit=450)
    assert len(gold.documents) == 450
    assert {d.gold for d in gold.documents} == {"yes", "no", "maybe"}


def test_names_that_only_drugbank_may_hand_out(file):
    triples = [{**TRIPLE, "target": "DrugBank####BE1"}, TRIPLE]
    path = file({"1": {"abstract": "x", "triples": triples}})
    with pytest.warns(UserWarning, match="DrugBank ids .* in place of 1 name, .* No model writes"):
        gold = read_gold(path, "kd_dti")
    assert {tail for _, tail, _ in gold.documents[0].gold} == {"DrugBank####BE1", TRIPLE["target"]}
