-- What the steps of an execution began, the newest first.
CREATE INDEX executions_by_parent ON executions (parent_id, created_at DESC, id DESC) WHERE parent_id IS NOT NULL;
