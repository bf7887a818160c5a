//! Versions as entity tags (RFC 9110, section 8.8.3).

use contracts::Problem;

use crate::problem::Refusal;

pub(super) fn of(version: u64) -> String {
    format!("\"{version}\"")
}

/// The version that `If-Match` names; none for `*`, which any version matches.
pub(super) fn parse(if_match: Option<&str>) -> Result<Option<u64>, Refusal> {
    let Some(text) = if_match.map(str::trim) else {
        return Ok(None);
    };
    if text == "*" {
        return Ok(None);
    }
    let inner = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    match inner.and_then(|digits| digits.parse().ok()) {
        Some(version) => Ok(Some(version)),
        None => Err(not_ours()),
    }
}

/// As [`parse`], for what counts its versions in 32 bits.
pub(super) fn parse_small(if_match: Option<&str>) -> Result<Option<u32>, Refusal> {
    let version = parse(if_match)?.map(u32::try_from);
    version.transpose().map_err(|_| not_ours())
}

fn not_ours() -> Refusal {
    let detail = "`If-Match` must be the `ETag` of an earlier answer, or `*`";
    Refusal(Problem::malformed(detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_back() {
        assert_eq!(parse(Some(&of(7))).unwrap(), Some(7));
        assert_eq!(parse(Some("*")).unwrap(), None);
        assert_eq!(parse(None).unwrap(), None);
        // Weak tags never match here, and a bare number is no tag.
        for text in ["7", "W/\"7\"", "\"x\"", "", "\"-1\"", "\"1\", \"2\""] {
            assert!(parse(Some(text)).is_err(), "{text}");
        }
        assert_eq!(parse_small(Some(&of(7))).unwrap(), Some(7));
        assert!(parse_small(Some(&of(1 << 32))).is_err());
    }
}
