//! Which passwords are taken.

/// Passwords that are guessed first, of those that are long enough, without the digits and signs at their end.
const COMMON: &str = include_str!("common_passwords.txt");

/// 10 to 128 characters, none of the well-known ones, not the email, more than a few different characters.
pub(crate) fn check_password(password: &str, email: &str) -> Result<(), &'static str> {
    if !(10..=128).contains(&password.chars().count()) {
        return Err("must have 10 to 128 characters");
    }
    let lower = password.to_lowercase();
    let local = email.split('@').next().unwrap_or_default();
    let stem = lower.trim_end_matches(|c: char| !c.is_alphabetic());
    if !email.is_empty() && (lower == email || stem == local) {
        return Err("must not be the email");
    }
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    let is_common = |text: &str| COMMON.lines().any(|common| common == text);
    if different.len() < 4
        || is_row(&lower)
        || is_common(&lower)
        || (!stem.is_empty() && is_common(stem))
    {
        return Err("is too easy to guess");
    }
    Ok(())
}

/// `1234567890`, `abcdefghij`, `9876543210`: each character follows the one before.
fn is_row(text: &str) -> bool {
    let codes: Vec<i64> = text.chars().map(|c| i64::from(u32::from(c))).collect();
    [1, -1].into_iter().any(|step| {
        codes
            .windows(2)
            .all(|pair| pair[1] - pair[0] == step || (pair[0], pair[1]) == (57, 48))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_refused() {
        for password in [
            "short",
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "1234567890",
            "0123456789",
            "abcdefghijkl",
            "password123",
            "Password2024!",
            "qwertyuiop",
            "iloveyou1234",
            "administrator1",
            "Ada.Lovelace99",
            "ada.lovelace@example.com",
            &"x1Y!".repeat(40),
        ] {
            assert!(
                check_password(password, "ada.lovelace@example.com").is_err(),
                "{password}"
            );
        }
    }

    #[test]
    fn strong_passwords_are_taken() {
        for password in [
            "correct horse battery staple",
            "Tr0ub4dor&3x",
            "пароль-для-ады",
            "  spaces count  ",
        ] {
            assert_eq!(
                check_password(password, "ada@example.com"),
                Ok(()),
                "{password}"
            );
        }
    }

    #[test]
    fn the_list_holds_what_can_match() {
        for line in COMMON.lines() {
            assert_eq!(line, line.to_lowercase().trim(), "{line:?}");
            assert!(!line.is_empty());
        }
    }
}
