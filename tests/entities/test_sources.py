"""Sources of entities by name: dictionaries and pipelines of spaCy, in specs, runs and commands."""

import json
import pickle
import re
import sys
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from biogpt_plugins import Entity, EntityDictionary, Paper, Pipeline, Spec
from biogpt_plugins.cli import app
from biogpt_plugins.entities import Instead, SpacyEntities, source_of
from biogpt_plugins.pipeline.provenance import settings_of
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError, MissingExtraError
from biogpt_plugins.values.inputs import Text

TEXT = "Lithium caused tremor."
WRITTEN = "the relation between lithium and tremor exists."
ROWS = "name,id,type\nlithium,MESH:D008094,Chemical\ntremor,MESH:D014202,Disease\n"


@pytest.fixture
def names(tmp_path):
    path = tmp_path / "names.csv"
    path.write_text(ROWS)
    return path


def among(source):
    engine = ScriptedEngine([WRITTEN])
    return Pipeline("bc5cdr", engine, decoding="entities", entities=source)


@pytest.mark.parametrize("form", [str, lambda path: path, EntityDictionary.read])
def test_a_dictionary_finds_the_entities_of_papers(names, form):
    (found,) = among(form(names)).run([Paper(text=TEXT)])
    (relation,) = found.relations
    assert (relation.head.id, relation.tail.id) == ("MESH:D008094", "MESH:D014202")
    assert (relation.head.start, relation.tail.end) == (0, 21)


def test_annotations_of_the_input_come_first(names):
    entities = [
        Entity(text="Lithium", type="Chemical", start=0, end=7, id="D1"),
        Entity(text="tremor", type="Disease", start=15, end=21, id="D2"),
    ]
    (found,) = among(names).run([Paper(text=TEXT, entities=entities)])
    assert [(r.head.id, r.tail.id) for r in found.relations] == [("D1", "D2")]


def test_entities_instead_of_those_of_the_input(names):
    wrong = [Entity(text="caused", type="Chemical", start=8, end=14, id="D1")]
    known = EntityDictionary.read(names)
    for paper in (
        Paper(text=TEXT, entities=wrong),
        {"text": TEXT, "entities": [{"text": "nowhere", "start": 90, "end": 97}]},
    ):
        (found,) = among(Instead(known)).run([paper])
        (relation,) = found.relations
        assert (relation.head.id, relation.tail.id) == ("MESH:D008094", "MESH:D014202")


def test_a_spec_saves_what_is_found_instead(names):
    spec = Spec(decoding="entities", entities=Instead(EntityDictionary.read(names)))
    again = Spec.model_validate_json(spec.model_dump_json())
    assert again == spec == pickle.loads(pickle.dumps(spec))
    assert again != spec.but(entities=names)
    pipeline = among(spec.entities)
    assert not any("entities" in part for part in pipeline.spec.own)
    assert settings_of(pipeline)["entities"] != settings_of(among(names))["entities"]
    assert any("a source of entities" in part for part in among(Instead(lambda _: [])).spec.own)


def test_a_spec_saves_the_path_of_a_dictionary(names):
    spec = Spec(decoding="entities", entities=names)
    again = Spec.model_validate_json(spec.model_dump_json())
    assert again == spec == pickle.loads(pickle.dumps(spec))
    assert json.loads(spec.model_dump_json())["entities"]["path"] == str(names)
    assert not any("entities" in part for part in among(names).spec.own)
    names.write_text(ROWS.replace("D008094", "D1"))
    with pytest.raises(ValueError, match="has changed"):
        Spec.model_validate_json(spec.model_dump_json())


def test_a_run_knows_a_dictionary_by_its_rows(names, tmp_path):
    moved = tmp_path / "moved.csv"
    moved.write_text(ROWS)
    one, other = settings_of(among(names)), settings_of(among(moved))
    assert one == other
    assert one["entities"] == {"source": EntityDictionary.read(names).fingerprint}


def test_what_is_no_source_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"there is no file 'usee' to find entities with: name a"):
        Spec(entities="usee")
    with pytest.raises(InputError, match="spacy: names no model: give spacy:MODEL"):
        Spec(entities="spacy:")
    other = tmp_path / "other.csv"
    other.write_text("a,b\n")
    with pytest.raises(InputError, match="it lacks name and id"):
        Spec(entities=other)


def test_the_command(names, tmp_path):
    paper = tmp_path / "paper.txt"
    paper.write_text(TEXT)

    def load(_, task, **options):
        return Pipeline(task or "bc5cdr", ScriptedEngine([WRITTEN]), **options)

    def run(*args):
        given = ["extract", str(paper), *map(str, args)]
        return CliRunner().invoke(app, given, obj=load)

    for more in ([], ["--entities", "ignore"]):
        done = run("--entities-from", names, *more)
        assert done.exit_code == 0, done.stderr
        (relation,) = json.loads(done.stdout)["result"]
        assert relation["head"]["id"] == "MESH:D008094"
    refused = run("--entities-from", names, "--entities", "check")
    assert refused.exit_code == 2
    assert "leave --entities-from out" in re.sub(r"\s+", " ", refused.stderr)
    assert run("--entities-from", "none.dict").exit_code == 2


class TestSpacy:
    def test_a_pipeline(self, tmp_path):
        spacy = pytest.importorskip("spacy", reason="the extra spacy is not installed")
        pipeline = spacy.blank("en")
        ruler = pipeline.add_pipe("entity_ruler")
        ruler.add_patterns(
            [
                {"label": "CHEMICAL", "pattern": [{"LOWER": "lithium"}], "id": "MESH:D008094"},
                {"label": "DISEASE", "pattern": "tremor"},
            ]
        )
        pipeline.to_disk(tmp_path / "rules")
        source = source_of(f"spacy:{tmp_path / 'rules'}")
        found = source(Text(text=TEXT))
        assert [(e.text, e.type, e.id, e.start) for e in found] == [
            ("Lithium", "CHEMICAL", "MESH:D008094", 0),
            ("tremor", "DISEASE", None, 15),
        ]
        (prediction,) = among(source).run([TEXT])
        assert len(prediction.relations) == 1
        spacy.blank("en").to_disk(tmp_path / "empty")
        with pytest.raises(InputError, match="finds no entities"):
            SpacyEntities(str(tmp_path / "empty"))(Text(text=TEXT))
        with pytest.raises(InputError, match="spaCy has no pipeline 'none': install it"):
            SpacyEntities("none")(Text(text=TEXT))

    def test_the_first_candidate_of_a_linker_is_the_id(self, monkeypatch):
        span = SimpleNamespace(
            text="Lithium",
            label_="CHEMICAL",
            start_char=0,
            end_char=7,
            kb_id_="",
            ent_id_="",
            has_extension=lambda name: name == "kb_ents",
            _=SimpleNamespace(kb_ents=[("C0023870", 0.99), ("C1", 0.8)]),
        )

        class Pipe:
            pipe_names = ("ner", "scispacy_linker")

            def __call__(self, _):
                return SimpleNamespace(ents=[span])

        fake = SimpleNamespace(load=lambda _: Pipe())
        monkeypatch.setitem(sys.modules, "spacy", fake)
        (entity,) = SpacyEntities("linked")(Text(text=TEXT))
        assert entity.id == "C0023870"

    def test_a_name_is_saved(self):
        spec = Spec(entities="spacy:en_ner_bc5cdr_md")
        assert spec.entities == SpacyEntities("en_ner_bc5cdr_md")
        assert json.loads(spec.model_dump_json())["entities"] == "spacy:en_ner_bc5cdr_md"
        assert Spec.model_validate_json(spec.model_dump_json()) == spec

    def test_without_spacy(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "spacy", None)
        with pytest.raises(MissingExtraError, match=r"spacy:none needs spaCy: .*\[spacy\]"):
            SpacyEntities("none")(Text(text=TEXT))
