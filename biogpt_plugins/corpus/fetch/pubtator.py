"""Entities of papers in PubMed, as PubTator 3 annotates them.

The service is that of https://www.ncbi.nlm.nih.gov/research/pubtator3/api: it exports papers by
their PMIDs as BioC, and allows three requests a second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode
from urllib.request import Request

from biogpt_plugins.corpus.fetch.eutils import TOOL, Eutils, fault
from biogpt_plugins.corpus.readers import bioc
from biogpt_plugins.corpus.readers.records import Sections
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Paper, Text
from biogpt_plugins.values.results import Entity

URL = "https://www.ncbi.nlm.nih.gov/research/pubtator3-api"


class PubTator3(Eutils):
    """Finds entities by PubTator 3's service, one request a paper.

    Requests are repeated where that helps, as by `Eutils`. For many papers, export them from
    PubTator 3 once: files of BioC and PubTator bring their annotations.
    """

    NAME: ClassVar[str] = "pubtator3"
    fingerprint = NAME

    def __init__(self, *, url: str = URL, **given: Any) -> None:  # noqa: ANN401 - as Eutils
        """Prepare requests; none is made.

        Args:
            url: The address of the service.
            given: `clock` and `sleep`, as in Eutils.
        """
        super().__init__(url=url, **given)

    def __call__(self, text: Text, /) -> list[Entity]:
        """The entities of a paper.

        PubTator writes some characters of a paper otherwise ("alpha" for "α"). If its text is not
        that of the paper, entities have no offsets: they are looked for by name.

        Raises:
            InputError: The paper has no PMID, or PubTator 3 does not have it.
            FetchError: The server cannot be reached, or refuses.
        """
        pmid = (text.id or "").strip().lower().removeprefix("pmid").lstrip(": ")
        if not pmid.isdecimal():
            raise InputError(
                f"PubTator 3 knows papers by their PMID, and the id is {text.id!r}: give papers "
                "their PMIDs as ids"
            )
        fields = {"pmids": pmid}
        papers = self.ask("publications/export/biocjson", fields, _papers)
        paper = next((one for one in papers if one.id == pmid), None)
        if paper is None:
            raise InputError(f"PubTator 3 has no paper {pmid}")
        if paper.source == text.source:
            return list(paper.entities)
        names = dict.fromkeys((e.text, e.type, e.id) for e in paper.entities)
        return [Entity(text=name, type=type_, id=id_) for name, type_, id_ in names]

    def _request(self, utility: str, fields: Mapping[str, str]) -> Request:
        address = f"{self._url}/{utility}?{urlencode(fields)}"
        return Request(address, headers={"User-Agent": TOOL})


def _papers(body: bytes) -> list[Paper]:
    """The papers in an answer."""
    try:
        documents = json.loads(body)["PubTator3"]
        records = [one for each in documents for one in bioc.read_json(each, Sections.abstract)]
    except (ValueError, KeyError, TypeError) as error:
        raise fault(body) from error
    return [one.value for one in records if isinstance(one.value, Paper)]
