CREATE TABLE organizations (
    tenant_id uuid PRIMARY KEY,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL
);

CREATE TABLE memberships (
    tenant_id uuid NOT NULL REFERENCES organizations,
    user_id uuid NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('owner', 'admin', 'editor', 'operator', 'viewer')),
    joined_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX memberships_in_order ON memberships (tenant_id, joined_at, user_id);
CREATE INDEX memberships_of_user ON memberships (user_id, joined_at);

ALTER TABLE organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE organizations FORCE ROW LEVEL SECURITY;
ALTER TABLE memberships ENABLE ROW LEVEL SECURITY;
ALTER TABLE memberships FORCE ROW LEVEL SECURITY;

CREATE POLICY of_the_tenant ON organizations USING (tenant_id = platform.current_tenant());
CREATE POLICY of_the_tenant ON memberships USING (tenant_id = platform.current_tenant());

-- A user sees their own memberships, and what they are members of, whatever the tenant. Reading only.
CREATE POLICY of_the_user ON memberships FOR SELECT USING (user_id = platform.current_user_id());
CREATE POLICY of_the_user ON organizations FOR SELECT USING (
    tenant_id IN (SELECT m.tenant_id FROM platform.memberships m WHERE m.user_id = platform.current_user_id())
);

GRANT SELECT, INSERT, UPDATE ON organizations TO troupe_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON memberships TO troupe_tenant;
