//! Pages by name: the last row's name and id, as an opaque cursor.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use contracts::page::{Page, Paging};
use sea_orm::prelude::Uuid;

use crate::error::Error;

/// More than any cursor that is written here.
const MAX_CHARS: usize = 2_000;

/// The place after a row, in a list ordered by name and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct After {
    pub(crate) name: String,
    pub(crate) id: Uuid,
}

impl After {
    /// Before all rows, on the first page: no name is empty.
    fn nothing() -> Self {
        Self {
            name: String::new(),
            id: Uuid::nil(),
        }
    }

    /// # Errors
    /// An invalid cursor.
    pub(crate) fn of(paging: &Paging) -> Result<Self, Error> {
        let Some(cursor) = &paging.cursor else {
            return Ok(Self::nothing());
        };
        let invalid = || sql::Error::InvalidCursor(cursor.chars().take(64).collect());
        if cursor.len() > MAX_CHARS {
            return Err(invalid().into());
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
        let (id, name) = bytes.split_first_chunk::<16>().ok_or_else(invalid)?;
        let name = String::from_utf8(name.to_vec()).map_err(|_| invalid())?;
        if name.contains('\0') {
            return Err(invalid().into());
        }
        let id = Uuid::from_bytes(*id);
        Ok(Self { name, id })
    }

    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode([self.id.as_bytes(), self.name.as_bytes()].concat())
    }
}

/// A page of rows that were read with a limit of `paging.rows() + 1`.
pub(crate) fn page<Row, Item>(
    rows: Vec<Row>,
    paging: &Paging,
    after: impl Fn(&Row) -> After,
    item: impl FnMut(Row) -> Item,
) -> Page<Item> {
    sql::page_after(rows, paging, |row| after(row).encode(), item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(cursor: &str) -> Paging {
        Paging {
            cursor: Some(cursor.to_owned()),
            limit: None,
        }
    }

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        let after = After {
            name: "Straße 1.md".to_owned(),
            id: Uuid::from_u128(7),
        };
        assert_eq!(After::of(&paging(&after.encode())).unwrap(), after);
        assert_eq!(After::of(&Paging::default()).unwrap(), After::nothing());
        for wrong in ["x", "%", "", &"A".repeat(3000)] {
            assert!(After::of(&paging(wrong)).is_err(), "{wrong}");
        }
    }
}
