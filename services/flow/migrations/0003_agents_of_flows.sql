-- Which agents the nodes of a flow name: in its draft, and in its newest revision. Rows that would be neither are absent.
CREATE TABLE flow_agents (
    agent_id uuid NOT NULL,
    flow_id uuid NOT NULL REFERENCES flows (id),
    draft boolean NOT NULL,
    published boolean NOT NULL,
    PRIMARY KEY (agent_id, flow_id)
);
CREATE INDEX flow_agents_by_flow ON flow_agents (flow_id);

-- Flows of before. PostgreSQL reads no JSON that holds a NUL; what is put in its place is no part of an id.
INSERT INTO flow_agents (agent_id, flow_id, draft, published)
SELECT substr(named.agent, 7)::uuid, named.flow_id, bool_or(named.draft), bool_or(NOT named.draft)
FROM (
    SELECT texts.flow_id, texts.draft, node -> 'config' ->> 'agent_id' AS agent
    FROM (
        SELECT id AS flow_id, true AS draft, definition FROM flows
        UNION ALL
        SELECT flows.id, false, flow_revisions.definition
        FROM flows JOIN flow_revisions ON flow_revisions.flow_id = flows.id AND flow_revisions.revision = flows.revision
    ) AS texts
    CROSS JOIN LATERAL json_array_elements(replace(texts.definition, '\u0000', '\u0020')::json -> 'nodes') AS node
    WHERE node ->> 'type' = 'agent'
) AS named
WHERE named.agent ~ '^agent_[0-9a-f]{32}$'
GROUP BY named.agent, named.flow_id;
