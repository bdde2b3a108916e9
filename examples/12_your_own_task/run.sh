#!/bin/sh
# From a file that declares a task to a model, its findings, a table and a score.
#     sh run.sh FOLDER
# The model is tiny and new: start from --model microsoft/biogpt, with thousands of papers, for one of use.
set -e
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"
biogpt finetune "$here/drugprot.toml" --train "$here/train.jsonl" --model fresh --out my-model \
    --set layers=2 --set width=32 --set heads=2 --set positions=192 --set merges=200 --set max_steps=8 \
    --set tokens_per_batch=512 --learning-rate 0.01
biogpt inspect my-model
biogpt extract "$here/test.jsonl" --model my-model --decoding grounded --min-score 0 --run findings
biogpt aggregate findings
biogpt export findings --to parquet --out findings.parquet
biogpt eval "$here/drugprot.toml" --data "$here/test.jsonl" --model my-model --decoding grounded
