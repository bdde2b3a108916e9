// The results: a row for each relation, and the rows that match the filters.
const { papers: PAPERS, nodes: NODES, edges: EDGES, least: LEAST, label: LABEL } = JSON.parse(document.getElementById("data").textContent);
const NO_FILTER = { words: "", task: "", relation: "", entity: "", score: 0, grounding: "", stance: "", id: "" };
const NO_PICK = { node: null, edge: null, paper: null };
const filter = { ...NO_FILTER, ...NO_PICK };
EDGES.forEach((edge, place) => Object.assign(edge, { place }));
PAPERS.forEach((paper, place) => prepare(paper, paper.id ?? `no. ${place + 1}`, { edges: EDGES, least: LEAST }));
const ROWS = PAPERS.flatMap((paper) => paper.rows);
ROWS.forEach((row, number) => Object.assign(row, { number }));

// The text of a prediction: the whole text, or one section of a full text.
function textOf(paper, section) {
  const of = (_, place) => (paper.headings[place] || "abstract") === (section || "abstract");
  const parts = paper.headings ? paper.segments.filter(of) : paper.segments;
  return parts.map(([, text]) => text).join(" ");
}

// A paper has several entries if its texts are missing or differ.
const papersIn = (papers) => new Set(papers.map((paper) => paper.name)).size;

const sentencesOf = (row) => (row.relation.evidence ?? []).map(([start, end]) => cut(row.paper, start, end));

const named = (entity) => [entity.text, entity.name, entity.long_form, entity.short_form, entity.id];

// Computed on the first search, and kept.
function wordsOfRow(row) {
  row.searched ??= [row.paper.name, row.paper.heading, row.found.section, row.relation.type, ...named(row.head), ...named(row.tail)]
    .concat(sentencesOf(row)).filter(Boolean).join(" ").toLowerCase();
  return row.searched;
}

function wordsOfPaper(paper) {
  paper.searched ??= [paper.name, paper.question, ...paper.segments.map(([, text]) => text)]
    .concat(paper.entities.flatMap(named))
    .concat(paper.found.flatMap((one) => [one.text, one.completion, one.error?.message, one.answer?.label]))
    .concat(paper.found.flatMap((one) => one.labels ?? []))
    .filter(Boolean).join(" ").toLowerCase();
  return paper.searched;
}

const GROUNDINGS = {
  both: (row) => row.grounded,
  missing: (row) => !row.grounded,
};
const IDS = {
  both: (row) => row.head.id !== undefined && row.tail.id !== undefined,
  missing: (row) => row.head.id === undefined || row.tail.id === undefined,
};

function passes(row, words) {
  const { relation, head, tail, edge } = row;
  return (
    (!filter.paper || row.paper === filter.paper) &&
    (!filter.edge || edge === filter.edge) &&
    (filter.node === null || edge.head === filter.node || edge.tail === filter.node) &&
    (!filter.task || row.found.task === filter.task) &&
    (!filter.relation || relation.type === filter.relation) &&
    (!filter.entity || head.type === filter.entity || tail.type === filter.entity) &&
    (!filter.score || (relation.score ?? 0) >= filter.score) &&
    (!filter.stance || row.stance === filter.stance) &&
    (!filter.grounding || GROUNDINGS[filter.grounding](row)) &&
    (!filter.id || IDS[filter.id](row)) &&
    words.every((word) => wordsOfRow(row).includes(word))
  );
}

const ofRelations = () =>
  filter.node !== null || filter.edge !== null ||
  ["relation", "entity", "score", "grounding", "stance", "id"].some((name) => filter[name]);

// The rows, papers, edges, answers and failures that match the filters.
function select() {
  const words = filter.words.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = ROWS.filter((row) => passes(row, words));
  const having = new Set(rows.map((row) => row.paper));
  const meant = PAPERS.filter(
    (paper) =>
      (!filter.paper || paper === filter.paper) &&
      (!filter.task || paper.found.some((one) => one.task === filter.task)) &&
      words.every((word) => wordsOfPaper(paper).includes(word)),
  );
  const papers = ofRelations() ? PAPERS.filter((paper) => having.has(paper))
    : PAPERS.filter(((also) => (paper) => having.has(paper) || also.has(paper))(new Set(meant)));
  const results = meant.flatMap((paper) =>
    paper.found.filter((one) => !filter.task || one.task === filter.task).map((one) => ({ paper, ...one })),
  );
  return {
    rows,
    papers,
    left: new Set(rows),
    edges: [...new Set(rows.map((row) => row.edge))],
    answers: results.filter((one) => one.answer),
    failures: results.filter((one) => one.error),
  };
}
