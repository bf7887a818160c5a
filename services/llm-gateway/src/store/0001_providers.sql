CREATE TABLE llm_data_keys (
    -- One key per organization.
    id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    -- The data key, wrapped by the platform's master key.
    wrapped bytea NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE llm_providers (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    base_url text NOT NULL,
    -- The API key, sealed by the data key for this provider and the origin of its URL.
    sealed_key bytea,
    key_hint text,
    -- A list of {name, price?}, as JSON text: prices come back digit by digit.
    models text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT llm_providers_name UNIQUE (name)
);

CREATE INDEX llm_providers_by_age ON llm_providers (created_at, id);
