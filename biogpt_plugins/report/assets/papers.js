// Papers in a column: the text on one side, its results on the other.
const PAPERS_SHOWN = PAPERS.some((paper) => paper.long) ? 5 : 20;
const ORDERS = {
  "reading order": null,
  "most relations first": (paper) => -paper.rows.length,
  "most certain relation first": (paper) => -Math.max(0, ...paper.rows.map((row) => row.relation.score ?? 0)),
};

function papersView(found) {
  let passages = [];
  const drawn = new Map(); // paper -> its card, rows and passage
  const list = paged({
    size: PAPERS_SHOWN,
    nothing: "No papers match the filters.",
    list: (cards) => make("div", { class: "papers" }, cards),
    item: build,
    after: () => {
      passages = passages.filter((one) => one.element.isConnected);
      passages.forEach(drawLines);
    },
  });
  const order = make("select", { change: () => show(found) }, Object.keys(ORDERS).map((name) => make("option", null, name)));
  const element = make("div", null, make("p", { class: "tools" }, make("label", null, "Order ", order)), list.element);
  new ResizeObserver(() => passages.forEach(drawLines)).observe(list.element);
  function build(paper) {
    const left = paper.rows.filter((row) => found.left.has(row));
    const its = LABEL ? labelled(paper, left) : { paper, rows: left };
    const shown = passage(its.paper, its.rows);
    passages.push(shown);
    const made = card(its.paper, its.rows, shown, paper.rows.length - left.length);
    drawn.set(paper, { element: made, rows: its.rows, shown });
    if (LABEL && paper.label) made.querySelector(".results").append(labelFooter(paper, shown));
    return made;
  }
  function redraw(paper) {
    const old = drawn.get(paper);
    old.element.replaceWith(build(paper));
    passages = passages.filter((one) => one !== old.shown);
    drawLines(drawn.get(paper).shown);
  }
  const ordered = () => {
    const key = ORDERS[order.value];
    return key ? [...found.papers].sort((one, other) => key(one) - key(other)) : found.papers;
  };
  function show(given) {
    found = given;
    list.show(ordered());
  }
  if (LABEL) element.append(startLabelling({ list, redraw, drawn, papers: ordered, show: () => show(found) }));
  return { element, show };
}
