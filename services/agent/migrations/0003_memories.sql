CREATE TABLE agent_memories (
    id uuid PRIMARY KEY,
    agent_id uuid NOT NULL,
    -- Who may see it: `user` (the user alone) or `organization`.
    scope text NOT NULL,
    user_id uuid NOT NULL,
    execution_id uuid NOT NULL,
    -- The wish that it came with, and its place there: the same wish keeps nothing twice.
    key text NOT NULL,
    place integer NOT NULL,
    entity text,
    text text NOT NULL,
    embedded_by text NOT NULL,
    embedding extensions.vector NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX agent_memories_once ON agent_memories (agent_id, execution_id, key, place);
CREATE INDEX agent_memories_by_age ON agent_memories (agent_id, user_id, created_at DESC, id DESC);
