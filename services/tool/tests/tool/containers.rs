//! Programs in containers.

use testkit::{ContainerEngine, containers::BUSYBOX_IMAGE};

use super::*;

#[tokio::test]
async fn a_program_gets_the_arguments_and_answers() {
    let _engine = ContainerEngine::start().await;
    let fixture = Fixture::start().await;
    let sh = |script: &str| json!({"image": BUSYBOX_IMAGE, "command": ["/bin/sh", "-c", script]});
    let echo = fixture.make(ToolKind::Container, "echo", sh("cat")).await;
    let arguments = json!({"text": "é\n"});
    for _ in 0..3 {
        let answer = fixture.call(&echo, arguments.clone()).await;
        assert_eq!(answer.unwrap(), arguments);
    }
    let ends = fixture
        .make(ToolKind::Container, "ends", sh("exit 4"))
        .await;
    assert_eq!(fixture.fails(&ends, json!({})).await, "exit_code");
    fixture.drain().await;
}

#[tokio::test]
async fn nothing_but_the_four_fields_is_taken() {
    let fixture = Fixture::start().await;
    for name in ["privileged", "binds", "cap_add", "pid_mode", "mounts"] {
        let mut config = json!({"image": "a:1", "command": ["x"]});
        config[name] = json!(true);
        let spec = spec(ToolKind::Container, "way_out", config);
        let refused = fixture.ask(&fixture.user, &CreateTool { spec }).await;
        let problem = refused.unwrap_err();
        assert_eq!(
            (problem.status, problem.reason.as_deref()),
            (422, Some("tool_invalid"))
        );
        assert_eq!(problem.errors[0].path, format!("/spec/config/{name}"));
    }
    fixture.drain().await;
}
