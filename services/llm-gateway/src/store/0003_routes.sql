CREATE TABLE llm_routes (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    -- A `contracts::llm::RouteSpec` as JSON text.
    spec text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT llm_routes_name UNIQUE (name)
);

CREATE INDEX llm_routes_by_age ON llm_routes (created_at, id);

-- The sealed text has one key per line; how many.
ALTER TABLE llm_providers ADD COLUMN keys integer NOT NULL DEFAULT 1;
UPDATE llm_providers SET keys = 0 WHERE sealed_key IS NULL;
