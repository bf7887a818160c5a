//! Who has a place of a flow that runs so many executions at a time, who waits, and who has to leave.
//!
//! **Invariant:** whoever waits comes before whoever comes later, unless a higher priority says otherwise; no more places
//! are given than there are.

use std::cmp::Reverse;

use contracts::{
    execution::ExecutionState,
    flow::{Concurrency, ConcurrencyPolicy, ConcurrencyScope},
    id::ExecutionId,
};

use crate::error::Error;

/// Characters.
const MAX_SESSION: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlaceState {
    /// It has no place: the engine holds it.
    Waiting,
    /// It has a place, and the engine is yet to be told.
    Admitted,
    Running,
    /// It is being cancelled, and has its place until it is over.
    Stopping,
}

/// An execution of a limited flow that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) execution: ExecutionId,
    pub(crate) state: PlaceState,
    pub(crate) priority: i16,
    /// The order in which they came.
    pub(crate) turn: i64,
}

/// What becomes of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Run,
    Wait,
    /// As many run as may.
    Busy,
    /// As many wait as may.
    Full,
}

/// What is to change in a scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moves {
    /// They get a place, in this order.
    pub(crate) admit: Vec<ExecutionId>,
    pub(crate) stop: Vec<ExecutionId>,
}

/// What is to become of a place, by what the engine says of its execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Healed {
    Keep,
    Set(PlaceState),
    Leave,
}

impl PlaceState {
    pub(crate) const ALL: [Self; 4] =
        [Self::Waiting, Self::Admitted, Self::Running, Self::Stopping];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Admitted => "admitted",
            Self::Running => "running",
            Self::Stopping => "stopping",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

pub(crate) fn check(rules: &Concurrency) -> Result<(), Error> {
    let invalid = |field, rule| Err(Error::InvalidField { field, rule });
    let is_limited = rules.policy != ConcurrencyPolicy::Parallel;
    match rules.max_parallel {
        Some(_) if !is_limited => {
            let rule = "needs a policy that says what becomes of the executions beyond it: `enqueue`, `reject` or `interrupt`";
            return invalid("max_parallel", rule);
        }
        Some(most) if !(1..=Concurrency::MAX_PARALLEL).contains(&most) => {
            return invalid("max_parallel", "must be 1 to 1,000");
        }
        Some(_) | None => {}
    }
    match rules.max_waiting {
        Some(_) if rules.policy != ConcurrencyPolicy::Enqueue => {
            invalid("max_waiting", "belongs to the policy `enqueue`")
        }
        Some(most) if !(1..=Concurrency::MAX_WAITING).contains(&most) => {
            invalid("max_waiting", "must be 1 to 1,000")
        }
        Some(_) | None => check_priority(Some(rules.priority)),
    }
}

pub(crate) fn check_priority(priority: Option<i16>) -> Result<(), Error> {
    match priority {
        Some(priority) if !Concurrency::PRIORITIES.contains(&priority) => {
            Err(Error::InvalidField {
                field: "priority",
                rule: "must be -100 to 100",
            })
        }
        Some(_) | None => Ok(()),
    }
}

pub(crate) fn check_session(session: Option<&str>) -> Result<(), Error> {
    let is_fine = |session: &str| {
        let length = session.chars().count();
        (1..=MAX_SESSION).contains(&length) && !session.contains(char::is_control)
    };
    match session {
        Some(session) if !is_fine(session) => Err(Error::InvalidField {
            field: "session",
            rule: "must have 1 to 200 characters, none of them a control character",
        }),
        Some(_) | None => Ok(()),
    }
}

/// The executions that count together with a start of this session.
pub(crate) fn scope(rules: &Concurrency, session: Option<&str>) -> String {
    match rules.scope {
        ConcurrencyScope::Flow => String::new(),
        ConcurrencyScope::Session => session.unwrap_or_default().to_owned(),
    }
}

/// What becomes of a start that finds these places in its scope.
pub(crate) fn decide(rules: &Concurrency, places: &[Place]) -> Decision {
    let Some(limit) = rules.limit() else {
        return Decision::Run;
    };
    let waiting = places.iter().filter(|it| it.state == PlaceState::Waiting);
    let waiting = waiting.count();
    if waiting == 0 && places.len() < limit {
        return Decision::Run;
    }
    match rules.policy {
        ConcurrencyPolicy::Parallel => Decision::Run,
        ConcurrencyPolicy::Enqueue if waiting < rules.room() => Decision::Wait,
        ConcurrencyPolicy::Reject => Decision::Busy,
        ConcurrencyPolicy::Interrupt if waiting < Concurrency::MAX_WAITING as usize => {
            Decision::Wait
        }
        ConcurrencyPolicy::Enqueue | ConcurrencyPolicy::Interrupt => Decision::Full,
    }
}

/// What these places of one scope make necessary.
pub(crate) fn moves(rules: &Concurrency, places: &[Place]) -> Moves {
    let mut moves = Moves::default();
    let limit = rules.limit().unwrap_or(usize::MAX);
    if rules.policy == ConcurrencyPolicy::Interrupt {
        let open = places.iter().filter(|it| it.state != PlaceState::Stopping);
        let mut open: Vec<_> = open.collect();
        open.sort_unstable_by_key(|it| Reverse(it.turn));
        moves.stop = open.iter().skip(limit).map(|it| it.execution).collect();
    }
    let (mut waiting, has_place): (Vec<_>, Vec<_>) = places
        .iter()
        .partition(|it| it.state == PlaceState::Waiting);
    waiting.retain(|it| !moves.stop.contains(&it.execution));
    waiting.sort_unstable_by_key(|it| (Reverse(it.priority), it.turn));
    let free = limit.saturating_sub(has_place.len());
    moves.admit = waiting.iter().take(free).map(|it| it.execution).collect();
    moves
}

/// Compares a place with what the engine says; `truth` is none where the engine does not know the execution, and `is_old`
/// where it must have heard of it by now.
pub(crate) fn heal(state: PlaceState, truth: Option<ExecutionState>, is_old: bool) -> Healed {
    match (truth, state) {
        (Some(truth), _) if truth.is_final() => Healed::Leave,
        (None, _) if is_old => Healed::Leave,
        // It was not told.
        (Some(ExecutionState::Queued), PlaceState::Running) => Healed::Set(PlaceState::Admitted),
        (Some(ExecutionState::Queued) | None, _) => Healed::Keep,
        (Some(_), PlaceState::Waiting | PlaceState::Admitted) => Healed::Set(PlaceState::Running),
        (Some(_), PlaceState::Running | PlaceState::Stopping) => Healed::Keep,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(policy: ConcurrencyPolicy, max_parallel: u32) -> Concurrency {
        Concurrency {
            policy,
            max_parallel: Some(max_parallel),
            ..Concurrency::default()
        }
    }

    fn id(turn: i64) -> ExecutionId {
        ExecutionId::from_uuid(sea_orm::prelude::Uuid::from_u128(
            turn.unsigned_abs().into(),
        ))
    }

    /// Places in the order of their letters: `w`aiting, `a`dmitted, `r`unning, `s`topping.
    fn places(states: &str) -> Vec<Place> {
        let state = |letter| {
            let mut all = PlaceState::ALL.into_iter();
            all.find(|state| state.as_str().starts_with(letter))
                .unwrap()
        };
        let place = |(turn, letter)| Place {
            execution: id(turn),
            state: state(letter),
            priority: 0,
            turn,
        };
        (1..).zip(states.chars()).map(place).collect()
    }

    #[test]
    fn a_start_runs_waits_or_is_refused() {
        use ConcurrencyPolicy::{Enqueue, Interrupt, Reject};
        let check = |policy, most, states: &str, expected| {
            let decision = decide(&rules(policy, most), &places(states));
            assert_eq!(decision, expected, "{policy:?} {most} {states}");
        };
        for policy in [Enqueue, Reject, Interrupt] {
            check(policy, 2, "", Decision::Run);
            check(policy, 2, "r", Decision::Run);
        }
        check(Enqueue, 2, "rr", Decision::Wait);
        check(Enqueue, 2, "ra", Decision::Wait);
        check(Enqueue, 1, "s", Decision::Wait);
        // A place that has just become free is for who waits.
        check(Enqueue, 2, "rw", Decision::Wait);
        check(Reject, 2, "rr", Decision::Busy);
        check(Interrupt, 1, "r", Decision::Wait);
        let full = Concurrency {
            max_waiting: Some(3),
            ..rules(Enqueue, 1)
        };
        assert_eq!(decide(&full, &places("rww")), Decision::Wait);
        assert_eq!(decide(&full, &places("rwww")), Decision::Full);
        let unlimited = Concurrency::default();
        assert_eq!(decide(&unlimited, &places("rrrr")), Decision::Run);
    }

    #[test]
    fn places_go_to_the_highest_priority_then_to_the_first() {
        let rules = rules(ConcurrencyPolicy::Enqueue, 3);
        let mut waiting = places("rwwww");
        for (place, priority) in waiting.iter_mut().zip([0, 0, 7, -3, 7]) {
            place.priority = priority;
        }
        assert_eq!(moves(&rules, &waiting).admit, [id(3), id(5)]);
        assert_eq!(moves(&rules, &places("srrww")), Moves::default());
        // Without a limit nobody waits any more.
        let all = moves(&Concurrency::default(), &waiting);
        assert_eq!((all.admit.len(), all.stop.len()), (4, 0));
    }

    #[test]
    fn an_interrupt_leaves_the_newest() {
        let check = |most, states: &str, admit: &[i64], stop: &[i64]| {
            let rules = rules(ConcurrencyPolicy::Interrupt, most);
            let moves = moves(&rules, &places(states));
            let ids = |turns: &[i64]| turns.iter().copied().map(id).collect::<Vec<_>>();
            assert_eq!(
                (moves.admit, moves.stop),
                (ids(admit), ids(stop)),
                "{states}"
            );
        };
        check(1, "rw", &[], &[1]);
        check(1, "sw", &[], &[]);
        check(1, "w", &[1], &[]);
        // Whoever waits for one that stops is overtaken too.
        check(1, "sww", &[], &[2]);
        check(2, "rrw", &[], &[1]);
        check(2, "srw", &[], &[]);
        check(2, "rw", &[2], &[]);
    }

    #[test]
    fn a_place_follows_what_the_engine_says() {
        use ExecutionState::{Cancelled, Queued, Running, Succeeded};
        for state in PlaceState::ALL {
            assert_eq!(heal(state, Some(Succeeded), false), Healed::Leave);
            assert_eq!(heal(state, Some(Cancelled), true), Healed::Leave);
            assert_eq!(heal(state, None, true), Healed::Leave);
            assert_eq!(heal(state, None, false), Healed::Keep);
        }
        let check = |state, truth, expected| assert_eq!(heal(state, Some(truth), true), expected);
        check(PlaceState::Waiting, Queued, Healed::Keep);
        check(PlaceState::Admitted, Queued, Healed::Keep);
        let again = Healed::Set(PlaceState::Admitted);
        check(PlaceState::Running, Queued, again);
        check(PlaceState::Running, Running, Healed::Keep);
        check(PlaceState::Stopping, Running, Healed::Keep);
        check(PlaceState::Stopping, Queued, Healed::Keep);
        check(
            PlaceState::Waiting,
            Running,
            Healed::Set(PlaceState::Running),
        );
    }

    #[test]
    fn rules_are_checked() {
        let bad = |rules: Concurrency| match check(&rules) {
            Err(Error::InvalidField { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        use ConcurrencyPolicy::{Enqueue, Parallel, Reject};
        assert!(check(&Concurrency::default()).is_ok());
        assert!(check(&rules(Enqueue, 1000)).is_ok());
        for (policy, most) in [(Parallel, 2), (Enqueue, 0), (Reject, 1001)] {
            assert_eq!(bad(rules(policy, most)), "max_parallel");
        }
        for (policy, most) in [(Reject, 5), (Enqueue, 0), (Enqueue, 1001)] {
            let max_waiting = Some(most);
            let rules = rules(policy, 1);
            assert_eq!(
                bad(Concurrency {
                    max_waiting,
                    ..rules
                }),
                "max_waiting"
            );
        }
        let priority = 101;
        assert_eq!(
            bad(Concurrency {
                priority,
                ..rules(Enqueue, 1)
            }),
            "priority"
        );
        assert!(check_session(Some("order 7")).is_ok() && check_session(None).is_ok());
        for session in ["", "a\nb", &"x".repeat(201)] {
            assert!(check_session(Some(session)).is_err());
        }
    }
}
