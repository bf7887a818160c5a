-- What begins executions of a flow by itself.
CREATE TABLE flow_triggers (
    id uuid PRIMARY KEY,
    flow_id uuid NOT NULL REFERENCES flows (id),
    kind text NOT NULL,
    -- What its author wrote, as JSON text.
    spec text NOT NULL,
    -- The name of the event it waits for.
    event text COLLATE "C",
    enabled boolean NOT NULL,
    disabled_reason text,
    -- Grows with each change.
    version bigint NOT NULL,
    runs_as uuid NOT NULL,
    -- The fire times until then are decided.
    done_until timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX flow_triggers_by_flow ON flow_triggers (flow_id, created_at, id);
CREATE INDEX flow_triggers_by_event ON flow_triggers (event) WHERE enabled AND event IS NOT NULL;

-- The secrets of webhooks, sealed; one that was rotated away has an end.
CREATE TABLE flow_trigger_secrets (
    id uuid PRIMARY KEY,
    trigger_id uuid NOT NULL REFERENCES flow_triggers (id) ON DELETE CASCADE,
    sealed bytea NOT NULL,
    expires_at timestamptz,
    created_at timestamptz NOT NULL
);
CREATE INDEX flow_trigger_secrets_by_trigger ON flow_trigger_secrets (trigger_id);

-- One row per fire time, delivery or event: each counts once.
CREATE TABLE flow_trigger_fires (
    id uuid PRIMARY KEY,
    trigger_id uuid NOT NULL REFERENCES flow_triggers (id) ON DELETE CASCADE,
    key text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    outcome text NOT NULL,
    reason text,
    detail text,
    execution_id uuid,
    -- Until the engine has it.
    input text,
    UNIQUE (trigger_id, key)
);
CREATE INDEX flow_trigger_fires_by_time ON flow_trigger_fires (trigger_id, at DESC, id DESC);
CREATE INDEX flow_trigger_fires_pending ON flow_trigger_fires (trigger_id, at, id) WHERE outcome = 'pending';

CREATE TABLE flow_data_keys (
    -- One key per organization.
    id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    -- The data key, wrapped by the platform's master key.
    wrapped bytea NOT NULL,
    created_at timestamptz NOT NULL
);
