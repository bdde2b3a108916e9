"""Values of other libraries as inputs: each is read, or refused by its type or its field."""

import datetime
import enum
import math
import sqlite3
import uuid
from collections import namedtuple
from dataclasses import dataclass, field
from decimal import Decimal

import attrs
import numpy as np
import pyarrow as pa
import pytest
from langchain_core.documents import Document
from llama_index.core.schema import Document as Whole
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import BaseModel, Field

from biogpt_plugins import Paper, Pipeline, Question, Text
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import id_of, read
from biogpt_plugins.values.records import identifier, several

TEXT = "Lithium caused tremor."
FOUND = "the relation between lithium and tremor exists."
PAPER = Paper(id="123", title="T.", text=TEXT)
FIELDS = {"pmid": 123, "title": "T.", "abstract": TEXT}

pd = pytest.importorskip("pandas", reason="NO TEST with pandas: pip install pandas")


def run(inputs):
    """What a pipeline reads: ids and prompts, or errors."""
    engine = ScriptedEngine([FOUND] * 9)
    found = Pipeline("bc5cdr", engine).run(inputs)
    return [(one.id, one.error.message if one.error else "") for one in found]


@dataclass
class AsDataclass:
    pmid: int = 123
    title: str = "T."
    abstract: str = TEXT


class AsModel(BaseModel):
    pmid: int = 123
    title: str = "T."
    text: str = Field(TEXT, alias="AbstractText")


class AsPlainModel(BaseModel):
    article: float = Field(123.0, alias="PMID")
    heading: str = Field("T.", alias="ArticleTitle")
    summary: str = TEXT


@attrs.define
class WithAttrs:
    pmid: np.int64 = np.int64(123)
    title: str = "T."
    abstract: str = TEXT


AsTuple = namedtuple("AsTuple", FIELDS)


def row_of_sqlite():
    with sqlite3.connect(":memory:") as base:
        base.row_factory = sqlite3.Row
        return base.execute("select 123 as pmid, 'T.' as title, ? as abstract", [TEXT]).fetchone()


class RowOfPolars:
    """A table with the attributes of polars' that are asked for."""

    __dataframe__ = __arrow_c_stream__ = None

    def iter_rows(self, *, named):
        assert named
        yield FIELDS


@dataclass
class LikeHaystack:
    """A Document of Haystack, which is not installed everywhere."""

    content: str | None = TEXT
    id: str = "123"
    meta: dict = field(default_factory=lambda: {"title": "T."})
    score: float | None = None


RECORDS = [
    FIELDS,
    {"PMID": "123.0", "ArticleTitle": "T.", "Abstract Text": TEXT},
    {"pmid": float("nan"), "doi": "123", "title": "T.", "abstract": TEXT},
    {"id": " 123 ", "title": np.str_("T."), "text": TEXT, "year": 2020, "journal": "J"},
    AsDataclass(),
    AsModel(AbstractText=TEXT),
    AsPlainModel(PMID=123.0, ArticleTitle="T."),
    WithAttrs(),
    AsTuple(*FIELDS.values()),
    pd.Series(FIELDS),
    pd.Series({"pmid": 123.0, "title": "T.", "abstract": TEXT}),
    row_of_sqlite(),
    Document(page_content=TEXT, metadata={"PMID": 123.0, "Title": "T."}),
    Document(page_content=TEXT, metadata={"title": "T."}, id="123"),
    LikeHaystack(),
    LikeHaystack(id="hash", meta={"pmid": 123, "title": "T."}),
    TextNode(text=TEXT, metadata={"pmid": "PMID: 123", "title": "T."}),
    NodeWithScore(node=Whole(text=TEXT, id_="123", metadata={"title": "T."}), score=0.5),
]


@pytest.mark.parametrize("value", RECORDS, ids=range(len(RECORDS)))
def test_records_of_every_type(value):
    assert read(Paper, value) == PAPER
    assert id_of(value) == "123"


def test_entities_of_a_chunk_count_in_its_document():
    entity = {"text": "Lithium", "type": "chemical", "start": 30, "end": 37}
    meta = {"split_idx_start": 30, "entities": [entity]}
    (found,) = read(Paper, LikeHaystack("Lithium caused tremor.", meta=meta)).entities
    assert (found.text, found.start) == ("Lithium", 0)


def test_a_title_in_the_text_is_not_read_twice():
    document = Document(page_content=f"T.\n{TEXT}", metadata={"title": "t."})
    assert read(Paper, document) == Paper(text=f"T.\n{TEXT}")


def test_documents_are_questions_if_they_say_so():
    document = Document(page_content=TEXT, metadata={"question": "Is it?"}, id="1")
    assert read(Question, document) == Question(id="1", question="Is it?", context=TEXT)
    assert read(Text, document) == Text(id="1", text=TEXT)
    contexts = {"question": "Is it?", "contexts": np.array(["A.", "B."], dtype=object)}
    assert read(Question, contexts).text == "A. B."


FRAME = pd.DataFrame({"pmid": [123, np.nan], "title": ["T.", None], "abstract": [TEXT, TEXT]})
TABLES = [
    FRAME.to_dict("records"),
    FRAME,
    FRAME.rename(columns={"pmid": "PMID", "abstract": "AbstractText"}),
    FRAME.convert_dtypes(),
    FRAME.set_index("pmid"),
    FRAME.astype(str),
    FRAME.itertuples(),
    FRAME.set_index("pmid")["abstract"],
    pa.Table.from_pandas(FRAME),
    pa.RecordBatch.from_pandas(FRAME),
    pa.array([FIELDS, {"abstract": TEXT}]),
    (row for _, row in FRAME.iterrows()),
]


@pytest.mark.parametrize("table", TABLES, ids=range(len(TABLES)))
def test_10_tables_with_a_missing_pmid(table):
    assert run(table) == [("123", ""), (None, "")]


def test_10_rows_of_tables_are_papers():
    assert [read(Paper, row) for row in several(FRAME)] == [PAPER, Paper(text=TEXT)]
    assert [read(Paper, row) for row in several(RowOfPolars())] == [PAPER]
    assert [read(Paper, text) for text in several(FRAME["abstract"])] == [Paper(text=TEXT)] * 2
    batches = Pipeline("bc5cdr", ScriptedEngine([FOUND] * 2)).imap(FRAME, chunk_size=1)
    assert [one.id for one in batches] == ["123", None]


@pytest.mark.parametrize(
    ("id_", "written"),
    [
        (123, "123"),
        (123.0, "123"),
        ("123.0", "123"),
        (np.int64(123), "123"),
        (np.float32(123), "123"),
        (np.array(123), "123"),
        (Decimal("123.00"), "123"),
        (pa.scalar(123), "123"),
        ("10.1000/1.0", "10.1000/1.0"),
        (1.5, "1.5"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (enum.Enum("Place", {"A": "x"}).A, "Place.A"),
        (datetime.date(2020, 1, 2), "2020-01-02"),
        *((gap, None) for gap in (None, math.nan, pd.NA, pd.NaT, np.datetime64("NaT"))),
        *((gap, None) for gap in ("", " ", "nan", "<NA>", "NaT", "None")),
    ],
)
def test_ids_are_what_a_person_writes(id_, written):
    assert identifier(id_) == written
    assert read(Paper, {"id": id_, "text": TEXT}).id == written
    assert Paper(id=id_, text=TEXT).id == written


@pytest.mark.parametrize("id_", [[1], {"a": 1}, b"1", object(), (1,), Paper(text="x")])
def test_ids_of_other_types_are_refused(id_):
    with pytest.raises(InputError, match=f"a text or a number, not a {type(id_).__name__}"):
        read(Paper, {"id": id_, "text": TEXT})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"text", "not a bytes"),
        (math.nan, "cannot read nan as a Paper"),
        (["text"], "not a list"),
        (("a", "b"), "not a tuple"),
        (object, "not a type"),
        (np.arange(2), "not a ndarray"),
    ],
)
def test_values_of_other_types_are_refused(value, said):
    with pytest.raises(InputError, match=said):
        read(Paper, value)


SINGLE = [
    "text",
    b"text",
    FIELDS,
    PAPER,
    AsDataclass(),
    AsTuple(*FIELDS.values()),
    pd.Series(FIELDS),
    Document(page_content=TEXT),
    TextNode(text=TEXT),
    AsPlainModel(PMID=1, ArticleTitle="T."),
    row_of_sqlite(),
    None,
    3,
]


@pytest.mark.parametrize("value", SINGLE, ids=range(len(SINGLE)))
def test_one_record_is_no_list(value):
    with pytest.raises(InputError, match=f"a list, not a single {type(value).__name__}; wrap it"):
        run(value)


def test_tables_of_unknown_libraries_are_refused_by_type():
    class LazyFrame:
        def __iter__(self):
            yield "pmid"

        def __dataframe__(self):
            """As others have it."""

    with pytest.raises(InputError, match="LazyFrame: convert it"):
        run(LazyFrame())


def test_10_a_failing_record_keeps_its_id_or_its_position():
    papers = [{"pmid": 7.0, "title": 3}, TEXT, {"text": math.nan}, {"id": [1], "text": TEXT}]
    (id_, first), second, (_, third), (_, fourth) = run(papers)
    assert (id_, second) == ("7", (None, ""))
    assert first.startswith("cannot read {'pmid': 7.0, 'title': 3} as a Paper: title: ")
    assert third.startswith("input 3 of 4: the text of {'text': nan} is empty")
    assert fourth.startswith("input 4 of 4: cannot read {'id': [1]")
    lazily = Pipeline("bc5cdr", ScriptedEngine([FOUND])).imap([TEXT, "", " "], chunk_size=2)
    assert [one.error.message[:9] for one in lazily if one.error] == ["input 2: ", "input 3: "]
    assert run([""]) == [(None, "the text of '' is empty: give at least one word")]


@pytest.mark.parametrize(
    ("record", "given", "meant"),
    [
        ({"title": "x", "abstrct": TEXT}, "abstrct", "abstract"),
        ({"titel": "x", "abstract": TEXT}, "titel", "title"),
        ({"Titles": "x", "abstract": TEXT}, "Titles", "title"),
        ({"title": "x", "Abstract-Tex": TEXT}, "Abstract-Tex", "abstracttext"),
        ({"title": "x", "abstract_en": TEXT + " It did."}, "abstract_en", "abstract"),
        ({"title": "x", "txt": TEXT}, "txt", "text"),
        ({"title": "x", "tetx": TEXT}, "tetx", "text"),
        ({"pmdi": 1, "text": TEXT}, "pmdi", "pmid"),
        ({"abstarct": TEXT}, "abstarct", "abstract"),
    ],
)
def test_11_misspelt_fields_are_refused(record, given, meant):
    with pytest.raises(InputError, match=f"no field '{given}'; did you mean '{meant}'"):
        read(Paper, record)


def test_11_misspelt_fields_of_questions_and_models():
    with pytest.raises(InputError, match="no field 'contxt'; did you mean 'context'"):
        read(Question, {"question": "Is it?", "contxt": TEXT})
    with pytest.raises(InputError, match="no field 'longanswer'; did you mean 'long_answer'"):
        read(Question, {"question": "Is it?", "context": TEXT, "longanswer": "It is."})
    with pytest.raises(ValueError, match="Paper has no field 'abstrct': did you mean 'abstract'"):
        Paper(title="x", abstrct=TEXT)
    with pytest.raises(ValueError, match="Paper has no field 'pmid': did you mean 'id'"):
        Paper(pmid=1, text=TEXT)


@pytest.mark.parametrize(
    "more",
    [
        {"abstract_id": 7, "title_length": 3, "text_type": "plain"},
        {"test": "x", "next": "y", "paid": True, "ids": [1], "keys": "a", "tilde": "z"},
        {"journal": "Title of a journal", "authors": ["A"], "year": 2020, "label": "text"},
        {"titel": {"a": 1}, "abstrct": None, "subtitle": "a title below the title"},
        {"YEAR": "1", "MESHES": ["x"], "LABELS": ["a"], "final_decision": "yes"},
        {"chemical2id": {}, "disease2id": {}, "relations": []},
    ],
)
def test_11_other_fields_are_no_mistake(more):
    assert read(Paper, {"abstract": TEXT, **more}).source == TEXT
    assert read(Paper, {"title": TEXT, **more}).title == TEXT
    assert read(Paper, {**FIELDS, "titel": "x", "abstrct": "y", "pmdi": 1}) == PAPER


def test_10_a_table_without_texts_says_which_fields_it_has():
    (first, second) = run(pd.DataFrame({"PMID": [1, 2], "Journal": ["A", "B"]}))
    assert (first[0], second[0]) == ("1", "2")
    assert "none of its fields, 'PMID', 'Journal', has the text: name the one" in first[1]
    assert first[1].endswith("abstract or text or title")


def test_10_a_record_that_cannot_be_looked_at_fails_alone():
    class Detached:
        def keys(self):
            raise RuntimeError("the session is closed")

        def __getitem__(self, name):
            """As rows have it."""

    (_, first), second = run([Detached(), TEXT])
    assert first.startswith("input 1 of 2: cannot read a Detached: RuntimeError: the session")
    assert second == (None, "")
