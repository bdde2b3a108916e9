// The candidates of a paper: its pairs below the report's least score beside its relations, on demand.
const PAIRS_SHOWN = 20;

function candidatesOf(paper, shown) {
  const pairs = [...paper.rows, ...paper.candidates].sort((one, other) => (other.relation.score ?? 1) - (one.relation.score ?? 1));
  const things = thingsOf(pairs);
  const of = make("select", { change: list }, make("option", { value: "" }, `all entities (${counted(pairs.length)})`),
    [...things].map(([thing, { name, count }]) => make("option", { value: thing }, `${name} (${counted(count)})`)));
  const listed = paged({ size: PAIRS_SHOWN, nothing: "No candidates.", list: (items) => make("ul", { class: "relations" }, items), item: (row) => pairItem(row, shown) });
  const element = make(
    "details",
    { class: "candidates", toggle: () => element.open && list() },
    make("summary", null, `${plural(paper.candidates.length, "candidate")} below ${paper.least}`),
    make("p", { class: "tools" }, make("label", null, "Pairs of ", of)),
    listed.element,
  );
  function list() {
    const has = (row) => !of.value || [row.head, row.tail].some((one) => one.thing === Number(of.value));
    listed.show(pairs.filter(has));
  }
  // Shows the pairs of a thing, or hides them again.
  function ask(thing) {
    element.open = !(element.open && of.value === String(thing));
    of.value = thing;
    list();
    if (element.open) element.scrollIntoView({ block: "nearest" });
  }
  for (const piece of shown.pieces) {
    const thing = thingAt(piece);
    if (!things.has(thing)) continue;
    piece.element.classList.add("asks");
    // A form of labels takes what is clicked.
    fill(piece.element, { click: () => shown.element.classList.contains("taking") || ask(thing) }, []);
  }
  return element;
}

// The things that pairs relate, by name: number -> name, and number of pairs.
function thingsOf(pairs) {
  const things = new Map();
  for (const { head, tail } of pairs)
    for (const { thing, text } of [head, tail])
      things.set(thing, { name: things.get(thing)?.name ?? text, count: (things.get(thing)?.count ?? 0) + 1 });
  return new Map([...things].sort(([, one], [, other]) => one.name.localeCompare(other.name, "en")));
}

const thingAt = ({ spans }) => ["entity", "annotated", "again"].map((kind) => inner(kind, spans)).find(Boolean)?.entity.thing;

function pairItem(row, shown) {
  const accepted = row.paper.rows.includes(row);
  const things = [row.head.thing, row.tail.thing];
  const its = shown.pieces.filter((piece) => things.includes(thingAt(piece)));
  const light = (on) => its.forEach(({ element }) => element.classList.toggle("end", on));
  const go = ({ key, target }) => (key ?? "Enter") === "Enter" && !target.closest("a") && reveal(its[0], row.paper);
  return make(
    "li",
    { class: `relation pair ${accepted ? "accepted" : "below"}`, tabindex: 0, click: go, keydown: go, mouseenter: () => light(true), mouseleave: () => light(false), focus: () => light(true), blur: () => light(false) },
    statement(row),
    make("div", { class: "facts" }, scoreOf(row.relation), make("span", { class: "badge" }, accepted ? "accepted" : "candidate"), flagsOf(row)),
  );
}
