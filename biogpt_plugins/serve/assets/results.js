// The papers of the text, each in a card with all that was asked about it.
const LABEL = undefined; // nothing is labelled here
const entries = [];
const predictions = []; // what can be saved
const resized = new ResizeObserver(() => entries.forEach((entry) => drawLines(entry.passage)));

function showPapers(papers, faults) {
  entries.length = predictions.length = 0;
  resized.disconnect();
  const told = faults.map((fault) => make("p", { class: "failure" }, fault));
  const tools = make("p", { class: "tools", hidden: true }, button("Save as JSON Lines", save), make("span", null, "The number of a relation is its probability."));
  const legend = make("div", { id: "legend" });
  byId("results").replaceChildren(...told, tools, legend);
  papers.forEach((record, place) => {
    const name = record.id ?? (papers.length > 1 ? `no. ${place + 1}` : "");
    const entry = { record, name, paper: plain(record), answers: [], written: "", element: make("div"), running: false };
    entries.push(entry);
    byId("results").append(entry.element);
    show(entry);
  });
}

// A paper of which nothing was asked yet.
function plain({ title, abstract, entities }) {
  const segments = [[0, title], [title ? Array.from(title).length + 1 : 0, abstract]].filter(([, text]) => text);
  const annotated = entities.filter((one) => one.start !== null).map((one) => Object.fromEntries(Object.entries(one).filter(([, value]) => value !== null)));
  return { title: Boolean(title), whole: true, segments, annotated, found: [] };
}

function show(entry) {
  const { paper, answers, name, element } = entry;
  const of = prepare({ ...paper, found: [...paper.found, ...answers] }, name, { least: entry.least });
  entry.passage = passage(of, of.rows);
  const made = card(of, of.rows, entry.passage, 0);
  if (!name) made.setAttribute("aria-label", "Paper");
  made.classList.toggle("running", entry.running);
  made.setAttribute("aria-busy", entry.running);
  entry.pre = make("pre", null, entry.written);
  if (entry.written)
    made.querySelector(".results").append(make("details", { class: "written", open: entry.open, toggle: ({ target }) => (entry.open = target.open) }, make("summary", null, "What the model wrote"), entry.pre));
  const places = (holder) => [...holder.querySelectorAll("[tabindex], summary, a")];
  const focused = places(element).indexOf(document.activeElement);
  resized.unobserve(element);
  element.replaceWith(made);
  entry.element = made;
  if (focused >= 0) places(made)[focused]?.focus({ preventScroll: true });
  resized.observe(made);
  drawLines(entry.passage);
  const known = entries.flatMap((one) => [...(one.paper.entities ?? []), ...(one.paper.annotated ?? [])]).map((one) => one.type.toLowerCase());
  byId("legend").replaceChildren(...(known.length ? [legendOf(known, entries.some((one) => one.paper.annotated?.length))] : []));
}

// Reads a paper, and shows its relations while they are written.
async function watch(entry, wanted, signal, told) {
  Object.assign(entry, { running: true, signal, written: "", paper: plain(entry.record), least: wanted.least });
  show(entry);
  try {
    const response = await call("v1/watch", { paper: entry.record, ...wanted }, signal);
    let last = null;
    for await (const step of linesOf(response, signal)) {
      last = step;
      if (step.error) throw new Trouble(step.error.message);
      add(entry, step, told);
    }
    if (!last?.prediction) throw new Trouble("The answer broke off: try again.");
  } finally {
    if (entry.signal === signal) finish(entry);
  }
}

function finish(entry) {
  const stopped = entry.running && entry.paper.found.length > 0;
  if (stopped) entry.paper.found[0].warnings = ["stopped before the end: there may be more"];
  entry.running = false;
  show(entry);
}

function add(entry, { written, paper, prediction, warnings }, told) {
  const first = !entry.written;
  entry.written += written ?? "";
  entry.pre.textContent = entry.written;
  if (paper) entry.paper = paper;
  if (prediction) {
    entry.running = false;
    entry.written = prediction.completion ?? "";
    paper.found[0].warnings = [...(warnings ?? []), ...(paper.found[0].warnings ?? [])];
    keep(prediction);
  }
  if (paper || (first && entry.written)) show(entry);
  if (paper) told();
}

// Adds an answer to its paper's card; the question stands where a report has the section.
function addAnswer(entry, question, prediction, warnings) {
  const { task, model, result, error } = prediction;
  entry.answers.push({ task, model, section: question, answer: result, error, warnings: [...warnings, ...prediction.warnings] });
  keep(prediction);
  show(entry);
}

function addDescription(term, { result, error, warnings }, also) {
  const told = [...also, ...warnings].map((one) => make("p", { class: "quiet" }, one));
  const said = error ? make("p", { class: "failure" }, `${error.type}: ${error.message}`) : make("p", null, result);
  byId("results").prepend(make("article", { class: "answer" }, make("header", null, make("h3", { class: "question" }, term)), said, told));
}

function keep(prediction) {
  predictions.push(prediction);
  byId("results").querySelector(".tools").hidden = false;
}

function save() {
  download(predictions.map((one) => `${JSON.stringify(one)}\n`), "application/jsonl", "biogpt.jsonl");
}
