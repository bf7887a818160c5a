//! What was typed of a route's limits, its cache and its guardrails.

use contracts::{
    FieldProblem,
    llm::{AnswerCache, Guardrails, RateLimits, Redaction, SemanticCache},
};

use super::draft::{given, number};

/// Seconds: an hour.
const USUAL_TTL: &str = "3600";

/// Empty is not limited.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LimitsDraft {
    pub(super) requests: String,
    pub(super) tokens: String,
    pub(super) parallel: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct CacheDraft {
    pub(super) on: bool,
    pub(super) ttl_s: String,
    pub(super) by_meaning: bool,
    /// `<provider>/<model>`
    pub(super) model: String,
    pub(super) threshold: String,
    pub(super) max_entries: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct RailsDraft {
    pub(super) redact: Vec<Redaction>,
    /// One on each line.
    pub(super) blocked: String,
    pub(super) json_only: bool,
    /// Empty is as many as the question says.
    pub(super) max_output_tokens: String,
}

impl LimitsDraft {
    pub(super) fn of(limits: Option<RateLimits>) -> Self {
        let limits = limits.unwrap_or_default();
        Self {
            requests: text(limits.requests_per_minute),
            tokens: text(limits.tokens_per_minute),
            parallel: text(limits.parallel),
        }
    }

    pub(super) fn limits(&self, problems: &mut Vec<FieldProblem>) -> Option<RateLimits> {
        let mut limit = |text, field| {
            let text = given(text)?;
            Some(number(text, &format!("/limits/{field}"), problems))
        };
        let limits = RateLimits {
            requests_per_minute: limit(&self.requests, "requests_per_minute"),
            tokens_per_minute: limit(&self.tokens, "tokens_per_minute"),
            parallel: limit(&self.parallel, "parallel"),
        };
        (limits != RateLimits::default()).then_some(limits)
    }
}

impl CacheDraft {
    pub(super) fn of(cache: Option<&AnswerCache>) -> Self {
        let semantic = cache.and_then(|cache| cache.semantic.clone());
        let by_meaning = semantic.is_some();
        let usual = || SemanticCache::by(String::new());
        let semantic = semantic.unwrap_or_else(usual);
        Self {
            on: cache.is_some(),
            ttl_s: cache.map_or_else(|| USUAL_TTL.to_owned(), |cache| cache.ttl_s.to_string()),
            by_meaning,
            model: semantic.model,
            threshold: semantic.threshold.to_string(),
            max_entries: semantic.max_entries.to_string(),
        }
    }

    pub(super) fn cache(&self, problems: &mut Vec<FieldProblem>) -> Option<AnswerCache> {
        if !self.on {
            return None;
        }
        let ttl_s = number(&self.ttl_s, "/cache/ttl_s", problems);
        let semantic = self.by_meaning.then(|| SemanticCache {
            model: self.model.clone(),
            threshold: self.threshold.trim().parse().unwrap_or_else(|_| {
                problems.push(FieldProblem {
                    path: "/cache/semantic/threshold".to_owned(),
                    message: "has to be a number".into(),
                });
                0.0
            }),
            max_entries: number(&self.max_entries, "/cache/semantic/max_entries", problems),
        });
        Some(AnswerCache { ttl_s, semantic })
    }
}

impl RailsDraft {
    pub(super) fn of(rails: Option<&Guardrails>) -> Self {
        let rails = rails.cloned().unwrap_or_default();
        Self {
            redact: rails.redact,
            blocked: rails.blocked.join("\n"),
            json_only: rails.json_only,
            max_output_tokens: text(rails.max_output_tokens),
        }
    }

    pub(super) fn set_redaction(&mut self, kind: Redaction, on: bool) {
        self.redact.retain(|known| *known != kind);
        if on {
            self.redact.push(kind);
        }
    }

    pub(super) fn rails(&self, problems: &mut Vec<FieldProblem>) -> Option<Guardrails> {
        let lines = self.blocked.lines().filter_map(given);
        let most = given(&self.max_output_tokens);
        let rails = Guardrails {
            redact: self.redact.clone(),
            blocked: lines.map(str::to_owned).collect(),
            json_only: self.json_only,
            max_output_tokens: most
                .map(|text| number(text, "/guardrails/max_output_tokens", problems)),
        };
        (rails != Guardrails::default()).then_some(rails)
    }
}

fn text(limit: Option<u32>) -> String {
    limit.map(|limit| limit.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_is_nothing() {
        let mut problems = Vec::new();
        assert_eq!(LimitsDraft::of(None).limits(&mut problems), None);
        assert_eq!(CacheDraft::of(None).cache(&mut problems), None);
        let mut rails = RailsDraft::of(None);
        rails.blocked = " \n\n".into();
        assert_eq!(rails.rails(&mut problems), None);
        assert_eq!(problems, []);
    }

    #[test]
    fn blocked_texts_stand_on_lines_of_their_own() {
        let mut rails = RailsDraft::of(None);
        rails.blocked = "Project X\n\n  the moon \n".into();
        rails.set_redaction(Redaction::Card, true);
        rails.set_redaction(Redaction::Email, true);
        rails.set_redaction(Redaction::Card, false);
        let rails = rails.rails(&mut Vec::new()).expect("guardrails");
        assert_eq!(rails.blocked, ["Project X", "the moon"]);
        assert_eq!(rails.redact, [Redaction::Email]);
    }

    #[test]
    fn what_is_no_number_is_told_at_its_field() {
        let mut problems = Vec::new();
        let mut limits = LimitsDraft::of(None);
        limits.parallel = "few".into();
        limits.limits(&mut problems);
        let mut cache = CacheDraft::of(None);
        (cache.on, cache.ttl_s) = (true, String::new());
        (cache.by_meaning, cache.threshold) = (true, "near".into());
        cache.cache(&mut problems);
        let mut rails = RailsDraft::of(None);
        rails.max_output_tokens = "-1".into();
        rails.rails(&mut problems);
        let paths: Vec<_> = problems.iter().map(|it| it.path.as_str()).collect();
        let expected = [
            "/limits/parallel",
            "/cache/ttl_s",
            "/cache/semantic/threshold",
            "/guardrails/max_output_tokens",
        ];
        assert_eq!(paths, expected);
    }
}
