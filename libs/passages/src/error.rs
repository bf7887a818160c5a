//! Why a file has no text for us.

use crate::{MAX_FILE, MAX_PAGES, MAX_TEXT};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("files of type `{0}` have no text that can be read")]
    Unsupported(String),
    #[error("the file has more than {MAX_FILE} bytes")]
    FileTooLarge,
    #[error("the text of the file has more than {MAX_TEXT} bytes")]
    TextTooLarge,
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// For example a PDF that consists of scanned pictures.
    #[error("the file has no text")]
    NoText,
    #[error("the PDF is damaged")]
    DamagedPdf,
    #[error("the PDF is protected by a password")]
    EncryptedPdf,
    #[error("the PDF has more than {MAX_PAGES} pages")]
    TooManyPages,
    /// Its pages unpack to more than a text of that size needs.
    #[error("the PDF is too large when it is unpacked")]
    PdfBomb,
}

impl Error {
    /// The stable word for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unsupported(_) => "unsupported_type",
            Self::FileTooLarge => "file_too_large",
            Self::TextTooLarge => "text_too_large",
            Self::NotUtf8 => "not_utf8",
            Self::NoText => "no_text",
            Self::DamagedPdf => "damaged_pdf",
            Self::EncryptedPdf => "encrypted_pdf",
            Self::TooManyPages => "too_many_pages",
            Self::PdfBomb => "pdf_too_large",
        }
    }
}
