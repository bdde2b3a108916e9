// The relations of all papers as a graph: drag, zoom, point, click to filter.
const EDGES_SHOWN = 150;
const STEPS = 300;
const ALWAYS_NAMED = 25;

function graphView() {
  const state = { nodes: [], edges: [], shift: [0, 0], zoom: 1, timer: 0, size: [800, 560] };
  const plane = draw("g");
  const svg = draw("svg", { class: "graph", role: "group", "aria-label": "Graph of relations" }, plane);
  const told = make("p", { class: "told", "aria-live": "polite" });
  const amount = make("input", { type: "range", min: 10, step: 10, "aria-label": "Edges shown" });
  const amountTold = make("output");
  let all = [];
  amount.addEventListener("input", () => build());
  const tools = make(
    "p",
    { class: "tools" },
    make("label", null, "Edges shown, most papers first ", amount, " ", amountTold),
    button("+", () => zoomBy(1.3), { "aria-label": "Zoom in" }),
    button("−", () => zoomBy(1 / 1.3), { "aria-label": "Zoom out" }),
    button("Fit", fit),
  );
  const element = make("div", { class: "graphs" }, tools, svg, told,
    make("p", { class: "quiet" }, "Drag a node to move it, or the background to pan. Scroll to zoom. Click a node or an edge to filter all views by it. Keys: arrows go from node to node, Enter filters, + and − zoom."));

  function show(found) {
    all = [...found.edges].sort((one, other) => one.place - other.place);
    amount.max = Math.min(600, Math.max(10, Math.ceil(all.length / 10) * 10));
    if (!amount.dataset.set) amount.value = EDGES_SHOWN;
    build();
  }

  function build() {
    cancelAnimationFrame(state.timer);
    amount.dataset.set = "yes";
    const chosen = all.slice(0, Number(amount.value));
    amountTold.textContent = `${counted(chosen.length)} of ${counted(all.length)}`;
    const nodes = new Map();
    const nodeAt = (place) => {
      if (!nodes.has(place)) nodes.set(place, { place, ...NODES[place], degree: 0, papers: 0 });
      return nodes.get(place);
    };
    state.edges = chosen.map((edge) => ({ edge, head: nodeAt(edge.head), tail: nodeAt(edge.tail) }));
    for (const { edge, head, tail } of state.edges)
      for (const node of new Set([head, tail])) {
        node.degree += 1;
        node.papers += edge.papers;
      }
    state.nodes = [...nodes.values()].sort((one, other) => other.papers - one.papers);
    state.size = [svg.clientWidth || 800, svg.clientHeight || 560];
    const [width, height] = state.size;
    svg.setAttribute("viewBox", `${-width / 2} ${-height / 2} ${width} ${height}`);
    placed(state.nodes);
    drawAll();
    run();
  }

  function drawAll() {
    const lines = state.edges.map((one) => {
      const width = 1.3 + Math.min(5, 1.5 * (Math.sqrt(one.edge.papers) - 1));
      one.line = draw("path", { class: `edge ${stanceOf(one.edge)}`, "stroke-width": width });
      const reach = draw("path", { class: "reach", mouseenter: () => point(one), mouseleave: () => point(null), click: () => pick({ edge: one.edge }) });
      one.reach = reach;
      return [one.line, reach];
    });
    const discs = state.nodes.map((node, i) => {
      node.radius = 4 + Math.min(14, 2.2 * Math.sqrt(node.papers));
      node.label = draw("text", null, node.name);
      node.element = draw(
        "g",
        { class: `node ${typeClass(node.type)}`, tabindex: i ? -1 : 0, role: "button", "aria-label": sayNode(node), mouseenter: () => point(node), mouseleave: () => point(null), focus: () => point(node), blur: () => point(null) },
        draw("circle", { r: node.radius }),
        node.label,
      );
      node.element.addEventListener("pointerdown", (event) => hold(event, node));
      node.element.addEventListener("keydown", (event) => onKey(event, node));
      return node.element;
    });
    plane.replaceChildren(...lines.flat(), ...discs.reverse()); // the most frequent on top
    told.textContent = state.nodes.length ? "" : "No relations match the filters.";
  }

  function run() {
    let heat = 1;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const stretch = state.size[0] / state.size[1];
    const next = () => step(state.nodes, state.edges, (heat *= COOLING), stretch);
    // Most steps run before the first frame: a heap of nodes is not worth showing.
    for (let i = 0; i < (still ? 1 : 0.7) * STEPS; i++) next();
    fit();
    const tick = () => {
      next();
      place();
      if (heat > 0.02) state.timer = requestAnimationFrame(tick);
      else labels();
    };
    if (still) labels();
    else tick();
    state.reheat = () => {
      cancelAnimationFrame(state.timer);
      heat = Math.max(heat, 0.3);
      tick();
    };
  }

  function place() {
    for (const { line, reach, head, tail } of state.edges) {
      const path = edgePath(head, tail);
      line.setAttribute("d", path);
      reach.setAttribute("d", path);
    }
    for (const node of state.nodes) node.element.setAttribute("transform", `translate(${node.x.toFixed(1)} ${node.y.toFixed(1)})`);
  }

  function edgePath(head, tail) {
    const length = Math.hypot(tail.x - head.x, tail.y - head.y) || 1;
    const [x, y] = [(tail.x - head.x) / length, (tail.y - head.y) / length];
    const [toX, toY] = [tail.x - x * (tail.radius + 2), tail.y - y * (tail.radius + 2)];
    const wing = (side) => `${(toX - x * 7 + side * y * 3.5).toFixed(1)} ${(toY - y * 7 - side * x * 3.5).toFixed(1)}`;
    return `M${head.x.toFixed(1)} ${head.y.toFixed(1)} L${toX.toFixed(1)} ${toY.toFixed(1)} M${wing(1)} L${toX.toFixed(1)} ${toY.toFixed(1)} L${wing(-1)}`;
  }

  function moveTo(shift, zoom) {
    state.shift = shift;
    state.zoom = zoom;
    plane.setAttribute("transform", `translate(${shift[0].toFixed(2)} ${shift[1].toFixed(2)}) scale(${zoom.toFixed(4)})`);
    plane.style.setProperty("--unzoom", 1 / zoom);
    labels();
  }

  function fit() {
    if (!state.nodes.length) return;
    const [left, right] = extent(state.nodes.map((node) => node.x));
    const [top, bottom] = extent(state.nodes.map((node) => node.y));
    const [width, height] = state.size;
    const zoom = Math.min(2, (width - 120) / (right - left || 1), (height - 70) / (bottom - top || 1));
    place();
    moveTo([-((left + right) / 2) * zoom, -((top + bottom) / 2) * zoom], zoom);
  }

  function zoomBy(factor, [x, y] = [0, 0]) {
    const zoom = Math.min(8, Math.max(0.1, state.zoom * factor));
    const real = zoom / state.zoom;
    moveTo([x - (x - state.shift[0]) * real, y - (y - state.shift[1]) * real], zoom);
  }

  // A label goes above or below its node, where it overlaps nothing; labels of the nodes with the
  // most papers may overlap discs. Without room, a label shows when its node is pointed at.
  function labels() {
    const { zoom } = state;
    const discs = state.nodes.map(({ x, y, radius }) => around(x * zoom, y * zoom, radius * zoom * 0.7, radius * zoom * 0.7));
    const taken = [];
    state.nodes.forEach((node, i) => {
      const half = node.name.length * 3.3 + 4;
      const [above, below] = [-node.radius * zoom - 7, node.radius * zoom + 9].map((y) =>
        around(node.x * zoom, node.y * zoom + y, half, 7));
      const free = (box, boxes) => !boxes.some((one) => overlap(box, one));
      const box = [above, below].find((one) => free(one, taken) && free(one, discs)) ??
        (i < ALWAYS_NAMED ? [above, below].find((one) => free(one, taken)) : null);
      node.label.classList.toggle("hidden", !box);
      node.label.setAttribute("y", box === below ? node.radius + 13 / zoom : -node.radius - 3 / zoom);
      if (box) taken.push(box);
    });
  }

  function point(what) {
    const node = what && what.element ? what : null;
    const edges = state.edges.filter((one) => one === what || (node && (one.head === node || one.tail === node)));
    const near = new Set(edges.flatMap((one) => [one.head, one.tail]));
    if (node) near.add(node);
    svg.classList.toggle("pointing", Boolean(what));
    for (const one of state.edges) one.line.classList.toggle("near", edges.includes(one));
    for (const one of state.nodes) one.element.classList.toggle("near", near.has(one));
    if (what) told.textContent = node ? sayNode(node) : sayEdge(what.edge);
  }

  function onKey(event, node) {
    const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (event.key === "Enter" || event.key === " ") pick({ node: node.place });
    else if (event.key in moves) {
      const next = state.nodes[(state.nodes.indexOf(node) + moves[event.key] + state.nodes.length) % state.nodes.length];
      node.element.setAttribute("tabindex", -1);
      next.element.setAttribute("tabindex", 0);
      next.element.focus();
    } else if (event.key === "+" || event.key === "=") zoomBy(1.3);
    else if (event.key === "-") zoomBy(1 / 1.3);
    else return;
    event.preventDefault();
  }

  function inside(event) {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return [x, y];
  }

  // Drags a node, or everything; a press without movement is a click.
  function hold(event, node) {
    if (event.button) return;
    event.stopPropagation();
    const from = inside(event);
    const shift = [...state.shift];
    let moved = false;
    const move = (now) => {
      const to = inside(now);
      moved ||= Math.hypot(to[0] - from[0], to[1] - from[1]) > 4;
      if (!moved) return;
      if (node) {
        node.held = true;
        node.x = (to[0] - state.shift[0]) / state.zoom;
        node.y = (to[1] - state.shift[1]) / state.zoom;
        state.reheat();
      } else moveTo([shift[0] + to[0] - from[0], shift[1] + to[1] - from[1]], state.zoom);
    };
    const stop = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", stop);
      removeEventListener("pointercancel", stop);
      if (node) node.held = false;
      if (node && !moved) pick({ node: node.place });
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", stop);
    addEventListener("pointercancel", stop);
  }

  svg.addEventListener("pointerdown", (event) => {
    if (!event.target.closest(".reach")) hold(event, null);
  });
  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomBy(1.0015 ** -event.deltaY, inside(event));
  }, { passive: false });
  return { element, show };
}

const around = (x, y, wide, high) => [x - wide, x + wide, y - high, y + high];
const overlap = (one, other) => one[0] < other[1] && one[1] > other[0] && one[2] < other[3] && one[3] > other[2];
const extent = (numbers) => [Math.min(...numbers), Math.max(...numbers)];

// Dashed where more papers negate than state it, dotted where papers only speculate.
const stanceOf = (edge) => (edge.negated > edge.stated ? "negated" : edge.stated ? "stated" : "speculated");

const sayNode = (node) => `${node.name}, ${node.type}${node.id ? ` ${node.id}` : ""}: ${plural(node.degree, "relation")} shown`;

function sayEdge(edge) {
  const parts = [edge.stated && `stated in ${edge.stated}`, edge.possible && `possible in ${edge.possible}`, edge.negated && `negated in ${edge.negated}`];
  const score = edge.score === undefined ? "" : `; score ${edge.score.toFixed(2)}`;
  return `${NODES[edge.head].name} – ${edge.type} → ${NODES[edge.tail].name}: ${plural(edge.papers, "paper")}, ${parts.filter(Boolean).join(", ")}${score}`;
}
