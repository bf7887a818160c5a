//! Who belongs to the organization, and in which role. The server has the last word on both.

use contracts::{
    Permission, Problem, Role, auth::AddMember, page::Page as ListPage, tenant::Member,
};
use dioxus::prelude::*;

use crate::{
    api::{
        self,
        query::{self, View, use_get},
        session::{self, Identity},
    },
    ui::{
        avatar::Avatar,
        button::{Button, IconButton},
        confirm::Confirm,
        field::TextField,
        icon::Glyph,
        problem::{ProblemLine, ProblemView},
        select::SelectField,
        skeleton::Skeleton,
        time::Ago,
        toast,
    },
};

#[component]
pub(super) fn Members(identity: Identity) -> Element {
    let path = format!("/organizations/{}/members", identity.organization.id);
    let members = use_get::<ListPage<Member>>(format!("{path}?limit=200"));
    let may_write = session::may(Permission::MemberWrite);
    rsx! {
        if may_write {
            Add { path: path.clone(), role: identity.role }
        }
        match members.view() {
            View::Loading => rsx! { Skeleton { rows: 3 } },
            View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| members.refetch() } },
            View::Ready(page) => rsx! {
                div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Members",
                    table { class: "table members-table",
                        thead {
                            tr {
                                th { scope: "col", "Name" }
                                th { scope: "col", "Role" }
                                th { scope: "col", class: "wide-only", "Joined" }
                                th { scope: "col", span { class: "visually-hidden", "Actions" } }
                            }
                        }
                        tbody {
                            for member in page.items.iter() {
                                MemberRow { key: "{member.user_id}", path: path.clone(), member: member.clone(), mine: identity.role, own: member.user_id == identity.user.id, may_write }
                            }
                        }
                    }
                }
            },
        }
        Roles {}
    }
}

#[component]
fn MemberRow(path: String, member: Member, mine: Role, own: bool, may_write: bool) -> Element {
    let mut removing = use_signal(|| false);
    // Nobody gives or takes what is above their own role.
    let may_change = may_write && !own && mine.covers(member.role);
    let at = format!("{path}/{}", member.user_id);
    let (change_at, name) = (at.clone(), member.name.clone());
    let change = move |role: String| {
        let (at, name) = (change_at.clone(), name.clone());
        spawn(async move {
            let changed = api::put::<Member>(&at, &serde_json::json!({"role": role})).await;
            match changed {
                Ok(_) => toast::done(format!("{name} is {role} now.")),
                Err(problem) => toast::problem(&problem),
            }
            query::invalidate("/organizations");
        });
    };
    rsx! {
        tr {
            td {
                div { class: "person",
                    Avatar { name: member.name.clone() }
                    div {
                        strong { "{member.name}" }
                        if own {
                            span { class: "muted", " (you)" }
                        }
                        p { class: "hint", "{member.email}" }
                    }
                }
            }
            td {
                if may_change {
                    SelectField { label: "Role of {member.name}", bare: true, value: member.role.as_str(), options: roles(mine), onchange: change }
                } else {
                    "{member.role.as_str()}"
                }
            }
            td { class: "muted wide-only", Ago { at: member.joined_at } }
            td { class: "end",
                if may_change {
                    IconButton { glyph: Glyph::Trash, label: "Remove {member.name}", onclick: move |_| removing.set(true) }
                }
                if removing() {
                    Remove { at, name: member.name, onclose: move |()| removing.set(false) }
                }
            }
        }
    }
}

fn roles(mine: Role) -> Vec<(String, String)> {
    let below = Role::ALL.into_iter().filter(|role| mine.covers(*role));
    below
        .map(|role| (role.as_str().to_owned(), role.as_str().to_owned()))
        .collect()
}

#[component]
fn Add(path: String, role: Role) -> Element {
    let mut email = use_signal(String::new);
    let mut chosen = use_signal(|| Role::Editor.as_str().to_owned());
    let mut problem = use_signal(|| None::<Problem>);
    let mut busy = use_signal(|| false);
    let submit = move |event: FormEvent| {
        event.prevent_default();
        let path = path.clone();
        async move {
            busy.set(true);
            let form = AddMember {
                email: email(),
                role: Role::parse(&chosen()).unwrap_or(Role::Viewer),
            };
            match api::post::<Member>(&path, &form).await {
                Ok(member) => {
                    toast::done(format!("{} is a member now.", member.name));
                    problem.set(None);
                    email.set(String::new());
                    query::invalidate("/organizations");
                }
                Err(refusal) => problem.set(Some(refusal)),
            }
            busy.set(false);
        }
    };
    rsx! {
        form { class: "inline-form", onsubmit: submit,
            TextField { label: "Email of a registered user", kind: "email", required: true, value: email(), oninput: move |text| email.set(text) }
            SelectField { label: "Role", value: chosen(), options: roles(role), onchange: move |role| chosen.set(role) }
            Button { submit: true, busy: busy(), icon: Glyph::Plus, "Add member" }
        }
        if let Some(problem) = problem() {
            ProblemLine { problem }
        }
    }
}

#[component]
fn Remove(at: String, name: String, onclose: EventHandler<()>) -> Element {
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let removed = name.clone();
    let remove = move |()| {
        let (at, name) = (at.clone(), removed.clone());
        spawn(async move {
            busy.set(true);
            match api::delete(&at).await {
                Ok(()) => {
                    toast::done(format!("{name} is no member any more."));
                    query::invalidate("/organizations");
                    onclose.call(());
                }
                Err(refusal) => {
                    problem.set(Some(refusal));
                    busy.set(false);
                }
            }
        });
    };
    rsx! {
        Confirm { title: "Remove {name}?", act: "Remove member", busy: busy(), problem: problem(), onconfirm: remove, onclose,
            p { "They lose access to everything in this organization. What they made stays." }
        }
    }
}

#[component]
fn Roles() -> Element {
    rsx! {
        details { class: "hint",
            summary { "What each role may do" }
            dl { class: "roles",
                for (role , text) in ROLES {
                    dt { key: "{role}", "{role}" }
                    dd { "{text}" }
                }
            }
        }
    }
}

const ROLES: [(&str, &str); 5] = [
    ("owner", "Everything, also making others owners."),
    (
        "admin",
        "Members, providers, secrets and the organization itself.",
    ),
    (
        "editor",
        "Changes flows, agents, crews, tools and knowledge.",
    ),
    ("operator", "Executes, cancels, approves and chats."),
    ("viewer", "Reads everything but chats."),
];
