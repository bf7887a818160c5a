-- Agents and crews. Names are compared byte by byte: lists are in the same order on every server.
CREATE TABLE agent_registry (
    id uuid PRIMARY KEY,
    -- `agent` or `crew`.
    kind text NOT NULL,
    name text COLLATE "C" NOT NULL,
    -- The newest version, and what lists show and search of it.
    version integer NOT NULL,
    -- An agent's role, a crew's description.
    about text NOT NULL,
    -- An agent's goal.
    goal text,
    -- An agent's framework, a crew's process.
    mode text NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz
);
CREATE UNIQUE INDEX agent_registry_name ON agent_registry (kind, name) WHERE deleted_at IS NULL;

CREATE TABLE agent_versions (
    id uuid NOT NULL REFERENCES agent_registry (id),
    version integer NOT NULL,
    -- As JSON text: numbers come back exactly as they went in.
    spec text NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (id, version)
);

-- Whom the newest version of each crew that is not deleted names: such an agent stays.
CREATE TABLE agent_crew_members (
    crew_id uuid NOT NULL REFERENCES agent_registry (id),
    agent_id uuid NOT NULL REFERENCES agent_registry (id),
    PRIMARY KEY (crew_id, agent_id)
);
CREATE INDEX agent_crew_members_by_agent ON agent_crew_members (agent_id);
