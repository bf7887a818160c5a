//! Reads server-sent events out of pieces of text that are cut anywhere.
//!
//! **Invariant:** the events do not depend on where the stream was cut.

/// One event, as the stream names it; `data` has its lines joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) data: String,
}

/// What was read of an event and of a line that have no end yet.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: String,
    event: Event,
    has_data: bool,
    /// A carriage return ended the last line: a line feed right after it belongs to it.
    after_return: bool,
    /// A byte order mark may only stand at the very start.
    begun: bool,
}

impl Parser {
    /// The events that this piece completes.
    pub(super) fn push(&mut self, piece: &str) -> Vec<Event> {
        let mut events = Vec::new();
        for letter in piece.chars() {
            let first = !std::mem::replace(&mut self.begun, true);
            if first && letter == '\u{feff}' {
                continue;
            }
            let after_return = std::mem::take(&mut self.after_return);
            match letter {
                '\n' if after_return => {}
                '\r' | '\n' => {
                    self.after_return = letter == '\r';
                    events.extend(self.end_line());
                }
                _ => self.line.push(letter),
            }
        }
        events
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.event.name),
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            // Comments keep the connection awake; what else there may be is for others.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "\u{feff}: hello\n\nid: 5\nevent: token\ndata: {\"a\": \"é✓\"}\n\n:\r\nid: 6\r\ndata: one\r\ndata:two\r\ndata\r\n\r\nevent: none\n\ndata: x: y\r\revent: cut";

    fn expected() -> Vec<Event> {
        let event = |id: Option<&str>, name: &str, data: &str| Event {
            id: id.map(Into::into),
            name: name.into(),
            data: data.into(),
        };
        vec![
            event(Some("5"), "token", "{\"a\": \"é✓\"}"),
            event(Some("6"), "", "one\ntwo\n"),
            event(None, "", "x: y"),
        ]
    }

    #[test]
    fn a_whole_stream_is_read() {
        assert_eq!(Parser::default().push(STREAM), expected());
    }

    #[test]
    fn it_may_be_cut_anywhere() {
        let cuts: Vec<_> = STREAM.char_indices().map(|(at, _)| at).collect();
        for &first in &cuts {
            for &second in cuts.iter().filter(|second| **second >= first) {
                let mut parser = Parser::default();
                let pieces = [
                    &STREAM[..first],
                    &STREAM[first..second],
                    &STREAM[second..],
                ];
                let events: Vec<_> = pieces
                    .into_iter()
                    .flat_map(|piece| parser.push(piece))
                    .collect();
                assert_eq!(events, expected(), "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn an_event_without_its_end_is_not_told() {
        assert_eq!(Parser::default().push("data: x\n"), vec![]);
    }
}
