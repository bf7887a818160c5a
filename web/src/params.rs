//! What stands after the `?` of an address: the filters of a list, the tab of a page.
//!
//! **Invariant:** `Params::from(&p.to_string())` is `p`, also after the router decoded the text once.

use std::fmt;

/// Names and values in the order in which they came; an empty value is no value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(key, _)| key == name);
        pair.map(|(_, value)| value.as_str())
    }

    /// The same with this one changed; an empty value takes it out.
    #[must_use]
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut pairs = self.0.clone();
        pairs.retain(|(key, _)| key != name);
        if !value.is_empty() {
            pairs.push((name.to_owned(), value.to_owned()));
        }
        Self(pairs)
    }

    pub(crate) fn one(name: &str, value: &str) -> Self {
        Self::default().with(name, value)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As an API wants it: `?a=b&c=d`, or nothing.
    pub(crate) fn query(&self) -> String {
        let pairs: Vec<_> = self
            .0
            .iter()
            .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
            .collect();
        match pairs.is_empty() {
            true => String::new(),
            false => format!("?{}", pairs.join("&")),
        }
    }
}

/// The router decodes the whole text before it is split, so marks inside of a value are encoded twice.
impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("&")?;
            }
            write!(f, "{}={}", mask(key), mask(value))?;
        }
        Ok(())
    }
}

impl From<&str> for Params {
    fn from(query: &str) -> Self {
        let pairs = query.split('&').filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (!value.is_empty()).then(|| (unmask(key), unmask(value)))
        });
        Self(pairs.collect())
    }
}

/// Percent-encodes all but unreserved characters, for paths and queries.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

const MARKS: [(char, &str); 5] = [
    ('%', "%2525"),
    ('&', "%2526"),
    ('=', "%253D"),
    ('+', "%252B"),
    ('#', "%2523"),
];

fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for letter in text.chars() {
        match MARKS.iter().find(|(mark, _)| *mark == letter) {
            Some((_, code)) => masked.push_str(code),
            None => masked.push(letter),
        }
    }
    masked
}

fn unmask(text: &str) -> String {
    MARKS
        .iter()
        .rev()
        .fold(text.to_owned(), |text, (mark, code)| {
            let once = code.replacen("25", "", 1);
            text.replace(&once, &mark.to_string())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the router does to an address.
    fn decode_once(text: &str) -> String {
        text.replace("%25", "%")
    }

    #[test]
    fn values_come_back_as_they_were() {
        for value in ["a b", "50% & more = 1+1 #2", "%26", "äöü", "100%25"] {
            let params = Params::one("search", value).with("state", "failed");
            let back = Params::from(decode_once(&params.to_string()).as_str());
            assert_eq!(back, params, "{value}");
        }
    }

    #[test]
    fn an_empty_value_is_none() {
        let params = Params::one("search", "x").with("search", "");
        assert!(params.is_empty());
        assert_eq!(params.query(), "");
        assert_eq!(Params::from("search=&state=failed").get("search"), None);
    }

    #[test]
    fn queries_are_encoded() {
        assert_eq!(Params::one("search", "a&b c").query(), "?search=a%26b%20c");
    }
}
