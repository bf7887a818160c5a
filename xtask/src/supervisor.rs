//! All servers of one run.
//!
//! **Invariant:** servers stop in the reverse order of their start, on every way
//! out: what was started last depends on what was started first.

use std::time::Duration;

use anyhow::Result;

use crate::{
    interrupts::Interrupts,
    process::{Plan, Server},
};

pub(crate) struct Supervisor<'a> {
    interrupts: &'a Interrupts,
    servers: Vec<Server>,
}

impl<'a> Supervisor<'a> {
    pub(crate) fn new(interrupts: &'a Interrupts) -> Self {
        Self {
            interrupts,
            servers: Vec::new(),
        }
    }

    /// Starts a server and waits until it is ready; one that does not get there is stopped.
    pub(crate) fn start(
        &mut self,
        plan: Plan,
        ready: impl Fn() -> bool,
        limit: Duration,
    ) -> Result<()> {
        let server = Server::start(plan)?;
        self.servers.push(server);
        let server = self.servers.last_mut().expect("one was just pushed");
        let result = server.wait_until(ready, limit, self.interrupts);
        if result.is_err()
            && let Some(mut failed) = self.servers.pop()
        {
            failed.stop(self.interrupts);
        }
        result
    }

    /// Waits until the user asks to stop; fails when a server ends before.
    pub(crate) fn wait(&mut self) -> Result<()> {
        while !self.interrupts.more_than(0, Duration::from_millis(200)) {
            self.check()?;
        }
        Ok(())
    }

    /// Starts those again that have ended.
    pub(crate) fn revive(&mut self) -> Result<()> {
        self.servers.iter_mut().try_for_each(Server::revive)
    }

    /// Fails when a server has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.servers.iter_mut().try_for_each(Server::check)
    }
}

impl Drop for Supervisor<'_> {
    fn drop(&mut self) {
        while let Some(mut server) = self.servers.pop() {
            eprintln!("  stopping {}", server.name());
            server.stop(self.interrupts);
        }
    }
}
