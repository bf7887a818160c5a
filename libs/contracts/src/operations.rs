//! The list of all operations: what the kernel may serve, integrators may call, and the generated tests walk.
//!
//! **Invariant:** a request that is not listed here cannot be served: the kernel refuses to start with it.

use serde_json::Value;

use crate::{
    Access, Request, agent, auth, chat, crew, dead_letter, execution, fields, flow, knowledge, llm,
    tenant, tool, trigger,
};

/// One request of the contract, described.
#[derive(Clone, Copy)]
pub struct Operation {
    pub name: &'static str,
    pub access: Access,
    /// Fields of the request that hold ids of the tenant's objects.
    pub objects: &'static [&'static str],
    /// A valid request.
    pub example: fn() -> Value,
    /// The names of all fields of the request.
    pub fields: fn() -> &'static [&'static str],
    /// Whether this is such a request.
    pub reads: fn(Value) -> bool,
}

impl Operation {
    const fn of<R: Request>() -> Self {
        Self {
            name: R::NAME,
            access: R::ACCESS,
            objects: R::OBJECTS,
            example: example::<R>,
            fields: fields::of::<R>,
            reads: reads::<R>,
        }
    }

    /// The service that answers.
    pub fn service(&self) -> &'static str {
        self.name.split('.').next().unwrap_or(self.name)
    }

    /// Whether a signed-in integrator may send it in their own tenant.
    pub fn is_for_tenants(&self) -> bool {
        match self.access {
            Access::SignedIn | Access::Permission(_) => true,
            Access::Public | Access::Internal => false,
        }
    }
}

fn example<R: Request>() -> Value {
    serde_json::to_value(R::example()).expect("a message can be written as JSON")
}

fn reads<R: Request>(value: Value) -> bool {
    serde_json::from_value::<R>(value).is_ok()
}

/// Every request of every service.
pub const OPERATIONS: &[Operation] = &[
    Operation::of::<auth::Register>(),
    Operation::of::<auth::Login>(),
    Operation::of::<auth::Refresh>(),
    Operation::of::<auth::Logout>(),
    Operation::of::<auth::MakeTicket>(),
    Operation::of::<auth::RedeemTicket>(),
    Operation::of::<auth::GetMe>(),
    Operation::of::<auth::UpdateMe>(),
    Operation::of::<auth::AddMember>(),
    Operation::of::<auth::RunToken>(),
    Operation::of::<auth::RoleOf>(),
    Operation::of::<tenant::Provision>(),
    Operation::of::<tenant::MembershipsOf>(),
    Operation::of::<tenant::JoinOrganization>(),
    Operation::of::<tenant::ListOrganizations>(),
    Operation::of::<tenant::GetOrganization>(),
    Operation::of::<tenant::UpdateOrganization>(),
    Operation::of::<tenant::ListMembers>(),
    Operation::of::<tenant::UpdateMember>(),
    Operation::of::<tenant::RemoveMember>(),
    Operation::of::<flow::CreateFlow>(),
    Operation::of::<flow::GetFlow>(),
    Operation::of::<flow::ListFlows>(),
    Operation::of::<flow::ListAgentFlows>(),
    Operation::of::<flow::CreateAgentFlow>(),
    Operation::of::<flow::UpdateFlow>(),
    Operation::of::<flow::DeleteFlow>(),
    Operation::of::<flow::ValidateFlow>(),
    Operation::of::<flow::UpgradeFlow>(),
    Operation::of::<flow::PublishFlow>(),
    Operation::of::<flow::ListRevisions>(),
    Operation::of::<flow::GetRevision>(),
    Operation::of::<flow::RestoreRevision>(),
    Operation::of::<flow::ListNodeTypes>(),
    Operation::of::<flow::GetVariables>(),
    Operation::of::<flow::SetVariables>(),
    Operation::of::<flow::GetConcurrency>(),
    Operation::of::<flow::SetConcurrency>(),
    Operation::of::<flow::ExecuteFlow>(),
    Operation::of::<execution::GetExecution>(),
    Operation::of::<execution::ListExecutions>(),
    Operation::of::<execution::ListEvents>(),
    Operation::of::<execution::GetPayload>(),
    Operation::of::<execution::GetExecutionDefinition>(),
    Operation::of::<execution::CancelExecution>(),
    Operation::of::<execution::PauseExecution>(),
    Operation::of::<execution::ResumeExecution>(),
    Operation::of::<execution::CompareExecutions>(),
    Operation::of::<execution::ReplayExecution>(),
    Operation::of::<execution::DeleteExecution>(),
    Operation::of::<execution::GetRetention>(),
    Operation::of::<execution::SetRetention>(),
    Operation::of::<flow::RetryExecution>(),
    Operation::of::<flow::ContinueExecution>(),
    Operation::of::<flow::ForkExecution>(),
    Operation::of::<flow::TestFlow>(),
    Operation::of::<flow::StartRegression>(),
    Operation::of::<flow::GetRegression>(),
    Operation::of::<llm::Complete>(),
    Operation::of::<llm::Embed>(),
    Operation::of::<llm::ListModels>(),
    Operation::of::<llm::CreateProvider>(),
    Operation::of::<llm::ListProviders>(),
    Operation::of::<llm::GetProvider>(),
    Operation::of::<llm::UpdateProvider>(),
    Operation::of::<llm::DeleteProvider>(),
    Operation::of::<llm::TestProvider>(),
    Operation::of::<llm::GetUsage>(),
    Operation::of::<llm::ListCalls>(),
    Operation::of::<llm::GetCall>(),
    Operation::of::<llm::GetCallBodies>(),
    Operation::of::<llm::CreateRoute>(),
    Operation::of::<llm::ListRoutes>(),
    Operation::of::<llm::GetRoute>(),
    Operation::of::<llm::UpdateRoute>(),
    Operation::of::<llm::DeleteRoute>(),
    Operation::of::<llm::GetLimits>(),
    Operation::of::<llm::SetLimits>(),
    Operation::of::<llm::GetRecording>(),
    Operation::of::<llm::SetRecording>(),
    Operation::of::<llm::CreateBudget>(),
    Operation::of::<llm::ListBudgets>(),
    Operation::of::<llm::GetBudget>(),
    Operation::of::<llm::UpdateBudget>(),
    Operation::of::<llm::DeleteBudget>(),
    Operation::of::<tool::CreateTool>(),
    Operation::of::<tool::GetTool>(),
    Operation::of::<tool::ListTools>(),
    Operation::of::<tool::UpdateTool>(),
    Operation::of::<tool::DeleteTool>(),
    Operation::of::<tool::ListToolVersions>(),
    Operation::of::<tool::ValidateTool>(),
    Operation::of::<tool::InvokeTool>(),
    Operation::of::<tool::ListToolCalls>(),
    Operation::of::<tool::ImportOpenapi>(),
    Operation::of::<tool::ImportMcp>(),
    Operation::of::<tool::DiscoverTools>(),
    Operation::of::<tool::SetSecret>(),
    Operation::of::<tool::ListSecrets>(),
    Operation::of::<tool::DeleteSecret>(),
    Operation::of::<flow::RunAgent>(),
    Operation::of::<flow::RunCrew>(),
    Operation::of::<flow::TestCrew>(),
    Operation::of::<flow::RunTurn>(),
    Operation::of::<trigger::CreateTrigger>(),
    Operation::of::<trigger::ListTriggers>(),
    Operation::of::<trigger::GetTrigger>(),
    Operation::of::<trigger::UpdateTrigger>(),
    Operation::of::<trigger::EnableTrigger>(),
    Operation::of::<trigger::DisableTrigger>(),
    Operation::of::<trigger::DeleteTrigger>(),
    Operation::of::<trigger::ListFires>(),
    Operation::of::<trigger::RotateSecret>(),
    Operation::of::<trigger::ReceiveWebhook>(),
    Operation::of::<execution::Approve>(),
    Operation::of::<execution::AnswerExecution>(),
    Operation::of::<execution::ReadExecution>(),
    Operation::of::<execution::ReadPayload>(),
    Operation::of::<execution::DeliverEvent>(),
    Operation::of::<dead_letter::ListDeadLetters>(),
    Operation::of::<dead_letter::Redrive>(),
    Operation::of::<tool::ResolveTools>(),
    Operation::of::<agent::CreateAgent>(),
    Operation::of::<agent::GetAgent>(),
    Operation::of::<agent::ListAgents>(),
    Operation::of::<agent::UpdateAgent>(),
    Operation::of::<agent::DeleteAgent>(),
    Operation::of::<agent::ListAgentVersions>(),
    Operation::of::<agent::Resolve>(),
    Operation::of::<agent::Recall>(),
    Operation::of::<agent::Remember>(),
    Operation::of::<agent::ListMemories>(),
    Operation::of::<agent::Forget>(),
    Operation::of::<crew::CreateCrew>(),
    Operation::of::<crew::GetCrew>(),
    Operation::of::<crew::ListCrews>(),
    Operation::of::<crew::UpdateCrew>(),
    Operation::of::<crew::DeleteCrew>(),
    Operation::of::<crew::ListCrewVersions>(),
    Operation::of::<crew::ImportCrew>(),
    Operation::of::<knowledge::CreateBase>(),
    Operation::of::<knowledge::GetBase>(),
    Operation::of::<knowledge::ListBases>(),
    Operation::of::<knowledge::UpdateBase>(),
    Operation::of::<knowledge::DeleteBase>(),
    Operation::of::<knowledge::ReindexBase>(),
    Operation::of::<knowledge::AddDocument>(),
    Operation::of::<knowledge::ListDocuments>(),
    Operation::of::<knowledge::GetDocument>(),
    Operation::of::<knowledge::ReadDocument>(),
    Operation::of::<knowledge::DeleteDocument>(),
    Operation::of::<knowledge::SearchBase>(),
    Operation::of::<chat::CreateSession>(),
    Operation::of::<chat::GetSession>(),
    Operation::of::<chat::ListSessions>(),
    Operation::of::<chat::UpdateSession>(),
    Operation::of::<chat::DeleteSession>(),
    Operation::of::<chat::SendMessage>(),
    Operation::of::<chat::Regenerate>(),
    Operation::of::<chat::StopAnswer>(),
    Operation::of::<chat::ListMessages>(),
    Operation::of::<chat::GetMessage>(),
    Operation::of::<chat::AddAttachment>(),
    Operation::of::<chat::ReadAttachment>(),
];

/// The operation of that name.
pub fn find(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_well_formed() {
        let names: BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.name).collect();
        assert_eq!(names.len(), OPERATIONS.len());
        for name in names {
            let tokens: Vec<_> = name.split('.').collect();
            assert_eq!(tokens.len(), 2, "{name}");
            assert!(
                tokens
                    .iter()
                    .all(|token| crate::subject::Token::new(token).is_some()),
                "{name}"
            );
        }
    }

    #[test]
    fn object_fields_exist_in_the_example() {
        for operation in OPERATIONS {
            let example = (operation.example)();
            for field in operation.objects {
                assert!(example[field].is_string(), "{}: {field}", operation.name);
            }
        }
    }
}
