-- Answers and approvals that an execution waits for.
ALTER TABLE executions ADD COLUMN asks integer NOT NULL DEFAULT 0;
CREATE INDEX executions_that_ask ON executions (created_at DESC, id DESC) WHERE asks > 0;
