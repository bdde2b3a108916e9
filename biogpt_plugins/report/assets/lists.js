// Answers and failures.
const LISTED = 50;

function answersView(found) {
  const order = make("select", { change: () => show(found) }, ["reading order", "most certain first", "least certain first"].map((name) => make("option", null, name)));
  const label = make("select", { change: () => show(found) }, make("option", { value: "" }, "any"),
    ["yes", "no", "maybe", "none"].map((name) => make("option", null, name)));
  const list = paged({ size: LISTED, nothing: "No answers match the filters.", list: (items) => make("div", { class: "answers" }, items), item: answerCard });
  const tools = make("p", { class: "tools" }, make("label", null, "Answer ", label), make("label", null, "Order ", order));
  const sure = ({ answer }) => Math.max(0, ...Object.values(answer.probabilities ?? {}));
  function show(given) {
    found = given;
    const left = found.answers.filter((one) => !label.value || (one.answer.label ?? "none") === label.value);
    const sign = order.selectedIndex === 1 ? -1 : 1;
    list.show(order.selectedIndex ? left.sort((one, other) => sign * (sure(one) - sure(other))) : left);
  }
  return { element: make("div", null, tools, list.element), show };
}

function answerCard({ paper, answer, task, section }) {
  return make(
    "article",
    { class: "answer" },
    make("header", null, make("span", { class: "id" }, paperLink(paper)), make("span", { class: "quiet" }, section ? `${section} · ${task}` : task)),
    paper.question && make("h3", { class: "question" }, paper.question),
    answerBars(answer),
    paper.whole && make("details", null, make("summary", null, "Text"), make("p", { class: "text" }, textOf(paper, section))),
  );
}

function failuresView() {
  const list = paged({ size: LISTED, nothing: "No failures match the filters.", list: (items) => make("div", { class: "failures" }, items), item: failureCard });
  return { element: list.element, show: (found) => list.show(found.failures) };
}

function failureCard({ paper, task, error, completion, section }) {
  return make(
    "article",
    { class: "failed" },
    make("header", null, make("span", { class: "id" }, paperLink(paper)), make("span", { class: "quiet" }, section ? `${section} · ${task}` : task)),
    paper.heading && make("h3", { class: "question" }, paper.heading),
    make("p", { class: "failure" }, make("strong", null, error.type), `: ${error.message}`),
    completion && make("details", null, make("summary", null, "What the model wrote"), make("pre", null, completion)),
  );
}
