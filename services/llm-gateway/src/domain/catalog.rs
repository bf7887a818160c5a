//! Who answers for the model or the route that a caller names.

use std::sync::Arc;

use contracts::{
    id::ProviderId,
    llm::{Model, ModelKind, Price, ProviderKind, ProviderModel, RateLimits, RouteSpec},
};
use rust_decimal::Decimal;

use super::{price::Tariff, prices::PriceTable};
use crate::Error;

/// The name of the built-in offline provider, and of its one model.
pub(crate) const REHEARSAL: &str = "rehearsal";

/// Stands before the name of a route where a model is named.
pub(crate) const ROUTE: &str = "route";

pub(crate) const FREE: Price = Price {
    prompt: Decimal::ZERO,
    completion: Decimal::ZERO,
    cache_read: None,
    cache_write: None,
};

/// What a tenant can name: the offline provider, the configured ones and the routes, the oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Catalog {
    rehearsal: bool,
    providers: Vec<Priced>,
    routes: Vec<Arc<RouteSpec>>,
}

/// A provider with what its models cost, in their order.
#[derive(Clone, Debug)]
struct Priced {
    entry: Entry,
    tariffs: Vec<Option<Arc<Tariff>>>,
}

/// Who may answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) route: Option<Arc<RouteSpec>>,
    /// The deployments of the route that exist, in its order; without a route the one model.
    pub(crate) choices: Vec<Choice>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    pub(crate) target: Target,
    pub(crate) weight: u32,
}

/// What a caller names.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted<'a> {
    /// A model, or a route where a model can be named.
    pub(crate) model: Option<&'a str>,
    pub(crate) route: Option<&'a str>,
}

/// A configured provider, by what resolution needs.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: ProviderId,
    pub(crate) name: String,
    pub(crate) kind: ProviderKind,
    pub(crate) base_url: String,
    pub(crate) models: Vec<ProviderModel>,
    pub(crate) limits: Option<RateLimits>,
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
    pub(crate) vendor: Vendor,
    pub(crate) tariff: Option<Arc<Tariff>>,
}

impl Plan {
    /// One model and no other.
    fn of(target: Target) -> Self {
        Self {
            route: None,
            choices: vec![Choice { target, weight: 1 }],
        }
    }
}

impl Target {
    /// `<provider>/<model>`
    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.provider, self.model)
    }

    fn is_called(&self, id: &str) -> bool {
        let model = id
            .strip_prefix(self.provider.as_str())
            .and_then(|rest| rest.strip_prefix('/'));
        model == Some(&self.model)
    }

    /// Whether it is the same model of the same provider.
    pub(crate) fn is_same_model(&self, other: &Self) -> bool {
        self.source == other.source && self.model == other.model
    }

    pub(crate) fn is_rehearsal(&self) -> bool {
        self.source == Source::Rehearsal
    }
}

/// Whose protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vendor(ProviderKind);

impl Vendor {
    /// As OpenTelemetry's conventions for generative AI call it.
    pub(crate) const fn name(self) -> &'static str {
        match self.0 {
            ProviderKind::Rehearsal => "rehearsal",
            ProviderKind::OpenaiCompatible => "openai",
            ProviderKind::Anthropic => "anthropic",
            ProviderKind::Gemini => "gcp.gemini",
            ProviderKind::AzureOpenai => "azure.ai.openai",
            ProviderKind::Bedrock => "aws.bedrock",
            ProviderKind::Mistral => "mistral_ai",
            ProviderKind::Groq => "groq",
            ProviderKind::Ollama => "ollama",
            ProviderKind::Vllm => "vllm",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    #[error("route `{0}` leads to no model that exists")]
    DeadRoute(String),
}

impl Catalog {
    /// `providers` and `routes` are ordered by age, the oldest first.
    pub(crate) fn new(
        rehearsal: bool,
        providers: Vec<Entry>,
        routes: Vec<Arc<RouteSpec>>,
        prices: &PriceTable,
    ) -> Self {
        let priced = |entry: Entry| {
            let tariff = |model: &ProviderModel| match model.price {
                Some(price) => Some(Arc::new(Tariff::new(price))),
                None => prices.find(&entry.base_url, &model.name),
            };
            let tariffs = entry.models.iter().map(tariff).collect();
            Priced { entry, tariffs }
        };
        Self {
            rehearsal,
            providers: providers.into_iter().map(priced).collect(),
            routes,
        }
    }

    /// Who may answer a question.
    pub(crate) fn plan(&self, wanted: Wanted<'_>) -> Result<Plan, Error> {
        self.plan_of(wanted, ModelKind::Chat)
    }

    /// Who may make vectors. Vectors of two models cannot be compared: a route leads to its first model alone, wherever
    /// that is offered.
    pub(crate) fn plan_embedding(&self, wanted: Wanted<'_>) -> Result<Plan, Error> {
        let mut plan = self.plan_of(wanted, ModelKind::Embedding)?;
        let first = plan.choices[0].target.model.clone();
        plan.choices.retain(|choice| choice.target.model == first);
        Ok(plan)
    }

    fn plan_of(&self, wanted: Wanted<'_>, kind: ModelKind) -> Result<Plan, Error> {
        let named = |name: &str| self.routes.iter().find(|route| route.name == name);
        if let Some(name) = wanted.route {
            let unknown = || Error::UnknownRoute(name.chars().take(64).collect());
            let route = named(name).ok_or_else(unknown)?;
            if wanted.model.is_some() {
                return Err(Error::InvalidQuestion {
                    parameter: "route",
                    what: "`model` and `route` exclude each other".to_owned(),
                });
            }
            return Ok(self.lead(route)?);
        }
        let Some(wanted) = wanted.model else {
            let default = self.default(kind).ok_or(Unresolved::Empty)?;
            return Ok(Plan::of(default));
        };
        // A model's own name may hold a slash, so the whole name is compared, not its parts.
        if let Some(target) = self.targets().find(|target| target.is_called(wanted)) {
            return Ok(Plan::of(target));
        }
        if let Some(route) = named(wanted.strip_prefix("route/").unwrap_or(wanted)) {
            return Ok(self.lead(route)?);
        }
        Ok(Plan::of(self.by_own_name(wanted)?))
    }

    /// Where a route leads to at present.
    fn lead(&self, route: &Arc<RouteSpec>) -> Result<Plan, Unresolved> {
        let choices: Vec<_> = route
            .deployments
            .iter()
            .filter_map(|deployment| {
                let target = self.find(&deployment.provider, &deployment.model)?;
                let weight = deployment.weight;
                Some(Choice { target, weight })
            })
            .collect();
        if choices.is_empty() {
            return Err(Unresolved::DeadRoute(route.name.clone()));
        }
        Ok(Plan {
            route: Some(route.clone()),
            choices,
        })
    }

    pub(crate) fn route(&self, name: &str) -> Option<&RouteSpec> {
        let mut routes = self.routes.iter();
        routes.find(|route| route.name == name).map(Arc::as_ref)
    }

    /// How much a provider may be asked at a time.
    pub(crate) fn limits(&self, target: &Target) -> Option<(ProviderId, &RateLimits)> {
        let Source::Configured(id) = target.source else {
            return None;
        };
        let provider = self.providers.iter().find(|it| it.entry.id == id)?;
        Some((id, provider.entry.limits.as_ref()?))
    }

    /// The model of this provider.
    pub(crate) fn find(&self, provider: &str, model: &str) -> Option<Target> {
        self.targets()
            .find(|target| target.provider == provider && target.model == model)
    }

    /// Whether a model for vectors is called so.
    pub(crate) fn has_vectors(&self, id: &str) -> bool {
        let makes = |it: &Target| it.kind == ModelKind::Embedding || it.is_rehearsal();
        self.targets().any(|it| makes(&it) && it.is_called(id))
    }

    fn by_own_name(&self, wanted: &str) -> Result<Target, Unresolved> {
        // A hostile name may be megabytes long; the message keeps what a person can read.
        let shown = || wanted.chars().take(128).collect();
        let mut bare = self.targets().filter(|target| target.model == wanted);
        match (bare.next(), bare.next()) {
            (Some(target), None) => Ok(target),
            (Some(_), Some(_)) => Err(Unresolved::Ambiguous(shown())),
            (None, _) => Err(Unresolved::Unknown(shown())),
        }
    }

    /// All models and routes that can be named.
    pub(crate) fn models(&self) -> Vec<Model> {
        let routes = self.routes.iter().map(|route| route_model(route));
        self.targets().map(model_of).chain(routes).collect()
    }

    /// What a name that a question may have stands for.
    pub(crate) fn model(&self, name: &str) -> Result<Model, Error> {
        let wanted = Wanted {
            model: Some(name),
            route: None,
        };
        let plan = self.plan(wanted)?;
        Ok(match plan.route {
            Some(route) => route_model(&route),
            None => model_of(
                plan.choices
                    .into_iter()
                    .next()
                    .ok_or(Unresolved::Empty)?
                    .target,
            ),
        })
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
            vendor: Vendor(ProviderKind::Rehearsal),
            tariff: Some(Arc::new(Tariff::new(FREE))),
        })
    }

    fn configured(&self) -> impl Iterator<Item = Target> + '_ {
        self.providers.iter().flat_map(|Priced { entry, tariffs }| {
            let models = entry.models.iter().zip(tariffs);
            models.map(|(model, tariff)| Target {
                source: Source::Configured(entry.id),
                provider: entry.name.clone(),
                model: model.name.clone(),
                kind: model.kind,
                vendor: Vendor(entry.kind),
                tariff: tariff.clone(),
            })
        })
    }
}

fn model_of(target: Target) -> Model {
    Model {
        id: target.id(),
        rehearsal: target.is_rehearsal(),
        provider: target.provider,
        name: target.model,
        price: target.tariff.map(|tariff| tariff.price),
    }
}

fn route_model(route: &RouteSpec) -> Model {
    Model {
        id: format!("{ROUTE}/{}", route.name),
        rehearsal: false,
        provider: ROUTE.to_owned(),
        name: route.name.clone(),
        price: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(rehearsal: bool, providers: &[(&str, &[&str])]) -> Catalog {
        let entry = |(name, models): &(&str, &[&str])| Entry {
            id: ProviderId::generate(),
            name: (*name).to_owned(),
            kind: ProviderKind::OpenaiCompatible,
            base_url: "https://api.openai.com/v1".to_owned(),
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
            limits: None,
        };
        let routes = [
            RouteSpec::ordered(
                "gpt",
                [("gone", "gpt"), ("openai", "gpt"), ("local", "both")],
            ),
            RouteSpec::ordered("dead", [("gone", "gpt")]),
        ];
        let routes = routes.into_iter().map(Arc::new).collect();
        let providers = providers.iter().map(entry).collect();
        Catalog::new(rehearsal, providers, routes, &PriceTable::built_in())
    }

    impl Catalog {
        fn resolve(&self, model: Option<&str>) -> Result<Target, Error> {
            let plan = self.plan(Wanted { model, route: None })?;
            Ok(plan.choices.into_iter().next().unwrap().target)
        }
        fn resolve_embedding(&self, model: Option<&str>) -> Result<Target, Error> {
            let plan = self.plan_embedding(Wanted { model, route: None })?;
            Ok(plan.choices.into_iter().next().unwrap().target)
        }
    }

    fn reason<T: std::fmt::Debug>(outcome: Result<T, Error>) -> &'static str {
        outcome.unwrap_err().reason()
    }

    #[track_caller]
    fn check(catalog: &Catalog, wanted: Option<&str>, expect: &str) {
        assert_eq!(catalog.resolve(wanted).unwrap().id(), expect);
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
        check(&catalog, Some("meta/llama"), "local/meta/llama");
        check(&catalog, Some("local/meta/llama"), "local/meta/llama");
        check(&catalog, Some("local/both"), "local/both");
        check(&catalog, Some("rehearsal"), "rehearsal/rehearsal");
        assert_eq!(reason(catalog.resolve(Some("both"))), "model_ambiguous");
        assert_eq!(
            reason(catalog.resolve(Some("openai/llama"))),
            "model_not_found"
        );
    }

    #[test]
    fn routes_lead_to_what_exists_and_go_before_models() {
        let catalog = catalog(true, &[("openai", &["gpt"]), ("local", &["both"])]);
        let plan = |model, route| catalog.plan(Wanted { model, route });
        for wanted in [
            plan(Some("gpt"), None),
            plan(Some("route/gpt"), None),
            plan(None, Some("gpt")),
        ] {
            let plan = wanted.unwrap();
            assert_eq!(plan.route.unwrap().name, "gpt");
            let ids: Vec<_> = plan
                .choices
                .iter()
                .map(|choice| choice.target.id())
                .collect();
            assert_eq!(ids, ["openai/gpt", "local/both"]);
        }
        assert!(plan(Some("openai/gpt"), None).unwrap().route.is_none());
        assert_eq!(reason(plan(None, Some("dead"))), "route_empty");
        assert_eq!(reason(plan(None, Some("nobody"))), "route_not_found");
        assert_eq!(reason(plan(Some("gpt"), Some("gpt"))), "invalid_question");
        assert_eq!(catalog.model("gpt").unwrap().id, "route/gpt");
        assert!(
            catalog
                .models()
                .iter()
                .any(|model| model.id == "route/dead")
        );
        // Vectors of another model are of no use.
        let wanted = Wanted {
            model: None,
            route: Some("gpt"),
        };
        let plan = catalog.plan_embedding(wanted).unwrap();
        assert_eq!(plan.choices.len(), 1);
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
        assert_eq!(reason(catalog(false, &[]).resolve(None)), "no_model");
        assert!(catalog(false, &[]).resolve(Some("rehearsal")).is_err());
    }

    #[test]
    fn each_kind_has_a_default_of_its_own() {
        let check = |models: &[&str], expect: &str| {
            let catalog = catalog(true, &[("openai", models)]);
            let found = catalog.resolve_embedding(None).unwrap().id();
            assert_eq!(found, expect, "{models:?}");
        };
        check(&["embed-1", "gpt", "embed-2"], "openai/embed-1");
        check(&["gpt"], "rehearsal/rehearsal");
        let mixed = catalog(true, &[("openai", &["embed-1", "gpt"])]);
        assert_eq!(mixed.resolve(None).unwrap().id(), "openai/gpt");
        // A name is a name, whatever the model is for.
        let named = mixed.resolve_embedding(Some("openai/gpt")).unwrap();
        assert_eq!(named.id(), "openai/gpt");
    }

    #[test]
    fn what_an_organization_says_goes_before_the_table() {
        let model = |name: &str, price| ProviderModel {
            name: name.into(),
            kind: ModelKind::Chat,
            price,
        };
        let entry = Entry {
            id: ProviderId::generate(),
            name: "openai".into(),
            kind: ProviderKind::OpenaiCompatible,
            base_url: "https://api.openai.com/v1".into(),
            models: vec![
                model("gpt-4o", None),
                model("gpt-4o-mini", Some(FREE)),
                model("own", None),
            ],
            limits: None,
        };
        let prices = PriceTable::built_in();
        let models = Catalog::new(false, vec![entry], Vec::new(), &prices).models();
        let prices: Vec<_> = models.iter().map(|model| model.price).collect();
        assert_eq!(prices[0].unwrap().prompt.to_string(), "2.5");
        assert_eq!(prices[1..], [Some(FREE), None]);
    }

    #[test]
    fn rehearsal_is_labelled_and_free() {
        let model = catalog(true, &[]).models().remove(0);
        assert!(model.rehearsal);
        assert_eq!(model.id, "rehearsal/rehearsal");
        assert_eq!(model.price, Some(FREE));
    }
}
