-- Names are compared byte by byte: lists are in the same order on every server.
CREATE TABLE knowledge_bases (
    id uuid PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    description text NOT NULL,
    embedding_model text,
    reindex_started_at timestamptz,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX knowledge_bases_name ON knowledge_bases (name);

CREATE TABLE knowledge_documents (
    id uuid PRIMARY KEY,
    base_id uuid NOT NULL REFERENCES knowledge_bases (id) ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    content_type text NOT NULL,
    bytes bigint NOT NULL,
    state text NOT NULL,
    passages integer NOT NULL DEFAULT 0,
    -- The model that made its embeddings, as it is named in a question.
    embedded_by text,
    error text,
    -- The last re-indexing of the base: `waiting`, `done` or `failed`; null for a document that came after it.
    reindex text,
    -- When it is to be indexed, in whose name, and how often that was tried. Null when there is nothing to do.
    due_at timestamptz,
    asked_by uuid NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    -- Grows with each attempt and each wish: an attempt that was overtaken changes nothing.
    turn integer NOT NULL DEFAULT 0,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX knowledge_documents_by_name ON knowledge_documents (base_id, name, id);
CREATE INDEX knowledge_documents_due ON knowledge_documents (due_at, id) WHERE due_at IS NOT NULL;

-- As they came, for indexing and indexing anew.
CREATE TABLE knowledge_originals (
    document_id uuid PRIMARY KEY REFERENCES knowledge_documents (id) ON DELETE CASCADE,
    content bytea NOT NULL
);

CREATE TABLE knowledge_passages (
    document_id uuid NOT NULL REFERENCES knowledge_documents (id) ON DELETE CASCADE,
    place integer NOT NULL,
    base_id uuid NOT NULL,
    heading text,
    text text NOT NULL,
    -- Any number of dimensions: the model's.
    embedding extensions.vector NOT NULL,
    words tsvector NOT NULL GENERATED ALWAYS AS
        (to_tsvector('pg_catalog.simple'::regconfig, coalesce(heading, '') || ' ' || text)) STORED,
    PRIMARY KEY (document_id, place)
);
CREATE INDEX knowledge_passages_of_base ON knowledge_passages (base_id);
CREATE INDEX knowledge_passages_words ON knowledge_passages USING gin (words);
