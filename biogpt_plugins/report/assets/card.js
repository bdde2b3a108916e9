// A paper's card: its text with the results beside it.

// Pointing at an entity highlights its relations.
function tie(rows, { element, marks }) {
  for (const [place, elements] of marks) {
    const its = rows.filter(({ relation }) => relation.head === place || relation.tail === place);
    const light = (on) => {
      element.classList.toggle("choosing", on && its.length > 0);
      if (on && its.length) roll(its[0].item);
      for (const row of its) {
        row.drawn?.classList.toggle("lit", on);
        row.item.classList.toggle("near", on);
      }
    };
    for (const one of elements) fill(one, { mouseenter: () => light(true), mouseleave: () => light(false) }, []);
  }
}

// The relations of a long paper are in a list of their own beside the text: scroll it.
function roll(item) {
  const list = item.closest(".results");
  if (list.scrollHeight > list.clientHeight) list.scrollTop = item.offsetTop - list.clientHeight / 2;
}

function card(paper, rows, shown, hidden) {
  const items = rows.map((row) => (row.item = relationItem(row, shown)));
  tie(rows, shown);
  const candidates = paper.candidates.length > 0 && candidatesOf(paper, shown);
  return make(
    "article",
    { class: paper.long ? "paper long" : "paper", "aria-label": `Paper ${paper.name}` },
    make(
      "header",
      null,
      make("span", { class: "id" }, paperLink(paper)),
      paper.question && make("h3", { class: "question" }, paper.question),
      paper.found.map((one) => one.cut && make("span", { class: "badge" }, sectionOf(one), `${plural(one.cut, "token")} cut at the end`)),
      !paper.whole && paper.rows.length > 0 && make("span", { class: "badge" }, "only the evidence sentences"),
    ),
    make(
      "div",
      { class: "halves" },
      shown.element,
      make(
        "div",
        { class: "results" },
        rows.length > 0 && make("ul", { class: "relations" }, items),
        hidden > 0 && make("p", { class: "quiet" }, `${counted(hidden)} more hidden by the filters`),
        nothingFound(paper),
        candidates,
        paper.found.map(otherResult),
      ),
    ),
  );
}

function relationItem(row, shown) {
  const light = (on) => {
    row.drawn?.classList.toggle("lit", on);
    shown.element.classList.toggle("choosing", on);
    for (const { element, spans } of shown.pieces) {
      element.classList.toggle("lit", on && spans.some((one) => one.row === row));
      const ends = [row.relation.head, row.relation.tail];
      element.classList.toggle("end", on && spans.some((one) => one.kind === "entity" && ends.includes(one.place)));
    }
  };
  const go = ({ key, target }) => (key ?? "Enter") === "Enter" && !target.closest("a, button, form") && goTo(row, shown);
  return make(
    "li",
    { class: `relation ${row.stance} ${LABEL ? labelClass(row) : ""}`, tabindex: 0, click: go, keydown: go, mouseenter: () => light(true), mouseleave: ({ target }) => light(target === document.activeElement), focus: () => light(true), blur: () => light(false) },
    statement(row),
    make("div", { class: "facts" }, scoreOf(row.relation), flagsOf(row)),
    LABEL && labelControls(row, shown),
  );
}

const statement = (row) =>
  make("div", null, end(row.head), make("span", { class: `link ${row.stance}` }, ` ${row.relation.type} → `), end(row.tail));

const end = (entity) =>
  make("span", { class: `name ${typeClass(entity.type)}`, title: entity.type }, entity.text, entity.id && make("small", null, " ", idLink(entity.id)));

function scoreOf({ score, agreement }) {
  return [
    score !== undefined && make("span", { class: "score" }, bar(score), make("span", null, figure(score))),
    agreement !== undefined && make("span", { class: "badge" }, `${percent(agreement)} of samples`),
  ];
}

// Scores of ranked pairs are often small; the page has four places of them.
const figure = (score) => (score >= 0.1 ? score.toFixed(2) : score > 0 ? score.toPrecision(1) : "< 0.0001");

function flagsOf(row) {
  const missing = [row.head, row.tail].filter((one) => one.start === undefined).map((one) => one.text);
  return [
    row.stance !== "stated" && make("span", { class: `badge ${row.stance}` }, row.stance),
    missing.length > 0 && make("span", { class: "badge missing" }, `not in the text: ${missing.join(", ")}`),
  ];
}

const sectionOf = (one) => one.section && make("span", { class: "of" }, `${one.section}: `);

// A line for each task that found no relations.
function nothingFound({ found, least }) {
  const asked = found.filter((one) => one.relations);
  return [...new Set(asked.map((one) => one.task))].map((task) => {
    const all = asked.filter((one) => one.task === task);
    const none = all.filter((one) => !one.relations.length);
    const share = all.some((one) => one.section) ? ` in ${counted(none.length)} of ${plural(all.length, "section")}` : "";
    const title = none.map((one) => one.section).filter(Boolean).join("\n") || null;
    const what = least === undefined ? "found" : `with a score of ${least} or more`;
    return none.length > 0 && make("p", { class: "quiet", title }, `no relations ${what}${share} (${task})`);
  });
}

// The parts of a prediction other than relations.
function otherResult(one) {
  return [
    one.answer && [one.section && make("p", { class: "of" }, one.section), answerBars(one.answer)],
    one.labels && make("p", null, sectionOf(one), one.labels.length ? one.labels.map((label) => make("span", { class: "badge" }, label)) : "no hallmark"),
    one.text && make("p", null, sectionOf(one), one.text),
    one.error && make("p", { class: "failure" }, sectionOf(one), `${one.error.type}: ${one.error.message}`),
    one.warnings?.map((warning) => make("p", { class: "quiet" }, sectionOf(one), warning)),
  ];
}

function paperLink(paper) {
  return /^\d{6,8}$/.test(paper.name) ? link(`https://pubmed.ncbi.nlm.nih.gov/${paper.name}/`, paper.name) : paper.name;
}

function idLink(id) {
  const mesh = /^(?:MESH:)?([CD]\d{6,9})$/i.exec(id);
  return mesh ? link(`https://meshb.nlm.nih.gov/record/ui?ui=${mesh[1]}`, id) : id;
}

function answerBars({ label, probabilities, uncalibrated, abstained }) {
  const lines = Object.entries(probabilities ?? {}).map(([name, share]) =>
    make("tr", { class: name === label ? "best" : null },
      make("th", { scope: "row" }, name), make("td", null, bar(share)), make("td", { class: "figure" }, percent(share)),
      uncalibrated && make("td", { class: "figure quiet" }, `${percent(uncalibrated[name] ?? 0)} uncalibrated`)),
  );
  return [
    label ? lines.length === 0 && make("p", null, label) : make("p", { class: "badge" }, `no answer: ${abstained}`),
    lines.length > 0 && make("table", { class: "bars" }, make("tbody", null, lines)),
  ];
}

// What colours and lines mean.
function legendOf(types, annotated) {
  const known = [...new Set(types)];
  const colours = known.map((type) => make("span", { class: `entity ${typeClass(type)}` }, type));
  const lines = ["stated", "speculated", "negated"].map((stance) =>
    make("span", { class: "key" }, draw("svg", { width: 34, height: 10, "aria-hidden": "true" }, draw("path", { d: "M1 5 H33", class: `line ${stance}` })), stance));
  const others = annotated && make("span", { class: `annotated ${typeClass(known[0])}` }, "annotated, in no relation");
  return make("p", { class: "legend" }, colours, others, lines);
}
