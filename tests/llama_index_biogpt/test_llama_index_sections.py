"""BioGPTSectionParser: nodes whose places in the paper are exact, and relations there."""

import json
import re
from itertools import groupby, pairwise

import pytest
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import (
    Document,
    MetadataMode,
    NodeRelationship,
    TextNode,
)
from shared_data import shared

from biogpt_plugins import Pipeline
from biogpt_plugins.corpus.readers import read_records
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.text.spelling import sentence_of
from biogpt_plugins.values.errors import InputError
from llama_index_biogpt.relations import BioGPTRelationExtractor, relations_of
from llama_index_biogpt.sections import BioGPTSectionParser

pytestmark = pytest.mark.usefixtures("host_loop")

TITLE = "Lithium and tremor: a trial."
TEXT = (
    f"{TITLE} BACKGROUND: Lithium may cause tremor. METHODS: We asked 84 patients. "
    "RESULTS: Of them, 31 on lithium had a tremor. Lithium may cause tremor. "
    "CONCLUSIONS: Ask for tremor."
)
FOUND = "the relation between lithium and tremor exists."
NOTHING = "there is no relation."


def paper(text=TEXT, **metadata) -> Document:
    return Document(text=text, id_="d1", metadata={"pmid": "1", **metadata})


def extractor(*completions) -> BioGPTRelationExtractor:
    engine = ScriptedEngine(completions)
    return BioGPTRelationExtractor.from_pipeline(Pipeline("bc5cdr", engine, card=TaskCard()))


def check(nodes, document):
    for node in nodes:
        assert document.text[node.start_char_idx : node.end_char_idx] == node.text
        assert node.ref_doc_id == document.id_
        assert [document.text[start:end] for start, end in sentences_of(node)]
        first, *_, last = [at for place in sentences_of(node) for at in place]
        assert (first, last) == (node.start_char_idx, node.end_char_idx)
    places = [(node.start_char_idx, node.end_char_idx) for node in nodes]
    assert places == sorted(places)


def sentences_of(node) -> list[list[int]]:
    return json.loads(node.metadata["biogpt_sentences"])


def check_relations(node, document):
    for relation in relations_of(node, document=document):
        for end in (relation.head, relation.tail):
            assert not end.grounded or document.text[end.start : end.end] == end.text


class TestNodes:
    @pytest.mark.parametrize("metadata", [{}, {"title": TITLE}], ids=["no title", "title"])
    def test_what_they_are(self, metadata):
        document = paper(**metadata)
        nodes = BioGPTSectionParser()([document])
        check(nodes, document)
        assert [(node.metadata["section"], node.text[:12]) for node in nodes] == [
            ("title", "Lithium and "),
            ("background", "BACKGROUND: "),
            ("methods", "METHODS: We "),
            ("results", "RESULTS: Of "),
            ("conclusions", "CONCLUSIONS:"),
        ]
        assert [[TEXT[slice(*s)] for s in sentences_of(node)] for node in nodes][3] == [
            "RESULTS: Of them, 31 on lithium had a tremor.",
            "Lithium may cause tremor.",
        ]

    def test_relationships_and_metadata(self):
        document = paper(title=TITLE, year=1970)
        nodes = BioGPTSectionParser()([document, Document(text="Another.", id_="d2")])
        *nodes, other = nodes
        for before, after in pairwise(nodes):
            assert before.next_node.node_id == after.id_
            assert after.prev_node.node_id == before.id_
        assert (nodes[0].prev_node, nodes[-1].next_node, other.prev_node) == (None, None, None)
        for node in nodes:
            assert node.parent_node.node_id == node.source_node.node_id == "d1"
            assert {"pmid": "1", "title": TITLE, "year": 1970}.items() <= node.metadata.items()
        assert len({node.id_ for node in nodes}) == 5
        assert NodeRelationship.CHILD not in document.relationships

    def test_what_is_shown(self):
        (_, node, *_) = BioGPTSectionParser()([paper()])
        for mode in (MetadataMode.EMBED, MetadataMode.LLM):
            shown = "pmid: 1\nsection: background\n\nBACKGROUND: Lithium may cause tremor."
            assert node.get_content(metadata_mode=mode) == shown

    def test_a_long_section_is_divided_between_sentences(self):
        document = paper()
        nodes = BioGPTSectionParser(max_chars=45)([document])
        check(nodes, document)
        assert [node.text for node in nodes if node.metadata["section"] == "results"] == [
            "RESULTS: Of them, 31 on lithium had a tremor.",
            "Lithium may cause tremor.",
        ]

    def test_the_same_text_twice_has_two_places(self):
        text = "Tremor came. It went. Tremor came. It went."
        document = paper(text)
        nodes = BioGPTSectionParser(max_chars=5)([document])
        assert [node.start_char_idx for node in nodes] == [0, 13, 22, 35]
        check(nodes, document)

    def test_what_was_cut_from_a_paper_keeps_its_places(self):
        document = paper()
        chunks = SentenceSplitter(chunk_size=40, chunk_overlap=0)([document])
        nodes = BioGPTSectionParser()(chunks)
        assert len(nodes) > len(chunks) > 1
        check(nodes, document)
        assert nodes[-1].parent_node.node_id == chunks[-1].id_

    @pytest.mark.parametrize("metadata", [{"Title": "A title."}, {"title": "A title."}], ids=str)
    def test_the_title_of_the_metadata(self, metadata):
        nodes = BioGPTSectionParser()([paper("A title. An abstract.", **metadata)])
        assert [node.metadata["section"] for node in nodes] == ["title", "abstract"]

    @pytest.mark.parametrize("text", ["", " \n "])
    def test_no_text_no_nodes(self, text):
        assert BioGPTSectionParser()([paper(text)]) == []

    def test_bad_options(self):
        with pytest.raises(ValueError, match="max_chars"):
            BioGPTSectionParser(max_chars=0)

    async def test_in_a_pipeline_with_a_cache(self):
        pipeline = IngestionPipeline(transformations=[BioGPTSectionParser()])
        nodes = await pipeline.arun(documents=[paper()])
        again = pipeline.run(documents=[paper()])
        assert [node.id_ for node in again] == [node.id_ for node in nodes]
        assert [node.start_char_idx for node in again] == [node.start_char_idx for node in nodes]

    def test_options_and_version_are_in_the_caches_key(self):
        written = BioGPTSectionParser().to_dict()
        assert written != BioGPTSectionParser(max_chars=9).to_dict()
        assert written["version"]
        assert written["class_name"] == "BioGPTSectionParser"


class TestRelations:
    def run(self, *transformations):
        document = paper(title=TITLE)
        return document, IngestionPipeline(transformations=list(transformations)).run(
            documents=[document]
        )

    def test_behind_the_parser(self):
        reader = extractor(NOTHING, FOUND, "rubbish", FOUND, NOTHING)
        document, nodes = self.run(BioGPTSectionParser(), reader)
        (background,) = relations_of(nodes[1], document=document)
        (own,) = relations_of(nodes[1])
        assert (own.head.start, own.tail.start) == (12, 30)
        assert (background.head.start, background.tail.start) == (12 + 29, 30 + 29)
        (results,) = relations_of(nodes[3], document=document)
        assert results.head.start > background.head.start
        assert TEXT[slice(*sentence_of(results, TEXT))].startswith("RESULTS: Of them")
        for node in (nodes[0], nodes[4]):
            assert relations_of(node, document=document) == []
        for node in (nodes[1], nodes[3]):
            check_relations(node, document)
        assert [len(call) for call in reader.pipeline.engine.calls] == [5]

    @pytest.mark.parametrize(
        "parser", [BioGPTSectionParser(), SentenceSplitter()], ids=["sections", "sentences"]
    )
    def test_before_the_parser(self, parser):
        document, nodes = self.run(extractor(FOUND), parser)
        (whole,) = relations_of(*extractor(FOUND)([document]))
        for node in nodes:
            assert relations_of(node, document=document) == [whole]

    @pytest.mark.parametrize("size", [40, 60])
    def test_behind_two_parsers(self, size):
        splitter = SentenceSplitter(chunk_size=size, chunk_overlap=0)
        document, nodes = self.run(BioGPTSectionParser(), splitter, extractor(*[FOUND] * 20))
        assert any(node.start_char_idx is None for node in nodes), "the host loses places"
        once = [node for node in nodes if document.text.count(node.text) == 1]
        assert len(once) >= len(nodes) - 2
        for node in once:
            check_relations(node, document)

    @pytest.mark.parametrize(
        ("text", "told", "place"),
        [
            ("Why? Lithium caused tremor.", 5, 5),
            ("Why? Lithium caused tremor.", 3, 5),
            ("Why? Lithium caused tremor.", None, 5),
            ("Lithium caused tremor. Lithium caused tremor.", 23, 23),
            ("Lithium caused tremor. Lithium caused tremor.", 0, 0),
        ],
    )
    def test_a_place_is_taken_if_it_is_right(self, text, told, place):
        node = TextNode(text="Lithium caused tremor.", start_char_idx=told)
        (node,) = extractor(FOUND)([node])
        (relation,) = relations_of(node, document=paper(text))
        assert (relation.head.start, relation.tail.end) == (place, place + 21)

    def test_evidence_counts_in_the_document_as_well(self):
        node = TextNode(text="Lithium did not cause tremor.", start_char_idx=5)
        (node,) = extractor(FOUND)([node])
        (relation,) = relations_of(node, document=paper(f"Why? {node.text} It went."))
        (sentence,) = relation.evidence
        (cue,) = sentence.cues
        assert (sentence.start, sentence.end) == (5, 34)
        assert (cue.start, cue.end, cue.text) == (13, 20, "did not")
        assert relation.negated

    def test_of_no_offsets(self):
        document, nodes = self.run(BioGPTSectionParser(), extractor(*[FOUND] * 5))
        (found,) = relations_of(nodes[2], document=document)
        assert found.head.part == found.tail.part == "title"  # the section names neither
        assert found == relations_of(nodes[2])[0]

    def test_in_a_document_that_it_is_not_of(self):
        (node,) = extractor(FOUND)([TextNode(id_="n1", text="Lithium caused tremor.")])
        with pytest.raises(InputError, match="the text of node n1 occurs 0 times in document d1"):
            relations_of(node, document=paper())
        twice = paper("Lithium caused tremor. " * 2)
        with pytest.raises(InputError, match="occurs 2 times"):
            relations_of(node, document=twice)
        node.text = "Something else."
        with pytest.raises(InputError, match="node n1 come from another text"):
            relations_of(node, document=paper("Something else."))


def test_real_abstracts():
    path = shared("bc5cdr/CDR_DevelopmentSet.PubTator.txt")
    papers = [record.value for record in read_records([str(path)])]
    documents = [Document(id_=p.id, text=p.source, metadata={"title": p.title}) for p in papers]
    by_id = {document.id_: document for document in documents}
    parser = BioGPTSectionParser(max_chars=600)
    nodes = parser(documents)
    for id_, group in groupby(nodes, lambda node: node.ref_doc_id):
        document, own = by_id[id_], list(group)
        check(own, document)
        assert own[0].text == document.metadata["title"]
        assert "".join("".join(node.text.split()) for node in own) == re.sub(
            r"\s", "", document.text
        )

    # A relation of two of its words in every node.
    words = [list(dict.fromkeys(re.findall(r"\b[a-z]{7,}\b", node.text))) for node in nodes]
    nodes = [node for node, own in zip(nodes, words, strict=True) if len(own) > 1]
    pairs = [own[:2] for own in words if len(own) > 1]
    found = extractor(*(f"the relation between {a} and {b} exists." for a, b in pairs))(nodes)
    for node in found:
        check_relations(node, by_id[node.ref_doc_id])
    assert all(relations_of(node)[0].grounded for node in found)
    assert len(found) > 1500
