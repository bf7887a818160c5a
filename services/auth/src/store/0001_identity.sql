-- Users and sessions belong to no tenant; the role of `auth` alone may see them.
CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    name text NOT NULL,
    password_hash text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'active', 'disabled')),
    -- The organization that a registration began with, until that organization exists.
    pending_organization_id uuid,
    pending_organization_name text,
    created_at timestamptz NOT NULL,
    CHECK ((state = 'pending') = (pending_organization_id IS NOT NULL)),
    CHECK ((state = 'pending') = (pending_organization_name IS NOT NULL))
);
CREATE UNIQUE INDEX users_email ON users (email);

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    organization_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    refreshed_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_created ON sessions (created_at);

-- All tokens that a session ever had, by hash: a used one that comes again ends the session.
CREATE TABLE refresh_tokens (
    hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    used_at timestamptz
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

-- The latest password checks of an account, by the hash of its email, whether it exists or not.
CREATE TABLE login_tries (
    email_hash bytea PRIMARY KEY,
    tries timestamptz[] NOT NULL,
    last_at timestamptz NOT NULL
);
CREATE INDEX login_tries_last ON login_tries (last_at);

CREATE TABLE signing_keys (
    kid text PRIMARY KEY,
    public_key text NOT NULL,
    -- The data key under the master key, and the private part under the data key.
    wrapped_key bytea NOT NULL,
    sealed_seed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz
);
-- At most one key signs; replicas that start at once agree by this.
CREATE UNIQUE INDEX signing_keys_present ON signing_keys ((true)) WHERE retired_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON users TO troupe_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions, refresh_tokens, login_tries TO troupe_auth;
GRANT SELECT, INSERT, UPDATE ON signing_keys TO troupe_auth;
