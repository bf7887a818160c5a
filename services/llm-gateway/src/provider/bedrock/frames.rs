//! The binary event stream of AWS: frames with headers and a payload, each with its checksums.
//!
//! **Invariant:** the events do not depend on how the bytes were cut into pieces, and a frame whose checksum is wrong
//! is no event.

/// Bytes of one frame at most (the format's own limit is 24 MiB).
const MAX_FRAME: usize = 16 * 1024 * 1024;
/// Two lengths and their checksum.
const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;

/// Reads frames; each becomes the JSON object `{"<type>": <payload>}`.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    held: Vec<u8>,
}

impl Frames {
    /// The events that end within `bytes`.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
        self.held.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(length) = self.length()? {
            if self.held.len() < length {
                break;
            }
            let rest = self.held.split_off(length);
            let frame = std::mem::replace(&mut self.held, rest);
            events.push(event(&frame)?);
        }
        Ok(events)
    }

    /// The length of the frame that begins, once its prelude is there.
    fn length(&self) -> Result<Option<usize>, &'static str> {
        let Some(prelude) = self.held.get(..PRELUDE) else {
            return Ok(None);
        };
        if number(prelude, 8) != crc32fast::hash(&prelude[..8]) {
            return Err("a frame has a wrong checksum");
        }
        let length = usize::try_from(number(prelude, 0)).unwrap_or(usize::MAX);
        if !(PRELUDE + CHECKSUM..=MAX_FRAME).contains(&length) {
            return Err("a frame has a wrong length");
        }
        Ok(Some(length))
    }
}

fn event(frame: &[u8]) -> Result<Vec<u8>, &'static str> {
    let (body, checksum) = frame.split_at(frame.len() - CHECKSUM);
    if number(checksum, 0) != crc32fast::hash(body) {
        return Err("a frame has a wrong checksum");
    }
    let headers = usize::try_from(number(frame, 4)).unwrap_or(usize::MAX);
    let (headers, payload) = body[PRELUDE..]
        .split_at_checked(headers)
        .ok_or("a frame has a wrong length")?;
    let name = name(headers).ok_or("a frame does not say what it is")?;
    let payload = match payload {
        [] => b"{}",
        payload => payload,
    };
    Ok([b"{\"", name.as_bytes(), b"\":", payload, b"}"].concat())
}

/// What kind of event the headers tell of.
fn name(mut headers: &[u8]) -> Option<String> {
    let mut found = None;
    while let Some((length, rest)) = headers.split_first() {
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        let (kind, rest) = rest.split_first()?;
        let size = match kind {
            0 | 1 => 0,
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            9 => 16,
            6 | 7 => 2 + usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])),
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(size)?;
        headers = rest;
        if *kind == 7 && matches!(name, b":event-type" | b":exception-type" | b":error-code") {
            let value = std::str::from_utf8(&value[2..]).ok()?;
            let is_plain = value.bytes().all(|b| b.is_ascii_alphanumeric());
            found = Some(value.to_owned()).filter(|_| is_plain);
        }
    }
    found
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    u32::from_be_bytes(four.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
        let mut head = Vec::new();
        for (name, value) in headers {
            head.push(u8::try_from(name.len()).unwrap());
            head.extend_from_slice(name.as_bytes());
            head.push(7);
            head.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
            head.extend_from_slice(value.as_bytes());
        }
        let total = u32::try_from(PRELUDE + head.len() + payload.len() + CHECKSUM).unwrap();
        let mut frame = total.to_be_bytes().to_vec();
        frame.extend_from_slice(&u32::try_from(head.len()).unwrap().to_be_bytes());
        frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
        frame.extend_from_slice(&head);
        frame.extend_from_slice(payload.as_bytes());
        let checksum = crc32fast::hash(&frame);
        frame.extend_from_slice(&checksum.to_be_bytes());
        frame
    }

    #[test]
    fn frames_are_read_however_they_are_cut() {
        let one = frame(
            &[(":message-type", "event"), (":event-type", "messageStart")],
            r#"{"role":"assistant"}"#,
        );
        let two = frame(&[(":event-type", "messageStop")], "");
        let stream = [one, two].concat();
        let expect = [
            r#"{"messageStart":{"role":"assistant"}}"#,
            r#"{"messageStop":{}}"#,
        ];
        for at in 0..=stream.len() {
            let (head, tail) = stream.split_at(at);
            let mut frames = Frames::default();
            let mut events = frames.push(head).unwrap();
            events.extend(frames.push(tail).unwrap());
            assert_eq!(
                events,
                expect.map(|text| text.as_bytes().to_vec()),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn a_damaged_frame_is_no_event() {
        let good = frame(&[(":event-type", "x")], "{}");
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(Frames::default().push(&bad).is_err(), "byte {at}");
        }
        assert!(Frames::default().push(&frame(&[], "{}")).is_err());
        assert!(
            Frames::default()
                .push(&frame(&[(":event-type", "a\"b")], "{}"))
                .is_err()
        );
    }
}
