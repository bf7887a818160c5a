//! The rules of membership.
//!
//! **Invariant:** pure; roles are what the database says now, never what a token said when it was issued.

use contracts::Role;

use crate::Error;

/// The longest name of an organization, in characters.
const NAME_LENGTH: usize = 200;

/// A name without blanks around it.
pub(crate) fn organization_name(text: &str) -> Result<String, Error> {
    let name = text.trim();
    let length = name.chars().count();
    if length == 0 || length > NAME_LENGTH || name.chars().any(char::is_control) {
        return Err(Error::Name);
    }
    Ok(name.to_owned())
}

/// Whether someone with role `own` may give `role` to a newcomer.
pub(crate) fn check_join(own: Role, role: Role) -> Result<(), Error> {
    check_above(own, role)
}

/// Whether someone with role `own` may turn a member's role from `present` into `wanted`, in an organization with so many
/// `owners`. The member may be themselves.
pub(crate) fn check_change(
    own: Role,
    present: Role,
    wanted: Role,
    owners: u64,
) -> Result<(), Error> {
    check_above(own, present)?;
    check_above(own, wanted)?;
    if present == Role::Owner && wanted != Role::Owner && owners <= 1 {
        return Err(Error::LastOwner);
    }
    Ok(())
}

/// Whether someone with role `own` may remove a member with role `present`. The member may be themselves.
pub(crate) fn check_removal(own: Role, present: Role, owners: u64) -> Result<(), Error> {
    check_above(own, present)?;
    if present == Role::Owner && owners <= 1 {
        return Err(Error::LastOwner);
    }
    Ok(())
}

fn check_above(own: Role, wanted: Role) -> Result<(), Error> {
    if own.covers(wanted) {
        return Ok(());
    }
    Err(Error::RoleAboveOwn { own, wanted })
}

#[cfg(test)]
mod tests {
    use contracts::Role::{Admin, Editor, Owner, Viewer};

    use super::*;

    #[derive(Debug, PartialEq)]
    enum Outcome {
        Done,
        Above,
        Last,
    }
    use Outcome::{Above, Done, Last};

    fn outcome(result: Result<(), Error>) -> Outcome {
        match result {
            Ok(()) => Done,
            Err(Error::RoleAboveOwn { .. }) => Above,
            Err(Error::LastOwner) => Last,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn nobody_gives_a_role_above_their_own() {
        let check = |own, role, expect| assert_eq!(outcome(check_join(own, role)), expect);
        check(Owner, Owner, Done);
        check(Admin, Admin, Done);
        check(Admin, Owner, Above);
        check(Editor, Admin, Above);
    }

    #[test]
    fn changes_stay_below_and_leave_an_owner() {
        let check = |own, present, wanted, owners, expect| {
            assert_eq!(
                outcome(check_change(own, present, wanted, owners)),
                expect,
                "{own:?}: {present:?} to {wanted:?} with {owners} owners"
            );
        };
        check(Owner, Viewer, Owner, 1, Done);
        check(Admin, Viewer, Admin, 1, Done);
        check(Admin, Viewer, Owner, 1, Above);
        check(Admin, Admin, Viewer, 1, Done);
        check(Admin, Owner, Viewer, 2, Above);
        check(Admin, Owner, Owner, 2, Above);
        check(Owner, Owner, Admin, 2, Done);
        check(Owner, Owner, Admin, 1, Last);
        check(Owner, Owner, Owner, 1, Done);
    }

    #[test]
    fn removals_stay_below_and_leave_an_owner() {
        let check = |own, present, owners, expect| {
            assert_eq!(outcome(check_removal(own, present, owners)), expect);
        };
        check(Owner, Admin, 1, Done);
        check(Admin, Admin, 1, Done);
        check(Admin, Owner, 2, Above);
        check(Owner, Owner, 2, Done);
        check(Owner, Owner, 1, Last);
        check(Viewer, Viewer, 1, Done);
        check(Viewer, Editor, 1, Above);
    }

    #[test]
    fn names_have_some_characters_but_not_too_many() {
        assert_eq!(organization_name("  Ada  & Co ").unwrap(), "Ada  & Co");
        assert!(organization_name(&"ä".repeat(200)).is_ok());
        for text in ["", "  \t", "a\nb", "a\0", &"x".repeat(201)] {
            assert!(organization_name(text).is_err(), "{text:?}");
        }
    }
}
