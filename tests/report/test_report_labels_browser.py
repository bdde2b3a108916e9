"""Labels in the report: by mouse and by keys, kept by the browser, and saved as training data.

They need a browser, as `test_report_browser` says.
"""

import json
from pathlib import Path

import pytest
import reported
from typer.testing import CliRunner

from biogpt_plugins import Pipeline
from biogpt_plugins.cli import app
from biogpt_plugins.corpus import read_gold
from biogpt_plugins.report import source_of
from biogpt_plugins.tasks import get_task
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.training.examples import read_examples

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="NO BROWSER TESTS of the report: pip install playwright"
)
TOML = Path(__file__).parents[2] / "examples" / "12_your_own_task" / "drugprot.toml"
PAPERS = [
    {
        "id": "1",
        "title": "😀 Celecoxib and 𝛼-enzymes.",
        "abstract": "Celecoxib inhibits COX-2 and lowers IL-6 in 😀 joints.",
    },
    {"id": "2", "text": "Gefitinib blocked EGFR. Less VEGF was made."},
    {"id": "3", "text": "Twelve beds were empty in May."},
    {"id": "4", "text": "Warfarin is cleared by CYP2C9."},
]
COMPLETIONS = [
    "celecoxib activates COX-2; celecoxib inhibits IL-6.",
    "gefitinib inhibits egfr.",
    "no relation.",
    "aspirin inhibits CYP2C9.",
]


@pytest.fixture
def task():
    return get_task(TOML)


@pytest.fixture
def page(show, task):
    found = list(Pipeline(task, ScriptedEngine(COMPLETIONS)).run(PAPERS))
    return show(found, dict(map(source_of, PAPERS)), label=task)


def paper(page, number):
    return page.locator("article.paper").nth(number - 1)


def form(page):
    return page.locator(".label-form")


def press(page, keys):
    for key in keys:
        page.keyboard.press(key)


def counter(page):
    return page.locator(".label-bar .count").inner_text()


def saved(page, file):
    with page.expect_download() as download:
        page.locator(".label-bar .save").click()
    download.value.save_as(file)
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def select(page, number, text):
    """Selects a text with the mouse, from its first to behind its last letter."""
    box = (
        paper(page, number)
        .locator(".passage")
        .evaluate(
            """(passage, wanted) => {
            const texts = document.createTreeWalker(passage, NodeFilter.SHOW_TEXT);
            const nodes = [];
            while (texts.nextNode()) nodes.push(texts.currentNode);
            const all = nodes.map((one) => one.data).join("");
            const place = (at) => {
                for (const node of nodes) {
                    if (at <= node.data.length) return [node, at];
                    at -= node.data.length;
                }
            };
            const range = document.createRange();
            range.setStart(...place(all.indexOf(wanted)));
            range.setEnd(...place(all.indexOf(wanted) + wanted.length));
            passage.scrollIntoView({ block: "center" });
            const boxes = [...range.getClientRects()].filter((one) => one.width);
            const [first, last] = [boxes[0], boxes.at(-1)];
            const middle = ({ top, height }) => top + height / 2;
            return [first.left, middle(first), last.right, middle(last)];
        }""",
            text,
        )
    )
    page.mouse.move(box[0] + 1, box[1])
    page.mouse.down()
    page.mouse.move(box[2], box[3], steps=3)
    page.mouse.up()


def test_relations_are_judged_by_keys_and_kept(page):
    assert counter(page) == "0 of 4 relations judged · 0 of 4 papers complete"
    save = page.locator(".label-bar .save")
    assert save.inner_text() == "Save 0 papers as JSONL (4 not yet complete)"
    assert save.is_disabled()
    press(page, "jra")
    assert counter(page) == "2 of 4 relations judged · 1 of 4 papers complete"
    focused = page.locator("li.relation:focus")
    assert "Gefitinib" in focused.inner_text()
    press(page, "kuj")
    assert counter(page) == "1 of 4 relations judged · 0 of 4 papers complete"
    assert "Gefitinib" in focused.inner_text()
    page.reload()
    assert counter(page) == "1 of 4 relations judged · 0 of 4 papers complete"
    rejected = page.locator("li.relation.reject")
    assert rejected.get_by_role("button", name="Reject").get_attribute("aria-pressed") == "true"


def test_relations_are_judged_by_mouse(page):
    second = paper(page, 2)
    accept = second.get_by_role("button", name="Accept: Gefitinib INHIBITOR EGFR")
    accept.click()
    assert accept.get_attribute("aria-pressed") == "true"
    assert second.locator(".badge.complete").count() == 1
    accept.click()
    assert accept.get_attribute("aria-pressed") == "false"
    assert accept.evaluate("(one) => one === document.activeElement")
    paper(page, 1).get_by_role("button", name="Reject all 2").click()
    assert counter(page) == "2 of 4 relations judged · 1 of 4 papers complete"


def test_relations_that_filters_hide_are_not_rejected(page):
    page.locator("#filters").get_by_label("Relation").select_option("ACTIVATOR")
    first = paper(page, 1)
    sync_api.expect(first.locator("li.relation")).to_have_count(1)
    first.locator("li.relation").focus()
    press(page, "d")
    assert counter(page) == "1 of 4 relations judged · 0 of 4 papers complete"
    assert first.locator(".badge", has_text="1 to judge").count() == 1


def test_an_end_that_the_text_lacks_is_not_accepted(page):
    last = paper(page, 4)
    assert last.get_by_role("button", name="Accept").is_disabled()
    last.locator("li.relation").focus()
    press(page, "a")
    sync_api.expect(page.locator(".label-bar [role=status]")).to_contain_text("not in the text")
    assert counter(page).startswith("0 of 4")


def test_a_relation_is_mended_and_a_missed_one_added(page, tmp_path):
    first = paper(page, 1)
    first.get_by_role("button", name="Edit: Celecoxib ACTIVATOR COX-2").click()
    form(page).get_by_label("Relation").select_option("INHIBITOR")
    page.get_by_role("button", name="Keep").click()
    press(page, "jr")
    first.get_by_role("button", name="Add a relation").click()
    first.locator("mark", has_text="Celecoxib").last.click()
    select(page, 1, "IL-6 in 😀 joints")
    form(page).get_by_label("Relation").select_option("INDIRECT-DOWNREGULATOR")
    page.get_by_role("button", name="Keep").click()
    assert first.locator(".relation.added .name").all_inner_texts() == [
        "Celecoxib",
        "IL-6 in 😀 joints",
    ]
    page.reload()
    assert first.locator(".relation.mended .link").inner_text().strip() == "INHIBITOR →"
    (row,) = saved(page, tmp_path / "saved.jsonl")
    label = row.pop("label")
    assert row == {
        "task": "drugprot",
        "id": "1",
        "title": PAPERS[0]["title"],
        "text": PAPERS[0]["abstract"],
        "gold": [
            {"head": "Celecoxib", "type": "INHIBITOR", "tail": "COX-2"},
            {"head": "Celecoxib", "type": "INDIRECT-DOWNREGULATOR", "tail": "IL-6 in 😀 joints"},
        ],
    }
    assert [label[name] for name in ("accepted", "rejected", "mended", "added")] == [0, 1, 1, 1]
    assert label["models"] == ["scripted"]
    first.locator(".relation.added").focus()
    press(page, "u")
    assert first.locator(".relation.added").count() == 0


def test_what_is_selected_is_found_behind_emoji(page, task):
    paper(page, 1).get_by_role("button", name="Add a relation").click()
    select(page, 1, "𝛼-enzymes")
    select(page, 1, "joints")
    page.get_by_role("button", name="Keep").click()
    stored = json.loads(page.evaluate("Object.values(localStorage)[0]"))
    (relation,) = stored[0][1]["added"]
    text = f"{PAPERS[0]['title']} {PAPERS[0]['abstract']}"
    for end in ("head", "tail"):
        one = relation[end]
        assert text[one["start"] : one["end"]] == one["text"]
    assert [relation["head"]["text"], relation["tail"]["text"]] == ["𝛼-enzymes", "joints"]
    assert relation["head"]["type"] == task.clause.head


@pytest.mark.parametrize(
    ("head", "tail", "told"),
    [
        ("Celecoxib", "COX-3", "The text does not contain “COX-3”"),
        ("celecoxib", "Celecoxib", "Head and tail are the same"),
        ("celecoxib", "cox-2", "The paper has this relation already"),
    ],
)
def test_what_cannot_be_added_is_told(page, head, tail, told):
    paper(page, 1).locator("li.relation").first.focus()
    press(page, "m")
    page.keyboard.type(head)
    page.get_by_label("Tail (gene)").fill(tail)
    form(page).get_by_label("Relation").select_option("ACTIVATOR")
    page.keyboard.press("Enter")
    sync_api.expect(page.get_by_role("alert")).to_contain_text(told)
    page.keyboard.press("Escape")
    assert page.locator(".label-form").count() == 0
    assert counter(page).startswith("0 of 4")


def test_two_paragraphs_are_not_one_name(page):
    paper(page, 1).get_by_role("button", name="Add a relation").click()
    select(page, 1, "enzymes.Celecoxib")
    sync_api.expect(page.get_by_role("alert")).to_have_text("Select within one paragraph.")


def test_a_paper_that_is_done_without_relations_is_a_negative(page, tmp_path):
    third = paper(page, 3)
    third.get_by_role("button", name="Done: no relations").click()
    save = page.locator(".label-bar .save")
    assert save.inner_text() == "Save 1 paper as JSONL (3 not yet complete)"
    (row,) = saved(page, tmp_path / "saved.jsonl")
    assert (row["id"], row["gold"]) == ("3", [])
    third.get_by_role("button", name="Done: no relations").click()
    assert save.is_disabled()


def test_saved_labels_are_loaded_again(page, tmp_path):
    press(page, "jraj")
    paper(page, 2).get_by_role("button", name="Add a relation").click()
    page.keyboard.type("gefitinib")
    page.get_by_label("Tail (gene)").fill("vegf")
    page.keyboard.press("Enter")
    paper(page, 2).locator("li.relation").first.focus()
    press(page, "a")
    first = saved(page, tmp_path / "saved.jsonl")
    with (tmp_path / "saved.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({**first[0], "text": "Another."}) + "\n")
    page.evaluate("localStorage.clear()")
    page.reload()
    assert counter(page).startswith("0 of 4")
    page.get_by_label("Labels to load").set_input_files(tmp_path / "saved.jsonl")
    told = page.locator(".label-bar [role=status]")
    sync_api.expect(told).to_contain_text("Loaded 2 papers. 1 line of other papers")
    again = saved(page, tmp_path / "again.jsonl")
    assert [row["gold"] for row in again] == [row["gold"] for row in first]
    assert [len(row["gold"]) for row in again] == [1, 2]


def test_keys_go_from_page_to_page(show):
    page = show(
        reported.scored(45),
        {f"p{n}": source_of({"id": f"p{n}", "text": "x"})[1] for n in range(45)},
        label=get_task("bc5cdr"),
    )
    page.locator("li.relation").nth(19).focus()
    press(page, "r")
    focused = page.locator("li.relation:focus")
    assert "drug20" in focused.inner_text()
    press(page, "k")
    assert "drug19" in focused.inner_text()
    press(page, "n")
    assert "drug20" in focused.inner_text()
    page.get_by_label("Search").fill("rash")
    press(page, "a")
    assert counter(page).startswith("1 of 45")


@pytest.mark.parametrize("width", [320, 800])
def test_narrow_pages_with_a_form_do_not_scroll_sideways(page, width):
    page.set_viewport_size({"width": width, "height": 700})
    page.get_by_role("button", name="Add a relation").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_text_that_means_harm_is_labelled_as_it_is(show):
    found = [one for one in reported.hostile() if one.kind == "relations"]
    found = [one.model_copy(update={"task": "bc5cdr"}) for one in found]
    page = show(found, reported.sources_of_hostile(), label=get_task("bc5cdr"))
    page.get_by_role("button", name="Edit").first.click()
    page.get_by_role("button", name="Keep").click()
    assert page.evaluate("window.owned") is None
    assert page.locator("script").count() == 2


def labelled(page, file):
    """All papers judged by keys and by mouse, and saved."""
    press(page, "jraad")
    paper(page, 4).get_by_role("button", name="Reject").click()
    return saved(page, file)


def test_labels_are_gold_and_training_data(page, task, tmp_path):
    file = tmp_path / "labels.jsonl"
    assert [len(row["gold"]) for row in labelled(page, file)] == [1, 1, 0, 0]
    gold = read_gold(file, task)
    assert [document.id for document in gold.documents] == ["1", "2", "3", "4"]
    assert gold.documents[0].input["title"] == PAPERS[0]["title"]
    targets = [one.target for one in read_examples(file, [task.name])]
    assert targets == [
        "celecoxib inhibits il-6.",
        "gefitinib inhibits egfr.",
        *["no relation."] * 2,
    ]


@pytest.mark.slow
def test_labels_become_a_model_that_is_evaluated(page, tmp_path):
    file, model = tmp_path / "labels.jsonl", tmp_path / "model"
    labelled(page, file)
    sizes = {"layers": 1, "width": 16, "heads": 2, "positions": 96, "merges": 50, "max_steps": 2}
    settings = [arg for pair in sizes.items() for arg in ("--set", "=".join(map(str, pair)))]
    train = [TOML, "--train", file, "--model", "fresh", "--out", model, *settings]
    measure = [TOML, "--data", file, "--model", model, "--decoding", "grounded"]
    done = CliRunner().invoke(app, ["finetune", *map(str, train)])
    assert done.exit_code == 0, done.stderr
    assert "4 examples, 2 updates" in done.stderr
    done = CliRunner().invoke(app, ["eval", *map(str, measure)])
    assert done.exit_code == 0, done.stderr
    assert "F1" in done.stdout
