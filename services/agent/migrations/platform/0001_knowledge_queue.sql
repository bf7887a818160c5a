-- The type `vector` has a schema of its own: every tenant may use it, and nothing else is there to be found.
-- A server's operator may have made both before, where the owner of our tables may not.
CREATE SCHEMA IF NOT EXISTS extensions;
CREATE EXTENSION IF NOT EXISTS vector SCHEMA extensions;
GRANT USAGE ON SCHEMA extensions TO PUBLIC;

-- The organizations with documents to index. A row says that there is work and who does it, never what it is.
CREATE TABLE knowledge_queue (
    tenant_id uuid PRIMARY KEY,
    due_at timestamptz NOT NULL,
    -- Counts who asked: what is asked for while a worker looks for work is not overlooked.
    wanted bigint NOT NULL DEFAULT 1,
    held_by uuid,
    held_until timestamptz
);
CREATE INDEX knowledge_queue_due ON knowledge_queue (due_at);
ALTER TABLE knowledge_queue ENABLE ROW LEVEL SECURITY;
ALTER TABLE knowledge_queue FORCE ROW LEVEL SECURITY;
-- The one service that works for all.
CREATE POLICY of_the_service ON knowledge_queue TO troupe_agent USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON knowledge_queue TO troupe_agent;
