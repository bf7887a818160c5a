CREATE TABLE chat_sessions (
    id uuid PRIMARY KEY,
    -- Empty until the first message or its owner names it.
    title text NOT NULL,
    agent_id uuid,
    crew_id uuid,
    flow_id uuid,
    concurrency text NOT NULL,
    -- The last message of the branch that is shown.
    head uuid,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK (num_nonnulls(agent_id, crew_id, flow_id) = 1)
);
CREATE INDEX chat_sessions_by_use ON chat_sessions (created_by, updated_at DESC, id DESC);

-- The tree of a session, and the queue of its answers. Texts are in MongoDB.
CREATE TABLE chat_messages (
    id uuid PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES chat_sessions (id) ON DELETE CASCADE,
    -- In the same session; null for a first question.
    parent_id uuid,
    -- Messages before it in its branch.
    depth integer NOT NULL,
    role text NOT NULL,
    state text NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    -- Of a question.
    idempotency_key text COLLATE "C",
    body_hash text,
    -- Of an answer: its run, in whose name as JSON, and how the start goes.
    execution_id uuid,
    principal text,
    start_attempts integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    started_at timestamptz
);
-- One answer at a time, whatever the processes do.
CREATE UNIQUE INDEX chat_messages_running ON chat_messages (session_id) WHERE state = 'running';
CREATE INDEX chat_messages_queued ON chat_messages (session_id, id) WHERE state = 'queued';
CREATE UNIQUE INDEX chat_messages_key ON chat_messages (session_id, idempotency_key);
CREATE UNIQUE INDEX chat_messages_execution ON chat_messages (execution_id);
CREATE INDEX chat_messages_place ON chat_messages (session_id, parent_id);

CREATE TABLE chat_attachments (
    id uuid PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES chat_sessions (id) ON DELETE CASCADE,
    -- The question it belongs to; null until it is sent.
    message_id uuid,
    name text NOT NULL,
    content_type text NOT NULL,
    bytes bigint NOT NULL,
    -- What can be read of it; null for images.
    text text,
    content bytea NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX chat_attachments_by_session ON chat_attachments (session_id, message_id);
