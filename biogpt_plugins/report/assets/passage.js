// A paper's text with its entities marked.
const LEAST_REPEATED = 3; // characters of a name whose other mentions are marked too

function passage(paper, rows) {
  const evidence = evidenceSpans(rows);
  const ends = new Set(rows.flatMap(({ relation }) => [relation.head, relation.tail]));
  const entities = entitySpans(paper);
  const holding = new Set([...evidence, ...entities.filter((span) => ends.has(span.place))]);
  const spans = [...entities, ...evidence, ...annotatedSpans(paper)];
  const marks = new Map(); // place of an entity -> its elements
  const pieces = [];
  const holders = paper.segments.map((segment, place) => {
    const isTitle = paper.title && place === 0;
    const holder = make(isTitle ? "h3" : "p", { class: isTitle ? "title" : paper.whole ? "text" : "sentence" });
    const here = spans.filter((span) => meets(segment, span.start, span.end));
    const found = cutUp(segment, [...here, ...repeats(paper.entities, segment)]);
    for (const piece of found) {
      holder.append(piece.element);
      pieces.push(piece);
      for (const span of piece.spans.filter((one) => one.kind === "entity"))
        marks.set(span.place, [...(marks.get(span.place) ?? []), piece.element]);
    }
    const heading = paper.headings?.[place];
    return heading ? section(heading, holder, !paper.long || here.some((span) => holding.has(span))) : holder;
  });
  const element = make("div", { class: "passage" }, holders);
  return { element, marks, pieces, rows };
}

// A section of a full text. In long papers sections without results are folded.
function section(heading, holder, open) {
  return make("details", { class: "section", open }, make("summary", null, heading), holder);
}

// Scrolls to the evidence of a relation.
function goTo(row, { pieces }) {
  const its = (one) => one.row === row || (one.kind === "entity" && [row.relation.head, row.relation.tail].includes(one.place));
  reveal(pieces.find(({ spans }) => spans.some(its)), row.paper);
}

function reveal(piece, { long }) {
  const folded = piece?.element.closest("details");
  if (folded) folded.open = true;
  piece?.element.scrollIntoView({ block: long ? "center" : "nearest" });
}

// Cuts a segment at the ends of all spans; each piece is an element with its spans.
function cutUp([start, text], spans) {
  const placed = spans
    .map((span) => ({ ...span, from: unit(text, span.start - start), to: unit(text, span.end - start) }))
    .filter((span) => span.from < span.to);
  const ends = [...new Set([0, text.length, ...placed.flatMap((span) => [span.from, span.to])])];
  ends.sort((one, other) => one - other);
  return ends.slice(1).map((to, i) => {
    const covering = placed.filter((span) => span.from < to && ends[i] < span.to);
    return { element: pieceElement(text.slice(ends[i], to), covering), spans: covering };
  });
}

function pieceElement(text, spans) {
  const [entity, again, annotated, cue] = ["entity", "again", "annotated", "cue"].map((kind) => inner(kind, spans));
  const names = [cue && `cue ${cue.of}`];
  if (entity) names.push("entity", typeClass(entity.entity.type));
  else if (again) names.push("again", typeClass(again.entity.type));
  else if (annotated) names.push("annotated", typeClass(annotated.entity.type));
  const known = entity ?? annotated;
  const tip = known ? tipOf(known.entity) : cue ? `${cue.of}: “${cue.said}”` : null;
  return make(entity ? "mark" : "span", { class: names.filter(Boolean).join(" ") || null, title: tip }, text);
}

// The innermost span of a kind.
function inner(kind, spans) {
  const its = spans.filter((one) => one.kind === kind);
  return its.sort((one, other) => one.to - one.from - (other.to - other.from))[0];
}

function tipOf(entity) {
  return [
    entity.type,
    entity.id && `${entity.id}${entity.id_match && entity.id_match !== "exact" ? ` (${entity.id_match})` : ""}`,
    entity.long_form && `“${entity.long_form}”`,
    entity.name && `the model wrote “${entity.name}”`,
    `${entity.start}–${entity.end}`,
  ].filter(Boolean).join(" · ");
}

function entitySpans(paper) {
  return paper.entities
    .map((entity, place) => ({ kind: "entity", place, entity, start: entity.start, end: entity.end }))
    .filter((span) => span.start !== undefined);
}

// Entities of the input that no relation names.
function annotatedSpans(paper) {
  return paper.annotated
    .map((entity) => ({ kind: "annotated", entity, start: entity.start, end: entity.end }))
    .filter((span) => span.start !== undefined);
}

function evidenceSpans(rows) {
  return rows.flatMap((row) =>
    (row.relation.evidence ?? []).flatMap(([start, end, , cues]) => [
      { kind: "evidence", row, start, end },
      ...cues.map(([of, from, to]) => ({ kind: "cue", of, said: cut(row.paper, from, to), start: from, end: to })),
    ]),
  );
}

// Other mentions of an entity, by any of its names.
function repeats(entities, [start, text]) {
  const low = text.toLowerCase();
  if (low.length !== text.length || WIDE.test(text)) return [];
  const letter = /[\p{L}\p{N}]/u;
  const names = new Map();
  for (const entity of entities.filter((one) => one.start !== undefined))
    for (const name of [entity.text, entity.long_form, entity.short_form])
      if (name && name.length >= LEAST_REPEATED) names.set(name.toLowerCase(), entity);
  const found = [];
  for (const [wanted, entity] of names)
    for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, at + 1)) {
      const end = at + wanted.length;
      if (letter.test(text[at - 1] ?? " ") || letter.test(text[end] ?? " ")) continue;
      found.push({ kind: "again", entity, start: start + at, end: start + end });
    }
  return found;
}
