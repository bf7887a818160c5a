//! In which order the deployments of a route are asked, and what of a route cannot be.

use std::collections::HashSet;

use contracts::{
    FieldProblem,
    llm::{Deployment, RouteSpec, RouteStrategy},
    subject::Token,
};
use rust_decimal::Decimal;

use super::{
    catalog::{Catalog, Choice, ROUTE},
    guard, likeness, meter,
    settings::problem,
};

const MAX_DEPLOYMENTS: usize = 20;
const MAX_WEIGHT: u32 = 1000;
const MAX_ATTEMPTS: u32 = 20;
const MAX_BACKOFF_MS: u64 = 10_000;
const MAX_WAIT_MS: u64 = 120_000;
const MAX_TIMEOUT_MS: u64 = 900_000;
const MAX_TTL_S: u64 = 30 * 24 * 60 * 60;

/// What is known of the deployments when they are put in order.
pub(crate) struct Figures<'a> {
    /// Differs from question to question.
    pub(crate) seed: u64,
    /// Until a deployment began to answer, of late, in milliseconds.
    pub(crate) latency_ms: &'a dyn Fn(&Choice) -> Option<f64>,
    /// What the question may cost.
    pub(crate) cost: &'a dyn Fn(&Choice) -> Option<Decimal>,
}

/// The places of the choices, whom to ask first first.
pub(crate) fn order(
    strategy: RouteStrategy,
    choices: &[Choice],
    figures: &Figures<'_>,
) -> Vec<usize> {
    let mut places: Vec<usize> = (0..choices.len()).collect();
    match strategy {
        RouteStrategy::Ordered => {}
        RouteStrategy::Weighted => {
            let draws = draws(choices, figures.seed);
            places.sort_by(|a, b| draws[*a].total_cmp(&draws[*b]));
        }
        RouteStrategy::LeastLatency => {
            let latency = |place: &usize| (figures.latency_ms)(&choices[*place]).unwrap_or(0.0);
            places.sort_by(|a, b| latency(a).total_cmp(&latency(b)));
        }
        RouteStrategy::Cheapest => {
            places.sort_by_cached_key(|place| {
                let cost = (figures.cost)(&choices[*place]);
                (cost.is_none(), cost)
            });
        }
    }
    places
}

/// Drawing without replacement by weight: each draws from an exponential distribution whose rate is its weight, and the
/// least comes first (Efraimidis and Spirakis, 2006).
fn draws(choices: &[Choice], seed: u64) -> Vec<f64> {
    let mut state = seed;
    let draw = |choice: &Choice| {
        // SplitMix64. The top 53 bits fill a mantissa.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        let uniform = ((bits >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        -uniform.ln() / f64::from(choice.weight.max(1))
    };
    choices.iter().map(draw).collect()
}

/// What is wrong with a route. Each deployment must exist when it is written.
pub(crate) fn check(spec: &RouteSpec, catalog: &Catalog) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    if Token::new(&spec.name).is_none() {
        problems.push(problem("/name", "1 to 64 letters, digits, `_` or `-`"));
    }
    if spec.name == ROUTE {
        problems.push(problem(
            "/name",
            "`route` stands before the names of routes",
        ));
    }
    check_deployments(&spec.deployments, catalog, &mut problems);
    let mut bounded = |path: &str, value: u64, least: u64, most: u64| {
        if !(least..=most).contains(&value) {
            problems.push(problem(path, &format!("{least} to {most}")));
        }
    };
    let attempts = u64::from(spec.max_attempts);
    bounded("/max_attempts", attempts, 1, MAX_ATTEMPTS.into());
    bounded("/backoff_ms", spec.backoff_ms, 0, MAX_BACKOFF_MS);
    bounded("/max_wait_ms", spec.max_wait_ms, 0, MAX_WAIT_MS);
    let timeouts = [
        ("/first_token_timeout_ms", spec.first_token_timeout_ms),
        ("/token_timeout_ms", spec.token_timeout_ms),
    ];
    for (path, timeout) in timeouts {
        bounded(path, timeout.unwrap_or(1), 1, MAX_TIMEOUT_MS);
    }
    let cache = spec.cache.as_ref();
    let ttl_s = cache.map_or(1, |cache| u64::from(cache.ttl_s));
    bounded("/cache/ttl_s", ttl_s, 1, MAX_TTL_S);
    if let Some(semantic) = cache.and_then(|cache| cache.semantic.as_ref()) {
        likeness::check(semantic, catalog, &mut problems);
    }
    if let Some(limits) = &spec.limits {
        meter::check(limits, "/limits", &mut problems);
    }
    if let Some(rails) = &spec.guardrails {
        guard::check(rails, &mut problems);
    }
    problems
}

fn check_deployments(
    deployments: &[Deployment],
    catalog: &Catalog,
    problems: &mut Vec<FieldProblem>,
) {
    if !(1..=MAX_DEPLOYMENTS).contains(&deployments.len()) {
        problems.push(problem("/deployments", "1 to 20 deployments"));
        return;
    }
    let mut seen = HashSet::new();
    for (at, deployment) in deployments.iter().enumerate() {
        let path = |field: &str| format!("/deployments/{at}/{field}");
        if catalog
            .find(&deployment.provider, &deployment.model)
            .is_none()
        {
            let text = "no provider of this name offers this model";
            problems.push(problem(&path("model"), text));
        }
        if !seen.insert((&deployment.provider, &deployment.model)) {
            problems.push(problem(&path("model"), "this model is there already"));
        }
        if !(1..=MAX_WEIGHT).contains(&deployment.weight) {
            problems.push(problem(&path("weight"), "1 to 1000"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use contracts::{
        id::ProviderId,
        llm::{ModelKind, ProviderKind, ProviderModel},
    };

    use super::*;
    use crate::domain::{
        catalog::{Entry, Wanted},
        prices::PriceTable,
    };

    fn catalog() -> Catalog {
        let model = |name: &str| ProviderModel {
            name: name.into(),
            kind: ModelKind::Chat,
            price: None,
        };
        let provider = Entry {
            id: ProviderId::generate(),
            name: "p".into(),
            kind: ProviderKind::OpenaiCompatible,
            base_url: "https://example.com/v1".into(),
            models: ["a", "b", "c"].map(model).into(),
            limits: None,
        };
        let route = RouteSpec::ordered("r", [("p", "a"), ("p", "b"), ("p", "c")]);
        let prices = PriceTable::built_in();
        Catalog::new(true, vec![provider], vec![Arc::new(route)], &prices)
    }

    fn choices(weights: [u32; 3]) -> Vec<Choice> {
        let wanted = Wanted {
            model: Some("r"),
            route: None,
        };
        let mut choices = catalog().plan(wanted).unwrap().choices;
        for (choice, weight) in choices.iter_mut().zip(weights) {
            choice.weight = weight;
        }
        choices
    }

    fn by(strategy: RouteStrategy, told: [Option<i32>; 3]) -> Vec<usize> {
        let figure = |choice: &Choice| {
            let place = ["a", "b", "c"]
                .iter()
                .position(|name| *name == choice.target.model);
            told[place.unwrap()]
        };
        let figures = Figures {
            seed: 0,
            latency_ms: &|choice| figure(choice).map(f64::from),
            cost: &|choice| figure(choice).map(Decimal::from),
        };
        order(strategy, &choices([1, 1, 1]), &figures)
    }

    #[test]
    fn the_first_the_fastest_and_the_cheapest_come_first() {
        let figures = [Some(3), Some(1), Some(2)];
        assert_eq!(by(RouteStrategy::Ordered, figures), [0, 1, 2]);
        assert_eq!(by(RouteStrategy::LeastLatency, figures), [1, 2, 0]);
        assert_eq!(by(RouteStrategy::Cheapest, figures), [1, 2, 0]);
        // Who was never asked is tried; who costs nobody knows what is not.
        let figures = [Some(3), Some(1), None];
        assert_eq!(by(RouteStrategy::LeastLatency, figures), [2, 1, 0]);
        assert_eq!(by(RouteStrategy::Cheapest, figures), [1, 0, 2]);
    }

    #[test]
    fn chance_follows_the_weights() {
        let choices = choices([70, 20, 10]);
        let mut first = [0_u32; 3];
        for seed in 0..10_000_u64 {
            let figures = Figures {
                seed: seed.wrapping_mul(0xD134_2543_DE82_EF95),
                latency_ms: &|_| None,
                cost: &|_| None,
            };
            let order = order(RouteStrategy::Weighted, &choices, &figures);
            let mut all = order.clone();
            all.sort_unstable();
            assert_eq!(all, [0, 1, 2]);
            first[order[0]] += 1;
        }
        for (count, expect) in first.into_iter().zip([7000, 2000, 1000]) {
            assert!(count.abs_diff(expect) < 300, "{first:?}");
        }
    }

    #[test]
    fn odd_routes_are_refused_with_their_fields() {
        let mut spec = RouteSpec::ordered("a b", [("p", "a"), ("p", "a"), ("q", "a")]);
        spec.deployments[0].weight = 0;
        spec.max_attempts = 0;
        spec.backoff_ms = 10_001;
        spec.max_wait_ms = 120_001;
        spec.token_timeout_ms = Some(0);
        let paths: Vec<_> = check(&spec, &catalog())
            .into_iter()
            .map(|problem| problem.path)
            .collect();
        assert_eq!(
            paths,
            [
                "/name",
                "/deployments/0/weight",
                "/deployments/1/model",
                "/deployments/2/model",
                "/max_attempts",
                "/backoff_ms",
                "/max_wait_ms",
                "/token_timeout_ms"
            ]
        );
        let spec = RouteSpec::ordered("route", []);
        assert_eq!(check(&spec, &catalog()).len(), 2);
        assert_eq!(check(&RouteSpec::example(), &catalog()), []);
    }
}
