"""A run over a few short texts, in which `Ruled` finds relations."""

import json

from doubles import Ruled

from biogpt_plugins import Pipeline
from biogpt_plugins.corpus.run import run

TEXTS = {
    "101": "drug1 caused illness1. drug2 caused illness1.",
    "102": "Later drug1 caused illness1.",
    "103": "It may be that drug1 caused illness1.",
    "104": "It is not true that drug1 caused illness1.",
    "105": "Nothing was seen.",
}


def small_run(folder, *files, task="bc5cdr", engine=None):
    """Make a run in a folder, or continue it; each of the files is texts by their ids."""
    paths = []
    for number, texts in enumerate(files):
        path = folder.with_name(f"{folder.name}-{number}.jsonl")
        lines = [json.dumps({"id": id_, "text": text}) + "\n" for id_, text in texts.items()]
        path.write_text("".join(lines), encoding="utf-8")
        paths.append(path)
    pipeline = Pipeline(task, engine or Ruled())
    scored = pipeline.with_decoding(pipeline.decoding.but(logprobs=True))
    run(scored, paths, folder, shard_size=2)
    return folder
