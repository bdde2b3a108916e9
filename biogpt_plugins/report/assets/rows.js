// A paper as its card shows it, with a row for each relation. Offsets count code points.
const WIDE = /[\ud800-\udfff]/;
const LONG = 10000; // characters

// Completes a paper of the data.
function prepare(paper, name, { edges = [], least } = {}) {
  paper.name = name;
  paper.least = least;
  paper.entities ??= [];
  paper.annotated ??= [];
  paper.segments ??= [];
  paper.heading = paper.question ?? (paper.title ? paper.segments[0][1] : "");
  const [start, text] = paper.segments.at(-1) ?? [0, ""];
  paper.long = start + text.length > LONG && paper.headings !== undefined;
  const mentions = [...paper.entities, ...paper.annotated];
  const rowOf = (found, relation) => {
    const [head, tail] = [mentions[relation.head], mentions[relation.tail]];
    const row = { paper, found, relation, head, tail, edge: edges[relation.edge] };
    row.grounded = head.start !== undefined && tail.start !== undefined;
    row.stance = relation.negated ? "negated" : relation.speculated ? "speculated" : "stated";
    return row;
  };
  const rowsOf = (kind) => paper.found.flatMap((found) => (found[kind] ?? []).map((relation) => rowOf(found, relation)));
  paper.rows = rowsOf("relations");
  // Below the least score: no rows of tables and graphs.
  paper.candidates = rowsOf("candidates");
  return paper;
}

// JavaScript strings count UTF-16 units.
function unit(text, point) {
  if (point <= 0) return 0;
  return WIDE.test(text) ? Array.from(text).slice(0, point).join("").length : Math.min(point, text.length);
}

const meets = ([at, text], start, end) => start < at + text.length && at < end;

function cut(paper, start, end) {
  const parts = paper.segments.filter((segment) => meets(segment, start, end));
  return parts.map(([at, text]) => text.slice(unit(text, start - at), unit(text, end - at))).filter(Boolean).join(" ");
}

function typeClass(type) {
  const place = KNOWN_TYPES.indexOf(type.toLowerCase());
  return `type-${place < 0 ? 4 + (type.length % 2) : place}`;
}
