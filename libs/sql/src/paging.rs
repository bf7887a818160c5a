//! Pages by position: `(time, id)` of the last row, as an opaque cursor.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::{
    Value,
    prelude::{DateTimeUtc, Uuid},
    sea_query::{ColumnRef, Expr, ExprTrait, IntoColumnRef},
};

use contracts::page::{Page, Paging};

use crate::Error;

/// The place after a row, in a list ordered by time and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Kept to the microsecond, as PostgreSQL does.
    pub at: DateTimeUtc,
    pub id: Uuid,
}

impl Cursor {
    /// # Errors
    /// [`Error::InvalidCursor`] for anything that [`Cursor::encode`] did not write.
    pub fn decode(text: &str) -> Result<Self, Error> {
        // A hostile cursor may be megabytes long; the message keeps what a person can read.
        let invalid = || Error::InvalidCursor(text.chars().take(64).collect());
        if text.len() > 64 {
            return Err(invalid());
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let (micros, id) = bytes.split_first_chunk::<8>().ok_or_else(invalid)?;
        // PostgreSQL knows no times before 4713 BC: it would answer with an error of its own.
        let micros = Some(i64::from_be_bytes(*micros)).filter(|micros| *micros >= 0);
        let at = micros.and_then(DateTimeUtc::from_timestamp_micros);
        Ok(Self {
            at: at.ok_or_else(invalid)?,
            id: Uuid::from_slice(id).map_err(|_| invalid())?,
        })
    }

    /// The cursor that a page starts after, none on the first page.
    ///
    /// # Errors
    /// [`Error::InvalidCursor`].
    pub fn of(paging: &Paging) -> Result<Option<Self>, Error> {
        paging.cursor.as_deref().map(Self::decode).transpose()
    }

    pub fn encode(&self) -> String {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.at.timestamp_micros().to_be_bytes());
        bytes[8..].copy_from_slice(self.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The rows that follow in a list ordered by `time` and `id`, both ascending.
    pub fn after(&self, time: impl IntoColumnRef, id: impl IntoColumnRef) -> Expr {
        columns(time, id).gt(self.values())
    }

    /// The rows that follow in a list ordered by `time` and `id`, both descending.
    pub fn before(&self, time: impl IntoColumnRef, id: impl IntoColumnRef) -> Expr {
        columns(time, id).lt(self.values())
    }

    fn values(&self) -> Expr {
        Expr::tuple([Value::from(self.at).into(), Value::from(self.id).into()])
    }
}

fn columns(time: impl IntoColumnRef, id: impl IntoColumnRef) -> Expr {
    let column = |column: ColumnRef| Expr::column(column);
    Expr::tuple([column(time.into_column_ref()), column(id.into_column_ref())])
}

/// Makes a page of `rows`, which were read with a limit of `paging.rows() + 1` so that the last page is known.
pub fn page<Row, Item>(
    rows: Vec<Row>,
    paging: &Paging,
    cursor: impl Fn(&Row) -> Cursor,
    item: impl FnMut(Row) -> Item,
) -> Page<Item> {
    page_after(rows, paging, |row| cursor(row).encode(), item)
}

/// The same with a cursor of another form.
pub fn page_after<Row, Item>(
    mut rows: Vec<Row>,
    paging: &Paging,
    cursor: impl Fn(&Row) -> String,
    item: impl FnMut(Row) -> Item,
) -> Page<Item> {
    let limit = usize::try_from(paging.rows()).expect("a page has at most 200 rows");
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(cursor);
    Page {
        items: rows.into_iter().map(item).collect(),
        next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip() {
        let at = DateTimeUtc::from_timestamp_micros(1_700_000_000_123_456).unwrap();
        let cursor = Cursor {
            at,
            id: Uuid::from_u128(7),
        };
        assert_eq!(Cursor::decode(&cursor.encode()).unwrap(), cursor);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "x",
            "' OR 1=1 --",
            &"A".repeat(31),
            &"A".repeat(33),
            &"_".repeat(32),
            &"A".repeat(1_000_000),
        ] {
            let error = Cursor::decode(text).unwrap_err();
            assert!(matches!(error, Error::InvalidCursor(_)));
            assert!(error.to_string().len() < 200);
        }
    }

    #[test]
    fn the_last_page_has_no_next() {
        let paging = |limit| Paging {
            cursor: None,
            limit: Some(limit),
        };
        let cursor = |n: &u128| Cursor {
            at: DateTimeUtc::UNIX_EPOCH,
            id: Uuid::from_u128(*n),
        };
        let full = page(vec![1, 2, 3], &paging(2), cursor, |n| n);
        assert_eq!(full.items, [1, 2]);
        assert_eq!(Cursor::decode(&full.next.unwrap()).unwrap(), cursor(&2));
        assert_eq!(page(vec![1, 2], &paging(2), cursor, |n| n).next, None);
        assert_eq!(page(Vec::new(), &paging(2), cursor, |n| n).items, [0; 0]);
    }
}
