//! Server-sent events, cut out of the bytes of a response.
//!
//! **Invariant:** an event is told once its blank line has come, wherever the bytes were cut before.

#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// What came after the last line end.
    rest: Vec<u8>,
    next: Event,
}

/// One event; `name` is empty where the server gave none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Event {
    pub name: String,
    pub data: String,
}

impl Reader {
    /// The events that these bytes complete.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.rest.extend_from_slice(bytes);
        let mut events = Vec::new();
        let mut from = 0;
        while let Some(length) = self.rest[from..].iter().position(|&byte| byte == b'\n') {
            let line = String::from_utf8_lossy(&self.rest[from..from + length]);
            from += length + 1;
            if let Some(event) = take_line(&mut self.next, line.trim_end_matches('\r')) {
                events.push(event);
            }
        }
        self.rest.drain(..from);
        events
    }
}

fn take_line(next: &mut Event, line: &str) -> Option<Event> {
    if line.is_empty() {
        let event = std::mem::take(next);
        return (!event.data.is_empty()).then_some(event);
    }
    let (field, value) = line.split_once(':').unwrap_or((line, ""));
    let value = value.strip_prefix(' ').unwrap_or(value);
    match field {
        "event" => value.clone_into(&mut next.name),
        "data" => {
            if !next.data.is_empty() {
                next.data.push('\n');
            }
            next.data.push_str(value);
        }
        // Ids are numbers within the data as well; comments keep the connection open.
        _ => {}
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_whole_however_the_bytes_were_cut() {
        let wire = "id: 1\nevent: a\ndata: {\"x\": \"é\"}\n\n: ping\n\nid: 2\r\ndata: one\r\ndata:two\r\n\r\ndata: not yet\n";
        let expected = [
            Event {
                name: "a".into(),
                data: "{\"x\": \"é\"}".into(),
            },
            Event {
                name: String::new(),
                data: "one\ntwo".into(),
            },
        ];
        for size in 1..wire.len() {
            let mut reader = Reader::default();
            let events: Vec<_> = wire
                .as_bytes()
                .chunks(size)
                .flat_map(|part| reader.read(part))
                .collect();
            assert_eq!(events, expected, "{size}");
        }
    }
}
