// All relations in a table that sorts by any column and saves as CSV.
const ROWS_SHOWN = 100;
const COLUMNS = [
  { name: "Paper", key: (row) => row.paper.name, cell: (row) => [button(row.paper.name, () => pick({ paper: row.paper }, "papers"), { class: "plain", title: "Show the paper" }), row.found.section && make("small", { class: "of" }, row.found.section)] },
  { name: "Head", key: (row) => row.head.text.toLowerCase(), cell: (row) => end(row.head) },
  { name: "Relation", key: (row) => row.relation.type, cell: (row) => row.relation.type },
  { name: "Tail", key: (row) => row.tail.text.toLowerCase(), cell: (row) => end(row.tail) },
  { name: "Score", figure: true, key: (row) => row.relation.score ?? -1, cell: (row) => scoreOf(row.relation) },
  { name: "Statement", key: (row) => row.stance, cell: (row) => make("span", { class: `badge ${row.stance}` }, row.stance) },
  { name: "In the text", key: (row) => (row.grounded ? "yes" : "no"), cell: (row) => (row.grounded ? "yes" : make("span", { class: "badge missing" }, "no")) },
  { name: "Evidence", wide: true, key: (row) => sentencesOf(row)[0] ?? "", cell: evidenceCell },
];

function tableView(found) {
  let sorted = null;
  let down = false;
  const heads = COLUMNS.map((column) =>
    make("th", { scope: "col", class: column.wide ? "wide" : null }, button(column.name, () => sortBy(column), { class: "plain" })),
  );
  const list = paged({
    size: ROWS_SHOWN,
    nothing: "No relations match the filters.",
    item: (row) => make("tr", { class: row.stance }, COLUMNS.map((column) => make("td", { class: column.wide ? "wide" : null, "data-name": column.name }, column.cell(row)))),
    list: (lines) => make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Relations" },
      make("table", null, make("thead", null, make("tr", null, heads)), make("tbody", null, lines))),
  });
  const tools = make("p", { class: "tools" }, button("Save as CSV", () => save(found.rows)));
  function sortBy(column) {
    down = sorted === column ? !down : Boolean(column.figure);
    sorted = column;
    heads.forEach((head, i) => head.setAttribute("aria-sort", COLUMNS[i] !== column ? "none" : down ? "descending" : "ascending"));
    show(found);
    heads[COLUMNS.indexOf(column)].firstChild.focus({ preventScroll: true });
  }
  function show(given) {
    found = given;
    list.show(sorted ? ordered(found.rows, sorted, down) : found.rows);
  }
  return { element: make("div", null, tools, list.element), show };
}

function ordered(rows, { key }, down) {
  const keyed = rows.map((row) => [key(row), row]);
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  keyed.sort(([one, first], [other, second]) =>
    ((typeof one === "number" ? one - other : compare(one, other)) || first.number - second.number) * (down ? -1 : 1));
  return keyed.map(([, row]) => row);
}

function evidenceCell(row) {
  const { paper, relation } = row;
  const spans = [[relation.head, row.head], [relation.tail, row.tail]]
    .filter(([, entity]) => entity.start !== undefined)
    .map(([place, entity]) => ({ kind: "entity", place, entity, start: entity.start, end: entity.end }));
  return (relation.evidence ?? []).map(([start, end, , cues]) => {
    const marked = cues.map(([of, from, to]) => ({ kind: "cue", of, said: cut(paper, from, to), start: from, end: to }));
    const inside = [...spans, ...marked].filter((span) => span.start >= start && span.end <= end);
    const segment = [start, cut(paper, start, end)];
    const pieces = cutUp(segment, [...inside, ...repeats([row.head, row.tail], segment)]);
    return make("p", { class: "sentence" }, pieces.map((piece) => piece.element));
  });
}

function save(rows) {
  const header = ["paper", "head", "head_type", "head_id", "relation", "tail", "tail_type", "tail_id", "score", "said", "grounded", "evidence", "section"];
  const lines = rows.map((row) => {
    const { paper, head, tail, relation } = row;
    const ends = [head.text, head.type, head.id, relation.type, tail.text, tail.type, tail.id];
    return [paper.name, ...ends, relation.score, row.stance, row.grounded, sentencesOf(row).join(" "), row.found.section];
  });
  const text = [header, ...lines].map((line) => line.map(field).join(",")).join("\r\n");
  download(["\ufeff", text, "\r\n"], "text/csv", "relations.csv");
}

function field(value) {
  const text = String(value ?? "");
  // A spreadsheet would read this text as a formula.
  const plain = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${plain.replaceAll('"', '""')}"`;
}
