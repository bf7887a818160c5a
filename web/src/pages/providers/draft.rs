//! What was typed into the form of a provider.
//!
//! **Invariant:** a key that was typed for one kind is not sent to another.

use contracts::{
    FieldProblem, Problem,
    llm::{CreateProvider, Provider, ProviderKind},
};
use serde_json::{Value, json};

use super::{
    key::KeyDraft,
    models::{read_models, write_models},
    vendors::vendor,
};
use crate::ui::problem::invalid;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    pub(super) kind: ProviderKind,
    pub(super) name: String,
    pub(super) base_url: String,
    pub(super) key: KeyDraft,
    pub(super) models: String,
}

impl Draft {
    pub(super) fn fresh(kind: ProviderKind) -> Self {
        let vendor = vendor(kind);
        Self {
            kind,
            name: vendor.name.into(),
            base_url: vendor.base_url.into(),
            key: KeyDraft::default(),
            models: String::new(),
        }
    }

    pub(super) fn of(provider: &Provider) -> Self {
        Self {
            kind: provider.kind,
            name: provider.name.clone(),
            base_url: provider.base_url.clone(),
            key: KeyDraft::default(),
            models: write_models(&provider.models),
        }
    }

    /// What the user has not changed follows the kind.
    pub(super) fn choose(&mut self, kind: ProviderKind) {
        let (before, now) = (Self::fresh(self.kind), Self::fresh(kind));
        if self.name == before.name {
            self.name = now.name;
        }
        if self.base_url == before.base_url {
            self.base_url = now.base_url;
        }
        self.kind = kind;
        self.key = KeyDraft::default();
    }

    pub(super) fn create(&self) -> Result<CreateProvider, Problem> {
        Ok(CreateProvider {
            name: self.name.trim().into(),
            kind: self.kind,
            base_url: self.base_url.trim().into(),
            api_key: self.api_key()?,
            more_api_keys: Vec::new(),
            limits: None,
            models: read_models(&self.models).map_err(|text| wrong("/models", text))?,
        })
    }

    /// What is left out stays.
    pub(super) fn change(&self) -> Result<Value, Problem> {
        let CreateProvider {
            base_url,
            api_key,
            models,
            ..
        } = self.create()?;
        let mut form = json!({"base_url": base_url, "models": models});
        if let Some(key) = api_key {
            form["api_key"] = Value::from(key);
        }
        Ok(form)
    }

    fn api_key(&self) -> Result<Option<String>, Problem> {
        let key = self.key.written(vendor(self.kind).key);
        key.map_err(|text| wrong("/api_key", text))
    }
}

fn wrong(path: &str, message: String) -> Problem {
    let path = path.to_owned();
    invalid(
        "the provider is not valid",
        vec![FieldProblem { path, message }],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_changed_follows_the_kind() {
        let mut draft = Draft::fresh(ProviderKind::OpenaiCompatible);
        draft.key.api_key = "sk-1".into();
        draft.choose(ProviderKind::Anthropic);
        assert_eq!(draft, Draft::fresh(ProviderKind::Anthropic));
        draft.name = "mine".into();
        draft.base_url = "https://proxy.example.com".into();
        draft.models = "claude".into();
        draft.choose(ProviderKind::AzureOpenai);
        assert_eq!(
            (draft.name.as_str(), draft.base_url.as_str()),
            ("mine", "https://proxy.example.com")
        );
        assert_eq!(draft.models, "claude");
    }

    #[test]
    fn a_change_without_a_key_leaves_it() {
        let mut draft = Draft::fresh(ProviderKind::Bedrock);
        draft.models = "claude 3 15".into();
        let change = draft.change().expect("a change");
        assert_eq!(change["base_url"], draft.base_url);
        assert_eq!(change.get("api_key"), None);
        draft.key.secret_access_key = "secret".into();
        let problem = draft.change().expect_err("half a key");
        assert_eq!(problem.errors[0].path, "/api_key");
        draft.key.access_key_id = "id".into();
        assert_eq!(draft.change().expect("a change")["api_key"], "id:secret");
    }
}
