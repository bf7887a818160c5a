CREATE TABLE llm_budgets (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    -- US dollars; as in the spec, for the database to compare with.
    ceiling numeric NOT NULL,
    -- A `contracts::llm::BudgetSpec` as JSON text.
    spec text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT llm_budgets_name UNIQUE (name)
);

CREATE INDEX llm_budgets_by_age ON llm_budgets (created_at, id);

-- What was spent, and what calls under way may take at most.
CREATE TABLE llm_budget_counters (
    budget_id uuid NOT NULL REFERENCES llm_budgets ON DELETE CASCADE,
    -- The flow, the execution or the user; of the organization all zeros.
    subject uuid NOT NULL,
    -- The first day of the period; 1970-01-01 for ever.
    period date NOT NULL,
    spent numeric NOT NULL DEFAULT 0,
    reserved numeric NOT NULL DEFAULT 0,
    -- The percentage that was told of last.
    alerted smallint NOT NULL DEFAULT 0,
    touched_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (budget_id, subject, period)
);

-- One row per call under way and budget it counts for.
CREATE TABLE llm_reservations (
    call_id uuid NOT NULL,
    budget_id uuid NOT NULL REFERENCES llm_budgets ON DELETE CASCADE,
    subject uuid NOT NULL,
    period date NOT NULL,
    amount numeric NOT NULL,
    -- What the provider charges at least for a call that nobody ended: its question.
    least numeric NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (call_id, budget_id)
);

CREATE INDEX llm_reservations_by_expiry ON llm_reservations (expires_at);
