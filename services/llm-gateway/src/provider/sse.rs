//! Server-sent events, byte by byte (WHATWG HTML, section 9.2.6 "Interpreting an event stream").
//!
//! **Invariant:** the events do not depend on how the bytes were cut into pieces.

/// Bytes of one event at most.
const MAX_EVENT: usize = 8 * 1024 * 1024;

/// An event is longer than anything a model says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is too long")]
pub(crate) struct TooLong;

/// Reads the `data` of events; names, ids and comments of the stream are of no use here.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    after_return: bool,
    begun: bool,
}

impl Events {
    /// The events that end within `bytes`.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, TooLong> {
        let mut events = Vec::new();
        while let Some(first) = bytes.first() {
            // The line feed of a CR LF whose two bytes may come in two pieces.
            if std::mem::take(&mut self.after_return) && *first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = bytes.iter().position(|b| matches!(b, b'\r' | b'\n')) else {
                self.grow(bytes)?;
                break;
            };
            self.grow(&bytes[..end])?;
            self.after_return = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            events.extend(self.end_of_line());
        }
        Ok(events)
    }

    /// The last event of a stream that ends without the empty line which would end it.
    pub(crate) fn finish(mut self) -> Option<Vec<u8>> {
        if !self.line.is_empty() {
            self.end_of_line();
        }
        self.data.take()
    }

    fn grow(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        let held = self.line.len() + self.data.as_ref().map_or(0, Vec::len);
        if held + bytes.len() > MAX_EVENT {
            return Err(TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_of_line(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            return self.data.take();
        }
        let value = line.strip_prefix(b"data")?;
        let value = match value.split_first() {
            None => value,
            Some((b':', value)) => value.strip_prefix(b" ").unwrap_or(value),
            // Another field whose name begins alike.
            Some(_) => return None,
        };
        match &mut self.data {
            None => self.data = Some(value.to_vec()),
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<String> {
        let mut events = Events::default();
        let mut found = Vec::new();
        for piece in pieces {
            found.extend(events.push(piece).unwrap());
        }
        found.extend(events.finish());
        found
            .into_iter()
            .map(|event| String::from_utf8(event).unwrap())
            .collect()
    }

    #[track_caller]
    fn check(stream: &str, expect: &[&str]) {
        let stream = stream.as_bytes();
        assert_eq!(read(&[stream]), expect);
        for at in 0..=stream.len() {
            let (one, two) = stream.split_at(at);
            assert_eq!(read(&[one, two]), expect, "cut at {at}");
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(read(&bytes), expect, "byte by byte");
    }

    #[test]
    fn every_spelling_is_read_however_it_is_cut() {
        check("data: a\n\ndata: b\n\n", &["a", "b"]);
        check("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]);
        check("data: a\r\rdata: b\r\r", &["a", "b"]);
        check("data:a\n\n", &["a"]);
        check("data:  a\n\n", &[" a"]);
        check(": ping\n\nevent: x\nid: 7\ndata: a\n\n", &["a"]);
        check("data: {\ndata: }\n\n", &["{\n}"]);
        check("data\n\ndatabase: x\n\n", &[""]);
        check("\u{feff}data: é€𝄞\n\n", &["é€𝄞"]);
        check("data: a\n\ndata: [DONE]", &["a", "[DONE]"]);
        check("data: a\n\ndata: [DONE]\n", &["a", "[DONE]"]);
        check("\n\n\n", &[]);
    }

    #[test]
    fn a_long_event_is_read_and_an_endless_one_refused() {
        let long = "x".repeat(1024 * 1024);
        assert_eq!(read(&[format!("data: {long}\n\n").as_bytes()]), [long]);
        let mut events = Events::default();
        let piece = vec![b'x'; 1024 * 1024];
        let outcome = (0..9).try_for_each(|_| events.push(&piece).map(drop));
        assert_eq!(outcome, Err(TooLong));
        let mut events = Events::default();
        let line = [b"data: ".as_slice(), &piece, b"\n"].concat();
        let outcome = (0..9).try_for_each(|_| events.push(&line).map(drop));
        assert_eq!(outcome, Err(TooLong));
    }
}
