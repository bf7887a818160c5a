//! Questions and their answers.

use bus::Bus;
use contracts::{
    chat::{
        Asked, ChatMessage, ChatRole, ChatSession, Concurrency, GetMessage, ListMessages,
        MessageState, Regenerate, SendMessage, Turn,
    },
    id::{ChatId, ExecutionId, MessageId, TenantId},
    page::{Page, Paging},
};
use documents::ChatText;
use sql::Cursor;

use crate::{
    State,
    domain::{
        Node, checks,
        queue::{self, Plan},
        title,
    },
    error::Error,
    handlers::{Ctx, now, stop},
    settle,
    store::{Locked, Stretch},
    turns, view,
};

/// Messages of one session at most.
const MESSAGES: u64 = 10_000;
/// Bytes of the texts of one page, about; a page ends before that, and has one message at least.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

pub(crate) async fn send(ctx: Ctx, request: SendMessage) -> Result<Turn, Error> {
    checks::message(&request)?;
    let owner = ctx.principal().user_id;
    let locked = ctx
        .state
        .store
        .lock(ctx.tenant, owner, request.session_id)
        .await?;
    let key = request.idempotency_key.clone();
    let key = key.map(|key| (key, checks::body_hash(&request)));
    if let Some((key, body_hash)) = &key
        && let Some(begun) = locked.repeated(key).await?
    {
        if begun.body_hash != *body_hash {
            return Err(Error::KeyReused);
        }
        drop(locked);
        return turn(&ctx, request.session_id, begun.question, begun.answer).await;
    }
    let parent = place(&locked, &request).await?;
    let free = locked.free(&request.attachments).await?;
    if let Some(missing) = request.attachments.iter().find(|id| !free.contains(id)) {
        return Err(Error::AttachmentNotFound(*missing));
    }
    let plan = plan(&locked).await?;
    let question = Node {
        role: ChatRole::User,
        state: MessageState::Done,
        execution: None,
        finished_at: Some(now()),
        ..answer_to(request.session_id, parent.as_ref(), Plan::Wait)
    };
    let answer = answer_to(request.session_id, Some(&question), plan);

    let text = ChatText {
        content: request.content.clone(),
        ..ChatText::default()
    };
    let texts = &ctx.state.texts;
    texts
        .put_chat_text(ctx.tenant, request.session_id, question.id, &text)
        .await?;
    let stored = async {
        announce(&ctx.bus, ctx.tenant, &answer).await?;
        locked.insert_question(&question, key).await?;
        locked.attach(&request.attachments, question.id).await?;
        store_answer(&ctx, locked, &answer, plan, Some(&request.content)).await
    };
    if let Err(error) = stored.await {
        // A text without a message is nobody's; when the outcome of the commit is not known, it may be somebody's.
        if !matches!(error, Error::Store(sql::Error::Unavailable(_))) {
            texts.delete_chat_text(ctx.tenant, question.id).await.ok();
        }
        return Err(error);
    }
    begin(&ctx, request.session_id, plan).await;
    turn(&ctx, request.session_id, question.id, answer.id).await
}

pub(crate) async fn regenerate(ctx: Ctx, request: Regenerate) -> Result<Turn, Error> {
    let owner = ctx.principal().user_id;
    let locked = ctx
        .state
        .store
        .lock(ctx.tenant, owner, request.session_id)
        .await?;
    let replaced = request.message_id.or(locked.session()?.head);
    let replaced = replaced.ok_or(Error::InvalidField {
        field: "message_id",
        rule: "is needed: the chat has no message",
    })?;
    let replaced = locked.node(replaced).await?;
    let (ChatRole::Assistant, Some(question)) = (replaced.role, replaced.parent) else {
        return Err(Error::InvalidField {
            field: "message_id",
            rule: "must be an answer",
        });
    };
    let question = locked.node(question).await?;
    let plan = plan(&locked).await?;
    let answer = answer_to(request.session_id, Some(&question), plan);
    announce(&ctx.bus, ctx.tenant, &answer).await?;
    store_answer(&ctx, locked, &answer, plan, None).await?;
    begin(&ctx, request.session_id, plan).await;
    turn(&ctx, request.session_id, question.id, answer.id).await
}

pub(crate) async fn get(ctx: Ctx, request: GetMessage) -> Result<ChatMessage, Error> {
    let owner = ctx.principal().user_id;
    let load = async || {
        let store = &ctx.state.store;
        store
            .node(ctx.tenant, owner, request.session_id, request.message_id)
            .await
    };
    let mut node = load().await?;
    if settle::refresh(&ctx.bus, &ctx.state, ctx.tenant, &node).await {
        node = load().await?;
    }
    view::one(&ctx.state, ctx.tenant, node).await
}

pub(crate) async fn list(ctx: Ctx, request: ListMessages) -> Result<Page<ChatMessage>, Error> {
    let owner = ctx.principal().user_id;
    let store = &ctx.state.store;
    let session = store.session(ctx.tenant, owner, request.session_id).await?;
    let Some(head) = request.head.or(session.head) else {
        return Ok(Page {
            items: Vec::new(),
            next: None,
        });
    };
    let stretch = Stretch {
        head,
        after: Cursor::of(&request.paging)?.map(|cursor| MessageId::from_uuid(cursor.id)),
        limit: request.paging.rows() + 1,
    };
    let mut nodes = store
        .branch(ctx.tenant, request.session_id, &stretch)
        .await?;
    let mut changed = false;
    for node in &nodes {
        changed |= settle::refresh(&ctx.bus, &ctx.state, ctx.tenant, node).await;
    }
    if changed {
        nodes = store
            .branch(ctx.tenant, request.session_id, &stretch)
            .await?;
    }
    page(&ctx.state, ctx.tenant, nodes, &request.paging).await
}

/// The message that the question follows.
async fn place(locked: &Locked, request: &SendMessage) -> Result<Option<Node>, Error> {
    let parent = match request.replaces {
        None => locked.session()?.head,
        Some(replaced) => {
            let replaced = locked.node(replaced).await?;
            if replaced.role != ChatRole::User {
                return Err(Error::InvalidField {
                    field: "replaces",
                    rule: "must be a question",
                });
            }
            replaced.parent
        }
    };
    match parent {
        Some(parent) => Ok(Some(locked.node(parent).await?)),
        None => Ok(None),
    }
}

async fn plan(locked: &Locked) -> Result<Plan, Error> {
    if locked.count().await? + 2 > MESSAGES {
        return Err(Error::SessionFull);
    }
    let policy: Concurrency = locked.session()?.concurrency;
    queue::plan(policy, &locked.active().await?)
}

/// A new answer to this message.
fn answer_to(session: ChatId, parent: Option<&Node>, plan: Plan) -> Node {
    let now = now();
    Node {
        id: MessageId::generate(),
        session,
        parent: parent.map(|parent| parent.id),
        depth: parent.map_or(0, |parent| parent.depth + 1),
        role: ChatRole::Assistant,
        state: match plan {
            Plan::Start => MessageState::Running,
            Plan::Wait | Plan::Interrupt(_) => MessageState::Queued,
        },
        created_at: now,
        finished_at: None,
        execution: Some(ExecutionId::generate()),
        started_at: None,
        lease_until: None,
        attempts: 0,
    }
}

/// Before the commit: a turn that is stored is always announced.
async fn announce(bus: &Bus, tenant: TenantId, answer: &Node) -> Result<(), Error> {
    let asked = Asked {
        session_id: answer.session,
        message_id: answer.id,
    };
    Ok(bus.emit(tenant, &asked).await?)
}

async fn store_answer(
    ctx: &Ctx,
    mut locked: Locked,
    answer: &Node,
    plan: Plan,
    asked: Option<&str>,
) -> Result<(), Error> {
    let principal = serde_json::to_string(ctx.principal()).map_err(Error::Principal)?;
    if let Plan::Interrupt(_) = plan {
        locked.drop_queued(now()).await?;
    }
    locked.insert_answer(answer, principal).await?;
    let ChatSession { title: known, .. } = locked.session()?;
    let title = asked.filter(|_| known.is_empty()).map(title::of);
    locked.change(Some(answer.id), title, now()).await?;
    locked.commit().await
}

/// What is stored is answered whatever happens here: what fails is made up for by the tasks.
async fn begin(ctx: &Ctx, session: ChatId, plan: Plan) {
    if let Plan::Interrupt(running) = plan {
        stop::interrupt(ctx, session, running).await;
    }
    if plan != Plan::Wait {
        turns::kick_or_leave(&ctx.bus, &ctx.state, ctx.tenant, session).await;
    }
}

async fn turn(
    ctx: &Ctx,
    session: ChatId,
    question: MessageId,
    answer: MessageId,
) -> Result<Turn, Error> {
    let owner = ctx.principal().user_id;
    let store = &ctx.state.store;
    let question = store.node(ctx.tenant, owner, session, question).await?;
    let answer = store.node(ctx.tenant, owner, session, answer).await?;
    Ok(Turn {
        question: view::one(&ctx.state, ctx.tenant, question).await?,
        answer: view::one(&ctx.state, ctx.tenant, answer).await?,
    })
}

async fn page(
    state: &State,
    tenant: TenantId,
    mut nodes: Vec<Node>,
    paging: &Paging,
) -> Result<Page<ChatMessage>, Error> {
    let rows = usize::try_from(paging.rows()).expect("a page has at most 200 rows");
    let mut more = nodes.len() > rows;
    nodes.truncate(rows);
    let mut items = view::all(state, tenant, nodes).await?;
    let mut bytes = 0;
    let fitting = items
        .iter()
        .take_while(|message| {
            bytes += view::size(message);
            bytes <= PAGE_BYTES
        })
        .count()
        .max(1);
    more |= fitting < items.len();
    items.truncate(fitting);
    let last = items.last().filter(|_| more).map(|message| Cursor {
        at: message.created_at,
        id: message.id.uuid(),
    });
    Ok(Page {
        next: last.map(|cursor| cursor.encode()),
        items,
    })
}
