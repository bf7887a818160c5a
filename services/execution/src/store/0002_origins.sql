-- An execution runs a flow, an agent or a crew; one that a step of another began has a parent.
ALTER TABLE executions ALTER COLUMN flow_id DROP NOT NULL;
ALTER TABLE executions ADD COLUMN agent_id uuid;
ALTER TABLE executions ADD COLUMN crew_id uuid;
ALTER TABLE executions ADD COLUMN version integer;
ALTER TABLE executions ADD COLUMN parent_id uuid;
CREATE INDEX executions_by_agent ON executions (agent_id, created_at DESC, id DESC) WHERE agent_id IS NOT NULL;
CREATE INDEX executions_by_crew ON executions (crew_id, created_at DESC, id DESC) WHERE crew_id IS NOT NULL;
