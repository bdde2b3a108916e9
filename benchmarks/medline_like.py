"""Files like those of PubMed's baseline, for benchmarks: gzipped citations of about their size.

Titles and abstracts are given; authors, headings and references are drawn from their words, so
that a citation is as large as PubMed's are on average, packed and unpacked. Two of seven have a
title alone, about as many as in PubMed.
"""

import gzip
from collections.abc import Sequence
from pathlib import Path
from random import Random
from xml.sax.saxutils import escape

from biogpt_plugins.values.inputs import Paper

_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<PubmedArticleSet>\n'
_SENTENCE = "In patient {number} aspirin caused nausea."
_AUTHORS, _HEADINGS, _REFERENCES = 7, 12, 36


def write(path: Path, papers: Sequence[Paper], citations: int) -> int:
    """Write citations; how many bytes they are unpacked.

    Each text is another one, and has the sentence in which `corpus_run.Engine` finds a relation.

    Args:
        path: The file.
        papers: Titles and abstracts, again and again.
        citations: How many.
    """
    random = Random(0)
    words = sorted({word for paper in papers for word in paper.source.split() if word.isalpha()})
    size = 0
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=6) as file:
        size += file.write(_HEAD)
        for number in range(citations):
            paper = papers[number % len(papers)]
            size += file.write(_citation(number, paper, random, words))
        size += file.write("</PubmedArticleSet>\n")
    return size


def has_abstract(number: int) -> bool:
    """Whether the citation of this number has one."""
    return number % 7 > 1


def _citation(number: int, paper: Paper, random: Random, words: Sequence[str]) -> str:
    def some(count: int) -> str:
        return " ".join(random.choices(words, k=count))

    sentence = _SENTENCE.format(number=number)
    title = f"{sentence} {paper.title}"
    abstract = ""
    if has_abstract(number):
        abstract = f"<Abstract><AbstractText>{escape(paper.text)}</AbstractText></Abstract>"
    authors = "".join(
        f'<Author ValidYN="Y"><LastName>{some(1).title()}</LastName>'
        f"<ForeName>{some(1).title()}</ForeName><AffiliationInfo><Affiliation>Department of "
        f"{some(3)}.</Affiliation></AffiliationInfo></Author>\n"
        for _ in range(_AUTHORS)
    )
    headings = "".join(
        f'<MeshHeading><DescriptorName UI="D{random.randrange(10**6):06}" MajorTopicYN="N">'
        f"{some(1)}</DescriptorName></MeshHeading>\n"
        for _ in range(_HEADINGS)
    )
    references = "".join(
        f"<Reference><Citation>{some(2)}</Citation><ArticleIdList>"
        f'<ArticleId IdType="pubmed">{random.randrange(10**8)}</ArticleId></ArticleIdList>'
        "</Reference>\n"
        for _ in range(_REFERENCES if number % 2 else 0)
    )
    return f"""<PubmedArticle>
<MedlineCitation Status="MEDLINE" Owner="NLM" IndexingMethod="Automated">
<PMID Version="1">{number + 1}</PMID>
<DateCompleted><Year>2024</Year><Month>03</Month><Day>11</Day></DateCompleted>
<Article PubModel="Print"><Journal><ISSN IssnType="Electronic">{random.randrange(10**7):07}</ISSN>
<JournalIssue CitedMedium="Internet"><Volume>{random.randrange(99)}</Volume></JournalIssue>
<Title>{some(3)}</Title></Journal>
<ArticleTitle>{escape(title)}</ArticleTitle>
<ELocationID EIdType="doi" ValidYN="Y">10.1000/{random.randrange(10**9)}</ELocationID>
{abstract}
<AuthorList CompleteYN="Y">
{authors}</AuthorList>
<Language>eng</Language>
<PublicationTypeList><PublicationType UI="D016428">Journal Article</PublicationType>
</PublicationTypeList></Article>
<MeshHeadingList>
{headings}</MeshHeadingList>
</MedlineCitation>
<PubmedData><PublicationStatus>ppublish</PublicationStatus>
<ReferenceList>
{references}</ReferenceList></PubmedData>
</PubmedArticle>
"""
