// Lines from a relation's head to its tail. They run between the lines of text and in a gutter on
// the left, so that none crosses a word.
const GAP = 2.5; // pixels between neighbouring lines
const LANES = 4;
const GUTTER = 4;

function drawLines({ element, marks, rows }) {
  element.querySelector("svg")?.remove();
  const box = element.getBoundingClientRect();
  if (!box.width) return; // hidden
  const lanes = new Map();
  const svg = draw("svg", { class: "lines", width: box.width, height: box.height, "aria-hidden": "true" });
  for (const row of rows) {
    const ends = [row.relation.head, row.relation.tail].map((place) => anchor(marks.get(place), box));
    if (!ends[0] || !ends[1]) continue;
    // Lines from the same head share a lane.
    const key = `${ends[0].x}:${ends[0].y}`;
    if (!lanes.has(key)) lanes.set(key, lanes.size);
    const path = draw("path", { d: route(...ends, lanes.get(key)), class: `line ${row.stance}` });
    const lit = row.drawn?.classList.contains("lit") ? "lit" : null; // keep the state across redraws
    row.drawn = draw("g", { class: lit }, path, arrow(ends[1]));
    svg.append(row.drawn);
  }
  element.append(svg);
}

function anchor(elements, box) {
  if (!elements || elements[0].closest("details:not([open])")) return null; // folded
  const rect = elements[0].getClientRects()[0];
  return rect && { x: rect.left - box.left + rect.width / 2, y: rect.top - box.top };
}

function route(head, tail, lane) {
  const lift = 5 + (lane % LANES) * GAP;
  if (Math.abs(head.y - tail.y) < 2) {
    const y = head.y - lift;
    return rounded([[head.x, head.y], [head.x, y], [tail.x, y], [tail.x, tail.y]]);
  }
  const x = 3 + (lane % (2 * LANES)) * GUTTER * 0.8;
  const above = [head.y - lift, tail.y - lift];
  return rounded([
    [head.x, head.y], [head.x, above[0]], [x, above[0]], [x, above[1]], [tail.x, above[1]], [tail.x, tail.y],
  ]);
}

function rounded(points) {
  const parts = [`M${points[0]}`];
  for (let i = 1; i < points.length - 1; i++) {
    const [before, here, next] = [points[i - 1], points[i], points[i + 1]];
    parts.push(`L${towards(here, before)}`, `Q${here} ${towards(here, next)}`);
  }
  return [...parts, `L${points.at(-1)}`].join(" ");
}

function towards([x, y], [toX, toY]) {
  const length = Math.hypot(toX - x, toY - y) || 1;
  const share = Math.min(5, length / 2) / length;
  return [x + (toX - x) * share, y + (toY - y) * share];
}

const arrow = ({ x, y }) => draw("path", { d: `M${x - 3.5} ${y - 5} L${x} ${y} L${x + 3.5} ${y - 5} Z`, class: "arrow" });
