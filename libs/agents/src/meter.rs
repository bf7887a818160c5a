//! What a run has taken so far, against its limits.

use contracts::{
    agent::Limits,
    execution::{StepError, Usage},
};

#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    steps: u32,
    tool_calls: u32,
    usage: Usage,
}

impl Meter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            steps: 0,
            tool_calls: 0,
            usage: Usage::ZERO,
        }
    }

    /// Counts a question to a model before it is asked.
    pub(crate) fn step(&mut self) -> Result<(), StepError> {
        self.steps += 1;
        if self.steps > self.limits.max_steps {
            return Err(reached("max_steps", &self.limits.max_steps));
        }
        let tokens = self.usage.prompt_tokens + self.usage.completion_tokens;
        if tokens >= self.limits.max_tokens {
            return Err(reached("max_tokens", &self.limits.max_tokens));
        }
        match (self.limits.max_cost, self.usage.cost) {
            (Some(most), Some(spent)) if spent >= most => Err(reached("max_cost", &most)),
            // What has no known price cannot be shown to be within the bound.
            (Some(most), None) => Err(reached("max_cost", &most)),
            (Some(_), Some(_)) | (None, _) => Ok(()),
        }
    }

    pub(crate) fn spend(&mut self, usage: Usage) {
        self.usage = self.usage.plus(usage);
    }

    /// Counts a call of a tool before it is made.
    pub(crate) fn tool_call(&mut self) -> Result<(), StepError> {
        self.tool_calls += 1;
        if self.tool_calls > self.limits.max_tool_calls {
            return Err(reached("max_tool_calls", &self.limits.max_tool_calls));
        }
        Ok(())
    }
}

fn reached(limit: &str, value: &dyn std::fmt::Display) -> StepError {
    StepError::new(
        "limit_reached",
        format!("the run reached its limit `{limit}` of {value}"),
    )
}
