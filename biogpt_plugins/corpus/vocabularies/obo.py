r"""Ontologies in OBO: MONDO, HP, DOID, ChEBI.

The format is that of https://owlcollab.github.io/oboformat/doc/GO.format.obo-1_4.html, of which
these tags of [Term] are read: id, name, synonym, is_obsolete. The readers on PyPI either load the
whole ontology or refuse a file for one line that is not strictly of version 1.4.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from biogpt_plugins.corpus.readers.files import OpenFile
from biogpt_plugins.corpus.vocabularies.lines import texts
from biogpt_plugins.corpus.vocabularies.terms import LeftOut, Term, Types, refused
from biogpt_plugins.entities import Concept
from biogpt_plugins.values.errors import InputError

_TERM = "[Term]"
_TAG = re.compile(r"([\w-]+):\s*(.*)")
_SYNONYM = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(EXACT|BROAD|NARROW|RELATED)?(?:\s+(\w[\w-]*))?')
_ESCAPED = re.compile(r"\\(.)")
_MEANS = {"n": "\n", "t": "\t", "W": " "}
_TRAILING = re.compile(r"(?<!\\)\s*(?:\{[^{}]*\}\s*)?(?:(?<!\\)!.*)?$")


class Obo:
    """Reads ontologies."""

    def __init__(self, types: Types) -> None:
        """Read with these types of the prefixes of identifiers."""
        self._types = types

    def __call__(self, file: OpenFile, left_out: LeftOut) -> Iterator[Term]:
        """Read a file.

        Raises:
            InputError: It is another file, a term is damaged, or no prefix of its identifiers has a
                type.
        """
        unknown: Counter[str] = Counter()
        found = False
        for number, stanza in _stanzas(file):
            id_ = next(iter(stanza.get("id", ())), "")
            if not id_:
                raise InputError(f"{file.called}:{number}: the [Term] has no id")
            prefix = id_.partition(":")[0]
            type_ = self._types.of_prefix(prefix)
            names = _names(stanza, left_out)
            if stanza.get("is_obsolete") == ["true"]:
                left_out["obsolete terms"] += 1
            elif not stanza.get("name"):
                left_out["terms without a name"] += 1
            elif not type_:
                unknown[prefix] += 1
            else:
                found = True
                yield Term(Concept(id_, type_, names[0]), names)
        if unknown and not found:
            prefix = unknown.most_common(1)[0][0]
            raise InputError(
                f"{file.called} has terms of {', '.join(sorted(unknown))}, whose types are not "
                f"known: name them, for example --type {prefix}=Anatomy"
            )
        if not found:
            raise refused(
                file,
                "an ontology in OBO",
                "--obo reads mondo.obo, hp.obo and others of https://obofoundry.org; convert OWL "
                "with ROBOT: `robot convert -i FILE -o FILE.obo`",
            )
        left_out.update({f"terms of {prefix}": n for prefix, n in unknown.items()})


def _stanzas(file: OpenFile) -> Iterator[tuple[int, dict[str, list[str]]]]:
    """The terms: tag -> values, and the line that each begins on."""
    stanza: dict[str, list[str]] | None = None
    begun = 0
    for number, line in texts(file):
        if line.startswith("["):
            if stanza is not None:
                yield begun, stanza
            stanza, begun = ({} if line.strip() == _TERM else None), number
        elif stanza is not None and (tag := _TAG.match(line)):
            stanza.setdefault(tag[1], []).append(_TRAILING.sub("", tag[2]))
    if stanza is not None:
        yield begun, stanza


def _names(stanza: dict[str, list[str]], left_out: LeftOut) -> tuple[str, ...]:
    names = dict.fromkeys(map(_plain, stanza.get("name", ())))
    for value in stanza.get("synonym", ()):
        synonym = _SYNONYM.match(value)
        scope = (synonym[2] or "RELATED") if synonym else "unreadable"
        if scope != "EXACT":
            left_out[f"{scope.lower()} synonyms"] += 1
        elif synonym and synonym[3] == "DEPRECATED":
            left_out["deprecated synonyms"] += 1
        elif synonym:
            names[_plain(synonym[1])] = None
    return tuple(names)


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda found: _MEANS.get(found[1], found[1]), text)
