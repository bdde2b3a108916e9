"""The report in a browser: what it shows, what filters and keys do, and that it does no harm.

They need Playwright (`pip install playwright`) and a Chromium: Playwright's own, or one that is
named in CHROMIUM or is on the path.
"""

import re

import pytest
import reported

from biogpt_plugins.values.results import Answer, Failure, Prediction

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="NO BROWSER TESTS of the report: pip install playwright"
)


@pytest.fixture
def page(show):
    return show(reported.predictions(), reported.sources())


def tab(page, name):
    page.get_by_role("tab", name=re.compile(f"^{name}")).click()


def status(page, text):
    sync_api.expect(page.locator("#status")).to_have_text(text)


def test_a_paper_with_its_entities_and_lines(page):
    first = page.locator("article.paper").first
    assert first.locator("mark").all_text_contents() == ["Lithium", "tremor"]
    assert first.locator(".again").all_text_contents() == ["Lithium", "tremor"]
    assert first.locator("svg.lines path.line").count() == 1
    assert page.locator("path.line.negated").count() == 2  # one in the legend
    assert "4 relations, 75.0% with both ends in the text" in page.locator("#summary").inner_text()


def test_entities_of_the_input_that_no_relation_names_are_marked_lightly(show):
    given = [{"text": "trial", "type": "Chemical", "start": 2, "end": 7, "id": "X:1"}]
    sources = dict([reported.source_of(reported.PAPERS[1] | {"entities": given})])
    page = show([reported.predictions()[1]], sources)
    light = page.locator(".passage .annotated")
    assert light.all_text_contents() == ["trial"]
    assert light.get_attribute("title") == "Chemical · X:1 · 2–7"
    assert "type-0" in light.get_attribute("class")
    assert page.locator(".passage mark").all_text_contents() == ["Lithium", "tremor"]
    assert page.locator(".legend .annotated").text_content() == "annotated, in no relation"


@pytest.fixture
def ranked(show):
    return show(reported.ranked(), dict([reported.source_of(reported.RANKED)]), min_score=0.5)


def pairs(page):
    shown = page.locator(".candidates .pair")
    sync_api.expect(shown.first).to_be_visible()
    return [re.sub(r" D\d+|\s+", " ", one).split() for one in shown.all_inner_texts()]


def test_an_entity_that_is_clicked_shows_its_pairs_accepted_and_not(ranked):
    assert ranked.locator("li.relation:visible").count() == 1
    assert "3 candidates below a score of 0.5" in ranked.locator("#summary").inner_text()
    ranked.locator(".passage .again", has_text="lithium").click()
    assert pairs(ranked) == [
        ["Lithium", "CID", "→", "tremor", "0.70", "accepted"],
        ["lithium", "CID", "→", "rash", "0.05", "candidate"],
    ]
    ranked.locator(".passage .annotated", has_text="rash").click()
    assert [one[-2:] for one in pairs(ranked)] == [["0.05", "candidate"], ["0.0001", "candidate"]]
    ranked.locator(".passage .annotated", has_text="rash").click()
    sync_api.expect(ranked.locator(".candidates .pair").first).to_be_hidden()
    assert ranked.locator(".annotated.asks", has_text="Gold").count() == 0


def test_candidates_by_keys(ranked):
    ranked.locator(".candidates summary").focus()
    ranked.keyboard.press("Enter")
    assert [one[-1] for one in pairs(ranked)] == ["accepted", *["candidate"] * 3]
    ranked.get_by_label("Pairs of").select_option(label="Aspirin (2)")
    assert [one[0] for one in pairs(ranked)] == ["Aspirin", "Aspirin"]
    ranked.locator(".pair").first.focus()
    assert ranked.locator(".passage .end").all_text_contents() == ["tremor", "Aspirin"]


def test_candidates_are_in_no_table_and_no_graph(ranked):
    status(ranked, "1 of 1 relation, 1 of 1 paper")
    tab(ranked, "Relations")
    assert ranked.locator("tbody tr").count() == 1


def test_a_line_from_head_to_tail(page):
    first = page.locator("article.paper").first
    arrow = first.locator("path.arrow").bounding_box()
    mark = first.locator("mark", has_text="tremor").bounding_box()
    middle = mark["x"] + mark["width"] / 2
    assert abs(arrow["x"] + arrow["width"] / 2 - middle) < 2
    assert abs(arrow["y"] + arrow["height"] - mark["y"]) < 8


@pytest.mark.parametrize("sources", [None, reported.sources()])
def test_text_that_means_harm_is_shown_as_it_is(show, sources):
    page = show(reported.hostile(), sources)
    for name in ("papers", "relations", "graph", "answers", "failures"):
        page.locator(f"#tab-{name}").click()
        page.wait_for_timeout(50)
    assert page.evaluate("window.owned") is None
    tab(page, "Papers")
    assert page.locator("#view-papers mark").all_text_contents() == list(reported.HOSTILE)
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == 0
    addresses = page.eval_on_selector_all("a", "found => found.map((one) => one.href)")
    assert [one for one in addresses if not one.startswith("https://")] == []


def test_candidates_that_mean_harm_are_shown_as_they_are(show):
    found = [one for one in reported.hostile() if one.relations]
    (first, *_) = [one.relations[0].model_copy(update={"score": 0.1}) for one in found]
    page = show([found[0].model_copy(update={"result": [first]})], min_score=0.5)
    page.locator(".candidates summary").click()
    shown = page.locator(".pair .name").first
    assert shown.text_content() == f"{reported.HOSTILE[0]} {reported.HOSTILE[0]}"
    assert page.locator(".candidates option").nth(1).text_content() == f"{reported.HOSTILE[0]} (1)"
    assert page.evaluate("window.owned") is None
    assert page.locator("script").count() == 2


def test_markup_that_got_into_the_page_could_not_run(show):
    page = show(reported.predictions())
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.owned = 1";
            document.body.append(script);
            document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.owned = 2'>");
        }"""
    )
    page.wait_for_timeout(100)
    assert page.evaluate("window.owned") is None
    refused = [text for text in show.said if "Content Security Policy" in text]
    assert len(refused) >= 2
    show.said.clear()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("lithium", "3 of 4 relations, 4 of 7 papers"),
        ("LITHIUM did not", "1 of 4 relations, 1 of 7 papers"),
        ("nothing", "0 of 4 relations, 3 of 7 papers"),
        ("zebra", "0 of 4 relations, 0 of 7 papers"),
    ],
)
def test_search(page, words, expected):
    page.get_by_label("Search").fill(words)
    status(page, expected)


@pytest.mark.parametrize(
    ("label", "choice", "expected"),
    [
        ("Statement", "negated", "1 of 4 relations, 1 of 7 papers"),
        ("Statement", "speculated", "1 of 4 relations, 1 of 7 papers"),
        ("In the text", "missing", "1 of 4 relations, 1 of 7 papers"),
        ("Task", "pubmedqa", "0 of 4 relations, 1 of 7 papers"),
    ],
)
def test_filters(page, label, choice, expected):
    page.locator("#filters").get_by_label(label).select_option(choice)
    status(page, expected)
    page.get_by_role("button", name="Reset").click()
    status(page, "4 of 4 relations, 7 of 7 papers")


def test_a_table_sorted_filtered_by_score_and_paged(show):
    page = show(reported.scored(250))
    tab(page, "Relations")
    cells = page.locator("tbody tr td:first-child")
    assert cells.count() == 100
    page.get_by_role("button", name="Score").click()
    assert cells.first.inner_text() == "p249"
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Score")
    page.get_by_role("button", name="Paper").click()
    assert cells.all_inner_texts()[:3] == ["p0", "p1", "p2"]
    page.get_by_role("button", name="Last").click()
    assert cells.all_inner_texts()[-1] == "p249"
    page.locator("input[name=score]").fill("0.9")
    status(page, "25 of 250 relations, 25 of 250 papers")
    page.locator("#filters").get_by_label("Ids").select_option("both")
    status(page, "0 of 250 relations, 0 of 250 papers")


def test_the_table_as_csv(page):
    tab(page, "Relations")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    lines = download.value.path().read_text("utf-8-sig").splitlines()
    assert lines[0].startswith('"paper","head","head_type"')
    assert lines[1].startswith('"1","Lithium","chemical","","CID","tremor","disease"')
    assert len(lines) == 5


def test_the_table_leads_to_a_paper(page):
    tab(page, "Relations")
    page.locator("tbody").get_by_role("button", name="2", exact=True).click()
    assert page.locator("article.paper .id").all_inner_texts() == ["2"]
    page.get_by_role("button", name="Remove the filter paper 2").click()
    assert page.locator("article.paper").count() == 7


def test_a_graph_to_filter_by(show):
    page = show(reported.predictions(), reported.sources(), reduced_motion="reduce")
    tab(page, "Graph")
    assert page.locator(".node").count() == 4
    page.get_by_role("button", name=re.compile("^gold, chemical")).click()
    status(page, "1 of 4 relations, 1 of 7 papers")
    assert page.locator(".node").count() == 2
    page.get_by_role("button", name="Remove the filter gold").click()
    page.locator(".node").first.focus()
    told = page.locator(".told")
    sync_api.expect(told).to_have_text(re.compile("1 relation shown"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    status(page, "3 of 4 relations, 3 of 7 papers")


def test_a_node_is_dragged(show):
    page = show(reported.predictions(), reported.sources(), reduced_motion="reduce")
    tab(page, "Graph")
    box = page.locator(".node circle").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y + 40, steps=4)
    moved = page.locator(".node circle").first.bounding_box()
    page.mouse.up()
    assert abs(moved["x"] - box["x"] - 80) < 15
    status(page, "4 of 4 relations, 7 of 7 papers")


def test_answers_and_failures(page):
    tab(page, "Answers")
    bars = page.locator(".answer tr").all_inner_texts()
    assert [re.sub(r"\s+", " ", one) for one in bars] == ["yes 70.0%", "no 20.0%", "maybe 10.0%"]
    assert page.locator(".answer h3").inner_text() == "Does lithium cause tremor?"
    tab(page, "Failures")
    page.get_by_text("What the model wrote").click()
    assert page.locator("pre").inner_text() == "nothing that could be read"


def test_tabs_by_keys_and_the_way_back(page):
    page.locator("#tab-papers").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#view-relations").is_visible()
    assert page.url.endswith("#relations")
    page.go_back()
    assert page.locator("#view-papers").is_visible()


def test_a_relation_lights_its_sentence_by_key(page):
    page.locator("li.relation").nth(1).focus()
    lit = page.locator("article.paper").nth(1).locator(".passage .lit").all_text_contents()
    assert "".join(lit) == "Lithium did not cause tremor."


def test_an_entity_that_is_pointed_at_shows_its_relations(page):
    second = page.locator("article.paper").nth(1)
    second.locator("mark", has_text="tremor").hover()
    assert second.locator("li.relation.near").count() == 1
    assert second.locator("svg.lines .lit").count() == 1


WORDS = "All was quiet in each and every one of them. " * 30
LONG = reported.full(
    "9",
    ("abstract", "A long trial. We saw that drug1 caused illness1."),
    ("Methods", f"{WORDS}That is all."),
    *((f"Results / {n}", f"{WORDS}We saw that drug{n} caused illness{n}.") for n in range(2, 32)),
)


def test_a_full_text_has_small_headings_that_are_no_part_of_it(show):
    page = show(*reported.by_section(reported.FULL))
    paper = page.locator("article.paper")
    assert paper.locator("summary").all_inner_texts() == ["Methods", "Results / Renal"]
    texts = paper.locator(".passage :is(h3, p)").all_inner_texts()
    assert " ".join(texts) == " ".join(one.value.source for one in reported.FULL)
    marks = paper.locator("mark").all_text_contents()
    assert marks == ["drug1", "illness1", "drug2", "illness2"]
    assert paper.locator("svg.lines path.line").count() == 2
    assert page.locator(".long").count() == 0
    status(page, "3 of 3 relations, 1 of 1 paper")
    page.get_by_label("Search").fill("renal")
    status(page, "1 of 3 relations, 1 of 1 paper")


def test_where_nothing_was_found_is_told_in_one_line(show):
    found, sources = reported.by_section(reported.FULL)
    found = [found[0], *(one.model_copy(update={"result": []}) for one in found[1:])]
    page = show([*found, Prediction(id="1", task="bc5cdr", result=[])], sources)
    quiet = page.locator("article.paper .quiet")
    assert quiet.all_inner_texts() == [
        "no relations found in 2 of 3 sections (bc5cdr)",
        "no relations found (bc5cdr)",
    ]
    assert quiet.first.get_attribute("title") == "Methods\nResults / Renal"


def test_answers_and_failures_of_sections_say_of_which_they_are(show):
    _, sources = reported.by_section(reported.FULL)
    kinds = {"result": Answer(label="yes")}, {"error": Failure(type="ParseError", message="what")}
    found = [
        Prediction(id="8", section=section, task="pubmedqa", **kind)
        for section, kind in zip(("abstract", "Methods"), kinds, strict=True)
    ]
    page = show(found, sources)
    tab(page, "Answers")
    answer = page.locator("article.answer")
    assert answer.locator("header").inner_text() == "8\nabstract · pubmedqa"
    assert answer.locator(".text").text_content() == reported.FULL[0].value.source
    tab(page, "Failures")
    assert page.locator("article.failed header").inner_text() == "8\nMethods · pubmedqa"
    assert page.locator("article.failed h3").inner_text() == "A trial 𝛼."
    tab(page, "Papers")
    assert page.locator("article.paper .failure").inner_text() == "Methods: ParseError: what"


def test_a_long_paper_is_folded_where_nothing_was_found(show):
    page = show(*reported.by_section(LONG))
    paper = page.locator("article.paper.long")
    methods, results = (paper.locator("details").nth(place) for place in (0, 1))
    assert methods.get_attribute("open") is None
    assert results.get_attribute("open") is not None
    lines = paper.locator("svg.lines path.line")
    sync_api.expect(lines).to_have_count(31)
    results.locator("summary").click()
    sync_api.expect(lines).to_have_count(30)
    methods.locator("summary").click()
    assert methods.get_by_text("That is all.").is_visible()


@pytest.mark.parametrize("way", ["click", "key"])
def test_a_relation_of_a_long_paper_leads_to_its_sentence(show, way):
    page = show(*reported.by_section(LONG))
    last = page.locator("mark", has_text="illness31")
    sync_api.expect(last).not_to_be_in_viewport()
    last.locator("xpath=ancestor::details").locator("summary").click()
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 200)")
    item = page.locator("li.relation", has_text="illness31")
    if way == "click":
        item.click()
    else:
        item.focus()
        page.keyboard.press("Enter")
    sync_api.expect(last).to_be_in_viewport()
    page.mouse.move(0, 0)
    lit = page.locator(".passage .lit").all_text_contents()
    assert "".join(lit) == "We saw that drug31 caused illness31."


def test_an_entity_of_a_long_paper_rolls_its_relation_into_sight(show):
    page = show(*reported.by_section(LONG))
    page.set_viewport_size({"width": 1200, "height": 500})
    item = page.locator("li.relation", has_text="illness31")
    page.locator("mark", has_text="illness31").hover()
    sync_api.expect(item).to_be_in_viewport()
    assert page.evaluate("document.querySelector('.results').scrollTop") > 0


@pytest.mark.parametrize("width", [320, 800])
def test_narrow_pages_do_not_scroll_sideways(page, width):
    page.set_viewport_size({"width": width, "height": 700})
    for name in ("papers", "relations", "graph", "answers", "failures"):
        page.locator(f"#tab-{name}").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
