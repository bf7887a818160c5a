//! New executions that go on from one that is over.

use contracts::{Problem, execution::Accepted, flow::RevisionChoice};
use serde_json::{Value, json};

use crate::api::{self, query};

/// Runs what failed once more, or from a node on, with all that depends on it.
pub(crate) async fn retry(id: &str, node: Option<&str>) -> Result<Accepted, Problem> {
    let body = match node {
        Some(node) => json!({"node": node}),
        None => json!({}),
    };
    begin(id, "retry", &body).await
}

/// Runs another revision, and takes over what did not change.
pub(crate) async fn go_on(id: &str, revision: RevisionChoice) -> Result<Accepted, Problem> {
    begin(id, "continue", &json!({"revision": revision})).await
}

/// Runs as if a node had given another output.
pub(crate) async fn fork(
    id: &str,
    node: &str,
    output: &Value,
    port: Option<&str>,
) -> Result<Accepted, Problem> {
    let mut body = json!({"node": node, "output": output});
    if let Some(port) = port {
        body["port"] = port.into();
    }
    begin(id, "fork", &body).await
}

async fn begin(id: &str, how: &str, body: &Value) -> Result<Accepted, Problem> {
    let accepted = api::post(&format!("/executions/{id}/{how}"), body).await?;
    query::invalidate("/executions?");
    Ok(accepted)
}
