//! Who may publish and hear what, and what is no subject.

use super::*;

#[test]
fn hostile_texts_are_no_tokens() {
    for text in [
        "",
        "a.b",
        "*",
        ">",
        "a b",
        "a\r\nPUB x 1",
        "ä",
        &"x".repeat(65),
        "a\0",
    ] {
        assert_eq!(Token::new(text), None, "{text:?}");
    }
    assert!(Token::new("step-1_A").is_some());
}

#[test]
fn tenant_is_read_back() {
    let tenant = TenantId::generate();
    let subject = Subject::live(tenant, ExecutionId::EXAMPLE);
    assert_eq!(tenant_of(subject.as_str()), Some(tenant));
    assert_eq!(
        execution_of(subject.as_str()),
        Some((tenant, ExecutionId::EXAMPLE))
    );
    assert_eq!(tenant_of("req.*.flow.get"), None);
}

#[test]
fn the_owner_of_a_value_is_read_back() {
    let of = (TenantId::generate(), ExecutionId::EXAMPLE);
    let subject = Subject::payload(3, of, "abc", 0);
    assert_eq!(payload_of(subject.as_str()), Some(of));
    assert_eq!(payload_of("pay.3.nobody"), None);
    assert_eq!(payload_of(Subject::live(of.0, of.1).as_str()), None);
}

#[test]
fn work_is_addressed_in_one_spelling() {
    let address = WorkAddress {
        class: WorkClass::Http,
        tenant: TenantId::EXAMPLE,
        execution: ExecutionId::EXAMPLE,
        step: Token::new("a-1").expect("a token"),
        attempt: 2,
    };
    let text = address.subject().to_string();
    assert_eq!(WorkAddress::parse(&text), Some(address));
    for wrong in [
        format!("{text}.x"),
        text.replace(".2", ".02"),
        text.replace("http", "ftp"),
        text.replace("work.", "evt."),
        String::new(),
    ] {
        assert_eq!(WorkAddress::parse(&wrong), None, "{wrong}");
    }
}

#[test]
fn executions_spread_over_partitions() {
    let mut counts = [0u32; 4];
    for _ in 0..4000 {
        counts[usize::from(partition_of(ExecutionId::generate(), 4))] += 1;
    }
    assert!(counts.iter().all(|count| *count > 800), "{counts:?}");
}

#[test]
fn services_ask_only_whom_the_call_graph_names() {
    let publish = |service| service_grants(service).publish;
    assert!(publish(Service::Auth).contains(&"req.*.tenant.provision".to_owned()));
    assert!(publish(Service::Execution).contains(&"req.*.auth.run_token".to_owned()));
    assert!(!publish(Service::Execution).contains(&"req.*.auth.login".to_owned()));
    assert!(publish(Service::Gateway).contains(&"req.*.auth.login".to_owned()));
    assert!(!publish(Service::Gateway).contains(&"req.*.auth.run_token".to_owned()));
    let asked: Vec<_> = publish(Service::Flow)
        .into_iter()
        .filter(|subject| subject.starts_with("req.*.auth."))
        .collect();
    assert_eq!(asked, ["req.*.auth.role_of"]);
    assert_eq!(publish(Service::Tenant), ["evt.*.tenant.>"]);
    assert_eq!(publish(Service::Llm), ["calls.llm", "evt.*.llm.>"]);
}

#[test]
fn integrators_get_no_internal_subject() {
    let grants = integrator_grants(TenantId::EXAMPLE, UserId::EXAMPLE, Role::Owner);
    assert!(
        grants
            .publish
            .iter()
            .any(|subject| subject.ends_with(".flow.execute"))
    );
    assert!(
        !grants
            .publish
            .iter()
            .any(|subject| subject.ends_with(".auth.run_token"))
    );
    assert!(
        !grants
            .publish
            .iter()
            .filter(|subject| !["in.", "beat.", "pace."]
                .iter()
                .any(|word| subject.starts_with(word)))
            .any(|subject| subject.contains('*') || subject.contains('>'))
    );
}

#[test]
fn only_who_may_execute_flows_may_publish_events() {
    for role in Role::ALL {
        let grants = integrator_grants(TenantId::EXAMPLE, UserId::EXAMPLE, role);
        let own = format!("in.{}.event.*", TenantId::EXAMPLE);
        let may = grants.publish.contains(&own);
        assert_eq!(may, role.allows(Permission::FlowExecute), "{role:?}");
    }
}

#[test]
fn triggers_and_events_are_read_back() {
    let (tenant, trigger) = (TenantId::generate(), TriggerId::generate());
    let subject = Subject::wake(tenant, trigger);
    assert_eq!(trigger_of(subject.as_str()), Some((tenant, trigger)));
    assert_eq!(trigger_of(&format!("{subject}.x")), None);
    let name = Token::new("order-paid").unwrap();
    let subject = Subject::inbound(tenant, &name);
    assert_eq!(inbound_of(subject.as_str()), Some((tenant, name.clone())));
    assert_eq!(inbound_of(&format!("in.{tenant}.event.a.b")), None);
    let kept = Subject::kept_event(tenant, &name);
    assert_eq!(kept_event_of(kept.as_str()), Some((tenant, name)));
    assert_eq!(kept_event_of(&format!("{kept}.b")), None);
    let of_bucket = |bucket: &u16| {
        let (before, after) = ("inbound.", format!(".{bucket}."));
        let filter = Subject::kept_events(*bucket).to_string();
        assert_eq!(filter, format!("{before}*{after}*"));
        kept.as_str().contains(&after)
    };
    let buckets = (0..EVENT_BUCKETS).filter(of_bucket);
    assert_eq!(buckets.count(), 1);
}

#[test]
fn a_tool_is_its_tenant_s() {
    let (tenant, name) = (TenantId::EXAMPLE, Token::new("weather").unwrap());
    let subject = Subject::tool(tenant, &name);
    assert_eq!(tool_of(tenant, subject.as_str()), Some(name));
    assert_eq!(tool_of(TenantId::generate(), subject.as_str()), None);
    for text in ["", ".*", ".>", ".a.b", "x"] {
        let subject = format!("tool.{tenant}{text}");
        assert_eq!(tool_of(tenant, &subject), None, "{text}");
    }
}

#[test]
fn a_reader_s_word_is_its_tenant_s() {
    let (tenant, word) = (TenantId::EXAMPLE, Token::new("x7").unwrap());
    let subject = Subject::pace(tenant, &word);
    let read = |tenant| Subject::pace_of(tenant, subject.as_str());
    assert_eq!(read(tenant), Some(subject.clone()));
    assert_eq!(read(TenantId::generate()), None);
    assert_eq!(Subject::pace_of(tenant, &format!("{subject}.x")), None);
    assert_eq!(Subject::beat_of(tenant, subject.as_str()), None);
}

#[test]
fn a_heartbeat_is_its_tenant_s() {
    let (tenant, word) = (TenantId::EXAMPLE, Token::new("x7").unwrap());
    let subject = Subject::beat(tenant, &word);
    assert_eq!(
        Subject::beat_of(tenant, subject.as_str()),
        Some(subject.clone())
    );
    assert_eq!(
        Subject::beat_of(TenantId::generate(), subject.as_str()),
        None
    );
    for text in ["", ".*", ".>", ".a.b"] {
        let text = format!("beat.{tenant}{text}");
        assert_eq!(Subject::beat_of(tenant, &text), None, "{text}");
    }
}

#[test]
fn only_who_may_write_tools_may_be_one() {
    let serves = |role| {
        let grants = integrator_grants(TenantId::EXAMPLE, UserId::EXAMPLE, role);
        let own = ["tool", "node"].map(|kind| format!("{kind}.{}.>", TenantId::EXAMPLE));
        let beat = format!("beat.{}.*", TenantId::EXAMPLE);
        own.iter().all(|subject| grants.subscribe.contains(subject))
            && grants.publish.contains(&beat)
    };
    for role in Role::ALL {
        assert_eq!(serves(role), role.allows(Permission::ToolWrite), "{role:?}");
    }
    assert!(serves(Role::Editor) && !serves(Role::Operator));
}
