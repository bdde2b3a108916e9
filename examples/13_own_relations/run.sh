#!/bin/sh
# From a spreadsheet of labelled sentences to a model, its score on other documents, and a page to label more.
#     sh run.sh FOLDER [UPDATES]
# The bundled model is for trying out. For one of use: --model microsoft/biogpt, without --learning-rate, on a GPU.
set -e
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"
python "$here/make_sheet.py" labels.csv
biogpt split labels.csv --test 0.2 --out parts
biogpt finetune "$here/regulates.toml" --train parts/train.jsonl --model demo --out my-model \
    --learning-rate 3e-4 --set max_steps="${2:-100}"
biogpt eval "$here/regulates.toml" --data parts/test.jsonl --model my-model --decoding grounded
python "$here/make_sheet.py" --new new.jsonl
biogpt extract new.jsonl --model my-model --decoding grounded --out found.jsonl
biogpt report found.jsonl --papers new.jsonl --label "$here/regulates.toml" --out to_label.html
