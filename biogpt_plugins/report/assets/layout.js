// Places the nodes: nodes repel each other, edges pull their ends together, and the centre attracts
// all. The layout of a graph is the same each time.
const LENGTH = 60; // of an edge at rest
const REACH = 260; // how far a node pushes
const COOLING = 0.988;

function placed(nodes) {
  const turn = Math.PI * (3 - Math.sqrt(5)); // a sunflower's
  nodes.forEach((node, i) => {
    const radius = LENGTH * 0.55 * Math.sqrt(i + 0.5);
    Object.assign(node, { x: radius * Math.cos(i * turn), y: radius * Math.sin(i * turn), dx: 0, dy: 0 });
  });
}

// One step at a heat from 1 to 0; `stretch` is width divided by height.
function step(nodes, edges, heat, stretch) {
  for (let i = 0; i < nodes.length; i++) {
    const one = nodes[i];
    for (let j = 0; j < i; j++) push(one, nodes[j], heat);
    one.dx -= (one.x * 0.02 * heat) / stretch;
    one.dy -= one.y * 0.02 * heat * stretch;
  }
  for (const { head, tail } of edges) pull(head, tail, heat);
  for (const node of nodes) {
    node.dx *= 0.6;
    node.dy *= 0.6;
    if (node.held) continue;
    node.x += node.dx;
    node.y += node.dy;
  }
}

function push(one, other, heat) {
  const x = one.x - other.x || 0.01;
  const y = one.y - other.y || 0.01;
  const square = Math.max(x * x + y * y, 30);
  if (square > REACH * REACH) return;
  const force = (900 * heat) / square;
  const length = Math.sqrt(square);
  one.dx += (x / length) * force * 4;
  one.dy += (y / length) * force * 4;
  other.dx -= (x / length) * force * 4;
  other.dy -= (y / length) * force * 4;
}

function pull(head, tail, heat) {
  const x = tail.x - head.x;
  const y = tail.y - head.y;
  const length = Math.hypot(x, y) || 1;
  const force = ((length - LENGTH) / length) * 0.5 * heat;
  const shares = [tail.degree, head.degree].map((degree) => degree / (head.degree + tail.degree));
  head.dx += x * force * shares[0];
  head.dy += y * force * shares[0];
  tail.dx -= x * force * shares[1];
  tail.dy -= y * force * shares[1];
}
