use lopdf::{
    Document as Pdf, EncryptionState, EncryptionVersion, Object, Permissions, Stream, dictionary,
};

use super::*;

/// A document whose pages draw this, in a font that writes ASCII as it is.
fn pdf(pages: &[&str]) -> Pdf {
    let mut pdf = Pdf::with_version("1.5");
    let tree = pdf.new_object_id();
    let font = pdf.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding",
    });
    let resources = pdf.add_object(dictionary! { "Font" => dictionary! { "F1" => font } });
    let mut kids = Vec::new();
    for drawn in pages {
        let content = pdf.add_object(Stream::new(dictionary! {}, drawn.as_bytes().to_vec()));
        kids.push(Object::Reference(pdf.add_object(dictionary! {
            "Type" => "Page", "Parent" => tree, "Contents" => content, "Resources" => resources,
            "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
        })));
    }
    let count = i64::try_from(kids.len()).unwrap();
    let node = dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count };
    pdf.objects.insert(tree, Object::Dictionary(node));
    let root = pdf.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    let info = pdf.add_object(dictionary! { "Title" => Object::string_literal("A  handbook") });
    pdf.trailer.set("Root", root);
    pdf.trailer.set("Info", info);
    pdf
}

fn bytes(mut pdf: Pdf) -> Vec<u8> {
    let mut bytes = Vec::new();
    pdf.save_to(&mut bytes).unwrap();
    bytes
}

#[track_caller]
fn check(drawn: &str, expect: &str) {
    assert_eq!(read(&bytes(pdf(&[drawn]))).unwrap().text, expect);
}

/// Every byte by hand, as no library writes it, and with offsets that are wrong.
const BY_HAND: &str = "%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>> endobj
4 0 obj <</Length 44>> stream
BT /F1 12 Tf 72 720 Td (Written by hand) Tj ET
endstream endobj
5 0 obj <</Type/Font/Subtype/Type1/BaseFont/Helvetica>> endobj
trailer <</Root 1 0 R/Size 6>>
startxref
0
%%EOF
";

#[test]
fn pages_are_read_in_their_order() {
    let mut made = pdf(&[
        "BT /F1 12 Tf 72 720 Td (Refunds are paid) Tj 0 -14 Td (within 14 days.) Tj ET",
        "BT /F1 12 Tf 72 720 Td (Caf\\351s \\(all\\)) Tj ET",
    ]);
    made.compress();
    let document = read(&bytes(made)).unwrap();
    assert_eq!(
        document.text,
        "Refunds are paid\nwithin 14 days.\n\nCafés (all)"
    );
    assert_eq!(document.title.as_deref(), Some("A handbook"));
    assert!(document.headings.is_empty());
    let by_hand = read(BY_HAND.as_bytes()).unwrap();
    assert_eq!(
        (by_hand.text.as_str(), by_hand.title),
        ("Written by hand", None)
    );
}

#[test]
fn distances_part_words_lines_and_paragraphs() {
    check(
        "BT /F1 10 Tf [(re) 20 (fund) -300 (paid)] TJ ET",
        "refund paid",
    );
    check(
        "BT /F1 10 Tf 14 TL (one) Tj T* (two) Tj (three) ' ET",
        "one\ntwo\nthree",
    );
    check(
        "BT /F1 10 Tf (one) Tj 0 -12 Td (two) Tj 0 -40 TD (new) Tj ET",
        "one\ntwo\n\nnew",
    );
    check(
        "BT /F1 1 Tf 10 0 0 10 72 700 Tm (Hello) Tj 10 0 0 10 120 700 Tm (world) Tj ET",
        "Hello world",
    );
    // Letter by letter.
    check(
        "BT /F1 10 Tf 72 700 Td (w) Tj 7 0 Td (o) Tj 5 0 Td (r) Tj 3.5 0 Td (d) Tj ET",
        "word",
    );
    check(
        "q 1 0 0 1 0 9 cm BT /F1 9 Tf (a) Tj ET Q 1 0 0 1 0 8 cm BT /F1 9 Tf (b) Tj ET",
        "a\nb",
    );
}

#[test]
fn damaged_files_are_errors_and_never_panics() {
    assert_eq!(read(b"%PDF-1.7\n"), Err(Error::DamagedPdf));
    assert_eq!(read(b""), Err(Error::DamagedPdf));
    let whole = bytes(pdf(&["BT /F1 12 Tf 72 720 Td (text) Tj ET"]));
    for end in (0..whole.len()).step_by(7) {
        let _ = read(&whole[..end]);
    }
    // A byte is something else: what comes out may be anything, but it comes out.
    for at in (0..whole.len()).step_by(3) {
        let mut broken = whole.clone();
        broken[at] ^= 0x15;
        let _ = read(&broken);
    }
}

#[test]
fn bombs_are_refused_before_they_unpack() {
    let mut large = pdf(&[&"0 0 m ".repeat(MAX_PAGE / 6 + 1)]);
    large.compress();
    let large = bytes(large);
    assert!(large.len() < 100_000, "{}", large.len());
    assert_eq!(read(&large), Err(Error::PdfBomb));

    // Pages that share one content, each of which is small enough.
    let mut many = pdf(&[""; 20]);
    let drawn = vec![b' '; MAX_PAGE - 1];
    let shared = many.add_object(Stream::new(dictionary! {}, drawn));
    let pages: Vec<_> = many.page_iter().collect();
    for page in pages {
        let page = many.get_object_mut(page).unwrap().as_dict_mut().unwrap();
        page.set("Contents", shared);
    }
    assert_eq!(read(&bytes(many)), Err(Error::PdfBomb));

    let many = bytes(pdf(&vec!["BT ET"; MAX_PAGES + 1]));
    assert_eq!(read(&many), Err(Error::TooManyPages));
}

#[test]
fn what_a_password_protects_is_told() {
    let mut secret = pdf(&["BT /F1 12 Tf (secret) Tj ET"]);
    secret.trailer.set(
        "ID",
        vec![Object::string_literal("a"), Object::string_literal("b")],
    );
    let version = EncryptionVersion::V2 {
        document: &secret,
        owner_password: "owner",
        user_password: "user",
        key_length: 128,
        permissions: Permissions::all(),
    };
    let state = EncryptionState::try_from(version).unwrap();
    secret.encrypt(&state).unwrap();
    assert_eq!(read(&bytes(secret)), Err(Error::EncryptedPdf));
}
