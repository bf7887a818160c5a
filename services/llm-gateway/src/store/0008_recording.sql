-- What of the words of questions and answers is kept: one row, or none where nobody said anything.
CREATE TABLE llm_recording (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    -- A `contracts::llm::Recording` as JSON text.
    recording text NOT NULL
);
