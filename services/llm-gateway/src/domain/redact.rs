//! What tells who somebody is, struck out of texts: addresses of e-mail, numbers of telephones, cards and bank accounts.
//!
//! Found by form, with the check digits where there are any: names and addresses of houses are not found.

use contracts::llm::Redaction;

/// The longest address of e-mail (RFC 5321, sections 4.5.3.1.1 and 4.5.3.1.2).
const MAX_EMAIL: usize = 320;

/// The text with `[email]`, `[card]` and so on in place of what was found.
pub(crate) fn redact(text: &str, kinds: &[Redaction]) -> Option<String> {
    let mut found = Vec::new();
    for kind in kinds {
        let spans = match kind {
            Redaction::Email => emails(text),
            Redaction::Card => cards(text),
            Redaction::Iban => ibans(text),
            Redaction::Phone => phones(text),
        };
        found.extend(spans.into_iter().map(|span| (span, *kind)));
    }
    if found.is_empty() {
        return None;
    }
    // A card is also a row of digits that a telephone might have: the longer one counts.
    found.sort_by_key(|((start, end), kind)| (*start, std::cmp::Reverse(*end), rank(*kind)));
    let (mut clean, mut at) = (String::with_capacity(text.len()), 0);
    for ((start, end), kind) in found {
        if start < at {
            continue;
        }
        clean.push_str(&text[at..start]);
        clean.push_str(label(kind));
        at = end;
    }
    clean.push_str(&text[at..]);
    Some(clean)
}

type Span = (usize, usize);

const fn label(kind: Redaction) -> &'static str {
    match kind {
        Redaction::Email => "[email]",
        Redaction::Phone => "[phone]",
        Redaction::Card => "[card]",
        Redaction::Iban => "[iban]",
    }
}

const fn rank(kind: Redaction) -> u8 {
    match kind {
        Redaction::Email => 0,
        Redaction::Iban => 1,
        Redaction::Card => 2,
        Redaction::Phone => 3,
    }
}

fn emails(text: &str) -> Vec<Span> {
    let bytes = text.as_bytes();
    let mut spans: Vec<Span> = Vec::new();
    for (at, _) in text.match_indices('@') {
        let is_local = |b: &u8| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(b);
        let local = bytes[..at].iter().rev().take_while(|b| is_local(b)).count();
        let is_host = |b: &u8| b.is_ascii_alphanumeric() || *b == b'.' || *b == b'-';
        let host = bytes[at + 1..].iter().take_while(|b| is_host(b)).count();
        // A full stop at the end belongs to the sentence.
        let host = text[at + 1..at + 1 + host].trim_end_matches(['.', '-']);
        let top = host.rsplit('.').next().unwrap_or_default();
        let is_named =
            host.contains('.') && top.len() > 1 && !top.bytes().all(|b| b.is_ascii_digit());
        if local > 0 && is_named && local + host.len() < MAX_EMAIL {
            spans.push((at - local, at + 1 + host.len()));
        }
    }
    spans
}

/// Rows of digits in groups, as numbers are written; between two at most so many of these characters.
fn rows(text: &str, gaps: &[u8], longest_gap: usize) -> Vec<Span> {
    let bytes = text.as_bytes();
    let mut spans = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let mut end = at;
        loop {
            let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
            let rest = bytes[end..].iter();
            let gap = rest.take_while(|b| gaps.contains(b)).count();
            match gap {
                0 if is_digit(end) => end += 1,
                1.. if gap <= longest_gap && is_digit(end + gap) => end += gap,
                _ => break,
            }
        }
        // In a word it is no number.
        let before = text[..at].chars().next_back();
        let after = text[end..].chars().next();
        let is_apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
        if is_apart(before) && is_apart(after) {
            spans.push((at, end));
        }
        at = end;
    }
    spans
}

fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|c| c.to_digit(10)).collect()
}

fn cards(text: &str) -> Vec<Span> {
    let is_card = |(start, end): &Span| {
        let digits = digits(&text[*start..*end]);
        (13..=19).contains(&digits.len()) && luhn(&digits)
    };
    let mut spans = rows(text, b" -", 1);
    spans.retain(is_card);
    spans
}

/// ISO/IEC 7812-1, annex B.
fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match place % 2 {
            0 => *digit,
            _ if *digit > 4 => digit * 2 - 9,
            _ => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

fn ibans(text: &str) -> Vec<Span> {
    let bytes = text.as_bytes();
    let mut spans: Vec<Span> = Vec::new();
    let is_word = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    for at in 0..bytes.len().saturating_sub(4) {
        let begins = bytes[at..at + 2].iter().all(u8::is_ascii_uppercase)
            && bytes[at + 2..at + 4].iter().all(u8::is_ascii_digit)
            && (at == 0 || !is_word(at - 1));
        if !begins || spans.last().is_some_and(|(_, end)| at < *end) {
            continue;
        }
        // Written in groups, it may be followed by a word: the longest that checks counts.
        let (mut taken, mut end, mut best) = (Vec::new(), at, None);
        while end < bytes.len() && taken.len() < 34 {
            match bytes[end] {
                b' ' if is_word(end + 1) => {}
                b if b.is_ascii_digit() || b.is_ascii_uppercase() => taken.push(b),
                _ => break,
            }
            end += 1;
            if (15..=34).contains(&taken.len()) && !is_word(end) && is_iban(&taken) {
                best = Some(end);
            }
        }
        spans.extend(best.map(|end| (at, end)));
    }
    spans
}

/// ISO 13616: with the first four behind the rest, and letters as 10 to 35, it is 1 modulo 97.
fn is_iban(text: &[u8]) -> bool {
    let turned = text[4..].iter().chain(&text[..4]);
    let rest = turned.fold(0_u32, |rest, b| match b {
        b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
        _ => (rest * 100 + u32::from(b - b'A') + 10) % 97,
    });
    rest == 1
}

fn phones(text: &str) -> Vec<Span> {
    let bytes = text.as_bytes();
    let mut spans = Vec::new();
    for (start, end) in rows(text, b" -.()/", 2) {
        let count = digits(&text[start..end]).len();
        let before = |back: usize| start.checked_sub(back).map(|at| bytes[at]);
        let has_paren = before(1) == Some(b'(');
        let plus = if has_paren { before(2) } else { before(1) };
        let is_foreign = plus == Some(b'+');
        // Without `+` only what is written like a number of a telephone: a zero first, or in groups.
        let groups = text[start..end].split(|c: char| !c.is_ascii_digit());
        let groups = groups.filter(|group| !group.is_empty()).count();
        let is_local = bytes[start] == b'0' || has_paren || groups >= 3;
        let fits = match is_foreign {
            true => (8..=15).contains(&count),
            false => is_local && (9..=15).contains(&count) && !is_date(&text[start..end]),
        };
        if fits {
            let lead = usize::from(has_paren) + usize::from(is_foreign);
            spans.push((start - lead, end));
        }
    }
    spans
}

/// `2026-01-02 10.30` and the like.
fn is_date(text: &str) -> bool {
    let mut groups = text.split(|c: char| !c.is_ascii_digit());
    let (first, second) = (groups.next().unwrap_or_default(), groups.next());
    let is_short = second.is_some_and(|group| group.len() == 2);
    first.len() == 4 && is_short && (first.starts_with("19") || first.starts_with("20"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Redaction; 4] = [
        Redaction::Email,
        Redaction::Phone,
        Redaction::Card,
        Redaction::Iban,
    ];

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let clean = redact(text, &ALL);
        assert_eq!(clean.as_deref().unwrap_or(text), expect);
    }

    #[test]
    fn addresses_of_email_are_struck_out() {
        check("Ask ada.l+x@mail.example.org.", "Ask [email].");
        check("<ada@example.com>, grace@x.io", "<[email]>, [email]");
        check(
            "a @ b, x@y, 3@4.5, @ada, ada@localhost",
            "a @ b, x@y, 3@4.5, @ada, ada@localhost",
        );
        check("é ada@example.com é", "é [email] é");
    }

    #[test]
    fn cards_and_accounts_are_known_by_their_check_digits() {
        check("4111 1111 1111 1111", "[card]");
        check("Card 5500-0000-0000-0004!", "Card [card]!");
        check("order 4111111111111112", "order 4111111111111112");
        check("DE89 3704 0044 0532 0130 00 please", "[iban] please");
        check("GB82WEST12345698765432", "[iban]");
        check("DE89370400440532013001", "DE89370400440532013001");
    }

    #[test]
    fn telephones_are_known_by_how_they_are_written() {
        check("call +49 30 901820", "call [phone]");
        check("call (030) 9018-2000 now", "call [phone] now");
        check("+1 (415) 555-2671", "[phone]");
        check("030/901820555", "[phone]");
        check(
            "12345, 2026-01-02 10.30, 3.14159265358",
            "12345, 2026-01-02 10.30, 3.14159265358",
        );
        check("x123456789012", "x123456789012");
    }

    #[test]
    fn only_what_is_asked_for_is_struck_out() {
        let text = "ada@example.com 4111111111111111";
        assert_eq!(
            redact(text, &[Redaction::Card]).as_deref(),
            Some("ada@example.com [card]")
        );
        assert_eq!(redact(text, &[]), None);
    }
}
