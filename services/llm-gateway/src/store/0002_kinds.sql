-- What the provider's server speaks: a kind of `contracts::llm::ProviderKind`.
ALTER TABLE llm_providers ADD COLUMN kind text NOT NULL DEFAULT 'openai_compatible';
