//! What each kind of provider is called, and what it wants to be told.

use contracts::llm::ProviderKind;

/// The kinds that can be added, in the order in which they are offered.
pub(super) const OFFERED: [ProviderKind; 9] = [
    ProviderKind::OpenaiCompatible,
    ProviderKind::Anthropic,
    ProviderKind::Gemini,
    ProviderKind::AzureOpenai,
    ProviderKind::Bedrock,
    ProviderKind::Mistral,
    ProviderKind::Groq,
    ProviderKind::Ollama,
    ProviderKind::Vllm,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vendor {
    /// As its makers write it.
    pub(super) title: &'static str,
    /// What a first provider of the kind is called; no other kind has it.
    pub(super) name: &'static str,
    /// Empty where each customer has their own.
    pub(super) base_url: &'static str,
    /// What an address of one's own looks like.
    pub(super) like: &'static str,
    pub(super) address_hint: &'static str,
    pub(super) key: Key,
    /// The line of a model, as an example.
    pub(super) model: &'static str,
    pub(super) models_hint: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Needed,
    /// Servers without keys are of this kind.
    Optional,
    /// A pair of keys, which may be bound to a session, or a single key.
    Aws,
}

const PLAIN: Vendor = Vendor {
    title: "",
    name: "",
    base_url: "",
    like: "",
    address_hint: "Another one leads through a proxy.",
    key: Key::Needed,
    model: "",
    models_hint: "",
};

const INNER: &str =
    "An address in an inner network works where the operator allows it (TROUPE_EGRESS_ALLOW).";

const REHEARSAL: Vendor = Vendor {
    title: "Rehearsal",
    name: "rehearsal",
    key: Key::Optional,
    ..PLAIN
};

const OPENAI_COMPATIBLE: Vendor = Vendor {
    title: "OpenAI, or compatible",
    name: "openai",
    base_url: "https://api.openai.com/v1",
    address_hint: "Any server that speaks OpenAI's chat-completions API.",
    key: Key::Optional,
    model: "gpt-4o-mini 0.15 0.60",
    ..PLAIN
};

const ANTHROPIC: Vendor = Vendor {
    title: "Anthropic",
    name: "anthropic",
    base_url: "https://api.anthropic.com/v1",
    model: "claude-sonnet-4-5 3 15",
    ..PLAIN
};

const GEMINI: Vendor = Vendor {
    title: "Google Gemini",
    name: "gemini",
    base_url: "https://generativelanguage.googleapis.com/v1beta",
    model: "gemini-2.5-flash 0.30 2.50",
    ..PLAIN
};

const AZURE_OPENAI: Vendor = Vendor {
    title: "Azure OpenAI",
    name: "azure",
    like: "https://my-resource.openai.azure.com",
    address_hint: "The endpoint of your resource; with /openai/v1 behind it for Azure's newer API.",
    model: "my-gpt-4o 2.50 10",
    models_hint: "Azure knows models by the names of their deployments.",
    ..PLAIN
};

const BEDROCK: Vendor = Vendor {
    title: "Amazon Bedrock",
    name: "bedrock",
    base_url: "https://bedrock-runtime.us-east-1.amazonaws.com",
    address_hint: "It follows the region; write your own for a private endpoint.",
    key: Key::Aws,
    model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0 3 15",
    models_hint: "Ids of models or of inference profiles.",
    ..PLAIN
};

const MISTRAL: Vendor = Vendor {
    title: "Mistral",
    name: "mistral",
    base_url: "https://api.mistral.ai/v1",
    model: "mistral-small-latest 0.10 0.30",
    ..PLAIN
};

const GROQ: Vendor = Vendor {
    title: "Groq",
    name: "groq",
    base_url: "https://api.groq.com/openai/v1",
    model: "llama-3.3-70b-versatile 0.59 0.79",
    ..PLAIN
};

const OLLAMA: Vendor = Vendor {
    title: "Ollama",
    name: "ollama",
    base_url: "http://localhost:11434/v1",
    address_hint: INNER,
    key: Key::Optional,
    model: "llama3.2 0 0",
    ..PLAIN
};

const VLLM: Vendor = Vendor {
    title: "vLLM",
    name: "vllm",
    base_url: "http://localhost:8000/v1",
    address_hint: INNER,
    key: Key::Optional,
    model: "my-model 0 0",
    ..PLAIN
};

pub(super) const fn vendor(kind: ProviderKind) -> Vendor {
    match kind {
        ProviderKind::Rehearsal => REHEARSAL,
        ProviderKind::OpenaiCompatible => OPENAI_COMPATIBLE,
        ProviderKind::Anthropic => ANTHROPIC,
        ProviderKind::Gemini => GEMINI,
        ProviderKind::AzureOpenai => AZURE_OPENAI,
        ProviderKind::Bedrock => BEDROCK,
        ProviderKind::Mistral => MISTRAL,
        ProviderKind::Groq => GROQ,
        ProviderKind::Ollama => OLLAMA,
        ProviderKind::Vllm => VLLM,
    }
}

/// The kind whose first provider has this name.
pub(super) fn kind_named(name: &str) -> Option<ProviderKind> {
    OFFERED.into_iter().find(|kind| vendor(*kind).name == name)
}

const AROUND_REGION: (&str, &str) = ("https://bedrock-runtime.", ".amazonaws.com");

/// The region of one of Amazon's own addresses.
pub(super) fn region_of(base_url: &str) -> Option<&str> {
    let (before, behind) = AROUND_REGION;
    base_url.strip_prefix(before)?.strip_suffix(behind)
}

pub(super) fn address_in(region: &str) -> String {
    let (before, behind) = AROUND_REGION;
    format!("{before}{region}{behind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_name_of_its_own() {
        for kind in OFFERED {
            assert_eq!(kind_named(vendor(kind).name), Some(kind));
            let Vendor { base_url, like, .. } = vendor(kind);
            assert_ne!(base_url.is_empty(), like.is_empty(), "{kind:?}");
        }
        assert_eq!(kind_named("rehearsal"), None);
    }

    #[test]
    fn regions_stand_in_addresses() {
        assert_eq!(
            region_of(vendor(ProviderKind::Bedrock).base_url),
            Some("us-east-1")
        );
        assert_eq!(region_of(&address_in("eu-central-1")), Some("eu-central-1"));
        assert_eq!(region_of("https://bedrock.example.com"), None);
    }
}
