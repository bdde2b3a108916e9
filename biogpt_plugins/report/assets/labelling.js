// Labelling: buttons and keys for each relation, and a bar with counts and the training data.
const STOP = ".relation.asked, .finish";
const KEYS = { j: "next", k: "previous", a: "accept", r: "reject", e: "edit", u: "undo", m: "add a missed relation", d: "finish the paper", n: "next paper to do" };
let board = null; // the papers view: { list, redraw, drawn, papers, show }, and the bar

// A paper with its rows as the labels have them: mended and added relations are rows too.
function labelled(paper, rows) {
  if (!paper.label) return { paper, rows };
  const entities = [...paper.entities];
  const place = (end) => {
    const at = entities.findIndex((one) => one.start === end.start && one.text === end.text);
    return at < 0 ? entities.push(end) - 1 : at;
  };
  const own = (given, base) => {
    const { head, type, tail } = given;
    const relation = { head: place(head), type, tail: place(tail) };
    return { paper, base, given, found: { task: LABEL.task }, relation, head, tail, stance: "stated", grounded: true };
  };
  const mended = rows.map((row) => (canLabel(row) && verdictOf(row)?.head ? own(verdictOf(row), row) : row));
  return { rows: [...mended, ...labelsOf(paper).added.map((one) => own(one, null))], paper: { ...paper, entities } };
}

const verdictName = (row) => (!row.given ? verdictOf(row) : row.base ? "mended" : "added");
const labelClass = (row) => (canLabel(row) ? `asked ${verdictName(row) ?? "open"}` : "");

function labelControls(row, shown) {
  if (!canLabel(row)) return null;
  if (isWritten(row)) return relationForm(writing, shown);
  const verdict = verdictName(row);
  const said = `${row.head.text} ${row.relation.type} ${row.tail.text}`;
  const act = (name, sign, label, more) =>
    button(`${sign} ${label}`, () => perform(verdict === name ? "undo" : name, row, name), { "data-act": name, "aria-label": `${label}: ${said}`, ...more });
  const judge = (name, sign, label, more) => act(name, sign, label, { "aria-pressed": String(verdict === name), ...more });
  const wrong = hindrance(row);
  const choices = row.given
    ? [make("span", { class: "badge" }, verdict), act("undo", "↶", row.base ? "Undo" : "Remove")]
    : [judge("accept", "✓", "Accept", { disabled: Boolean(wrong), title: wrong }), judge("reject", "✗", "Reject")];
  return make("div", { class: "verdict" }, choices, act("edit", "✎", "Edit"));
}

// Why a relation cannot be accepted as it is; null if it can.
function hindrance({ grounded, relation }) {
  if (!grounded) return "An end is not in the text: edit the relation (e), or reject it (r).";
  const known = !LABEL.closed || LABEL.types.includes(relation.type);
  return known ? null : `The task has no relation ${relation.type}: edit it (e), or reject it (r).`;
}

// What stands below the relations of a paper.
function labelFooter(paper, shown) {
  const open = unjudged(paper);
  const inSight = open.filter((row) => shown.rows.includes(row)).length; // filters may hide others
  const complete = isComplete(paper);
  const asked = ASKED.get(paper.id).length;
  const finish = (label, more) => button(label, () => finishPaper(paper), { "data-act": "finish", ...more });
  return make(
    "div",
    { class: "labels" },
    writing?.paper === paper && !writing.row && relationForm(writing, shown),
    make(
      "div",
      { class: "verdict" },
      make("span", { class: `badge ${complete ? "complete" : ""}` }, complete ? "complete" : asked ? `${counted(open.length)} to judge` : "to do"),
      button("+ Add a relation", () => openForm(paper, null), { "data-act": "add" }),
      inSight > 1 && finish(`✗ Reject ${inSight < asked ? "the other" : "all"} ${counted(inSight)}`),
      !asked && finish(goldOf(paper).length ? "✓ Done" : "✓ Done: no relations", { class: "finish", "aria-pressed": String(complete) }),
    ),
  );
}

// Does what a button or a key says of a relation. The button `focus`, or the relation, has the focus then.
function perform(act, row, focus) {
  const shown = row.given ? row.base : row;
  if (act === "edit") return openForm(row.paper, row);
  if (act === "accept" && row.given) return tell(`This relation was ${verdictName(row)}: it counts as accepted.`);
  if (act === "accept" && hindrance(row)) return tell(hindrance(row));
  if (shown) setVerdict(shown, act === "undo" ? undefined : act);
  else setLabels(row.paper, { added: labelsOf(row.paper).added.filter((one) => one !== row.given) });
  return redrawAt(row.paper, row.item, focus);
}

function finishPaper(paper) {
  const { rows } = board.drawn.get(paper);
  for (const row of unjudged(paper)) if (rows.includes(row)) setVerdict(row, "reject");
  if (!ASKED.get(paper.id).length) setLabels(paper, { done: !labelsOf(paper).done });
  redrawAt(paper, null, "finish");
}

function openForm(paper, row) {
  const before = writing?.paper;
  writing = { paper, row };
  if (before && before !== paper) board.redraw(before);
  board.redraw(paper);
  board.drawn.get(paper).element.querySelector(".label-form input").focus();
}

function closeForm() {
  const { paper, row } = writing;
  writing = null;
  redrawAt(paper, row?.item, "add");
}

// Draws a paper again. The relation that was at the place of `item` gets the focus, or its button.
function redrawAt(paper, item, focus) {
  const at = item ? stopsOf(paper).findIndex((one) => one === item || one.contains(document.activeElement)) : -1;
  board.redraw(paper);
  board.bar.show();
  const stop = stopsOf(paper)[at];
  const within = stop ?? board.drawn.get(paper).element;
  const target = within.querySelector(`[data-act="${focus}"]`) ?? stop ?? stopsOf(paper).at(-1) ?? within.querySelector("button");
  target.focus({ preventScroll: true });
}

const stopsOf = (paper) => [...board.drawn.get(paper).element.querySelectorAll(STOP)];
const tell = (said) => board.bar.show(said);

function move(by) {
  const stops = () => [...board.list.element.querySelectorAll(STOP)];
  const at = stops().indexOf(document.activeElement.closest(STOP));
  const inSight = () => stops().find((one) => one.getBoundingClientRect().top >= 0) ?? stops()[0];
  let next = at < 0 ? inSight() : stops()[at + by];
  if (!next && board.list.turn(by)) next = stops().at(by > 0 ? 0 : -1);
  stopAt(next);
}

function stopAt(stop) {
  stop?.focus({ preventScroll: true });
  stop?.scrollIntoView({ block: "nearest" });
}

const paperOf = (element) => board.papers().find((paper) => paper.label && board.drawn.get(paper)?.element.contains(element));

// Goes to the first paper that is not complete, after the one that has the focus.
function nextToDo() {
  const papers = board.papers().filter((paper) => paper.label);
  const after = papers.indexOf(paperOf(document.activeElement)) + 1;
  const next = [...papers.slice(after), ...papers.slice(0, after)].find((paper) => !isComplete(paper));
  if (!next) return tell("All papers that the filters show are complete.");
  board.list.reach(next);
  const { element } = board.drawn.get(next);
  return stopAt(element.querySelector(".relation.open, .finish") ?? element.querySelector(STOP));
}

function onLabelKey(event) {
  const { key, target } = event;
  const typed = event.ctrlKey || event.metaKey || event.altKey || target.closest("input, select, textarea, form");
  if (typed || current !== "papers" || !(key in KEYS)) return;
  event.preventDefault();
  if (key === "j" || key === "k") return move(key === "j" ? 1 : -1);
  if (key === "n") return nextToDo();
  const paper = paperOf(target);
  if (paper && key === "m") return openForm(paper, null);
  if (paper && key === "d") return finishPaper(paper);
  const row = paper && board.drawn.get(paper).rows.find((one) => canLabel(one) && one.item.contains(target));
  if (!row) return tell("Go to a relation first (j).");
  perform(KEYS[key], row, null);
  if (key === "r" || (key === "a" && !hindrance(row))) move(1);
  return undefined;
}

// The bar below the papers.
function labelBar() {
  const counts = make("span", { class: "count" });
  const note = make("p", { class: "quiet", role: "status" });
  const save = button("", saveLabels, { class: "save" });
  const load = async () => {
    const said = loadLabels(await file.files[0].text());
    file.value = "";
    board.show();
    tell(said);
  };
  const file = make("input", { type: "file", accept: ".jsonl,.json", "aria-label": "Labels to load", hidden: true, change: load });
  const keys = Object.entries(KEYS).map(([key, what]) => make("span", { class: "key" }, make("kbd", null, key), what));
  const element = make(
    "section",
    { class: "label-bar", "aria-label": "Labels" },
    make("div", { class: "verdict" }, counts, save, button("Load JSONL", () => file.click()), file, button("Next to do", nextToDo)),
    make("details", { open: matchMedia("(min-width: 56rem)").matches }, make("summary", null, "Keys, and where labels are kept"),
      make("p", { class: "quiet legend" }, keys),
      make("p", { class: "quiet" }, "This browser keeps the labels, for this report only. Save them as JSONL to train on them, or to go on elsewhere.")),
    note,
  );
  const show = (said) => {
    const complete = TO_LABEL.filter(isComplete);
    const all = [...ASKED.values()].flat();
    const left = TO_LABEL.length - complete.length;
    const empty = complete.filter((paper) => !goldOf(paper).length).length;
    counts.textContent = `${counted(all.filter(verdictOf).length)} of ${plural(all.length, "relation")} judged · ${counted(complete.length)} of ${plural(TO_LABEL.length, "paper")} complete`;
    save.textContent = `Save ${plural(complete.length, "paper")} as JSONL${left ? ` (${counted(left)} not yet complete)` : ""}`;
    save.disabled = !complete.length;
    note.textContent = [
      said,
      !kept && "This browser does not keep labels: save them before you close the page.",
      empty > 0 && `${plural(empty, "complete paper")} without relations${LABEL.nothing ? "" : ": biogpt finetune leaves them out, because this task has no words for “nothing”"}.`,
    ].filter(Boolean).join(" ");
  };
  return { element, show };
}

function startLabelling(view) {
  board = { ...view, bar: labelBar() };
  recall();
  board.bar.show();
  addEventListener("keydown", onLabelKey);
  // The same report in another tab.
  addEventListener("storage", ({ key }) => {
    if (key !== STORE) return;
    recall();
    board.show();
    board.bar.show();
  });
  return board.bar.element;
}
