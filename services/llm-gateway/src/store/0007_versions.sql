-- How often each was written: whoever replaces one may say which they have seen.
ALTER TABLE llm_routes ADD COLUMN version integer NOT NULL DEFAULT 1;
ALTER TABLE llm_budgets ADD COLUMN version integer NOT NULL DEFAULT 1;
