//! Files beside questions.

use contracts::{
    Principal, Problem,
    chat::{AddAttachment, Attachment, Concurrency, ReadAttachment, SendMessage},
    file::FilePart,
    id::{AttachmentId, ChatId, UploadId},
};
use serde_json::{Value, json};
use testkit::eventually;

use crate::{Fixture, SOON, question, reason};

impl Fixture {
    async fn attach(
        &self,
        who: &Principal,
        session: ChatId,
        name: &str,
        bytes: &[u8],
    ) -> Result<Attachment, Problem> {
        let upload = UploadId::generate();
        let uploads = self.bus.uploads().await.unwrap();
        let stored = uploads.put(who.tenant, upload, bytes, bus::MAX_UPLOAD);
        stored.await.unwrap();
        let request = AddAttachment {
            session_id: session,
            upload_id: upload,
            name: name.to_owned(),
        };
        let added = self.ask(who, &request).await;
        let left = uploads.get(who.tenant, upload, bus::MAX_UPLOAD).await;
        // What was taken is not kept twice.
        assert_eq!(left.unwrap().is_none(), added.is_ok());
        added
    }
}

#[tokio::test]
async fn what_can_be_read_of_a_file_reaches_the_run() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await.id;
    let notes = fixture
        .attach(&user, session, "notes.exe", "# Wörter".as_bytes())
        .await
        .unwrap();
    let page = fixture
        .attach(
            &user,
            session,
            "page.html",
            b"<!doctype html><script>no()</script><p>Shown",
        )
        .await
        .unwrap();
    assert_eq!(page.content_type, "text/html");
    // The content counts, not the name.
    assert_eq!((&*notes.content_type, notes.bytes), ("text/plain", 9));
    let image = fixture
        .attach(&user, session, "a.png", b"\x89PNG\r\n\x1a\n\0\0\0")
        .await
        .unwrap();
    assert_eq!(image.content_type, "image/png");
    let request = SendMessage {
        attachments: vec![notes.id, page.id, image.id],
        ..question(session, "")
    };
    let turn = fixture.ask(&user, &request).await.unwrap();
    assert_eq!(turn.question.attachments, [notes.clone(), page, image]);
    // Another than the one who answered may begin the run.
    let begun = eventually(SOON, async || fixture.world.turns().pop()).await;
    let told = begun.attachments;
    assert_eq!(
        told,
        [
            json!({"name": "a.png", "content_type": "image/png", "text": Value::Null}),
            json!({"name": "page.html", "content_type": "text/html", "text": "Shown"}),
            json!({"name": "notes.exe", "content_type": "text/plain", "text": "# Wörter"}),
        ]
    );
    // A file belongs to one message.
    let again = SendMessage {
        attachments: vec![notes.id],
        ..question(session, "again")
    };
    let problem = fixture.ask(&user, &again).await.unwrap_err();
    assert_eq!(reason(&problem), (404, "attachment_not_found"));

    // Later turns know it still.
    let run = turn.answer.execution_id.unwrap();
    fixture.world.begun(run).await;
    fixture.world.end(run, json!("seen"));
    fixture.message(&user, session, turn.answer.id).await;
    fixture.send(&user, session, "more").await;
    let told = fixture.world.turns().pop().unwrap().attachments;
    assert_eq!(told.len(), 3);
}

#[tokio::test]
async fn what_is_no_attachment_is_refused() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await.id;
    let other = fixture.session(&user, Concurrency::Enqueue).await.id;
    let zip = fixture.attach(&user, session, "a.zip", b"PK\x03\x04\xff\0");
    assert_eq!(reason(&zip.await.unwrap_err()), (415, "attachment_type"));
    let broken = fixture
        .attach(&user, session, "a.pdf", b"%PDF-1.7\nnothing")
        .await;
    assert_eq!(reason(&broken.unwrap_err()), (422, "attachment_unreadable"));
    let large = vec![b'x'; 10 * 1024 * 1024 + 1];
    let large = fixture.attach(&user, session, "a.txt", &large).await;
    assert_eq!(reason(&large.unwrap_err()), (413, "attachment_too_large"));
    let missing = AddAttachment {
        session_id: session,
        upload_id: UploadId::generate(),
        name: "a.txt".into(),
    };
    let problem = fixture.ask(&user, &missing).await.unwrap_err();
    assert_eq!(reason(&problem), (404, "upload_not_found"));
    // Another session's file is none of this one.
    let foreign = fixture
        .attach(&user, other, "a.txt", b"text")
        .await
        .unwrap();
    for id in [foreign.id, AttachmentId::generate()] {
        let request = SendMessage {
            attachments: vec![id],
            ..question(session, "x")
        };
        let problem = fixture.ask(&user, &request).await.unwrap_err();
        assert_eq!(reason(&problem), (404, "attachment_not_found"));
    }
    assert!(fixture.world.turns().is_empty());
}

#[tokio::test]
async fn a_file_is_read_back_in_pieces_by_its_owner() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await.id;
    let other = fixture.session(&user, Concurrency::Enqueue).await.id;
    let mut image = b"\x89PNG\r\n\x1a\n\0".to_vec();
    image.extend((0..2_500_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]));
    let added = fixture.attach(&user, session, "a.png", &image).await;
    let attachment_id = added.unwrap().id;
    let mut read = Vec::new();
    let mut request = ReadAttachment {
        session_id: session,
        attachment_id,
        offset: 0,
    };
    for pieces in 1.. {
        let part = fixture.ask(&user, &request).await.unwrap();
        assert_eq!(
            (&*part.name, &*part.content_type, part.bytes),
            ("a.png", "image/png", image.len() as u64)
        );
        let piece = part.content().unwrap();
        assert!(piece.len() <= FilePart::MAX_BYTES as usize);
        if piece.is_empty() {
            assert_eq!(pieces, 4, "the last is behind the end");
            break;
        }
        read.extend(piece);
        request.offset = read.len() as u64;
    }
    assert!(read == image, "{} bytes", read.len());
    request.offset = u64::MAX;
    let behind = fixture.ask(&user, &request).await.unwrap();
    assert_eq!(behind.content, "");

    request.offset = 0;
    let elsewhere = ReadAttachment {
        session_id: other,
        ..request.clone()
    };
    let problem = fixture.ask(&user, &elsewhere).await.unwrap_err();
    assert_eq!(reason(&problem), (404, "attachment_not_found"));
    let colleague = testkit::principal(user.tenant, contracts::Role::Owner);
    let stranger = fixture.user().await;
    for who in [colleague, stranger] {
        let problem = fixture.ask(&who, &request).await.unwrap_err();
        assert_eq!(reason(&problem), (404, "chat_not_found"));
    }
}
