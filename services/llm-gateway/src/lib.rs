//! llm-gateway.
