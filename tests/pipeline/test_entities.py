"""Pipelines among entities: where they come from, when nothing is asked, and what runs remember."""

import json
import pickle

import pytest

from biogpt_plugins import Entity, EntityDictionary, Paper, Pipeline, Spec
from biogpt_plugins.corpus import read_records
from biogpt_plugins.corpus.run import results, run
from biogpt_plugins.engine import OneOf
from biogpt_plugins.pipeline.provenance import settings_of
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError

TEXT = "Lithium caused tremor."
LITHIUM = Entity(text="Lithium", type="Chemical", start=0, end=7, id="D1")
TREMOR = Entity(text="tremor", type="Disease", start=15, end=21, id="D2")
PAPER = Paper(id="1", text=TEXT, entities=[LITHIUM, TREMOR])
WRITTEN = "the relation between lithium and tremor exists."
PUBTATOR = f"1|t|{TEXT}\n1\t0\t7\tLithium\tChemical\tD1\n1\t15\t21\ttremor\tDisease\tD2\n"


def among(*completions, **settings):
    return Pipeline("bc5cdr", ScriptedEngine(completions), decoding="entities", **settings)


def ids(prediction):
    return [(r.head.id, r.tail.id) for r in prediction.relations]


def test_prompts_name_the_entities_and_results_are_theirs():
    pipeline = among(WRITTEN)
    (found,) = pipeline.run([PAPER])
    (prompt,) = pipeline.engine.history
    names: list[OneOf] = [p for p in prompt.grammar.clause if isinstance(p, tuple)]
    assert names == [("lithium",), ("tremor",)]
    (relation,) = found.relations
    assert relation.head == LITHIUM.model_copy(update={"name": "lithium"})
    assert relation.evidence[0].text == TEXT


@pytest.mark.parametrize("entities", [[], [LITHIUM], [TREMOR]])
def test_without_a_needed_type_nothing_is_asked(entities):
    pipeline = among()
    paper = Paper(id="1", text=TEXT, entities=entities)
    (found,) = pipeline.run([paper])
    *_, streamed = pipeline.stream(paper)
    assert found == streamed.prediction
    assert found.result == []
    assert found.completion is None
    assert "The model was asked nothing" in found.warnings[0]
    assert pipeline.engine.calls == []


def test_a_source_finds_entities_of_texts_that_bring_none():
    asked = []

    def source(text):
        asked.append(text.id)
        return [LITHIUM, TREMOR]

    pipeline = among(WRITTEN, WRITTEN, entities=source)
    found = pipeline.run([{"id": "2", "text": TEXT}, PAPER])
    assert [ids(one) for one in found] == [[("D1", "D2")]] * 2
    assert asked == ["2"]
    assert "source of entities" in pipeline.spec.own[1]
    assert "source" in settings_of(pipeline)["entities"]["source"]


def test_a_source_that_is_wrong_is_named():
    def source(text):
        return [LITHIUM, TREMOR] if text.id == "1" else [LITHIUM] if text.id == "2" else None

    papers = [{"id": "2", "text": "No such name."}, {"id": "1", "text": TEXT}, "Another."]
    first, sound, last = among(WRITTEN, entities=source).run(papers)
    assert "source found no entities for document 2: the mention 'Lithium'" in first.error.message
    assert ids(sound) == [("D1", "D2")]
    assert "document without id: TypeError" in last.error.message


def test_a_source_is_not_saved():
    spec = Spec(entities=lambda _: [])
    with pytest.raises(ValueError, match="which is not saved: give it again"):
        Spec.model_validate_json(spec.model_dump_json())
    assert "entities" not in json.loads(Spec().model_dump_json())
    assert Spec(entities="ignore") == pickle.loads(pickle.dumps(Spec(entities="ignore")))


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(InputError, match="entities must be 'use', not 'ignore'"):
        among(entities="ignore")
    with pytest.raises(InputError, match="not 'entities': task pubmedqa has no grammar"):
        Pipeline("pubmedqa", ScriptedEngine(), decoding="entities")


def test_another_task_gets_the_settings_that_apply_to_it():
    assert among().for_task("pubmedqa").decoding.form == "free"
    assert among().for_task("ddi").decoding.form == "entities"


def test_other_decodings_do_not_read_entities():
    broken = {"id": "1", "text": TEXT, "entities": "no list"}
    free = Pipeline("bc5cdr", ScriptedEngine([WRITTEN] * 2))
    assert [one.error for one in free.run([broken, PAPER])] == [None, None]
    (found,) = among().run([broken])
    assert "entities must be a list as JSON" in found.error.message


def test_a_dictionary_gives_ids_only_where_there_are_none():
    dictionary = EntityDictionary([("lithium", "X1", "chemical"), ("tremor", "X2", "disease")])
    paper = Paper(text=TEXT, entities=[LITHIUM, TREMOR.model_copy(update={"id": None})])
    (found,) = among(WRITTEN, dictionary=dictionary).run([paper])
    assert ids(found) == [("D1", "X2")]


class TestRuns:
    def test_a_run_reads_entities_only_where_they_matter(self, tmp_path):
        path = tmp_path / "papers"
        path.write_text(PUBTATOR + PUBTATOR.replace("D2", "D3"))
        run(among(WRITTEN, WRITTEN), [path], tmp_path / "among")
        found = list(results(tmp_path / "among"))
        assert [ids(one) for one in found] == [[("D1", "D2")], [("D1", "D3")]]
        free = Pipeline("bc5cdr", ScriptedEngine([WRITTEN]))
        run(free, [path], tmp_path / "free")  # the same text is computed once
        assert len(list(results(tmp_path / "free"))) == 2

    def test_a_run_remembers_whether_entities_were_used(self, tmp_path):
        path = tmp_path / "papers"
        path.write_text(PUBTATOR)
        run(among(WRITTEN), [path], tmp_path / "run")
        with pytest.raises(InputError, match="decoding form 'entities', now 'free'"):
            run(Pipeline("bc5cdr", ScriptedEngine([WRITTEN])), [path], tmp_path / "run")

    def test_what_is_left_out_is_told(self, tmp_path):
        path = tmp_path / "papers"
        path.write_text(f"{PUBTATOR}1\t0\t7\tSodium\tChemical\tD9\n")
        (record,) = read_records([str(path)])
        (found,) = among(WRITTEN).run([record.value])
        assert "left out an entity: the mention 'Sodium' of document 1" in found.warnings[0]
