"""What a call may ask, and how much it is told. What is cut is counted in the result."""

TEXT = 100_000
"""Characters of a text."""

NAME = 200
"""Characters of a name, a question's exception aside."""

QUESTION = 2_000
"""Characters of a question."""

PAPERS = 32
"""Papers of a call."""

TOGETHER = 8
"""Papers that are read between two reports of progress."""

RELATIONS = 100
"""Relations of a paper in a structured result."""

CONTENT = 2_000
"""Characters for the chat model about one paper, or about a search."""

ALL_CONTENT = 20_000
"""The same about all papers of a call."""

EDGES = 50
"""Relations that a search tells at most."""

STATEMENTS = 100
"""Papers that a search tells for each relation at most."""

SENTENCE = 400
"""Characters of a sentence."""

PAGE = 100
"""Relations in a page of a resource."""

IDS_PAGE = 1_000
"""Papers in a page of a resource."""
