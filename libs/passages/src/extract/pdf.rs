//! The text of a PDF, page by page, in the order in which the pages draw it.
//!
//! A PDF says where each string is drawn, not where words and lines end; that is told from the distances, with widths
//! of letters that are guessed. Text in pictures, forms and drawings that a page includes is not read.
//!
//! **Invariant:** what unpacks to more than [`MAX_STREAM`], or [`MAX_PAGE`] on a page, or [`MAX_DRAWN`] on all pages
//! together is refused before it is in memory; a panic of the library is an error.

mod pen;

use std::{
    collections::{BTreeMap, HashMap},
    panic,
};

use lopdf::{
    DecompressError, Dictionary, Encoding, LoadOptions, Object, ObjectId, content::Content,
};

use self::pen::Pen;
use crate::{
    Document, Error, MAX_PAGES, MAX_TEXT,
    document::{clean, label},
};

/// Bytes of one unpacked stream of objects at most.
const MAX_STREAM: usize = 32 * 1024 * 1024;
/// Bytes of what one page draws at most.
const MAX_PAGE: usize = 8 * 1024 * 1024;
/// Bytes of what all pages draw at most: a text of the largest size, and as many times that in drawing.
const MAX_DRAWN: usize = 128 * 1024 * 1024;
/// Bytes of the table of letters of a font at most.
const MAX_LETTERS: usize = 1024 * 1024;
/// Fonts of a document at most.
const MAX_FONTS: usize = 4_000;

pub(super) fn read(bytes: &[u8]) -> Result<Document, Error> {
    // Nothing that the closure touches is used after a panic.
    panic::catch_unwind(|| parse(bytes)).unwrap_or(Err(Error::DamagedPdf))
}

fn parse(bytes: &[u8]) -> Result<Document, Error> {
    let options = LoadOptions::with_max_decompressed_size(MAX_STREAM);
    let pdf = lopdf::Document::load_mem_with_options(bytes, options).map_err(failure)?;
    if pdf.is_encrypted() {
        return Err(Error::EncryptedPdf);
    }
    let pages: Vec<ObjectId> = pdf.page_iter().take(MAX_PAGES + 1).collect();
    match pages.len() {
        0 => return Err(Error::DamagedPdf),
        1..=MAX_PAGES => {}
        _ => return Err(Error::TooManyPages),
    }
    let mut reader = Reader {
        pdf: &pdf,
        letters: HashMap::new(),
        drawn: 0,
        text: String::new(),
    };
    for page in pages {
        reader.page(page)?;
    }
    Ok(Document {
        title: title(&pdf),
        text: tidy(&clean(&reader.text)),
        headings: Vec::new(),
    })
}

fn title(pdf: &lopdf::Document) -> Option<String> {
    let info = pdf.trailer.get_deref(b"Info", pdf).ok()?.as_dict().ok()?;
    let title = info.get_deref(b"Title", pdf).ok()?;
    label(&lopdf::decode_text_string(title).ok()?)
}

struct Reader<'a> {
    pdf: &'a lopdf::Document,
    /// How the bytes of a font are letters; fonts are told apart by where they are in the document.
    letters: HashMap<*const Dictionary, Encoding<'a>>,
    drawn: usize,
    text: String,
}

impl<'a> Reader<'a> {
    fn page(&mut self, page: ObjectId) -> Result<(), Error> {
        let left = MAX_DRAWN.saturating_sub(self.drawn);
        let drawn = self
            .pdf
            .get_page_content_with_limit(page, left.min(MAX_PAGE))
            .map_err(failure)?;
        self.drawn += drawn.len();
        // A page without fonts draws no text.
        let fonts = self.pdf.get_page_fonts(page).unwrap_or_default();
        self.learn(&fonts)?;
        let operations = Content::decode(&drawn).map_err(failure)?.operations;
        let mut pen = Pen::new(&mut self.text);
        for operation in &operations {
            let font = || {
                let name = operation.operands.first()?.as_name().ok()?;
                let font = fonts.get(name)?;
                self.letters.get(&std::ptr::from_ref::<Dictionary>(font))
            };
            pen.follow(&operation.operator, &operation.operands, font);
            if pen.written() > MAX_TEXT {
                return Err(Error::TextTooLarge);
            }
        }
        pen.end_page();
        Ok(())
    }

    fn learn(&mut self, fonts: &BTreeMap<Vec<u8>, &'a Dictionary>) -> Result<(), Error> {
        for font in fonts.values() {
            let key = std::ptr::from_ref::<Dictionary>(font);
            if self.letters.contains_key(&key) {
                continue;
            }
            if self.letters.len() == MAX_FONTS {
                return Err(Error::PdfBomb);
            }
            match font.get_font_encoding_with_limit(self.pdf, MAX_LETTERS) {
                Ok(letters) => drop(self.letters.insert(key, letters)),
                Err(error) if failure_is_bomb(&error) => return Err(Error::PdfBomb),
                // What is drawn in a font that cannot be read is no text.
                Err(_) => {}
            }
        }
        Ok(())
    }
}

fn failure(error: lopdf::Error) -> Error {
    match error {
        error if failure_is_bomb(&error) => Error::PdfBomb,
        lopdf::Error::InvalidPassword | lopdf::Error::Decryption(_) => Error::EncryptedPdf,
        _ => Error::DamagedPdf,
    }
}

fn failure_is_bomb(error: &lopdf::Error) -> bool {
    matches!(
        error,
        lopdf::Error::Decompress(
            DecompressError::MemoryLimitExceeded { .. } | DecompressError::TooManyFilters { .. }
        )
    )
}

/// A number among the operands of an operation.
fn number(operands: &[Object], at: usize) -> Option<f32> {
    let number = operands.get(at)?.as_float().ok()?;
    number.is_finite().then_some(number)
}

/// No white space at the ends of lines, and at most one empty line in a row.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines().map(str::trim_end) {
        if line.trim().is_empty() {
            empty += 1;
            continue;
        }
        if !tidy.is_empty() {
            tidy.push_str(if empty == 0 { "\n" } else { "\n\n" });
        }
        empty = 0;
        tidy.push_str(line);
    }
    tidy
}

#[cfg(test)]
mod tests;
