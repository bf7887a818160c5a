//! Messages in the order that every API but OpenAI's wants: the system's texts apart, then turns of user and model that
//! alternate, with the results of tools first in the turn after the calls.
//!
//! **Invariant:** the arguments of calls are the bytes of a JSON object, and every result has its call.

use contracts::llm::{Complete, Message, ToolCall};
use serde_json::{Map, Value, value::RawValue};

use super::{Fault, media, media::Media, names::Names, terms::Terms};

/// Where an answer keeps what its vendor wants back with the next question: thoughts and their signatures, each marked
/// with the vendor.
pub(crate) const KEPT: &str = "reasoning_details";

/// Those who mark what they keep.
pub(crate) const VENDORS: [&str; 3] = ["anthropic", "gemini", "bedrock"];

#[derive(Debug)]
pub(crate) struct Conversation<'a> {
    pub(crate) system: Vec<Text<'a>>,
    pub(crate) turns: Vec<Turn<'a>>,
}

#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) of_model: bool,
    pub(crate) items: Vec<Item<'a>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    pub(crate) text: &'a str,
    /// What the caller says about caching, for vendors who cache on request.
    pub(crate) cache_control: Option<&'a Value>,
}

#[derive(Debug)]
pub(crate) enum Item<'a> {
    Text(Text<'a>),
    Media(Media<'a>),
    /// What this vendor wants back of an answer of its own.
    Kept(&'a Value),
    Call {
        id: &'a str,
        name: String,
        arguments: Box<RawValue>,
        extra: &'a Map<String, Value>,
    },
    Result {
        id: &'a str,
        /// The tool's name, as the vendor is told.
        name: String,
        parts: Vec<Item<'a>>,
        failed: bool,
        cache_control: Option<&'a Value>,
    },
}

impl<'a> Conversation<'a> {
    /// Reads the messages for a vendor: what other vendors keep is left out.
    pub(crate) fn of(
        ask: &'a Complete,
        vendor: &str,
        names: &Names,
        terms: &Terms<'_>,
    ) -> Result<Self, Fault> {
        let mut reader = Reader {
            conversation: Self {
                system: Vec::new(),
                turns: Vec::new(),
            },
            open: Vec::new(),
            vendor,
            names,
            terms,
        };
        for message in &ask.messages {
            reader.message(message)?;
        }
        let mut conversation = reader.conversation;
        conversation.turns.retain(|turn| !turn.items.is_empty());
        Ok(conversation)
    }

    /// All tools that were called so far, as the vendor is told.
    pub(crate) fn called(&self) -> Vec<&str> {
        let items = self.turns.iter().flat_map(|turn| &turn.items);
        let names = items.filter_map(|item| match item {
            Item::Call { name, .. } => Some(name.as_str()),
            _ => None,
        });
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

struct Reader<'a, 'b> {
    conversation: Conversation<'a>,
    /// The calls so far: id and name.
    open: Vec<(&'a str, String)>,
    vendor: &'b str,
    names: &'b Names,
    terms: &'b Terms<'b>,
}

impl<'a> Reader<'a, '_> {
    fn message(&mut self, message: &'a Message) -> Result<(), Fault> {
        match message.role.as_str() {
            "system" | "developer" => {
                for item in self.content(&message.content)? {
                    match item {
                        Item::Text(text) => self.conversation.system.push(text),
                        _ => return Err(self.terms.invalid("a system message holds text alone")),
                    }
                }
            }
            "assistant" => self.answer(message)?,
            "tool" => {
                let result = self.result(message)?;
                let items = self.turn(false);
                // Results stand before any text of their turn.
                let at = items
                    .iter()
                    .take_while(|item| matches!(item, Item::Result { .. }))
                    .count();
                items.insert(at, result);
            }
            _ => {
                let content = self.content(&message.content)?;
                self.turn(false).extend(content);
            }
        }
        Ok(())
    }

    fn answer(&mut self, message: &'a Message) -> Result<(), Fault> {
        let kept = message.extra.get(KEPT).and_then(Value::as_array);
        let kept = kept.into_iter().flatten();
        let vendor = self.vendor;
        let mut items: Vec<Item<'a>> = kept
            .filter(|entry| entry["vendor"] == vendor)
            .map(Item::Kept)
            .collect();
        items.extend(self.content(&message.content)?);
        for call in &message.tool_calls {
            let name = self.names.told(&call.function.name);
            items.push(Item::Call {
                id: &call.id,
                name: name.clone(),
                arguments: self.arguments(call)?,
                extra: &call.extra,
            });
            self.open.push((&call.id, name));
        }
        self.turn(true).extend(items);
        Ok(())
    }

    fn arguments(&self, call: &ToolCall) -> Result<Box<RawValue>, Fault> {
        let text = match call.function.arguments.trim() {
            "" => "{}",
            text => text,
        };
        let arguments = RawValue::from_string(text.to_owned()).ok();
        arguments
            .filter(|raw| raw.get().starts_with('{'))
            .ok_or_else(|| {
                let id: String = call.id.chars().take(64).collect();
                let why = format!("the arguments of the tool call `{id}` are no JSON object");
                self.terms.invalid(why)
            })
    }

    fn result(&self, message: &'a Message) -> Result<Item<'a>, Fault> {
        let id = message.tool_call_id.as_deref().unwrap_or_default();
        // The same id may come again in a later turn; the last call is meant.
        let call = self.open.iter().rev().find(|(known, _)| *known == id);
        let Some((_, name)) = call else {
            let shown: String = id.chars().take(64).collect();
            let why = format!("no tool call has the id `{shown}` of a result");
            return Err(self.terms.invalid(why));
        };
        Ok(Item::Result {
            id,
            name: name.clone(),
            parts: self.content(&message.content)?,
            failed: message.extra.get("is_error") == Some(&Value::Bool(true)),
            cache_control: message.extra.get("cache_control"),
        })
    }

    /// The parts of a content; empty texts say nothing and are refused by vendors.
    fn content(&self, content: &'a Value) -> Result<Vec<Item<'a>>, Fault> {
        let text = |text: &'a str, part: Option<&'a Value>| {
            Item::Text(Text {
                text,
                cache_control: part.and_then(|part| part.get("cache_control")),
            })
        };
        match content {
            Value::Null => Ok(Vec::new()),
            Value::String(said) if said.is_empty() => Ok(Vec::new()),
            Value::String(said) => Ok(vec![text(said, None)]),
            Value::Array(parts) => {
                let mut items = Vec::new();
                for part in parts {
                    match (part["type"].as_str(), part["text"].as_str()) {
                        (Some("text" | "input_text" | "output_text"), Some("")) => {}
                        (Some("text" | "input_text" | "output_text"), Some(said)) => {
                            items.push(text(said, Some(part)));
                        }
                        (Some("refusal"), _) => {
                            let said = part["refusal"].as_str().unwrap_or_default();
                            items.extend((!said.is_empty()).then(|| text(said, None)));
                        }
                        _ => {
                            let media = media::read(part).map_err(|why| self.terms.invalid(why))?;
                            items.push(Item::Media(media));
                        }
                    }
                }
                Ok(items)
            }
            _ => Err(self.terms.invalid("`content` is a text or a list of parts")),
        }
    }

    /// The turn that the next item belongs to: neighbours of one role are one.
    fn turn(&mut self, of_model: bool) -> &mut Vec<Item<'a>> {
        let turns = &mut self.conversation.turns;
        if turns.last().is_none_or(|turn| turn.of_model != of_model) {
            turns.push(Turn {
                of_model,
                items: Vec::new(),
            });
        }
        &mut turns.last_mut().expect("a turn was just put there").items
    }
}

#[cfg(test)]
mod tests;
