-- Past executions that are run once more against another state of their flow.
CREATE TABLE flow_regressions (
    id uuid PRIMARY KEY,
    flow_id uuid NOT NULL REFERENCES flows (id),
    revision integer,
    -- Key of the executable in the bucket FLOWDEF.
    definition_hash text NOT NULL,
    -- A list of `{source_id, execution_id, state, verdict, problem, nodes}` as JSON.
    items text NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX flow_regressions_by_flow ON flow_regressions (flow_id, created_at DESC, id DESC);
