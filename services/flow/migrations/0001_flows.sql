-- Definitions are JSON texts: numbers and `\u0000` come back exactly as they went in.
CREATE TABLE flows (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    description text NOT NULL,
    definition text NOT NULL,
    version bigint NOT NULL,
    revision integer,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz
);
CREATE INDEX flows_by_update ON flows (updated_at DESC, id DESC) WHERE deleted_at IS NULL;

CREATE TABLE flow_revisions (
    flow_id uuid NOT NULL REFERENCES flows (id),
    revision integer NOT NULL,
    definition text NOT NULL,
    hash text NOT NULL,
    notes text NOT NULL,
    published_by uuid NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (flow_id, revision)
);

-- What each `Idempotency-Key` began.
CREATE TABLE flow_starts (
    key text PRIMARY KEY,
    body_hash text NOT NULL,
    execution_id uuid NOT NULL,
    revision integer,
    definition_hash text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE flow_variables (
    name text PRIMARY KEY,
    value text NOT NULL
);
