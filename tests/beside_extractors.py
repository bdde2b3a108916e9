"""What is relied on in extractors of relations, asked of ours and of LlamaIndex's own alike.

All are told the same relations, as `scripted_extractors.py` says.

    python tests/beside_extractors.py    # writes the table into docs/llama_index.md
"""

from __future__ import annotations

import asyncio
import gc
import warnings

from bundled import CASES, case_text, goes_on
from llama_index.core.ingestion import IngestionCache, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document
from llama_index.core.vector_stores.utils import node_to_metadata_dict
from scripted_extractors import (
    Entities,
    Extractor,
    Paths,
    Relations,
    Schema,
    Script,
    Simple,
    Told,
    graph,
)
from side_by_side import Comparison

PEERS = (Simple, Schema, Entities)
COMPARISON = Comparison(__file__, "llama_index.md", ours=[Paths, Relations], peers=PEERS)
behaviour = COMPARISON.behaviour
NO_PATHS = (Relations, Entities)
NO_METADATA = (Paths, Simple, Schema)

TEXT = "Lithium caused tremor."
MORE = "Tremor came of lithium."
GARDEN = "A garden."
PAIR = ("lithium", "tremor")
RUBBISH = "we found that patients were treated"


@behaviour("Finds relations with the bundled BioGPT", nothing_to=[Entities])
def biogpt(side: Extractor) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "model 'demo' was trained for")
        documents = [Document(text=case_text(*pair)) for pair in CASES]
        try:
            found = side.usual()(documents)
        except NotImplementedError as error:
            raise AssertionError("refused: it wants JSON") from error
    assert side.names(found), f"none in {len(documents)} papers"


def stay(side: Extractor, *names: str) -> None:
    pairs = tuple((name, "tremor") for name in names)
    text = f"Given {' and '.join(names)}, a patient had tremor."
    found = set(side.names(side.read(Script({text: pairs})))) - {"tremor", "Tremor"}
    assert found == set(names), ", ".join(f"`{name}`" for name in sorted(found)) or "lost"


@behaviour("`BRCA1` and `mTOR` keep their case", holds=[Schema, Entities])
def case(side: Extractor) -> None:
    stay(side, "BRCA1", "mTOR")


@behaviour("`1,2-dichloroethane` stays whole", holds=[Schema, Entities])
def comma(side: Extractor) -> None:
    stay(side, "1,2-dichloroethane")


@behaviour("`interferon (alpha)` stays whole", holds=[Schema])
def parentheses(side: Extractor) -> None:
    stay(side, "interferon (alpha)")


@behaviour("`Lithium`, as a sentence begins with it, is `lithium`", holds=[Simple])
def capital(side: Extractor) -> None:
    found = side.entities(Script({TEXT: (("Lithium", "tremor"),), MORE: (PAIR,)}))
    assert sum("lithium" in name.lower() for name in found) == 1, "two entities"


@behaviour("`seizures` of one paper and `seizure` of another are one", nothing_to=NO_PATHS)
def plural(side: Extractor) -> None:
    papers = {
        "Given bupropion, seizures began.": (("bupropion", "seizures"),),
        "Given tramadol, a seizure began.": (("tramadol", "seizure"),),
    }
    found = side.entities(Script(papers))
    assert sum("seizure" in name.lower() for name in found) == 1, "two entities"


@behaviour("A drug and a target of one name stay two")
def types(side: Extractor) -> None:
    pairs = ("glucagon", "glucagon receptor"), ("octreotide", "glucagon")
    text = "Given glucagon or octreotide, glucagon receptor fell, and glucagon."
    found = side.entities(Script({text: pairs}, task="kd_dti"))
    way_round = ", unless `label_entities=True`" if isinstance(side, Entities) else ""
    assert sum(name.lower().endswith("glucagon") for name in found) == 2, f"one entity{way_round}"


@behaviour("A relation tells which paper says so", holds=[Simple, Schema], nothing_to=NO_PATHS)
def paper(side: Extractor) -> None:
    (node,) = side.read(Script({TEXT: (PAIR,)}))
    assert side.facts(node).get("pmid") == "0", "not told"


@behaviour("A relation tells the sentence that says so", nothing_to=NO_PATHS)
def sentence(side: Extractor) -> None:
    (node,) = side.read(Script({f"A case report. {TEXT} It went.": (PAIR,)}))
    assert side.facts(node).get("sentence") == TEXT, side.untold


@behaviour("It is told where in the text a name stands")
def offsets(side: Extractor) -> None:
    (node,) = side.read(Script({TEXT: (PAIR,)}))
    facts = side.facts(node)
    places = [facts.get(f"{at}_{end}") for at in ("head", "tail") for end in ("start", "end")]
    assert places == [0, 7, 15, 21], "not told"


@behaviour("A name that the paper does not have is marked", nothing_to=[Entities])
def grounded(side: Extractor) -> None:
    (node,) = side.read(Script({TEXT: (("aspirin", "tremor"),)}))
    assert side.facts(node).get("grounded") is False, "not told"


@behaviour("It is told how sure the model was")
def score(side: Extractor) -> None:
    (node,) = side.read(Script({TEXT: (PAIR,)}), **side.scored)
    found = side.facts(node).get("score", 0)
    assert 0 < found < 1, "not told"


@behaviour("Eight nodes are one call of the model")
def calls(side: Extractor) -> None:
    script = Script({f"Lithium caused tremor in {n} men.": (PAIR,) for n in range(10, 18)})
    side.read(script)
    assert len(script.asked) == 8
    assert script.calls == 1, f"{script.calls} calls"


@behaviour("That nothing was found is told", holds=[Simple, Schema])
def nothing(side: Extractor) -> None:
    (unread,) = Script({GARDEN: ()}).nodes()
    (node,) = side.read(Script({GARDEN: ()}))
    assert node.metadata != unread.metadata, "as if it had not been read"


@behaviour("What cannot be read is told from nothing found", nothing_to=[Entities])
def unreadable(side: Extractor) -> None:
    papers = {GARDEN: (), TEXT: RUBBISH}
    told = [{**node.metadata, "pmid": ""} for node in side.read(Script(papers))]
    way_round = ""
    try:
        side.read(Script(papers), raise_on_error=True)
    except ValueError:
        way_round = "; with `raise_on_error=True` an error for all"
    assert told[0] != told[1], f"an empty graph{way_round}"


@behaviour("An error of the model at one node costs the others nothing")
def one_error(side: Extractor) -> None:
    papers = {TEXT: (PAIR,), GARDEN: RuntimeError("the device is lost"), MORE: (PAIR,)}
    try:
        nodes = side.read(Script(papers), raise_on_error=False)
    except RuntimeError as error:
        raise AssertionError("`RuntimeError` for all") from error
    found = [bool(side.names([node])) for node in nodes[::2]]
    assert found == [True, True], "all are empty, or `RuntimeError` for all"


@behaviour("`max_retries=1` asks again for what failed, and only for that")
def retries(side: Extractor) -> None:
    said: list[Told] = [RuntimeError("the device is lost"), ()]
    script = Script({TEXT: (PAIR,), GARDEN: said, MORE: (PAIR,)})
    try:
        side.read(script, max_retries=1, retry_backoff=0)
    except TypeError as error:
        raise AssertionError("there is no such option") from error
    assert len(script.asked) == 4, f"all {len(script.asked) - 2} nodes are asked again"


@behaviour("The nodes given are not changed")
def given(side: Extractor) -> None:
    script = Script({TEXT: (PAIR,)})
    nodes = script.nodes()
    before = [node.model_copy(deep=True) for node in nodes]
    side.made(script)(nodes)
    way_round = ", unless `in_place=False`" if isinstance(side, Entities) else ""
    assert nodes == before, f"in place{way_round}"


@behaviour("What another extractor wrote is not taken for text")
def text_alone(side: Extractor) -> None:
    alone, behind = Script({TEXT: (PAIR,)}), Script({TEXT: (PAIR,)})
    side.read(alone)
    side.made(behind)(Simple().read(Script({TEXT: (PAIR,)})))
    way_round = "MetadataMode.NONE" if isinstance(side, Entities) else "excluded_llm_metadata_keys"
    assert behind.asked == alone.asked, f"it is read, unless `{way_round}` hides it"


@behaviour("It can be called where an event loop runs, as in a notebook", holds=[Entities])
def running_loop(side: Extractor) -> None:
    async def call() -> bool:
        try:
            side.read(Script({TEXT: (PAIR,)}))
        except RuntimeError:
            return False
        return True

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "coroutine .* was never awaited")
        called = asyncio.run(call())
        gc.collect()  # the coroutine, while its warning is ignored
    assert called, "`RuntimeError`, unless `nest_asyncio` is applied"


@behaviour("The event loop goes on during `acall`", holds=[Simple, Schema])
def event_loop(side: Extractor) -> None:
    script = Script({TEXT: (PAIR,)}, patience=2)
    reader = side.made(script)
    assert goes_on(lambda: reader.acall(script.nodes()), script.is_working), "it stands still"


@behaviour("A second run of an ingestion pipeline asks the model nothing", holds=PEERS)
def cached(side: Extractor) -> None:
    script = Script({TEXT: (PAIR,)})
    pipeline = IngestionPipeline(transformations=[SentenceSplitter(), side.made(script)])
    for _ in range(2):
        pipeline.run(documents=script.documents())
    assert script.calls == 1, "it asks again"


@behaviour("`num_workers` is no reason to ask all again")
def knobs(side: Extractor) -> None:
    script, cache = Script({TEXT: (PAIR,)}), IngestionCache()
    for workers in (2, 4):
        reader = side.made(script, num_workers=workers)
        pipeline = IngestionPipeline(transformations=[SentenceSplitter(), reader], cache=cache)
        pipeline.run(documents=script.documents())
    assert script.calls == 1, "all is asked again"


@behaviour("What the cache gives back goes into a PropertyGraphIndex", nothing_to=NO_PATHS)
def cached_paths(side: Extractor) -> None:
    script = Script({TEXT: (PAIR,)})
    reader = side.made(script)
    pipeline = IngestionPipeline(transformations=[SentenceSplitter(), reader])
    for _ in range(2):
        nodes = pipeline.run(documents=script.documents())
    try:
        store = graph(nodes, reader)
    except AttributeError as error:
        raise AssertionError(f"`{type(error).__name__}: {error}`") from error
    assert len(store.graph.get_triplets()) == 1


@behaviour("One extractor in a pipeline and in the index reads once", nothing_to=NO_PATHS)
def read_once(side: Extractor) -> None:
    script = Script({TEXT: (PAIR,)})
    reader = side.made(script)
    graph(reader(script.nodes()), reader)
    assert script.calls == 1, "twice"


@behaviour("`to_dict` and `from_dict` give the same extractor again", holds=[Entities])
def round_trip(side: Extractor) -> None:
    reader = side.usual()
    try:
        again = type(reader).from_dict(reader.to_dict())
    except (TypeError, ValueError) as error:
        raise AssertionError(f"`from_dict` raises `{type(error).__name__}`") from error
    assert again.to_dict() == reader.to_dict(), "another one"


@behaviour("Stores without lists, such as Chroma, take the metadata", nothing_to=NO_METADATA)
def flat(side: Extractor) -> None:
    (node,) = side.read(Script({TEXT: (PAIR,)}), **side.flat)
    try:
        node_to_metadata_dict(node, flat_metadata=True)
    except ValueError as error:
        raise AssertionError("lists only") from error


if __name__ == "__main__":
    COMPARISON.write()
