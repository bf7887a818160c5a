//! What may come in.

use contracts::{chat::CreateSession, flow::TurnTarget};

use crate::error::Error;

/// Characters of a title at most.
const TITLE: usize = 200;

pub(crate) fn title(title: &str) -> Result<(), Error> {
    if title.trim().is_empty() || title.chars().count() > TITLE || title.contains('\0') {
        return Err(Error::InvalidField {
            field: "title",
            rule: "must have 1 to 200 characters",
        });
    }
    Ok(())
}

/// Who shall answer.
pub(crate) fn target(request: &CreateSession) -> Result<TurnTarget, Error> {
    match (request.agent_id, request.crew_id, request.flow_id) {
        (Some(agent_id), None, None) => Ok(TurnTarget::Agent { agent_id }),
        (None, Some(crew_id), None) => Ok(TurnTarget::Crew { crew_id }),
        (None, None, Some(flow_id)) => Ok(TurnTarget::Flow { flow_id }),
        _ => Err(Error::InvalidField {
            field: "agent_id",
            rule: "or `crew_id` or `flow_id` must be set, and only one of them",
        }),
    }
}

#[cfg(test)]
mod tests {
    use contracts::id::{AgentId, FlowId};

    use super::*;

    #[test]
    fn titles_have_a_length() {
        for (text, valid) in [
            ("Plans", true),
            (&*"ä".repeat(200), true),
            (&*"ä".repeat(201), false),
            (" ", false),
            ("a\0", false),
        ] {
            assert_eq!(title(text).is_ok(), valid, "{text:?}");
        }
    }

    #[test]
    fn exactly_one_answers() {
        let mut request = CreateSession::default();
        assert!(target(&request).is_err());
        request.agent_id = Some(AgentId::EXAMPLE);
        let agent_id = AgentId::EXAMPLE;
        assert_eq!(target(&request).unwrap(), TurnTarget::Agent { agent_id });
        request.flow_id = Some(FlowId::EXAMPLE);
        assert!(target(&request).is_err());
    }
}
