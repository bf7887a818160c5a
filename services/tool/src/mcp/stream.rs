//! Server-sent events as they arrive in pieces; only their data is of interest.

/// The events that were begun. The egress bounds how much a stream may hold.
#[derive(Default)]
pub(super) struct Events {
    line: Vec<u8>,
    data: Vec<u8>,
}

impl Events {
    /// The data of the events that end in this piece.
    pub(super) fn take(&mut self, piece: &[u8]) -> Vec<Vec<u8>> {
        let mut ended = Vec::new();
        for byte in piece {
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            if line.is_empty() {
                let data = std::mem::take(&mut self.data);
                if !data.is_empty() {
                    ended.push(data);
                }
            } else if let Some(data) = line.strip_prefix(b"data:") {
                let data = data.strip_prefix(b" ").unwrap_or(data);
                if !self.data.is_empty() {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(data);
            }
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_they_are_cut() {
        let text = b": hello\n\nevent: message\r\nid: 1\r\ndata: {\"a\":\r\ndata:1}\r\n\r\ndata: second\n\ndata: unfinished\n";
        for size in [1, 2, 7, text.len()] {
            let mut events = Events::default();
            let pieces = text.chunks(size).flat_map(|piece| events.take(piece));
            let found: Vec<_> = pieces.collect();
            assert_eq!(
                found,
                [b"{\"a\":\n1}".to_vec(), b"second".to_vec()],
                "{size}"
            );
        }
    }
}
