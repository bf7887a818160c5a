// The same flow in React Flow, as its documentation shows it: a node of one's own, minimap and background.

import { createRoot } from "react-dom/client";
import { memo } from "react";
import { Background, Handle, MiniMap, Position, ReactFlow, useEdgesState, useNodesState } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { grid } from "./flow.mjs";

const asked = new URLSearchParams(location.search);
const { nodes, edges } = grid(Number(asked.get("nodes")));

const Step = memo(({ data }) => (
  <div className="step">
    <div className="step-head">
      <svg width="16" height="16" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" /></svg>
      <span className="step-title">{data.label}</span>
    </div>
    <div className="step-line"><span>Transform</span></div>
    <Handle type="target" position={Position.Left} />
    <Handle type="source" position={Position.Right} />
  </div>
));
const nodeTypes = { step: Step };
const drawn = nodes.map(({ id, x, y }) => ({ id, type: "step", position: { x, y }, data: { label: id } }));
const connected = edges.map(({ from, to }) => ({ id: `${from}-${to}`, source: from, target: to }));

function Canvas() {
  const [nodes, , onNodesChange] = useNodesState(drawn);
  const [edges, , onEdgesChange] = useEdgesState(connected);
  const options = { nodes, edges, onNodesChange, onEdgesChange, nodeTypes, minZoom: 0.05 };
  return (
    <ReactFlow
      {...options}
      onlyRenderVisibleElements={asked.has("culled")}
      onInit={(flow) => {
        window.canvas = flow;
        document.documentElement.dataset.ready = "";
      }}
    >
      <MiniMap />
      <Background />
    </ReactFlow>
  );
}

createRoot(document.getElementById("root")).render(<Canvas />);
