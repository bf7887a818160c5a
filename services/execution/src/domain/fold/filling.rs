//! Records whose values stood apart: what they count for, and what follows where one is lost.

use contracts::execution::StepError;

use super::Broken;
use crate::{domain::State, record::Record};

impl State {
    /// Takes a further record in, into which its values were put back, all but one that is `lost`.
    ///
    /// # Errors
    /// As [`State::fold`].
    pub(crate) fn fold_filled(
        &mut self,
        record: &mut Record,
        lost: Option<StepError>,
    ) -> Result<(), Broken> {
        self.fold(record)?;
        self.note_apart(record, lost);
        Ok(())
    }

    /// Counts the values of a record that was taken in.
    pub(crate) fn note_apart(&mut self, record: &mut Record, lost: Option<StepError>) {
        self.large += record.bytes_apart();
        self.lost = self.lost.take().or(lost);
    }
}
