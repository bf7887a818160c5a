//! The call graph of the services.

use std::collections::BTreeSet;

use contracts::{Service, operations::OPERATIONS};

#[test]
fn the_call_graph_has_no_cycle() {
    fn walk(service: Service, path: &mut Vec<Service>) {
        assert!(!path.contains(&service), "a cycle: {path:?} → {service:?}");
        path.push(service);
        for next in service.calls() {
            walk(*next, path);
        }
        path.pop();
    }
    for service in Service::ALL {
        walk(service, &mut Vec::new());
    }
}

#[test]
fn the_call_graph_is_the_one_that_is_written_down() {
    let calls = |service: Service| {
        service
            .calls()
            .iter()
            .map(|next| next.as_str())
            .collect::<BTreeSet<_>>()
    };
    for (service, expect) in [
        (Service::Flow, vec!["agent", "auth", "execution", "tool"]),
        (Service::Auth, vec!["tenant"]),
        (Service::Tenant, vec![]),
        (Service::Llm, vec![]),
        (Service::Tool, vec![]),
        (Service::Execution, vec!["agent", "auth", "llm", "tool"]),
        (Service::Chat, vec!["agent", "execution", "flow"]),
        (Service::Agent, vec!["auth", "llm", "tool"]),
    ] {
        assert_eq!(calls(service), expect.into_iter().collect(), "{service:?}");
    }
}

#[test]
fn every_operation_belongs_to_a_service() {
    for operation in OPERATIONS {
        assert!(
            Service::parse(operation.service()).is_some(),
            "{}",
            operation.name
        );
    }
}
