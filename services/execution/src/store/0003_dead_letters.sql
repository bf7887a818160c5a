-- Work items that nobody could do, until they are put back or 30 days old.
CREATE TABLE dead_letters (
    id uuid PRIMARY KEY,
    class text NOT NULL,
    reason text NOT NULL,
    deliveries bigint NOT NULL,
    died_at timestamptz NOT NULL,
    execution_id uuid NOT NULL,
    step text NOT NULL,
    attempt bigint NOT NULL,
    subject text NOT NULL,
    -- The beginning of the item, for people.
    preview text NOT NULL,
    payload_bytes bigint NOT NULL,
    redriven_at timestamptz,
    redriven_by uuid
);
CREATE INDEX dead_letters_by_time ON dead_letters (died_at DESC, id DESC);

-- Apart, so that a list does not read megabytes.
CREATE TABLE dead_letter_payloads (
    id uuid PRIMARY KEY REFERENCES dead_letters ON DELETE CASCADE,
    payload bytea NOT NULL
);
