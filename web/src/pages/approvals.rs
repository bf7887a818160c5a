//! Everything in the organization that waits for a person, answered where it is read.
//!
//! **Invariant:** nothing moves under the pointer: what comes stands below, what is answered by others closes up.

mod inbox;
mod item;

use contracts::{
    ErrorCode, Problem,
    execution::{Execution, ExecutionSummary},
    id::ExecutionId,
    live::{ExecutionEvent, Frame},
    page::Page as Answer,
};
use dioxus::prelude::*;

use self::{
    inbox::Inbox,
    item::{ItemView, head_id},
};
use crate::{
    api::{
        self,
        asking::{ASKING, use_asking},
        names::{use_member_names, use_names},
        query,
    },
    dom,
    format::plural,
    params::encode,
    routes::Route,
    socket::{self, Heard},
    ui::{
        button::{Button, ButtonLink},
        empty::EmptyState,
        icon::Glyph,
        page::Page,
        problem::ProblemView,
        skeleton::Skeleton,
        switch::Switch,
        toast,
    },
};

const EVERY_MS: i32 = 3_000;
/// Executions that are followed; a socket carries sixty-four streams, and others want some.
const FOLLOWED: usize = 40;

/// What the page knows.
#[derive(Clone, Copy, PartialEq)]
struct Desk {
    inbox: Signal<Inbox>,
    /// The key of the open one.
    open: Signal<Option<String>>,
    /// The cursor of what is older than the first page.
    older: Signal<Option<String>>,
    /// Whether only what this user may answer is shown.
    mine: Signal<bool>,
}

#[component]
pub(crate) fn Approvals() -> Element {
    let shared = use_asking();
    let mut desk = Desk {
        inbox: use_signal(Inbox::default),
        open: use_signal(|| None),
        older: use_signal(|| None),
        mine: use_signal(|| false),
    };
    let mut settled = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let read = use_callback(move |()| {
        let shared = shared.clone();
        spawn(async move {
            match api::get::<Answer<ExecutionSummary>>(ASKING).await {
                Ok(page) => {
                    let wanted = desk.inbox.peek().wanted(&page);
                    let next = page.next.clone();
                    if shared.peek().is_none_or(|known| *known != page) {
                        shared.set(page);
                    }
                    desk.read(wanted).await;
                    problem.set(None);
                    if !*settled.peek() {
                        desk.older.set(next);
                        let first = desk.inbox.peek().items().first().map(inbox::Item::key);
                        desk.open.set(first);
                    }
                }
                Err(refused) => problem.set(Some(refused)),
            }
            settled.set(true);
        });
    });
    use_future(move || async move {
        loop {
            if !dom::document().hidden() {
                read.call(());
            }
            dom::sleep_ms(EVERY_MS).await;
        }
    });
    let inbox = desk.inbox.read().clone();
    rsx! {
        Page { title: "Approvals", loaded: settled(),
            match problem() {
                Some(problem) if inbox.items().is_empty() => rsx! {
                    ProblemView { problem, onretry: move |()| read.call(()) }
                },
                _ if !settled() => rsx! { Skeleton { rows: 4 } },
                _ if inbox.items().is_empty() => rsx! {
                    EmptyState { glyph: Glyph::Inbox, text: "Nothing waits for a person.",
                        ButtonLink { to: Route::executions(), "Open executions" }
                    }
                },
                _ => rsx! {
                    Mine { desk, inbox: inbox.clone() }
                    List { desk, inbox: inbox.clone() }
                },
            }
            Older { desk }
            for (id , after) in inbox.followed().into_iter().take(FOLLOWED) {
                Follow { key: "{id}", id, after, desk }
            }
        }
    }
}

/// Leaves out what others have to answer, where there is any.
#[component]
fn Mine(desk: Desk, inbox: Inbox) -> Element {
    let mut mine = desk.mine;
    let others = inbox.items().len() - inbox.shown(true).len();
    if others == 0 {
        return rsx! {};
    }
    rsx! {
        Switch {
            label: "Only what I may answer",
            hint: format!("{} for others.", plural(others, "question waits", "questions wait")),
            checked: mine(),
            onchange: move |on| mine.set(on),
        }
    }
}

#[component]
fn List(desk: Desk, inbox: Inbox) -> Element {
    let (origins, members) = (use_names(), use_member_names());
    let mut open = desk.open;
    let shown = inbox.shown((desk.mine)());
    rsx! {
        if shown.is_empty() {
            p { class: "muted", "Nothing waits for you." }
        }
        ul { class: "asks", "aria-label": "What waits for a person",
            for item in shown {
                ItemView {
                    key: "{item.key()}",
                    open: open().is_some_and(|key| key == item.key()),
                    origins: origins.clone(),
                    members: members.clone(),
                    ontoggle: {
                        let key = item.key();
                        move |()| {
                            let closes = open.peek().as_ref() == Some(&key);
                            open.set((!closes).then(|| key.clone()));
                        }
                    },
                    onanswered: {
                        let (key, title) = (item.key(), item.title());
                        move |execution| desk.answered(&key, &title, execution)
                    },
                    item,
                }
            }
        }
    }
}

/// Reads what the first page did not hold.
#[component]
fn Older(desk: Desk) -> Element {
    let mut busy = use_signal(|| false);
    let mut older = desk.older;
    let Some(cursor) = older() else {
        return rsx! {};
    };
    let path = format!("{ASKING}&cursor={}", encode(&cursor));
    let more = move |_| {
        let path = path.clone();
        async move {
            busy.set(true);
            match api::get::<Answer<ExecutionSummary>>(&path).await {
                Ok(page) => {
                    let ids = page.items.iter().map(|row| row.id).collect();
                    desk.read(ids).await;
                    older.set(page.next);
                }
                Err(problem) => toast::problem(&problem),
            }
            busy.set(false);
        }
    };
    rsx! {
        div { class: "row",
            Button { busy: busy(), onclick: more, "Show what waits longer" }
        }
    }
}

/// Hears what becomes of an execution; shows nothing.
#[component]
fn Follow(id: ExecutionId, after: u64, desk: Desk) -> Element {
    use_future(move || async move {
        let heard = socket::follow_execution(&id.to_string(), after);
        loop {
            let mut next = Some(heard.next().await);
            let (mut matters, mut over) = (false, false);
            while let Some(heard_now) = next {
                match heard_now {
                    Heard::Event(text) => matters |= is_about_people(&text),
                    Heard::End | Heard::Problem(_) | Heard::Unavailable => over = true,
                    Heard::Open | Heard::Lost => {}
                }
                next = heard.try_next();
            }
            if matters || over {
                desk.read(vec![id]).await;
            }
            if over {
                return;
            }
        }
    });
    rsx! {}
}

/// Whether an event may change what people are asked.
fn is_about_people(text: &str) -> bool {
    let Ok(frame) = serde_json::from_str::<Frame>(text) else {
        return false;
    };
    matches!(
        frame.event,
        ExecutionEvent::ApprovalAsked { .. }
            | ExecutionEvent::ApprovalGiven { .. }
            | ExecutionEvent::AnswerAsked { .. }
            | ExecutionEvent::AnswerGiven { .. }
            | ExecutionEvent::AnswerReminded { .. }
            | ExecutionEvent::AnswerEscalated { .. }
            | ExecutionEvent::StepSucceeded { .. }
            | ExecutionEvent::StepSkipped { .. }
            | ExecutionEvent::CancelAsked { .. }
            | ExecutionEvent::ExecutionFailing { .. }
    )
}

impl Desk {
    /// Reads executions; what cannot be read now is asked for again at the next turn.
    async fn read(mut self, ids: Vec<ExecutionId>) {
        let mut executions = Vec::new();
        for id in ids {
            match api::get::<Execution>(&format!("/executions/{id}")).await {
                Ok(execution) => executions.push(execution),
                Err(problem) if problem.code == ErrorCode::NotFound => {
                    self.inbox.write().forget(id);
                }
                Err(_) => {}
            }
        }
        if !executions.is_empty() {
            self.inbox.write().take(executions);
        }
    }

    /// Goes on to what is next, also for who uses the keyboard: it takes the focus before that of the answered one is gone.
    fn answered(mut self, key: &str, title: &str, execution: Execution) {
        let next = self.inbox.peek().after(key);
        let head = next
            .as_deref()
            .map_or_else(|| "content".to_owned(), head_id);
        if let Some(element) = dom::by_id(&head) {
            dom::focus(&element);
        }
        self.open.set(next);
        self.inbox.write().take(vec![execution]);
        toast::done(format!("Answered “{title}”."));
        query::invalidate_one(ASKING);
    }
}
