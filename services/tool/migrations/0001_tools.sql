-- Names are compared byte by byte: lists are in the same order on every server.
CREATE TABLE tools (
    id uuid PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    -- The newest version, and what lists show of it.
    version integer NOT NULL,
    description text NOT NULL,
    approval text NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz
);
CREATE UNIQUE INDEX tools_name ON tools (name) WHERE deleted_at IS NULL;

CREATE TABLE tool_versions (
    tool_id uuid NOT NULL REFERENCES tools (id),
    version integer NOT NULL,
    -- As JSON text: numbers come back exactly as they went in.
    spec text NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tool_id, version)
);

-- The last calls of each tool, without arguments and results.
CREATE TABLE tool_calls (
    id uuid PRIMARY KEY,
    tool_id uuid NOT NULL REFERENCES tools (id),
    at timestamptz NOT NULL,
    version integer NOT NULL,
    called_by uuid NOT NULL,
    execution_id uuid,
    duration_ms bigint NOT NULL,
    error text
);
CREATE INDEX tool_calls_by_age ON tool_calls (tool_id, at DESC, id DESC);

CREATE TABLE tool_data_keys (
    -- One key per organization.
    id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    -- The data key, wrapped by the platform's master key.
    wrapped bytea NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE tool_secrets (
    name text COLLATE "C" PRIMARY KEY,
    -- Sealed by the data key for this name and these hosts.
    sealed bytea NOT NULL,
    -- A list, as JSON text.
    hosts text NOT NULL,
    updated_by uuid NOT NULL,
    updated_at timestamptz NOT NULL
);
