//! The requests: each asks the rules, the store and the tenant service in order.

mod members;
mod profile;
mod register;
mod session;
mod sign_in;
mod tickets;

pub(crate) use members::{add_member, role_of, run_token};
pub(crate) use profile::{me, update_me};
pub(crate) use register::register;
pub(crate) use session::{logout, refresh};
pub(crate) use sign_in::login;
pub(crate) use tickets::{redeem_ticket, ws_ticket};
