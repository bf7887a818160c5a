-- Events of integrators of the last hour, and those that ended a wait.
CREATE TABLE heard_events (
    name text NOT NULL,
    -- What its sender called it.
    id text NOT NULL,
    -- `{event, id, data, at}` as JSON: the output of the node that waited.
    output text NOT NULL,
    heard_at timestamptz NOT NULL,
    -- Whether it ended a wait.
    taken boolean NOT NULL DEFAULT false,
    PRIMARY KEY (name, id)
);
CREATE INDEX heard_events_by_time ON heard_events (heard_at);

-- Nodes that wait for an event, and those that had one.
CREATE TABLE event_waits (
    execution_id uuid NOT NULL,
    node text NOT NULL,
    name text NOT NULL,
    -- Both empty where any event of the name will do.
    pointer text NOT NULL,
    key text NOT NULL,
    began_at timestamptz NOT NULL,
    -- The event that ended the wait.
    event_id text,
    PRIMARY KEY (execution_id, node)
);
CREATE INDEX event_waits_open ON event_waits (name, pointer, key, began_at) WHERE event_id IS NULL;
CREATE INDEX event_waits_ended ON event_waits (name, event_id) WHERE event_id IS NOT NULL;
