//! What was typed into the form of a route.

use std::str::FromStr;

use contracts::{
    FieldProblem, Problem,
    llm::{Deployment, Fallback, RouteSpec, RouteStrategy},
};

use super::{
    rules::{CacheDraft, LimitsDraft, RailsDraft},
    words::FALLBACKS,
};
use crate::ui::problem::invalid;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) strategy: RouteStrategy,
    pub(super) deployments: Vec<Placed>,
    pub(super) fallback_on: Vec<Fallback>,
    pub(super) max_attempts: String,
    pub(super) backoff_ms: String,
    pub(super) max_wait_ms: String,
    pub(super) first_token_timeout_ms: String,
    pub(super) token_timeout_ms: String,
    pub(super) limits: LimitsDraft,
    pub(super) cache: CacheDraft,
    pub(super) rails: RailsDraft,
    /// The last number that was given to a deployment.
    last: u32,
}

/// A deployment in its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    /// Stays with it wherever it goes.
    pub(super) number: u32,
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) weight: String,
}

impl Placed {
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.provider, self.model)
    }
}

impl Draft {
    pub(super) fn of(spec: &RouteSpec) -> Self {
        let maybe = |ms: Option<u64>| ms.map(|ms| ms.to_string()).unwrap_or_default();
        let mut draft = Self {
            name: spec.name.clone(),
            strategy: spec.strategy,
            deployments: Vec::new(),
            fallback_on: spec.fallback_on.clone(),
            max_attempts: spec.max_attempts.to_string(),
            backoff_ms: spec.backoff_ms.to_string(),
            max_wait_ms: spec.max_wait_ms.to_string(),
            first_token_timeout_ms: maybe(spec.first_token_timeout_ms),
            token_timeout_ms: maybe(spec.token_timeout_ms),
            limits: LimitsDraft::of(spec.limits),
            cache: CacheDraft::of(spec.cache.as_ref()),
            rails: RailsDraft::of(spec.guardrails.as_ref()),
            last: 0,
        };
        for deployment in &spec.deployments {
            draft.place(deployment.clone());
        }
        draft
    }

    /// Puts one at the end, by the name `<provider>/<model>`.
    pub(super) fn add(&mut self, name: &str) {
        if let Some((provider, model)) = name.split_once('/') {
            self.place(Deployment {
                provider: provider.into(),
                model: model.into(),
                weight: 1,
            });
        }
    }

    fn place(&mut self, deployment: Deployment) {
        self.last += 1;
        self.deployments.push(Placed {
            number: self.last,
            provider: deployment.provider,
            model: deployment.model,
            weight: deployment.weight.to_string(),
        });
    }

    pub(super) fn set_fallback(&mut self, fallback: Fallback, on: bool) {
        let chosen = |known: &Fallback| match *known == fallback {
            true => on,
            false => self.fallback_on.contains(known),
        };
        self.fallback_on = FALLBACKS.into_iter().filter(chosen).collect();
    }

    /// In hundredths, what its weight is of all; nothing while a weight is no number.
    pub(super) fn share(&self, index: usize) -> Option<String> {
        let weights = self.deployments.iter().map(|it| it.weight.trim().parse());
        let weights: Vec<u32> = weights.collect::<Result<_, _>>().ok()?;
        Some(share(&weights, index))
    }

    pub(super) fn spec(&self) -> Result<RouteSpec, Problem> {
        let mut problems = Vec::new();
        let mut deployments = Vec::new();
        for (index, placed) in self.deployments.iter().enumerate() {
            let path = format!("/deployments/{index}/weight");
            deployments.push(Deployment {
                provider: placed.provider.clone(),
                model: placed.model.clone(),
                weight: number(&placed.weight, &path, &mut problems),
            });
        }
        let mut ms = |text: &str, path: &str| number(text, path, &mut problems);
        let spec = RouteSpec {
            name: self.name.trim().into(),
            strategy: self.strategy,
            deployments,
            fallback_on: self.fallback_on.clone(),
            backoff_ms: ms(&self.backoff_ms, "/backoff_ms"),
            max_wait_ms: ms(&self.max_wait_ms, "/max_wait_ms"),
            first_token_timeout_ms: given(&self.first_token_timeout_ms)
                .map(|text| ms(text, "/first_token_timeout_ms")),
            token_timeout_ms: given(&self.token_timeout_ms)
                .map(|text| ms(text, "/token_timeout_ms")),
            limits: self.limits.limits(&mut problems),
            cache: self.cache.cache(&mut problems),
            guardrails: self.rails.rails(&mut problems),
            max_attempts: number(&self.max_attempts, "/max_attempts", &mut problems),
        };
        match problems.is_empty() {
            true => Ok(spec),
            false => Err(invalid("the route is not valid", problems)),
        }
    }
}

pub(super) fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

pub(super) fn number<T: FromStr + Default>(
    text: &str,
    path: &str,
    problems: &mut Vec<FieldProblem>,
) -> T {
    text.trim().parse().unwrap_or_else(|_| {
        problems.push(FieldProblem {
            path: path.to_owned(),
            message: "has to be a whole number".into(),
        });
        T::default()
    })
}

/// In hundredths, what one weight is of all.
pub(super) fn share(weights: &[u32], index: usize) -> String {
    let whole: f64 = weights.iter().copied().map(f64::from).sum();
    let part = weights.get(index).copied().map_or(0.0, f64::from);
    format!("{:.0} %", 100.0 * part / whole.max(1.0))
}

#[cfg(test)]
mod tests {
    use contracts::llm::{AnswerCache, Guardrails, RateLimits, Redaction};

    use super::*;

    fn draft() -> Draft {
        let mut draft = Draft::of(&RouteSpec::ordered("careful", []));
        draft.add("openai/gpt-4o");
        draft.add("bedrock/anthropic/claude");
        draft
    }

    #[test]
    fn what_is_not_touched_stays_as_it_was() {
        let mut spec = RouteSpec::example();
        spec.token_timeout_ms = Some(5_000);
        assert_eq!(Draft::of(&spec).spec(), Ok(spec.clone()));
        spec.limits = Some(RateLimits {
            parallel: Some(4),
            ..RateLimits::default()
        });
        spec.cache = Some(AnswerCache::exact(60));
        spec.guardrails = Some(Guardrails {
            redact: vec![Redaction::Iban, Redaction::Email],
            blocked: vec!["Project X".into()],
            json_only: true,
            max_output_tokens: Some(500),
        });
        assert_eq!(Draft::of(&spec).spec(), Ok(spec));
    }

    #[test]
    fn models_may_have_a_slash_and_deployments_keep_their_numbers() {
        let mut draft = draft();
        assert_eq!(draft.deployments[1].model, "anthropic/claude");
        draft.deployments.remove(0);
        draft.add("openai/gpt-4o");
        let numbers: Vec<_> = draft.deployments.iter().map(|it| it.number).collect();
        assert_eq!(numbers, [2, 3]);
    }

    #[test]
    fn shares_follow_the_weights() {
        let mut draft = draft();
        draft.deployments[0].weight = "3".into();
        assert_eq!(draft.share(0).as_deref(), Some("75 %"));
        draft.deployments[1].weight = "few".into();
        assert_eq!(draft.share(0), None);
        assert_eq!(share(&[], 0), "0 %");
    }

    #[test]
    fn a_problem_names_its_field() {
        let mut draft = draft();
        draft.deployments[1].weight = "few".into();
        draft.max_attempts = String::new();
        draft.first_token_timeout_ms = "soon".into();
        let problem = draft.spec().expect_err("three problems");
        let paths: Vec<_> = problem.errors.iter().map(|it| it.path.as_str()).collect();
        let expected = [
            "/deployments/1/weight",
            "/first_token_timeout_ms",
            "/max_attempts",
        ];
        assert_eq!(paths, expected);
    }

    #[test]
    fn failures_keep_their_order() {
        let mut draft = draft();
        draft.set_fallback(Fallback::Error, false);
        draft.set_fallback(Fallback::ContentPolicy, true);
        draft.set_fallback(Fallback::Error, true);
        assert_eq!(draft.fallback_on, FALLBACKS);
    }
}
