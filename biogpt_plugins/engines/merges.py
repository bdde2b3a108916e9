"""The merges of a BioGptTokenizer in the `tokenizers` library, which is many times as fast."""

from __future__ import annotations

from tokenizers.models import BPE

from biogpt_plugins.engines.vocabulary import Vocabulary

WORD_END = "</w>"


def merges_of(vocabulary: Vocabulary) -> BPE | None:
    """Its merges in the `tokenizers` library; None if the library merges differently.

    BioGptTokenizer merges all pairs of a rank at once, the library merges pairs one by one. The
    results are equal if every piece comes from a single merge and occurs in later merges only.
    """
    merges = vocabulary.merges
    ranks = {left + right: rank for rank, (left, right) in enumerate(merges)}
    ordered = all(ranks.get(p, -1) < rank for rank, pair in enumerate(merges) for p in pair)
    if len(ranks) < len(merges) or not ordered:
        return None
    names = dict(vocabulary.names)
    # Merges may produce pieces that the vocabulary lacks: unknown at the end, but needed between.
    lacking = {piece for pair in merges for piece in (*pair, "".join(pair))} - names.keys()
    most = max(names.values()) + 1
    names |= {piece: most + i for i, piece in enumerate(sorted(lacking))}
    return BPE(names, merges, unk_token=vocabulary.unknown, end_of_word_suffix=WORD_END)
