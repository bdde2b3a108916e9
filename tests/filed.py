"""Files of papers in the formats that they are published in, as short as these may be."""

import gzip
import json
from xml.sax.saxutils import escape


def article(id_, title, abstract, *sections):
    """A full text as JATS; sections are (heading, text)."""
    body = "".join(f"<sec><title>{escape(h)}</title><p>{escape(t)}</p></sec>" for h, t in sections)
    return (
        f'<article><front><article-meta><article-id pub-id-type="pmc">{id_}</article-id>'
        f"<title-group><article-title>{escape(title)}</article-title></title-group>"
        f"<abstract><p>{escape(abstract)}</p></abstract></article-meta></front>"
        f"<body>{body}</body></article>\n"
    )


def jats(*papers):
    """A set of articles, a line each."""
    return f"<pmc-articleset>\n{''.join(article(*paper) for paper in papers)}</pmc-articleset>\n"


def bioc_xml(*papers):
    """The same papers as BioC XML."""
    documents = "".join(
        f"<document><id>PMC{id_}</id>"
        + "".join(
            f'<passage><infon key="type">{kind}</infon>'
            f'<infon key="section_type">{escape(section)}</infon>'
            f"<offset>{at}</offset><text>{escape(text)}</text></passage>"
            for section, kind, at, text in _passages(*parts)
        )
        + "</document>\n"
        for id_, *parts in papers
    )
    return f'<?xml version="1.0"?>\n<collection>{documents}</collection>\n'


def bioc_json(*papers):
    """The same papers as BioC JSON."""
    documents = [
        {
            "id": f"PMC{id_}",
            "passages": [
                {"offset": at, "infons": {"type": kind, "section_type": section}, "text": text}
                for section, kind, at, text in _passages(*parts)
            ],
        }
        for id_, *parts in papers
    ]
    return json.dumps({"documents": documents})


def _passages(title, abstract, *sections):
    at = 0
    told = [("TITLE", "front", title), ("ABSTRACT", "abstract", abstract)]
    for section, kind, text in told + [(name, "paragraph", text) for name, text in sections]:
        if text:
            yield section, kind, at, text
            at += len(text) + 1


def whole(_, title, abstract, *sections):
    """What offsets count in."""
    return " ".join(filter(None, (title, abstract, *(text for _, text in sections))))


def citation(pmid, text="", *, version=1):
    """A PubmedArticle with a title alone."""
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="{version}">{pmid}</PMID><Article>'
        f"<ArticleTitle>{escape(text or f'drug{pmid} caused illness{pmid}.')}</ArticleTitle>"
        "</Article></MedlineCitation></PubmedArticle>\n"
    )


def deleted(*pmids):
    """What says that citations are deleted."""
    return f"<DeleteCitation>{''.join(f'<PMID>{pmid}</PMID>' for pmid in pmids)}</DeleteCitation>\n"


def pubmed(path, *parts):
    """A file of citations, gzipped if its name says so."""
    data = f"<PubmedArticleSet>\n{''.join(parts)}</PubmedArticleSet>\n".encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path
