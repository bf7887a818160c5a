-- How long executions are kept that have ended: at most one row.
CREATE TABLE execution_retention (
    id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    days integer NOT NULL
);
-- Ids that are not used again: an owner that reads its log anew may know them still.
CREATE TABLE deleted_executions (
    id uuid PRIMARY KEY,
    until timestamptz NOT NULL
);
CREATE INDEX deleted_executions_by_time ON deleted_executions (until);
CREATE INDEX executions_by_end ON executions (finished_at) WHERE finished_at IS NOT NULL;
