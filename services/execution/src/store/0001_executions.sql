-- One row per execution: its history is in the archive. Written behind the log, in batches.
CREATE TABLE executions (
    id uuid PRIMARY KEY,
    flow_id uuid NOT NULL,
    revision integer,
    state text NOT NULL,
    error jsonb,
    prompt_tokens bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    -- Null where a price is unknown.
    cost numeric,
    -- The number of events that the row counts; a row with fewer never replaces it.
    last_event bigint NOT NULL,
    started_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX executions_by_time ON executions (created_at DESC, id DESC);
CREATE INDEX executions_by_flow ON executions (flow_id, created_at DESC, id DESC);
