//! The addresses of all pages.

use dioxus::{prelude::*, web::WebHistory};

use crate::{
    lazy::{
        Agent, Agents, Approvals, Budgets, Call, Calls, Chat, ChatSession, Compare, Crew, Crews,
        DeadLetters, Design, Editor, Execution, Knowledge, KnowledgeBase, LlmRoutes, Providers,
        Settings, Tool, Tools, Usage,
    },
    pages::{
        dashboard::Dashboard, executions::Executions, flows::Flows, login::Login, missing::Missing,
        register::Register,
    },
    params::Params,
    shell::Shell,
};

#[derive(Clone, Debug, PartialEq, Routable)]
#[rustfmt::skip]
pub(crate) enum Route {
    #[route("/login?:..params")]
    Login { params: Params },
    #[route("/register?:..params")]
    Register { params: Params },
    #[layout(Shell)]
        #[route("/")]
        Dashboard {},
        #[route("/flows?:..params")]
        Flows { params: Params },
        #[route("/flows/:id?:..params")]
        Editor { id: String, params: Params },
        #[route("/executions?:..params")]
        Executions { params: Params },
        #[route("/executions/:id?:..params")]
        Execution { id: String, params: Params },
        #[route("/executions/:id/compare/:with")]
        Compare { id: String, with: String },
        #[route("/approvals")]
        Approvals {},
        #[route("/dead-letters?:..params")]
        DeadLetters { params: Params },
        #[route("/agents?:..params")]
        Agents { params: Params },
        #[route("/agents/:id?:..params")]
        Agent { id: String, params: Params },
        #[route("/crews?:..params")]
        Crews { params: Params },
        #[route("/crews/:id?:..params")]
        Crew { id: String, params: Params },
        #[route("/tools?:..params")]
        Tools { params: Params },
        #[route("/tools/:id?:..params")]
        Tool { id: String, params: Params },
        #[route("/knowledge?:..params")]
        Knowledge { params: Params },
        #[route("/knowledge/:id?:..params")]
        KnowledgeBase { id: String, params: Params },
        #[route("/chat?:..params")]
        Chat { params: Params },
        #[route("/chat/:id?:..params")]
        ChatSession { id: String, params: Params },
        #[route("/providers")]
        Providers {},
        #[route("/routes")]
        LlmRoutes {},
        #[route("/budgets")]
        Budgets {},
        #[route("/usage?:..params")]
        Usage { params: Params },
        #[route("/calls?:..params")]
        Calls { params: Params },
        #[route("/calls/:id")]
        Call { id: String },
        #[route("/settings")]
        Settings {},
        #[route("/design")]
        Design {},
        #[route("/:..path")]
        Missing { path: Vec<String> },
}

impl Route {
    pub(crate) fn flows() -> Self {
        Self::Flows {
            params: Params::default(),
        }
    }
    pub(crate) fn flow(id: impl ToString) -> Self {
        Self::Editor {
            id: id.to_string(),
            params: Params::default(),
        }
    }
    pub(crate) fn executions() -> Self {
        Self::Executions {
            params: Params::default(),
        }
    }
    pub(crate) fn execution(id: impl ToString) -> Self {
        Self::Execution {
            id: id.to_string(),
            params: Params::default(),
        }
    }
    pub(crate) fn compare(id: impl ToString, with: impl ToString) -> Self {
        Self::Compare {
            id: id.to_string(),
            with: with.to_string(),
        }
    }
    pub(crate) fn dead_letters() -> Self {
        Self::DeadLetters {
            params: Params::default(),
        }
    }
    pub(crate) fn agents() -> Self {
        Self::Agents {
            params: Params::default(),
        }
    }
    pub(crate) fn agent(id: impl ToString) -> Self {
        Self::Agent {
            id: id.to_string(),
            params: Params::default(),
        }
    }
    pub(crate) fn crews() -> Self {
        Self::Crews {
            params: Params::default(),
        }
    }
    pub(crate) fn crew(id: impl ToString) -> Self {
        Self::Crew {
            id: id.to_string(),
            params: Params::default(),
        }
    }
    pub(crate) fn tools() -> Self {
        Self::Tools {
            params: Params::default(),
        }
    }
    pub(crate) fn tool(id: impl ToString) -> Self {
        Self::Tool {
            id: id.to_string(),
            params: Params::default(),
        }
    }
    pub(crate) fn knowledge() -> Self {
        Self::Knowledge {
            params: Params::default(),
        }
    }
    pub(crate) fn knowledge_base(id: impl ToString) -> Self {
        Self::KnowledgeBase {
            id: id.to_string(),
            params: Params::default(),
        }
    }
    pub(crate) fn usage() -> Self {
        Self::Usage {
            params: Params::default(),
        }
    }
    pub(crate) fn calls() -> Self {
        Self::Calls {
            params: Params::default(),
        }
    }
    /// What one execution asked.
    pub(crate) fn calls_of(execution: impl ToString) -> Self {
        Self::Calls {
            params: Params::one("execution", &execution.to_string()),
        }
    }
    pub(crate) fn call(id: impl ToString) -> Self {
        Self::Call { id: id.to_string() }
    }
    pub(crate) fn chat() -> Self {
        Self::Chat {
            params: Params::default(),
        }
    }
    pub(crate) fn chat_session(id: impl ToString) -> Self {
        Self::ChatSession {
            id: id.to_string(),
            params: Params::default(),
        }
    }
}

/// The browser's history, without the lonely `?` that the router writes where nothing follows it.
#[derive(Default)]
pub(crate) struct CleanHistory(WebHistory);

fn clean(mut route: String) -> String {
    if route.ends_with('?') {
        route.pop();
    }
    route
}

impl History for CleanHistory {
    fn current_route(&self) -> String {
        self.0.current_route()
    }
    fn current_prefix(&self) -> Option<String> {
        self.0.current_prefix()
    }
    fn go_back(&self) {
        self.0.go_back();
    }
    fn go_forward(&self) {
        self.0.go_forward();
    }
    fn push(&self, route: String) {
        self.0.push(clean(route));
    }
    fn replace(&self, path: String) {
        self.0.replace(clean(path));
    }
    fn external(&self, url: String) -> bool {
        self.0.external(url)
    }
    fn updater(&self, callback: std::sync::Arc<dyn Fn() + Send + Sync>) {
        self.0.updater(callback);
    }
}
