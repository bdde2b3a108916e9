"""BC5CDR: chemical-disease relations by their MeSH ids, as the BioCreative V jar counts them.

Reproduces `eval_relation.sh` of BC5CDR_Evaluation-0.0.3 on what RE-BC5CDR/postprocess.py writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from biogpt_plugins.scoring.figures import NOTHING, Counts, paired, ratio
from biogpt_plugins.scoring.gold import TABLES, Names, Pair

UNKNOWN_ID = "-1"
_MESH = "MESH:"


def score_bc5cdr(
    gold: Mapping[str, Iterable[Pair]], predicted: Mapping[str, Iterable[Pair]], names: Names
) -> Counts:
    """Score a corpus.

    Documents without gold relations are skipped, together with their predictions.

    Args:
        gold: Document -> its (chemical id, disease id) pairs.
        predicted: Document -> its (chemical name, disease name) pairs, as the model wrote them.
        names: "chemical2id" and "disease2id": name -> id, as in {split}.entities.json.

    Returns:
        The jar's figures. F1 is undefined if precision and recall are both 0.

    Raises:
        InputError: A document with gold relations has no prediction.
    """
    wanted = {document: pairs for document, given in gold.items() if (pairs := list(given))}
    documents = paired(wanted, predicted) if wanted else []
    total = Counts.total(count_relations(pairs, found, names) for pairs, found in documents)
    precision, recall = total.precision, total.recall
    # From precision and recall, as in the jar: F1 from the counts differs in the last digit.
    return total.model_copy(update={"f1": ratio(2 * precision * recall, precision + recall)})


def count_relations(gold: Iterable[Pair], predicted: Iterable[Pair], names: Names) -> Counts:
    """Count the distinct pairs of ids in one document; a pair with an unknown name is wrong."""
    wanted = {(plain_id(chemical), plain_id(disease)) for chemical, disease in gold}
    found = {link(pair, names) for pair in predicted}
    right = {pair for pair in found & wanted if UNKNOWN_ID not in pair}
    if not wanted:
        return NOTHING
    return Counts.of(len(right), len(found - right), len(wanted - right))


def count_ends(gold: Iterable[Pair], predicted: Iterable[Pair], names: Names) -> dict[str, Counts]:
    """Count the distinct chemicals and the distinct diseases of one document separately.

    If these are right and the relations are wrong, the model paired them wrongly.
    """
    wanted = {(plain_id(chemical), plain_id(disease)) for chemical, disease in gold}
    found = {link(pair, names) for pair in predicted}
    return {
        end: Counts.between({pair[at] for pair in found}, {pair[at] for pair in wanted})
        if wanted
        else NOTHING
        for at, end in enumerate(("chemical", "disease"))
    }


def link(pair: Pair, names: Names) -> Pair:
    """The ids of two names, which must match the table exactly; "-1" if unknown."""
    tables = (names[table] for table in TABLES)
    chemical, disease = map(_link, pair, tables)
    return chemical, disease


def _link(name: str, ids: Mapping[str, str]) -> str:
    return plain_id(ids.get(name, UNKNOWN_ID))


def plain_id(identifier: str) -> str:
    """An id without the prefix "MESH:", if it has it."""
    return identifier.removeprefix(_MESH)
