//! What a page draws, followed from string to string (PDF 1.7, section 9.4).

use lopdf::{Encoding, Object};

use super::number;

/// A gap of this many sizes of the font parts words.
const WORD_GAP: f32 = 0.15;
/// The same within a string, where gaps count in thousandths and to the left.
const KERNED_GAP: f32 = -160.0;
/// Another line is this many sizes of the font away at least.
const LINE_GAP: f32 = 0.3;
/// And another paragraph this many.
const PARAGRAPH_GAP: f32 = 1.9;
/// Letters of a string that is surely no part of a word which is drawn letter by letter.
const WHOLE_WORD: usize = 3;

pub(super) struct Pen<'t, 'f> {
    text: &'t mut String,
    letters: Option<&'f Encoding<'f>>,
    size: f32,
    scale: f32,
    leading: f32,
    /// Where the line begins.
    line: (f32, f32),
    /// Where the next string is drawn.
    at: (f32, f32),
    last: Option<Drawn>,
    /// Whether the place of the next string was set since the last one.
    moved: bool,
}

/// The last string.
struct Drawn {
    from: f32,
    to: f32,
    height: f32,
    letters: usize,
}

impl<'t, 'f> Pen<'t, 'f> {
    pub(super) fn new(text: &'t mut String) -> Self {
        Self {
            text,
            letters: None,
            size: 1.0,
            scale: 1.0,
            leading: 0.0,
            line: (0.0, 0.0),
            at: (0.0, 0.0),
            last: None,
            moved: false,
        }
    }

    /// Bytes of the text so far.
    pub(super) fn written(&self) -> usize {
        self.text.len()
    }

    pub(super) fn end_page(self) {
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
    }

    /// Does one operation. `font` looks up the one that the operation names.
    pub(super) fn follow(
        &mut self,
        operator: &str,
        operands: &[Object],
        font: impl FnOnce() -> Option<&'f Encoding<'f>>,
    ) {
        let of = |at| number(operands, at).unwrap_or(0.0);
        match operator {
            "BT" => {
                self.scale = 1.0;
                self.begin_line((0.0, 0.0));
            }
            // The page itself is moved or turned: places before and after cannot be compared.
            "cm" => self.last = self.last.take().map(|last| last.elsewhere()),
            "Tf" => {
                self.letters = font();
                self.size = of(1);
            }
            "TL" => self.leading = of(0),
            "Td" => self.move_line(of(0), of(1)),
            "TD" => {
                self.leading = -of(1);
                self.move_line(of(0), of(1));
            }
            "Tm" => {
                self.scale = of(0).abs().max(of(1).abs());
                self.begin_line((of(4), of(5)));
            }
            "T*" => self.move_line(0.0, -self.leading),
            "Tj" => self.draw(operands),
            "TJ" => {
                if let Some(Object::Array(parts)) = operands.first() {
                    self.draw(parts);
                }
            }
            "'" => {
                self.move_line(0.0, -self.leading);
                self.draw(operands);
            }
            "\"" => {
                self.move_line(0.0, -self.leading);
                self.draw(operands.get(2..).unwrap_or_default());
            }
            _ => {}
        }
    }

    fn begin_line(&mut self, place: (f32, f32)) {
        self.line = place;
        self.at = place;
        self.moved = true;
    }

    fn move_line(&mut self, x: f32, y: f32) {
        let (from_x, from_y) = self.line;
        self.begin_line((from_x + x * self.scale, from_y + y * self.scale));
    }

    /// Draws strings, and moves by the numbers between them.
    fn draw(&mut self, parts: &[Object]) {
        let Some(letters) = self.letters else { return };
        for part in parts {
            match part {
                Object::String(bytes, _) => {
                    let mut string = String::new();
                    // Bytes that stand for no letter are none.
                    if letters.write_to_string(bytes, &mut string).is_ok() && !string.is_empty() {
                        self.put(&string);
                    }
                }
                part => {
                    let gap = part.as_float().unwrap_or(0.0);
                    self.at.0 -= gap / 1000.0 * self.em();
                    if gap < KERNED_GAP {
                        self.push_gap(" ");
                    }
                }
            }
        }
    }

    fn put(&mut self, string: &str) {
        let (x, y) = self.at;
        let letters = string.chars().count();
        if let Some(last) = &self.last {
            let gap = last.gap((x, y), self.em(), self.moved, letters);
            self.push_gap(gap);
        }
        self.text.push_str(string);
        let to = x + string.chars().map(width).sum::<f32>() * self.em();
        self.last = Some(Drawn {
            from: x,
            to,
            height: y,
            letters,
        });
        self.at.0 = to;
        self.moved = false;
    }

    /// A gap, unless there is one.
    fn push_gap(&mut self, gap: &str) {
        let has_gap = match gap {
            "\n\n" => self.text.ends_with('\n'),
            _ => self.text.ends_with(['\n', ' ']),
        };
        if !self.text.is_empty() && !has_gap {
            self.text.push_str(gap);
        }
    }

    /// The size of the font on the page.
    fn em(&self) -> f32 {
        (self.size * self.scale).abs().max(0.001)
    }
}

/// About how wide a letter is, in sizes of the font.
fn width(c: char) -> f32 {
    match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '!' | '|' | '\'' | ' ' => 0.25,
        'f' | 't' | 'r' | '(' | ')' | '-' => 0.33,
        'w' => 0.72,
        'm' | 'M' | 'W' | '%' | '@' => 0.85,
        'A'..='Z' => 0.68,
        '\u{2e80}'.. => 1.0,
        _ => 0.53,
    }
}

impl Drawn {
    /// What stands between this string and one that is drawn there.
    fn gap(&self, (x, y): (f32, f32), em: f32, moved: bool, letters: usize) -> &'static str {
        if !moved {
            return "";
        }
        let away = (y - self.height).abs() / em;
        // A place that cannot be compared is another line.
        if away.is_nan() {
            return "\n";
        }
        if away > PARAGRAPH_GAP {
            return "\n\n";
        }
        if away > LINE_GAP {
            return "\n";
        }
        if x < self.from {
            return "\n";
        }
        let is_apart = x > self.to + WORD_GAP * em;
        let are_words = self.letters > WHOLE_WORD || letters > WHOLE_WORD;
        if is_apart || are_words { " " } else { "" }
    }

    fn elsewhere(self) -> Self {
        Self {
            height: f32::NAN,
            ..self
        }
    }
}
