-- How many executions of the flow run at the same time, as JSON; null where there is no limit.
ALTER TABLE flows ADD COLUMN concurrency text;

-- The executions of limited flows that are not over: those that have a place, and those that wait for one.
CREATE TABLE flow_places (
    execution_id uuid PRIMARY KEY,
    flow_id uuid NOT NULL REFERENCES flows (id),
    -- Executions of one scope count together: a session, or empty.
    scope text COLLATE "C" NOT NULL,
    priority smallint NOT NULL,
    -- The order in which they came.
    turn bigint GENERATED ALWAYS AS IDENTITY,
    state text NOT NULL,
    started_by uuid NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX flow_places_by_scope ON flow_places (flow_id, scope, turn);
