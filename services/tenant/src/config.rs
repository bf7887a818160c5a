//! The configuration of this service.

#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// The only service that also signs in as the owner of the tables: to make the schema of a new organization.
    #[command(flatten)]
    pub sql: sql::Config,
}
