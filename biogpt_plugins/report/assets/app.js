// The page: filters above, views below; one set of filters for all views.
const byId = (id) => document.getElementById(id);
const WAIT = 120; // milliseconds after a key

const total = select();
const VIEWS = {
  papers: { label: "Papers", count: (found) => papersIn(found.papers), make: papersView },
  relations: { label: "Relations", count: (found) => found.rows.length, make: tableView },
  graph: { label: "Graph", count: (found) => found.edges.length, make: graphView },
  answers: { label: "Answers", count: (found) => found.answers.length, make: answersView },
  failures: { label: "Failures", count: (found) => found.failures.length, make: failuresView },
};
const shown = Object.keys(VIEWS).filter((name) => name === "papers" || VIEWS[name].count(total));
const status = make("p", { id: "status", role: "status" });
const picks = make("span", { id: "picks" });
let found = total;
let current = null;

// Filters by the clicked node, edge or paper, and opens a view.
function pick(clicked, view) {
  Object.assign(filter, NO_PICK, clicked);
  refresh();
  if (view) open(view);
}

function refresh() {
  found = select();
  for (const name of shown) {
    VIEWS[name].stale = true;
    VIEWS[name].tab.querySelector(".count").textContent = counted(VIEWS[name].count(found));
  }
  status.textContent = `${counted(found.rows.length)} of ${plural(ROWS.length, "relation")}, ${counted(papersIn(found.papers))} of ${plural(papersIn(PAPERS), "paper")}`;
  picks.replaceChildren(...pickChips());
  update();
}

function pickChips() {
  const names = [];
  if (filter.node !== null) names.push(NODES[filter.node].name);
  if (filter.edge) names.push(`${NODES[filter.edge.head].name} → ${NODES[filter.edge.tail].name}`);
  if (filter.paper) names.push(`paper ${filter.paper.name}`);
  return names.map((name) => button(`${name} ✕`, () => pick({}), { class: "chip", "aria-label": `Remove the filter ${name}` }));
}

function update() {
  const view = VIEWS[current];
  if (!view.stale) return;
  view.stale = false;
  view.view ??= view.make(found);
  if (!view.view.element.isConnected) view.panel.append(view.view.element);
  view.view.show(found);
}

function open(name) {
  if (name !== current) {
    current = name;
    for (const other of shown) {
      const on = other === name;
      VIEWS[other].tab.setAttribute("aria-selected", on);
      VIEWS[other].tab.tabIndex = on ? 0 : -1;
      VIEWS[other].panel.hidden = !on;
    }
    if (location.hash.slice(1) !== name) history.pushState(null, "", `#${name}`);
  }
  update();
}

function tabs() {
  for (const name of shown) {
    const view = VIEWS[name];
    view.tab = button(null, () => open(name), { role: "tab", id: `tab-${name}`, "aria-controls": `view-${name}`, keydown: onTabKey });
    view.tab.append(view.label, " ", make("span", { class: "count" }));
    view.panel = make("section", { role: "tabpanel", id: `view-${name}`, "aria-labelledby": `tab-${name}` });
    byId("tabs").append(view.tab);
    byId("views").append(view.panel);
  }
}

function onTabKey(event) {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  const next = shown[(shown.indexOf(current) + by + shown.length) % shown.length];
  open(next);
  VIEWS[next].tab.focus();
}

function filters() {
  const form = byId("filters");
  let timer = 0;
  const change = () => {
    for (const name of Object.keys(NO_FILTER)) {
      const field = form.elements[name];
      if (field) filter[name] = field.type === "range" ? Number(field.value) : field.value;
    }
    const score = form.querySelector("output");
    if (score) score.textContent = filter.score ? filter.score.toFixed(2) : "any";
    refresh();
  };
  const distinct = (values) => [...new Set(values)].sort();
  const choice = (name, label, options) =>
    make("label", null, label, make("select", { name }, make("option", { value: "" }, "any"), options.map(([value, text]) => make("option", { value }, text ?? value))));
  const of = (name, label, values) => values.length > 1 && choice(name, label, values.map((value) => [value]));
  const scored = ROWS.some((row) => row.relation.score !== undefined);
  form.append(
    ...[
      make("label", { class: "search" }, "Search", make("input", { type: "search", name: "words", placeholder: "words, names, ids", autocomplete: "off", spellcheck: "false" })),
      of("task", "Task", distinct(PAPERS.flatMap((paper) => paper.found.map((one) => one.task)))),
      of("relation", "Relation", distinct(ROWS.map((row) => row.relation.type))),
      of("entity", "Entity", distinct(NODES.map((node) => node.type))),
      ROWS.length && choice("stance", "Statement", [["stated", "stated plainly"], ["speculated"], ["negated"]]),
      ROWS.length && choice("grounding", "In the text", [["both", "both ends"], ["missing", "an end missing"]]),
      NODES.some((node) => node.id) && choice("id", "Ids", [["both", "both ends"], ["missing", "an end without id"]]),
      scored && make("label", null, make("span", null, "Minimum score ", make("output", null, "any")), make("input", { type: "range", name: "score", min: 0, max: 1, step: 0.05, value: 0 })),
      button("Reset", () => {
        form.reset();
        Object.assign(filter, NO_PICK);
        change();
      }),
      picks,
      status,
    ].filter(Boolean),
  );
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(change, WAIT);
  });
}

function summary() {
  const grounded = ROWS.filter((row) => row.grounded).length;
  const candidates = PAPERS.reduce((sum, paper) => sum + paper.candidates.length, 0);
  const models = [...new Set(PAPERS.flatMap((paper) => paper.found.map((one) => one.model)).filter(Boolean))];
  const parts = [
    plural(papersIn(PAPERS), "paper"),
    ROWS.length && `${plural(ROWS.length, "relation")}, ${percent(grounded / ROWS.length)} with both ends in the text`,
    candidates > 0 && `${plural(candidates, "candidate")} below a score of ${LEAST}`,
    total.answers.length && plural(total.answers.length, "answer"),
    total.failures.length && plural(total.failures.length, "failure"),
    models.length && `by ${models.join(", ")}`,
  ];
  byId("summary").textContent = parts.filter(Boolean).join(" · ");
}

function legend() {
  if (!ROWS.length) return;
  const annotated = PAPERS.some((paper) => paper.annotated.length);
  document.querySelector(".top").append(legendOf(NODES.map((node) => node.type), annotated));
}

summary();
legend();
filters();
tabs();
const wanted = () => (shown.includes(location.hash.slice(1)) ? location.hash.slice(1) : ROWS.length || !total.answers.length ? "papers" : "answers");
addEventListener("popstate", () => open(wanted()));
history.replaceState(null, "", `#${wanted()}`);
open(wanted());
refresh();
