-- What an execution goes on from, `{execution_id, kind, node}`.
ALTER TABLE executions ADD COLUMN source jsonb;
CREATE INDEX executions_by_source ON executions ((source ->> 'execution_id')) WHERE source IS NOT NULL;
