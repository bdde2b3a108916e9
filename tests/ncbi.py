"""A server on this machine that answers as NCBI's E-utilities do, errors included."""

import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

from served import Quiet, served

PUBMED_HEAD = (
    '<?xml version="1.0" ?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, '
    '1st January 2025//EN" "https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">\n'
)
PMC_HEAD = (
    '<?xml version="1.0"  ?><!DOCTYPE pmc-articleset PUBLIC "-//NLM//DTD ARTICLE SET 2.0//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pmc/articleset/nlm-articleset-2.0.dtd">'
)
RATE = {"error": "API rate limit exceeded", "api-key": "1.2.3.4", "count": "4", "limit": "3"}
BAD_KEY = {"error": "API key invalid", "api-key": "x", "type": "api-key", "status": "unknown"}


def article(pmid: int) -> str:
    return (
        f'<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="1">{pmid}'
        f"</PMID><Article><ArticleTitle>Paper {pmid} on α-synuclein &amp; lithium.</ArticleTitle>"
        "<Abstract><AbstractText>Lithium caused tremor.</AbstractText></Abstract></Article>"
        '<CommentsCorrectionsList><CommentsCorrections RefType="Cites"><PMID Version="1">7</PMID>'
        "</CommentsCorrections></CommentsCorrectionsList></MedlineCitation></PubmedArticle>"
    )


def full_text(number: int) -> str:
    return (
        '<article xmlns:xlink="http://www.w3.org/1999/xlink" article-type="research-article">'
        f'<front><article-meta><article-id pub-id-type="pmcid">PMC{number}</article-id>'
        f'<article-id pub-id-type="pmcaid">{number}</article-id><title-group><article-title>'
        f"Full text {number}</article-title></title-group><abstract><p>Lithium caused tremor.</p>"
        "</abstract></article-meta></front><body><p>Text.</p></body></article>"
    )


class Ncbi:
    """The server's papers, what was asked, and what it answers before it answers rightly.

    Attributes:
        pubmed: The PMIDs that it has; a query finds them all.
        pmc: The ids of PMC that it has.
        asked: The utility and the fields of each request.
        first: Answers to give first: (status, body, headers), or an exception's place, None, for a
            connection that is closed without an answer.
        search: Further fields of a search's result.
    """

    def __init__(self) -> None:
        self.pubmed = [10, 20, 30]
        self.pmc = [100]
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.first: deque[tuple[int, str, dict[str, str]] | None] = deque()
        self.search: dict[str, object] = {}
        self.url = ""

    def fail(self, *answers: object, status: int = 200, headers: dict[str, str] | None = None):
        for one in answers:
            body = one if isinstance(one, str) else json.dumps(one)
            self.first.append(None if one is None else (status, body, headers or {}))

    def answer(self, utility: str, fields: dict[str, str]) -> str:
        ids = self.pmc if fields["db"] == "pmc" else self.pubmed
        if utility == "esearch.fcgi":
            shown = [str(one) for one in ids[: int(fields["retmax"])]]
            result = {
                "count": str(len(ids)),
                "retmax": str(len(shown)),
                "retstart": "0",
                "idlist": shown,
                "translationset": [],
                "querytranslation": fields["term"],
                **self.search,
            }
            return json.dumps({"header": {"type": "esearch"}, "esearchresult": result})
        wanted = [int(one) for one in fields["id"].split(",")]
        write, head, root = (
            (full_text, PMC_HEAD, "pmc-articleset")
            if fields["db"] == "pmc"
            else (article, PUBMED_HEAD, "PubmedArticleSet")
        )
        found = "".join(write(one) for one in wanted if one in ids)
        return f"{head}<{root}>{found}</{root}>"


@contextmanager
def serving() -> Iterator[Ncbi]:
    """Run the server, on a port of its own."""
    ncbi = Ncbi()

    class Handler(Quiet):
        def do_POST(self) -> None:
            given = self.rfile.read(int(self.headers["Content-Length"])).decode()
            fields = {name: values[0] for name, values in parse_qs(given).items()}
            utility = self.path.rpartition("/")[2]
            ncbi.asked.append((utility, fields))
            answer = ncbi.first.popleft() if ncbi.first else (200, None, {})
            if answer is None:
                self.close_connection = True
                return
            status, body, headers = answer
            data = (ncbi.answer(utility, fields) if body is None else body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with served(Handler) as url:
        ncbi.url = f"{url}/entrez/eutils"
        yield ncbi
