// The flow that both canvases show: rows of steps, each connected to the next.

const COLUMNS = 25;
const [STEP_X, STEP_Y] = [260, 120];

/** Nodes with an id and a place, and edges between them. */
export function grid(count) {
  const nodes = Array.from({ length: count }, (_, at) => ({
    id: `step_${at}`,
    x: (at % COLUMNS) * STEP_X,
    y: Math.floor(at / COLUMNS) * STEP_Y,
  }));
  const edges = nodes.slice(1).map(({ id }, at) => ({ from: nodes[at].id, to: id }));
  return { nodes, edges };
}
