"""Predictions for the report's tests, some of them with texts that mean harm."""

from doubles import Ruled

from biogpt_plugins import Paper, Pipeline
from biogpt_plugins.corpus import Record, whole_papers
from biogpt_plugins.report import Source, source_of
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.results import Answer, Entity, Evidence, Failure, Prediction, Relation

HOSTILE = (
    "</script><script>window.owned = 1</script>",
    "<img src=x onerror='window.owned = 2'>",
    "javascript:window.owned=3",
    "<!--<script>\u2028$policy ${window.owned = 4} &lt;b&gt;",
    "\"' onfocus='window.owned = 5' autofocus='",
)
TREMOR = "the relation between lithium and tremor exists."
PAPERS = [
    {"id": "1", "title": "Lithium 𝛼 and tremor.", "abstract": "Lithium caused tremor in two."},
    {"id": "2", "title": "A trial.", "abstract": "Lithium did not cause tremor."},
    {"id": "3", "text": "Lithium may cause tremor. Nothing else was seen."},
    {"id": "4", "title": "On gold.", "abstract": "Nothing was found at all."},
    {"id": "5", "text": "Rash came and went."},
    {"id": "6", "text": "What is this?"},
]
COMPLETIONS = [
    TREMOR,
    TREMOR,
    TREMOR,
    "no relation.",
    "the relation between gold and rash exists.",
    "nothing that could be read",
]
PUBMED = """<PubmedArticleSet>
<PubmedArticle><MedlineCitation><PMID Version="1">1</PMID><Article>
<ArticleTitle>Lithium 𝛼 and tremor.</ArticleTitle>
<Abstract><AbstractText>Lithium caused tremor in two.</AbstractText></Abstract>
</Article></MedlineCitation></PubmedArticle>
<PubmedArticle><MedlineCitation></MedlineCitation></PubmedArticle>
<DeleteCitation><PMID Version="1">1</PMID><PMID Version="1">99</PMID></DeleteCitation>
</PubmedArticleSet>
"""  # the first of PAPERS, which is deleted later on; one that is broken; a deletion of another
QUESTION = {"id": "7", "question": "Does lithium cause tremor?", "context": "It does."}


def predictions():
    """Stated, negated, speculated; none; an end that is not in the text; a failure; an answer."""
    found = list(Pipeline("bc5cdr", ScriptedEngine(COMPLETIONS)).run(PAPERS))
    shares = {"yes": 0.7, "no": 0.2, "maybe": 0.1}
    answer = Answer(label="yes", probabilities=shares)
    return [*found, Prediction(id="7", task="pubmedqa", model="demo", result=answer)]


def sources():
    return dict(map(source_of, [*PAPERS, QUESTION]))


def full(id_, *sections):
    """The records of a full text; the first of them is title and abstract."""
    start = 0
    records = []
    for name, text in sections:
        title, _, rest = text.partition(". ") if name == "abstract" else ("", "", text)
        paper = Paper(id=id_, title=f"{title}." if title else "", text=rest)
        records.append(Record(f"full:{id_}", paper, name, start))
        start += len(text) + 1
    return records


def by_section(records):
    """Predictions of records, and the sources of their papers."""
    found = Pipeline("bc5cdr", Ruled()).run([record.value for record in records])
    placed = [record.placed(one) for record, one in zip(records, found, strict=True)]
    return placed, dict(source_of(one.value) for one in whole_papers(records))


FULL = full(
    "8",
    ("abstract", "A trial 𝛼. We saw that drug1 caused illness1."),
    ("Methods", "We asked all. It took a year."),
    ("Results / Renal", "There was no evidence that drug2 caused illness2."),
)


def scored(number):
    """As many papers, each with a relation of its own score."""
    return [
        Prediction(
            id=f"p{i}",
            task="bc5cdr",
            result=[
                Relation(
                    head=Entity(text=f"drug{i}", type="chemical"),
                    type="CID",
                    tail=Entity(text="rash", type="disease", id="D005076"),
                    score=i / number,
                )
            ],
        )
        for i in range(number)
    ]


def hostile():
    """Harmful text in every place where there is text."""
    found = []
    for text in HOSTILE:
        head = Entity(text=text, type="chemical", start=0, end=len(text), id=text, name=f"{text}!")
        relation = Relation(
            head=head,
            type=text,
            tail=Entity(text=text, type=text, long_form=text),
            evidence=(Evidence(text=text, start=0, end=len(text)),),
        )
        error = Failure(type=text, message=text)
        said = {"task": text, "model": text, "warnings": (text,)}
        found += [
            Prediction(id=text, result=[relation], **said),
            Prediction(id=f"{text} 2", error=error, completion=text, **said),
            Prediction(id=f"{text} 3", result=Answer(abstained=text), **said),
            Prediction(id=f"{text} 4", result=text, **said),
        ]
    return found


def sources_of_hostile():
    """The texts that hostile predictions were made from."""
    return {text: Source(text) for text in HOSTILE}


RANKED = Paper(
    id="1",
    text="Lithium caused tremor. Aspirin and lithium did not cause rash. Gold was given.",
    entities=[
        Entity(text="Lithium", type="Chemical", start=0, end=7, id="D008094"),
        Entity(text="tremor", type="Disease", start=15, end=21, id="D014202"),
        Entity(text="Aspirin", type="Chemical", start=23, end=30, id="D001241"),
        Entity(text="lithium", type="Chemical", start=35, end=42, id="D008094"),
        Entity(text="rash", type="Disease", start=57, end=61, id="D005076"),
        Entity(text="Gold", type="Chemical", start=63, end=67, id="D006046"),
    ],
)


def ranked():
    """Pairs of the entities of RANKED, as a run without a minimum keeps them."""
    lithium, tremor, aspirin, again, rash, _ = RANKED.entities
    pairs = [(lithium, tremor, 0.7), (again, rash, 0.05), (aspirin, rash, 0.00001)]
    pairs += [(aspirin, tremor, 0.003)]
    result = [Relation(head=a, type="CID", tail=b, score=score) for a, b, score in pairs]
    return [Prediction(id="1", task="bc5cdr", result=result)]
