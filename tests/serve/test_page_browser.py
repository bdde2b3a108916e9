"""The page at `/` in a browser: what people see, by mouse and keys, and that it does no harm.

They need Playwright (`pip install playwright`) and a Chromium: Playwright's own, or one that is
named in CHROMIUM or is on the path.
"""

import json
import re
from threading import Event

import pytest
from browsing import NO_PLAYWRIGHT
from doubles import Ruled
from held import PATIENCE, Held
from reported import HOSTILE

from biogpt_plugins.serve import Limits
from biogpt_plugins.testing import ScriptedEngine

sync_api = pytest.importorskip("playwright.sync_api", reason=NO_PLAYWRIGHT)
pytestmark = pytest.mark.enable_socket
expect = sync_api.expect

TREMOR = "the relation between lithium and tremor exists"
GOITRE = "the relation between lithium and goitre exists"
TEXT = "Lithium caused tremor and goitre in a man."
PUBTATOR = "1|t|Lithium.\n1|a|Lithium caused tremor.\n\n2|t|Gold.\n2|a|Gold did not cause tremor.\n"


class Halting(ScriptedEngine):
    """Stops before its second clause until `freed` is set; `left` is set if nobody waits for it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.freed, self.left = Event(), Event()

    def stream(self, *args, **kwargs):
        written = ""
        try:
            for chunk in super().stream(*args, **kwargs):
                written += chunk.text
                yield chunk
                if written.endswith("exists; the "):
                    assert self.freed.wait(PATIENCE)
        finally:
            self.left.set()


def said(page, text):
    expect(page.locator("#said")).to_have_text(text)


def trouble(page, text):
    expect(page.locator("#problem")).to_contain_text(text)


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def find(page, text=TEXT):
    page.get_by_label("Paper", exact=True).fill(text)
    press(page, "Find relations")


def statements(page):
    """What is said of relations beside the texts."""
    return [re.sub(r"\s+", " ", one) for one in page.locator("li.relation").all_inner_texts()]


class TestRelations:
    def test_the_example_has_its_relations_marked_with_their_probabilities(self, serve, visit):
        script = f"{TREMOR}; the relation between lithium and hypothyroidism exists."
        engine = ScriptedEngine([script], logprob=-0.01)
        engine.free_logprobs = True
        page = visit(serve(engine, tasks=["bc5cdr"]))
        press(page, "Example")
        press(page, "Find relations")
        said(page, "Done: 2 relations in 1 paper.")
        card = page.get_by_role("article", name="Paper sample-1")
        assert {*card.locator("mark").all_text_contents()} == {"Lithium", "lithium"} | {
            "Tremor",
            "hypothyroidism",
        }
        assert "levothyroxine" in card.locator(".annotated").all_text_contents()
        expect(card.locator("svg.lines path.line")).to_have_count(2)
        assert [re.search(r"[\d.]+$", one)[0] for one in statements(page)] == ["0.93", "0.93"]
        expect(page.locator("#legend .entity")).to_have_text(["chemical", "disease"])
        assert "solved examples instead" in card.locator(".results").inner_text()

    def test_they_are_there_while_the_model_writes(self, serve, visit):
        engine = Halting([f"{TREMOR}; {GOITRE}."])
        page = visit(serve(engine, tasks=["bc5cdr"]))
        find(page)
        said(page, "Reading the paper: 1 relation so far")
        card = page.locator("article[aria-busy=true]")
        expect(card.locator("mark")).to_have_text(["Lithium", "tremor"])
        assert not engine.left.is_set()
        card.locator("li.relation").focus()
        engine.freed.set()
        said(page, "Done: 2 relations in 1 paper.")
        expect(page.locator("article[aria-busy=true]")).to_have_count(0)
        expect(page.locator("li.relation").first).to_be_focused()
        page.get_by_text("What the model wrote").click()
        assert page.locator(".written pre").inner_text() == f"{TREMOR}; {GOITRE}."

    def test_stop_cancels_the_work_and_keeps_what_was_found(self, serve, visit):
        engine = Halting([f"{TREMOR}; {GOITRE}."])
        page = visit(serve(engine, tasks=["bc5cdr"]))
        find(page)
        said(page, "Reading the paper: 1 relation so far")
        stop = page.get_by_role("button", name="Stop")
        stop.focus()
        page.keyboard.press("Enter")
        said(page, "Stopped.")
        engine.freed.set()
        assert engine.left.wait(PATIENCE)
        expect(stop).to_be_hidden()
        expect(page.get_by_role("button", name="Find relations")).to_be_focused()
        expect(page.locator("mark")).to_have_text(["Lithium", "tremor"])
        assert "stopped before the end" in page.locator(".results").inner_text()

    def test_escape_stops_what_has_not_begun(self, serve, visit):
        engine = Held([TREMOR])
        page = visit(serve(engine, tasks=["bc5cdr"]))
        find(page)
        assert engine.started.wait(PATIENCE)
        page.keyboard.press("Escape")
        said(page, "Stopped.")
        assert engine.stopped.wait(PATIENCE)

    def test_several_papers_one_after_the_other(self, serve, visit):
        script = [f"{TREMOR}.", "the relation between gold and tremor exists."]
        page = visit(serve(ScriptedEngine(script), tasks=["bc5cdr"]))
        find(page, PUBTATOR)
        said(page, "Done: 2 relations in 2 papers.")
        expect(page.locator("article .id")).to_have_text(["1", "2"])
        expect(page.locator("path.line.negated")).to_have_count(2)  # one in the legend
        with page.expect_download() as download:
            press(page, "Save as JSON Lines")
        lines = download.value.path().read_text("utf-8").splitlines()
        assert [json.loads(line)["id"] for line in lines] == ["1", "2"]

    def test_a_long_text_is_marked_across_its_windows(self, serve, visit):
        text = " ".join(f"We saw that drug{n} caused illness{n} in a man." for n in range(12))
        page = visit(serve(Ruled(context_size=160), tasks=["bc5cdr"]))
        find(page, text)
        said(page, "Done: 12 relations in 1 paper.")
        expected = [name for n in range(12) for name in (f"drug{n}", f"illness{n}")]
        expect(page.locator("mark")).to_have_text(expected)
        assert "it was read in" in page.locator(".results").inner_text()

    def test_pairs_of_annotated_entities_are_ranked(self, serve, visit):
        page = visit(serve(ScriptedEngine(probabilities=[[0.9, 0.1]]), tasks=["bc5cdr"]))
        page.get_by_label("How").select_option(label="all pairs of annotated entities")
        page.get_by_label("Least probability").fill("0.6")
        mentions = (
            "1\t0\t4\tGold\tChemical\tA\n1\t6\t9\ttin\tChemical\tB\n1\t14\t18\trash\tDisease\tC"
        )
        find(page, f"1|t|Gold, tin and rash.\n1|a|Fine.\n{mentions}\n")
        said(page, "Done: 1 relation in 1 paper.")
        assert statements(page)[0].startswith("Gold A CID → rash C 0.90")
        page.get_by_text("1 candidate below 0.6").click()
        expect(page.locator(".pair .badge")).to_have_text(["accepted", "candidate"])

    def test_a_task_that_the_model_was_not_trained_for_is_told(self, served, visit):
        page = visit(served)
        groups = page.locator("#task optgroup")
        assert groups.first.get_attribute("label") == "The model was trained for"
        page.get_by_label("Task").select_option("kd_dti")
        expect(page.locator("#task-help")).to_contain_text("its results are unreliable")
        expect(page.get_by_role("note")).to_contain_text("do not rely on its results")
        expect(page.get_by_role("button", name="Describe")).to_be_hidden()


class TestQuestions:
    def test_an_answer_has_its_probabilities_and_stays_beside_the_relations(self, serve, visit):
        engine = ScriptedEngine([f"{TREMOR}."], probabilities=[[0.7, 0.2, 0.1]])
        page = visit(serve(engine, tasks=["bc5cdr", "pubmedqa"]))
        find(page)
        said(page, "Done: 1 relation in 1 paper.")
        page.get_by_label("Question").fill("Does lithium cause tremor?")
        page.keyboard.press("Enter")
        said(page, "Answered: yes.")
        expect(page.locator("article")).to_have_count(1)
        bars = page.locator(".bars tr").all_inner_texts()
        assert [one.split() for one in bars] == [
            ["yes", "70.0%"],
            ["no", "20.0%"],
            ["maybe", "10.0%"],
        ]
        assert len(statements(page)) == 1
        assert "Does lithium cause tremor?" in page.locator(".results").inner_text()
        assert TEXT in engine.history[-1].source

    @pytest.mark.parametrize("width", [320, 1200])
    def test_calibrated_probabilities_fit_on_the_screen_unbroken(self, served, visit, width):
        page = visit(served, viewport={"width": width, "height": 700})
        page.get_by_label("Paper", exact=True).fill(TEXT)
        page.get_by_label("Question").fill("Does lithium cause tremor?")
        page.keyboard.press("Enter")
        expect(page.locator(".bars .quiet").first).to_contain_text("uncalibrated")
        lines = page.eval_on_selector_all(
            ".bars th, .bars .figure:not(.quiet)",
            """found => found.map((cell) => {
                const text = document.createRange();
                text.selectNodeContents(cell);
                return new Set([...text.getClientRects()].map((one) => one.top)).size;
            })""",
        )
        assert lines == [1] * 6
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    def test_what_is_missing_is_asked_for(self, serve, visit):
        page = visit(serve(ScriptedEngine(), tasks=["pubmedqa", "describe"]))
        press(page, "Ask")
        trouble(page, "There is no question: write one.")
        expect(page.get_by_label("Question")).to_be_focused()
        page.get_by_label("Question").fill("Why?")
        press(page, "Ask")
        trouble(page, "There is no text")
        expect(page.get_by_label("Paper", exact=True)).to_be_focused()
        expect(page.get_by_role("button", name="Find relations")).to_be_hidden()

    def test_a_pretrained_model_describes_terms(self, serve, visit):
        page = visit(serve(ScriptedEngine(["a light metal."]), tasks=["describe"]))
        page.get_by_label("Term").fill("lithium")
        press(page, "Describe")
        said(page, "Described: lithium.")
        assert page.locator("article").inner_text().split("\n") == ["lithium", "", "a light metal."]


class TestHarm:
    def test_texts_that_mean_harm_are_shown_as_they_are(self, serve, visit):
        bad = HOSTILE[1]
        script = [f"the relation between {bad} and {HOSTILE[0]} exists.", *HOSTILE[:2], HOSTILE[4]]
        engine = ScriptedEngine(script, probabilities=[[0.7, 0.2, 0.1]])
        page = visit(serve(engine, tasks=["bc5cdr", "pubmedqa", "describe"]))
        papers = [
            {"id": one, "title": one, "abstract": f"{bad} {HOSTILE[0]}"} for one in HOSTILE[:3]
        ]
        find(page, "".join(f"{json.dumps(one)}\n" for one in papers))
        said(page, re.compile(r"^Done: .* 2 could not be read\.$"))
        page.get_by_label("Question").fill(HOSTILE[4])
        engine._probabilities *= 3
        press(page, "Ask")
        said(page, "Answered: yes, yes, yes.")
        page.get_by_label("Term").fill(bad)
        press(page, "Describe")
        said(page, f"Described: {bad}.")
        assert page.locator("article h3").all_text_contents()[1:] == list(HOSTILE[:3])
        assert page.evaluate("window.owned") is None
        expect(page.locator("img")).to_have_count(0)
        expect(page.locator("script")).to_have_count(1)
        addresses = page.eval_on_selector_all("a", "found => found.map((one) => one.href)")
        assert [one for one in addresses if not one.startswith(page.url)] == []

    def test_markup_that_got_into_the_page_could_not_run(self, serve, visit):
        page = visit(serve(ScriptedEngine()))
        refused = page.evaluate(
            """() => {
                try {
                    const bad = "<img src=x onerror='window.owned = 1'>";
                    document.body.insertAdjacentHTML("beforeend", bad);
                } catch (error) {
                    return error.name;
                }
            }"""
        )
        assert refused == "TypeError"  # of Trusted Types
        assert page.evaluate("window.owned") is None
        assert any("Trusted" in text for text in visit.said)
        visit.said.clear()


class TestTrouble:
    def test_a_token_is_asked_for_and_kept_out_of_the_address(self, serve, visit):
        client = serve(ScriptedEngine([f"{TREMOR}."]), tasks=["bc5cdr"], tokens=["open-sesame-1"])
        page = visit(client)
        token = page.get_by_label("Token")
        expect(token).to_be_focused()
        expect(page.get_by_label("Paper", exact=True)).to_be_hidden()
        expect(page.locator("#problem")).to_be_empty()
        token.fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Stop")).to_be_hidden()
        trouble(page, "The token is not valid: check it.")
        token.fill("wröng token")
        press(page, "Use the token")
        trouble(page, "only letters, digits and signs of ASCII")
        token.fill("open-sesame-1")
        press(page, "Use the token")
        expect(token).to_be_hidden()
        find(page)
        said(page, "Done: 1 relation in 1 paper.")
        page.reload()
        expect(page.get_by_role("button", name="Find relations")).to_be_visible()
        assert "open-sesame" not in "".join(visit.asked)
        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        visit.said.clear()

    def test_a_busy_server(self, serve, visit):
        engine = Held([TREMOR])
        client = serve(engine, tasks=["bc5cdr", "pubmedqa"], limits=Limits(requests=1))
        page, other = visit(client), visit(client)
        find(page)
        assert engine.started.wait(PATIENCE)
        find(other)
        trouble(other, "The server is busy with 1 result: try again in 1 s.")
        engine.freed.set()
        visit.said.clear()

    def test_a_text_that_is_too_long(self, serve, visit):
        page = visit(serve(ScriptedEngine(), tasks=["bc5cdr"], limits=Limits(body=2000)))
        find(page, "a " * 1500)
        trouble(page, "The request is larger than 2,000 bytes: divide it.")
        visit.said.clear()

    def test_a_completion_that_cannot_be_read(self, serve, visit):
        page = visit(serve(ScriptedEngine(["what is this"]), tasks=["bc5cdr"]))
        find(page)
        said(page, "Done: 0 relations in 1 paper; 1 could not be read.")
        assert "ParseError" in page.locator(".results .failure").inner_text()
        page.get_by_text("What the model wrote").click()
        assert page.locator(".written pre").inner_text() == "what is this"

    def test_what_is_no_paper_can_be_read_as_plain_text(self, serve, visit):
        page = visit(serve(ScriptedEngine([f"{TREMOR}."]), tasks=["bc5cdr"]))
        find(page, f"1. {TEXT}\nPMID: 12345")
        trouble(page, 'format "text" reads it as one text.')
        page.get_by_label("Format").select_option(label="plain text")
        press(page, "Find relations")
        said(page, "Done: 1 relation in 1 paper.")
        expect(page.locator("#problem")).to_be_empty()
        visit.said.clear()

    def test_a_server_that_has_gone(self, serve, visit):
        page = visit(serve(ScriptedEngine(), tasks=["bc5cdr"]))
        expect(page.get_by_role("button", name="Find relations")).to_be_visible()
        page.context.set_offline(True)
        find(page)
        trouble(page, "The server cannot be reached")
        visit.said.clear()


class TestEverybody:
    def test_by_keys_alone(self, serve, visit):
        page = visit(serve(ScriptedEngine([f"{TREMOR}."]), tasks=["bc5cdr"]))
        expect(page.get_by_role("button", name="Find relations")).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the results")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.insert_text(TEXT)
        page.keyboard.press("Control+Enter")
        said(page, "Done: 1 relation in 1 paper.")
        page.locator("li.relation").focus()
        expect(page.locator(".passage .end")).to_have_text(["Lithium", "tremor"])

    def test_what_happens_is_announced(self, serve, visit):
        page = visit(serve(ScriptedEngine([f"{TREMOR}."]), tasks=["bc5cdr"]))
        assert page.get_by_role("status").get_attribute("id") == "said"
        assert page.get_by_role("alert").get_attribute("id") == "problem"
        expect(page.get_by_role("region", name="Results")).to_have_count(1)

    @pytest.mark.parametrize("width", [320, 390, 700, 1200])
    def test_nothing_is_wider_than_the_screen(self, serve, visit, width):
        client = serve(ScriptedEngine([f"{TREMOR}."]))
        page = visit(client, viewport={"width": width, "height": 700})
        find(page)
        said(page, "Done: 1 relation in 1 paper.")
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_texts_and_buttons_stand_out(self, serve, visit, scheme):
        page = visit(serve(ScriptedEngine()), color_scheme=scheme)
        expect(page.get_by_role("button", name="Find relations")).to_be_visible()
        for name in ("body", "#summary", "#find .main", "#text", "#text-help"):
            assert contrast(page, name) >= 4.5, name


def contrast(page, selector):
    """The contrast of an element's text with what is behind it, as WCAG measures it."""
    found = page.locator(selector).first.evaluate(
        """element => {
            const colours = [getComputedStyle(element).color];
            for (let one = element; one && colours.length < 2; one = one.parentElement) {
                const behind = getComputedStyle(one).backgroundColor;
                if (behind !== "rgba(0, 0, 0, 0)") colours.push(behind);
            }
            return colours;
        }"""
    )
    lights = sorted(luminance(*map(int, re.findall(r"\d+", colour)[:3])) for colour in found)
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(*colour):
    shares = [one / 255 for one in colour]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
