//! The key of a provider. It goes in and never comes back.

use dioxus::prelude::*;

use super::{draft::Draft, vendors::Key};
use crate::ui::{field::TextField, select::SelectField};

/// What was typed; only that of the chosen kind counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeyDraft {
    pub(super) api_key: String,
    /// Whether a single key is used where a pair could be.
    pub(super) single: bool,
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) session_token: String,
}

impl KeyDraft {
    /// As the API takes it: none where nothing was typed.
    pub(super) fn written(&self, kind: Key) -> Result<Option<String>, String> {
        let typed = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        if kind != Key::Aws || self.single {
            return Ok(typed(&self.api_key));
        }
        let parts = [
            &self.access_key_id,
            &self.secret_access_key,
            &self.session_token,
        ];
        match parts.map(|part| typed(part)) {
            [None, None, None] => Ok(None),
            [Some(id), Some(secret), session] => {
                let session = session.map(|session| format!(":{session}"));
                Ok(Some(format!(
                    "{id}:{secret}{}",
                    session.unwrap_or_default()
                )))
            }
            _ => Err("the access key needs its id and its secret".into()),
        }
    }
}

#[component]
pub(super) fn KeyFields(
    draft: Signal<Draft>,
    kind: Key,
    /// The end of the key that is there already.
    stored: Option<String>,
    /// Whether there is a provider already: what it has stays.
    kept: bool,
    error: Option<String>,
) -> Element {
    let stored = stored.map(|end| format!("Empty keeps the one that ends in {end}."));
    let key = draft.read().key.clone();
    if kind != Key::Aws {
        let hint = stored.or_else(|| {
            (kind == Key::Optional).then(|| "Empty where the server wants none.".to_owned())
        });
        return rsx! {
            Secret { label: "API key", required: kind == Key::Needed && !kept, value: key.api_key, hint, error, oninput: move |text| draft.write().key.api_key = text }
        };
    }
    let ways = [("pair", "Access key"), ("single", "Bedrock API key")];
    rsx! {
        SelectField {
            label: "Credential",
            value: if key.single { "single" } else { "pair" },
            options: ways.map(|(value, text)| (value.to_owned(), text.to_owned())).to_vec(),
            hint: stored,
            onchange: move |way: String| draft.write().key.single = way == "single",
        }
        if key.single {
            Secret { label: "Bedrock API key", required: !kept, value: key.api_key, error, oninput: move |text| draft.write().key.api_key = text }
        } else {
            TextField { label: "Access key ID", required: !kept, autocomplete: "off", "spellcheck": "false", placeholder: "AKIA…", value: key.access_key_id, error, oninput: move |text| draft.write().key.access_key_id = text }
            Secret { label: "Secret access key", required: !kept, value: key.secret_access_key, oninput: move |text| draft.write().key.secret_access_key = text }
            Secret { label: "Session token (optional)", value: key.session_token, hint: "Only with temporary credentials.", oninput: move |text| draft.write().key.session_token = text }
        }
    }
}

#[component]
fn Secret(
    label: String,
    value: String,
    oninput: EventHandler<String>,
    #[props(default)] required: bool,
    hint: Option<String>,
    error: Option<String>,
) -> Element {
    rsx! {
        TextField { label, kind: "password", autocomplete: "off", required, value, hint, error, oninput }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(id: &str, secret: &str, session: &str) -> KeyDraft {
        KeyDraft {
            api_key: "single".into(),
            single: false,
            access_key_id: id.into(),
            secret_access_key: secret.into(),
            session_token: session.into(),
        }
    }

    #[test]
    fn a_pair_is_written_as_one_key() {
        let written = |key: KeyDraft| key.written(Key::Aws);
        assert_eq!(
            written(pair("id", " s/e+c ", "")),
            Ok(Some("id:s/e+c".into()))
        );
        assert_eq!(written(pair("id", "s", "t")), Ok(Some("id:s:t".into())));
        assert_eq!(written(pair("", " ", "")), Ok(None));
        assert!(written(pair("id", "", "")).is_err());
        assert!(written(pair("", "", "t")).is_err());
        let single = KeyDraft {
            single: true,
            ..pair("id", "s", "")
        };
        assert_eq!(written(single), Ok(Some("single".into())));
        assert_eq!(
            pair("id", "", "").written(Key::Optional),
            Ok(Some("single".into()))
        );
    }
}
