//! Which values of a record stand apart from it, and how they leave it and come back.
//!
//! **Invariant:** a record is written with references, and folded with values: whatever reads a record to fold it puts the
//! values back first.

use contracts::{
    live::{ExecutionEvent, StepCall},
    payload::{self, INLINE, Payload, PayloadRef},
};
use serde_json::Value;

use super::{Private, Record};

/// A value of a record.
pub(crate) enum Place<'a> {
    One(&'a mut Value),
    /// The items of a map: apart together, or not at all.
    Items(&'a mut Vec<Value>),
}

impl Record {
    /// Takes out the values that are too large, or would be taken for references, and leaves their references.
    pub(crate) fn take_apart(&mut self) -> Vec<Payload> {
        let mut taken = Vec::new();
        self.each_value(|place| {
            let payload = match &place {
                Place::One(value) => Payload::of(value),
                Place::Items(items) => Payload::of_items(items),
            };
            if let Some(payload) = payload {
                place.set(payload.reference.to_value());
                taken.push(payload);
            }
        });
        taken
    }

    /// What stands for values in it.
    pub(crate) fn references(&mut self) -> Vec<PayloadRef> {
        let mut found = Vec::new();
        self.each_value(|place| found.extend(place.reference()));
        found
    }

    /// Puts values back where their references stand; null, where there is none.
    pub(crate) fn fill(&mut self, value: impl Fn(&PayloadRef) -> Option<Value>) {
        self.each_value(|place| {
            let Some(reference) = place.reference() else {
                return;
            };
            match (place, value(&reference).unwrap_or_default()) {
                (Place::Items(place), Value::Array(items)) => *place = items,
                (Place::Items(place), _) => place.clear(),
                (Place::One(place), value) => *place = value,
            }
        });
    }

    /// Bytes of the values that do not stand in it when it is written.
    pub(crate) fn bytes_apart(&mut self) -> u64 {
        let mut bytes = 0;
        self.each_value(|place| bytes += place.bytes());
        bytes
    }

    fn each_value(&mut self, mut visit: impl FnMut(Place<'_>)) {
        if let Some(Private::Start { reused, .. }) = &mut self.private {
            for reused in reused {
                visit(Place::One(&mut reused.output));
            }
        }
        if let Some(place) = place_in(&mut self.frame.event) {
            visit(place);
        }
    }
}

impl Place<'_> {
    fn set(self, value: Value) {
        match self {
            Self::One(place) => *place = value,
            Self::Items(items) => *items = vec![value],
        }
    }

    fn reference(&self) -> Option<PayloadRef> {
        match self {
            Self::One(value) => PayloadRef::of(value),
            Self::Items(items) => match items.as_slice() {
                [only] => PayloadRef::of(only).filter(|reference| reference.items.is_some()),
                _ => None,
            },
        }
    }

    fn bytes(&self) -> u64 {
        let bytes = |value: &Value| match payload::upper_bound(value) > INLINE {
            true => payload::json_bytes(value),
            false => 0,
        };
        let bytes = match self {
            Self::One(value) => Some(bytes(value)).filter(|bytes| *bytes > INLINE),
            Self::Items(items) => {
                let bound: usize = items.iter().map(payload::upper_bound).sum();
                let bytes = (bound > INLINE).then(|| items.iter().map(payload::json_bytes).sum());
                bytes.filter(|bytes: &usize| *bytes > INLINE)
            }
        };
        bytes.unwrap_or(0) as u64
    }
}

/// The value that an event brings.
fn place_in(event: &mut ExecutionEvent) -> Option<Place<'_>> {
    match event {
        ExecutionEvent::ExecutionStarted { input: value, .. }
        | ExecutionEvent::IterationSucceeded { output: value, .. }
        | ExecutionEvent::StepSucceeded { output: value, .. }
        | ExecutionEvent::StepReused { output: value, .. }
        | ExecutionEvent::StepFailed {
            output: Some(value),
            ..
        }
        | ExecutionEvent::StepStarted {
            call: Some(StepCall::Tool {
                arguments: value, ..
            }),
            ..
        }
        | ExecutionEvent::ApprovalAsked {
            arguments: value, ..
        }
        | ExecutionEvent::AnswerGiven { output: value, .. }
        | ExecutionEvent::ExecutionSucceeded { output: value, .. }
        | ExecutionEvent::ExecutionFailed { output: value, .. } => Some(Place::One(value)),
        ExecutionEvent::StepIterating { items, .. } => items.as_mut().map(Place::Items),
        ExecutionEvent::StepStarted { .. }
        | ExecutionEvent::StepFailed { output: None, .. }
        | ExecutionEvent::ExecutionReleased {}
        | ExecutionEvent::StepSleeping { .. }
        | ExecutionEvent::StepListening { .. }
        | ExecutionEvent::IterationStarted { .. }
        | ExecutionEvent::IterationFailed { .. }
        | ExecutionEvent::StepRetrying { .. }
        | ExecutionEvent::StepSkipped { .. }
        | ExecutionEvent::StepLate { .. }
        | ExecutionEvent::ApprovalGiven { .. }
        | ExecutionEvent::AnswerAsked { .. }
        | ExecutionEvent::AnswerReminded { .. }
        | ExecutionEvent::AnswerEscalated { .. }
        | ExecutionEvent::CancelAsked { .. }
        | ExecutionEvent::ExecutionPaused { .. }
        | ExecutionEvent::ExecutionResumed { .. }
        | ExecutionEvent::ExecutionFailing { .. }
        | ExecutionEvent::CompensationStarted { .. }
        | ExecutionEvent::HandlerStarted { .. }
        | ExecutionEvent::ExecutionCancelled { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use contracts::{
        id::{ExecutionId, TenantId},
        live::Frame,
    };
    use serde_json::json;

    use super::*;

    fn record(event: ExecutionEvent) -> Record {
        Record {
            execution: ExecutionId::EXAMPLE,
            tenant: TenantId::EXAMPLE,
            private: None,
            frame: Frame {
                n: 3,
                ts: chrono::DateTime::UNIX_EPOCH,
                event,
            },
        }
    }

    fn succeeded(output: Value) -> Record {
        record(ExecutionEvent::IterationSucceeded {
            node: "a".to_owned(),
            index: 0,
            output,
            from: None,
        })
    }

    fn mapped(items: Vec<Value>) -> Record {
        record(ExecutionEvent::StepIterating {
            node: "a".to_owned(),
            items: Some(items),
        })
    }

    /// Apart and back: the record is as it was. Gives how many values were apart.
    fn check(record: Record) -> usize {
        let mut written = record.clone();
        let taken = written.take_apart();
        assert!(serde_json::to_vec(&written.frame).unwrap().len() < INLINE + 1000);
        let named: Vec<_> = taken.iter().map(|it| it.reference.clone()).collect();
        assert_eq!(written.references(), named);
        written.fill(|reference| {
            let found = taken.iter().find(|it| it.reference == *reference);
            serde_json::from_slice(&found?.text).ok()
        });
        assert_eq!(written, record);
        taken.len()
    }

    #[test]
    fn values_leave_and_come_back() {
        let large = Value::String("x".repeat(INLINE));
        assert_eq!(check(succeeded(json!({"a": 1}))), 0);
        assert_eq!(check(succeeded(large.clone())), 1);
        assert_eq!(check(mapped(vec![large, json!(1)])), 1);
        assert_eq!(check(mapped(vec![json!("x".repeat(1000)); 100])), 1);
        assert_eq!(check(mapped(vec![json!(1); 3])), 0);
    }

    #[test]
    fn what_looks_like_a_reference_comes_back_as_it_was() {
        let payload = Payload::of(&Value::String("x".repeat(INLINE))).unwrap();
        let forged = payload.reference.to_value();
        assert_eq!(check(succeeded(forged.clone())), 1);
        assert_eq!(check(mapped(vec![forged.clone()])), 1);
        assert_eq!(check(mapped(vec![forged, json!(1)])), 1);
    }

    #[test]
    fn what_is_lost_is_null() {
        let mut record = succeeded(Value::String("x".repeat(INLINE)));
        assert_eq!(record.bytes_apart(), INLINE as u64 + 2);
        record.take_apart();
        record.fill(|_| None);
        assert_eq!(record, succeeded(Value::Null));
    }
}
