//! The texts of conversations.

use contracts::{
    chat::ChatToolCall,
    id::{ChatId, MessageId, TenantId},
};
use documents::ChatText;
use serde_json::json;
use testkit::Mongo;

use crate::archive;

fn text(content: &str) -> ChatText {
    ChatText {
        content: content.to_owned(),
        tool_calls: vec![ChatToolCall {
            node: "agent/tool:0.0".into(),
            agent: "clerk".into(),
            name: "look".into(),
            // Neither is a key that BSON takes as it stands.
            arguments: json!({"$where": 1, "a.b": 18_446_744_073_709_551_615u64}),
            result: Some(json!("\u{0}")),
            error: None,
        }],
        ..ChatText::default()
    }
}

#[tokio::test]
async fn a_text_comes_back_as_it_went_in_and_only_to_its_tenant() {
    let database = Mongo::create();
    let archive = archive(&database).await;
    let (tenant, session) = (TenantId::generate(), ChatId::generate());
    let (first, second, absent) = (
        MessageId::generate(),
        MessageId::generate(),
        MessageId::generate(),
    );
    let put = async |message, content| {
        let text = text(content);
        let kept = archive.put_chat_text(tenant, session, message, &text);
        kept.await.unwrap();
    };
    put(first, "one\u{0}").await;
    put(second, "draft").await;
    // Twice is once, and the last counts.
    put(second, "two").await;
    put(second, "two").await;
    let ids = [first, second, absent];
    let found = archive.chat_texts(tenant, &ids).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[&first], text("one\u{0}"));
    assert_eq!(found[&second], text("two"));
    let foreign = archive.chat_texts(TenantId::generate(), &ids).await;
    assert!(foreign.unwrap().is_empty());
    assert!(archive.chat_texts(tenant, &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn deleting_takes_one_conversation_of_one_tenant() {
    let database = Mongo::create();
    let archive = archive(&database).await;
    let tenant = TenantId::generate();
    let (session, other) = (ChatId::generate(), ChatId::generate());
    let messages: Vec<_> = (0..3).map(|_| MessageId::generate()).collect();
    let text = text("x");
    for (message, session) in messages.iter().zip([session, session, other]) {
        let kept = archive.put_chat_text(tenant, session, *message, &text);
        kept.await.unwrap();
    }
    let left = async || archive.chat_texts(tenant, &messages).await.unwrap().len();
    let foreign = TenantId::generate();
    archive.delete_chat_texts(foreign, session).await.unwrap();
    archive
        .delete_chat_text(foreign, messages[0])
        .await
        .unwrap();
    assert_eq!(left().await, 3);
    archive.delete_chat_text(tenant, messages[0]).await.unwrap();
    assert_eq!(left().await, 2);
    archive.delete_chat_texts(tenant, session).await.unwrap();
    assert_eq!(left().await, 1);
}
