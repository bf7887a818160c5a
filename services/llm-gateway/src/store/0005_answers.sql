-- Answers that are told again to equal questions, by the hash of route and question.
CREATE TABLE llm_answers (
    key bytea PRIMARY KEY,
    -- An answer as JSON text, without the question.
    answer text NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX llm_answers_by_expiry ON llm_answers (expires_at);

-- How much may be asked of a provider at a time: a `contracts::llm::RateLimits` as JSON text.
ALTER TABLE llm_providers ADD COLUMN limits text;

-- The same of the organization.
CREATE TABLE llm_limits (
    id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    limits text NOT NULL
);
