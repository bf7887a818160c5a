//! Which provider answers for the model that a caller names.

use contracts::{
    id::ProviderId,
    llm::{Model, ModelKind, Price, ProviderModel},
};
use rust_decimal::Decimal;

use crate::Error;

/// The name of the built-in offline provider, and of its one model.
pub(crate) const REHEARSAL: &str = "rehearsal";

const FREE: Price = Price {
    prompt: Decimal::ZERO,
    completion: Decimal::ZERO,
};

/// What a tenant can name: the offline provider and the configured ones, the oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Catalog {
    rehearsal: bool,
    providers: Vec<Entry>,
}

/// A configured provider, by what resolution needs.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: ProviderId,
    pub(crate) name: String,
    pub(crate) models: Vec<ProviderModel>,
}

/// The model that will be asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) source: Source,
    /// The provider's name.
    pub(crate) provider: String,
    /// The model's name at the provider.
    pub(crate) model: String,
    kind: ModelKind,
    pub(crate) price: Option<Price>,
}

impl Target {
    /// `<provider>/<model>`
    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.provider, self.model)
    }

    pub(crate) fn is_rehearsal(&self) -> bool {
        self.source == Source::Rehearsal
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Rehearsal,
    Configured(ProviderId),
}

/// Why a name leads to no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    #[error("model `{0}` does not exist")]
    Unknown(String),
    #[error("model `{0}` is offered by several providers: write `<provider>/<model>`")]
    Ambiguous(String),
    #[error("the organization has no model: configure a provider")]
    Empty,
}

/// No route is configurable so far, so none exists.
pub(crate) fn check_route(route: Option<&str>) -> Result<(), Error> {
    match route {
        Some(route) => Err(Error::UnknownRoute(route.chars().take(64).collect())),
        None => Ok(()),
    }
}

impl Catalog {
    /// `providers` are ordered by age, the oldest first.
    pub(crate) fn new(rehearsal: bool, providers: Vec<Entry>) -> Self {
        Self {
            rehearsal,
            providers,
        }
    }

    /// The model called `wanted`, or the default one for questions.
    pub(crate) fn resolve(&self, wanted: Option<&str>) -> Result<Target, Unresolved> {
        self.named_or_first(wanted, ModelKind::Chat)
    }

    /// The model called `wanted`, or the default one for vectors.
    pub(crate) fn resolve_embedding(&self, wanted: Option<&str>) -> Result<Target, Unresolved> {
        self.named_or_first(wanted, ModelKind::Embedding)
    }

    fn named_or_first(&self, wanted: Option<&str>, kind: ModelKind) -> Result<Target, Unresolved> {
        let Some(wanted) = wanted else {
            return self.default(kind).ok_or(Unresolved::Empty);
        };
        // A model's own name may hold a slash, so the whole name is compared, not its parts.
        if let Some(target) = self.targets().find(|target| target.id() == wanted) {
            return Ok(target);
        }
        // A hostile name may be megabytes long; the message keeps what a person can read.
        let shown = || wanted.chars().take(128).collect();
        let mut bare = self.targets().filter(|target| target.model == wanted);
        match (bare.next(), bare.next()) {
            (Some(target), None) => Ok(target),
            (Some(_), Some(_)) => Err(Unresolved::Ambiguous(shown())),
            (None, _) => Err(Unresolved::Unknown(shown())),
        }
    }

    /// All models that can be named.
    pub(crate) fn models(&self) -> Vec<Model> {
        let model = |target: Target| Model {
            id: target.id(),
            rehearsal: target.is_rehearsal(),
            provider: target.provider,
            name: target.model,
            price: target.price,
        };
        self.targets().map(model).collect()
    }

    /// The first configured model of this kind; the offline one only until there is one.
    fn default(&self, kind: ModelKind) -> Option<Target> {
        let first = self.configured().find(|target| target.kind == kind);
        first.or_else(|| self.offline())
    }

    fn targets(&self) -> impl Iterator<Item = Target> + '_ {
        self.offline().into_iter().chain(self.configured())
    }

    fn offline(&self) -> Option<Target> {
        self.rehearsal.then(|| Target {
            source: Source::Rehearsal,
            provider: REHEARSAL.to_owned(),
            model: REHEARSAL.to_owned(),
            kind: ModelKind::Chat,
            price: Some(FREE),
        })
    }

    fn configured(&self) -> impl Iterator<Item = Target> + '_ {
        self.providers.iter().flat_map(|provider| {
            provider.models.iter().map(|model| Target {
                source: Source::Configured(provider.id),
                provider: provider.name.clone(),
                model: model.name.clone(),
                kind: model.kind,
                price: model.price,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(rehearsal: bool, providers: &[(&str, &[&str])]) -> Catalog {
        let entry = |(name, models): &(&str, &[&str])| Entry {
            id: ProviderId::generate(),
            name: (*name).to_owned(),
            models: models
                .iter()
                .map(|model| ProviderModel {
                    name: (*model).to_owned(),
                    kind: match model.contains("embed") {
                        true => ModelKind::Embedding,
                        false => ModelKind::Chat,
                    },
                    price: None,
                })
                .collect(),
        };
        Catalog::new(rehearsal, providers.iter().map(entry).collect())
    }

    #[track_caller]
    fn check(catalog: &Catalog, wanted: Option<&str>, expect: &str) {
        assert_eq!(
            catalog.resolve(wanted).map(|target| target.id()),
            Ok(expect.to_owned())
        );
    }

    #[test]
    fn full_names_and_unique_bare_names_resolve() {
        let catalog = catalog(
            true,
            &[
                ("openai", &["gpt", "both"]),
                ("local", &["meta/llama", "both"]),
            ],
        );
        check(&catalog, Some("openai/gpt"), "openai/gpt");
        check(&catalog, Some("gpt"), "openai/gpt");
        check(&catalog, Some("meta/llama"), "local/meta/llama");
        check(&catalog, Some("local/meta/llama"), "local/meta/llama");
        check(&catalog, Some("local/both"), "local/both");
        check(&catalog, Some("rehearsal"), "rehearsal/rehearsal");
        assert_eq!(
            catalog.resolve(Some("both")),
            Err(Unresolved::Ambiguous("both".into()))
        );
        assert_eq!(
            catalog.resolve(Some("openai/llama")),
            Err(Unresolved::Unknown("openai/llama".into()))
        );
    }

    #[test]
    fn the_default_is_offline_until_a_provider_offers_a_model() {
        check(&catalog(true, &[]), None, "rehearsal/rehearsal");
        check(
            &catalog(true, &[("empty", &[])]),
            None,
            "rehearsal/rehearsal",
        );
        check(
            &catalog(true, &[("empty", &[]), ("openai", &["gpt", "x"])]),
            None,
            "openai/gpt",
        );
        assert_eq!(catalog(false, &[]).resolve(None), Err(Unresolved::Empty));
        assert!(catalog(false, &[]).resolve(Some("rehearsal")).is_err());
    }

    #[test]
    fn each_kind_has_a_default_of_its_own() {
        let check = |models: &[&str], expect: &str| {
            let catalog = catalog(true, &[("openai", models)]);
            let found = catalog.resolve_embedding(None).map(|target| target.id());
            assert_eq!(found, Ok(expect.to_owned()), "{models:?}");
        };
        check(&["embed-1", "gpt", "embed-2"], "openai/embed-1");
        check(&["gpt"], "rehearsal/rehearsal");
        let mixed = catalog(true, &[("openai", &["embed-1", "gpt"])]);
        assert_eq!(mixed.resolve(None).unwrap().id(), "openai/gpt");
        // A name is a name, whatever the model is for.
        let named = mixed.resolve_embedding(Some("gpt")).unwrap();
        assert_eq!(named.id(), "openai/gpt");
    }

    #[test]
    fn rehearsal_is_labelled_and_free() {
        let model = catalog(true, &[]).models().remove(0);
        assert!(model.rehearsal);
        assert_eq!(model.id, "rehearsal/rehearsal");
        assert_eq!(model.price, Some(FREE));
    }
}
