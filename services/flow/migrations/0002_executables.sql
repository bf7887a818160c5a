-- What a revision executes: its definition with the agents, crews and tools it names, pinned when it was published.
-- Null for revisions of before, which name none.
ALTER TABLE flow_revisions ADD COLUMN executable text;
