// What the reader says of the relations: kept in this browser, saved as training data.
// A paper's labels: { verdicts: { key: "accept" | "reject" | relation }, added: [relation], done }.
// The ends of a relation are entities, { text, type, start, end, id }.
const STORE = `biogpt-labels-${LABEL.key}`;
const TO_LABEL = PAPERS.filter((paper) => paper.label);
const ASKED = new Map(TO_LABEL.map((paper) => [paper.id, paper.rows.filter((row) => row.found.task === LABEL.task)]));
let labels = new Map();
let kept = true; // whether the browser keeps the labels

const labelsOf = (paper) => labels.get(paper.id) ?? { verdicts: {}, added: [], done: false };
// Gold has names and no offsets: relations of the same names are the same relation.
const keyOf = ({ head, type, tail }) => JSON.stringify([head.text.toLowerCase(), type, tail.text.toLowerCase()]);
const statedBy = (row) => ({ head: row.head, type: row.relation.type, tail: row.tail });
const verdictOf = (row) => labelsOf(row.paper).verdicts[keyOf(statedBy(row))];
const canLabel = (row) => Boolean(row.paper.label) && row.found.task === LABEL.task;
const unjudged = (paper) => ASKED.get(paper.id).filter((row) => !verdictOf(row));
const isComplete = (paper) => (ASKED.get(paper.id).length ? !unjudged(paper).length : labelsOf(paper).done);

function setLabels(paper, changed) {
  labels.set(paper.id, { ...labelsOf(paper), ...changed });
  try {
    localStorage.setItem(STORE, JSON.stringify([...labels]));
  } catch {
    kept = false;
  }
}

function setVerdict(row, verdict) {
  setLabels(row.paper, { verdicts: { ...labelsOf(row.paper).verdicts, [keyOf(statedBy(row))]: verdict } });
}

function recall() {
  try {
    labels = new Map(JSON.parse(localStorage.getItem(STORE) ?? "[]"));
  } catch {
    kept = false;
  }
}

// The relations that hold in a paper, each once, in the order of the text.
function goldOf(paper) {
  const held = [...labelsOf(paper).added];
  for (const row of ASKED.get(paper.id)) {
    const verdict = verdictOf(row);
    if (verdict === "accept") held.push(statedBy(row));
    else if (verdict?.head) held.push(verdict);
  }
  const distinct = [...new Map(held.map((one) => [keyOf(one), one])).values()];
  return distinct.sort((one, other) => one.head.start - other.head.start || one.tail.start - other.tail.start);
}

const inputOf = ({ id, title, segments }) =>
  title ? { id, title: segments[0][1], text: segments[1]?.[1] ?? "" } : { id, text: segments[0][1] };

// A line of training data, in the form of corpus.gold.
function trainingRow(paper) {
  const name = ({ text, id }) => (id ? { text, id } : text);
  const gold = goldOf(paper).map(({ head, type, tail }) => ({ head: name(head), type, tail: name(tail) }));
  const verdicts = ASKED.get(paper.id).map(verdictOf);
  const models = [...new Set(paper.found.map((one) => one.model).filter(Boolean))];
  const label = {
    by: "biogpt report",
    saved: new Date().toISOString(),
    models,
    accepted: verdicts.filter((one) => one === "accept").length,
    rejected: verdicts.filter((one) => one === "reject").length,
    mended: verdicts.filter((one) => one?.head).length,
    added: labelsOf(paper).added.length,
  };
  return { task: LABEL.task, ...inputOf(paper), gold, label };
}

function saveLabels() {
  const lines = TO_LABEL.filter(isComplete).map((paper) => `${JSON.stringify(trainingRow(paper))}\n`);
  download(lines, "application/jsonl", `${LABEL.task}.jsonl`);
}

// Takes up saved labels again. Returns what to tell.
function loadLabels(text) {
  const counts = { read: 0, other: 0, lost: 0 };
  for (const [number, line] of text.split("\n").entries()) {
    if (!line.trim()) continue;
    let row;
    try {
      row = JSON.parse(line);
    } catch {
      return `Line ${number + 1} is not JSON: choose a file that this page saved.`;
    }
    const paper = TO_LABEL.find((one) => one.id === row.id);
    const same = paper && row.task === LABEL.task && Array.isArray(row.gold) && Object.entries(inputOf(paper)).every(([name, value]) => (row[name] ?? "") === value);
    if (same) counts.lost += loadRow(paper, row.gold);
    counts[same ? "read" : "other"] += 1;
  }
  return [
    `Loaded ${plural(counts.read, "paper")}.`,
    counts.other && ` ${plural(counts.other, "line")} of other papers, texts or tasks left out.`,
    counts.lost && ` ${plural(counts.lost, "relation")} left out whose names the text lacks.`,
  ].filter(Boolean).join("");
}

function loadRow(paper, gold) {
  const ends = gold.map(({ head, type, tail }) => ({ head: endIn(paper, head.text ?? head, LABEL.head), type, tail: endIn(paper, tail.text ?? tail, LABEL.tail) }));
  const found = new Map(ends.filter(({ head, tail }) => head && tail).map((one) => [keyOf(one), one]));
  const verdicts = {};
  for (const row of ASKED.get(paper.id)) {
    const key = keyOf(statedBy(row));
    verdicts[key] = found.has(key) ? "accept" : "reject";
  }
  setLabels(paper, { verdicts, added: [...found].filter(([key]) => !(key in verdicts)).map(([, one]) => one), done: true });
  return gold.length - ends.filter(({ head, tail }) => head && tail).length;
}

// The first mention of a name in a paper, as the text spells it; null if there is none.
function endIn(paper, name, type) {
  const wanted = name.trim();
  if (!wanted) return null;
  const known = paper.entities.find((one) => one.start !== undefined && one.type === type && one.text.toLowerCase() === wanted.toLowerCase());
  if (known) return { text: known.text, type, start: known.start, end: known.end, id: known.id };
  for (const fold of [(text) => text, (text) => text.toLowerCase()])
    for (const [start, text] of paper.segments) {
      const at = fold(text).length === text.length ? fold(text).indexOf(fold(wanted)) : -1;
      if (at >= 0) return endAt([start, text], at, at + wanted.length, type);
    }
  return null;
}

// JavaScript's places count UTF-16 units; offsets count code points.
function endAt([start, text], from, to, type) {
  const points = (part) => Array.from(part).length;
  const at = start + points(text.slice(0, from));
  return { text: text.slice(from, to), type, start: at, end: at + points(text.slice(from, to)) };
}
