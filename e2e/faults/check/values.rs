//! Whether values are what was given and made, the large ones too, which are stored apart.

use serde_json::Value;

use super::{Checker, is_of};
use crate::{flows::Kind, history::Run};

impl Checker<'_> {
    /// I2: a run gives back what its flow makes of its input. I3: a value that an event names is there, whole.
    pub(super) async fn check_values(&mut self, run: &Run, view: &Value, events: &[Value]) {
        let made = run.kind.output(run.number);
        // Of an error handler, too.
        if view["state"] != "cancelled" && view["output"] != made {
            self.wrong("I2", run, "its output is not what its flow makes");
        }
        if run.kind != Kind::Large {
            return;
        }
        let organization = self.users[run.user].client.organization.clone();
        let given = run.kind.input(run.number, &organization);
        for event in events {
            let (field, value) = match event {
                _ if is_of(event, "execution_started") => ("input", &given),
                _ if is_of(event, "execution_succeeded") => ("output", &made),
                _ if is_of(event, "step_succeeded") && event["node"] == "fill" => ("output", &made),
                _ => continue,
            };
            self.check_value(run, &event[field], value).await;
        }
    }

    async fn check_value(&mut self, run: &Run, reference: &Value, value: &Value) {
        let Some(hash) = reference["$payload"]["hash"].as_str() else {
            let text = format!(
                "a large value is not stored apart: {:.200}",
                reference.to_string()
            );
            return self.wrong("I3", run, text);
        };
        let path = format!("/api/v1/executions/{}/payloads/{hash}", run.execution);
        self.counted.values += 1;
        match self.users[run.user].client.get(&path).await {
            Ok(answer) if answer.status == 200 && answer.body == *value => {}
            Ok(answer) => {
                let text = format!("the value `{hash}` is another, or gone: {}", answer.status);
                self.wrong("I3", run, text);
            }
            Err(error) => self.wrong("I3", run, format!("the value `{hash}`: {error}")),
        }
    }
}
