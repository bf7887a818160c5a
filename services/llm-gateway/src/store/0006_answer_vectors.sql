-- Answers of `llm_answers` that are also told to questions that mean the same.
CREATE TABLE llm_answer_vectors (
    key bytea PRIMARY KEY REFERENCES llm_answers (key) ON DELETE CASCADE,
    -- The name of the route, whose number of these is bounded.
    route text NOT NULL,
    -- The hash of all that has to be equal.
    scope bytea NOT NULL,
    -- The direction of the question's vector: a signed byte for each number.
    vector bytea NOT NULL,
    kept_at timestamptz NOT NULL
);

CREATE INDEX llm_answer_vectors_by_scope ON llm_answer_vectors (scope, kept_at);
CREATE INDEX llm_answer_vectors_by_route ON llm_answer_vectors (route, kept_at);
