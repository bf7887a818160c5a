//! The configuration of a NATS server for the platform: users, what each may use, storage, the auth callout.
//!
//! **Invariant:** permissions are allow-lists only, there is no user without a password, and no listener but the
//! client port and, where asked for, the monitoring port. Whoever is no user listed here is asked for an access token
//! by the `auth` service.

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
};

use contracts::{Service, Subject, subject::Grants};
use nkeys::{KeyPair, KeyPairType};

mod grants;

/// The account in which all of the platform talks.
pub const ACCOUNT: &str = "TROUPE";

/// Largest message that the server takes.
pub const MAX_PAYLOAD: usize = 8 * 1024 * 1024;

/// A connected party that the server knows by its own password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerUser {
    Service(Service),
    /// Creates streams and buckets, migrates; answers no request.
    Admin,
}

impl ServerUser {
    /// Every user of the server.
    pub fn all() -> impl Iterator<Item = Self> {
        Service::ALL
            .into_iter()
            .map(Self::Service)
            .chain([Self::Admin])
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Service(service) => service.as_str(),
            Self::Admin => "admin",
        }
    }
}

impl From<Service> for ServerUser {
    fn from(service: Service) -> Self {
        Self::Service(service)
    }
}

/// How a user connects: the `user`, `password` and `inbox_prefix` of a [`crate::Config`].
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub user: String,
    pub password: String,
    /// The only reply inboxes the user may have.
    pub inbox_prefix: String,
}

/// What is asked of a server.
#[derive(Clone)]
pub struct ServerConfig {
    /// The installation's secret; passwords and the callout's signing key are derived from it.
    pub secret: String,
    pub host: IpAddr,
    /// Port for clients; none lets the server choose, see `ports_file_dir`.
    pub port: Option<u16>,
    /// Port of the HTTP monitoring pages on the same address; none leaves them out.
    pub monitor_port: Option<u16>,
    /// Where JetStream stores.
    pub store_dir: PathBuf,
    /// Where the server writes which ports it has taken.
    pub ports_file_dir: Option<PathBuf>,
    /// Partitions of the engine at most: the `execution` service gets their streams.
    pub partitions: u16,
}

impl ServerConfig {
    /// A server on loopback with the usual limits.
    pub fn loopback(secret: impl Into<String>, store_dir: impl Into<PathBuf>) -> Self {
        Self {
            secret: secret.into(),
            host: Ipv4Addr::LOCALHOST.into(),
            port: None,
            monitor_port: None,
            store_dir: store_dir.into(),
            ports_file_dir: None,
            partitions: 64,
        }
    }

    /// The text of the configuration file. It holds passwords: only the server's own user may read it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write_to(&mut text)
            .expect("writing to a string cannot fail");
        text
    }

    fn write_to(&self, text: &mut String) -> std::fmt::Result {
        let port = self.port.map_or(-1, i32::from);
        let host = quoted(&self.host.to_string());
        writeln!(text, "server_name: troupe\nhost: {host}\nport: {port}")?;
        if let Some(port) = self.monitor_port {
            let address = std::net::SocketAddr::new(self.host, port).to_string();
            writeln!(text, "http: {}", quoted(&address))?;
        }
        if let Some(directory) = &self.ports_file_dir {
            writeln!(text, "ports_file_dir: {}", quoted_path(directory))?;
        }
        writeln!(text, "max_payload: {MAX_PAYLOAD}")?;
        // An acknowledged append has reached the disk.
        let store = quoted_path(&self.store_dir);
        writeln!(
            text,
            "jetstream {{ store_dir: {store}, sync_interval: always }}"
        )?;
        writeln!(text, "accounts {{")?;
        writeln!(text, "  {ACCOUNT} {{\n    jetstream: enabled\n    users: [")?;
        for user in ServerUser::all() {
            self.write_user(text, user)?;
        }
        writeln!(text, "    ]")?;
        // `auth` ends the connections of revoked tokens; of the system account's powers it gets this one.
        let kick = quoted(Subject::kick_all().as_str());
        writeln!(
            text,
            "    imports: [ {{ service: {{ account: SYS, subject: {kick} }} }} ]\n  }}"
        )?;
        writeln!(
            text,
            "  SYS {{ users: [], exports: [ {{ service: {kick}, accounts: [{ACCOUNT}] }} ] }}\n}}"
        )?;
        writeln!(text, "system_account: SYS")?;
        let users: Vec<String> = ServerUser::all()
            .map(|user| user.name().to_owned())
            .collect();
        writeln!(text, "authorization {{\n  timeout: 5\n  auth_callout {{")?;
        writeln!(text, "    issuer: {}", issuer(&self.secret).public_key())?;
        writeln!(text, "    account: {ACCOUNT}")?;
        writeln!(text, "    auth_users: {}\n  }}\n}}", list(&users))
    }

    fn write_user(&self, text: &mut String, user: ServerUser) -> std::fmt::Result {
        let Credentials {
            user: name,
            password,
            ..
        } = credentials(&self.secret, user);
        let Grants { publish, subscribe } = grants::of(user, self.partitions);
        let (max, expires) = grants::responses_of(user);
        writeln!(
            text,
            "      {{ user: {}, password: {}, permissions: {{",
            quoted(&name),
            quoted(&password)
        )?;
        writeln!(text, "          publish: {{ allow: {} }}", list(&publish))?;
        writeln!(
            text,
            "          subscribe: {{ allow: {} }}",
            list(&subscribe)
        )?;
        writeln!(
            text,
            "          allow_responses: {{ max: {max}, expires: {} }}",
            quoted(expires)
        )?;
        writeln!(text, "      }} }}")
    }
}

/// How `user` connects to a server with this secret.
pub fn credentials(secret: &str, user: impl Into<ServerUser>) -> Credentials {
    let user = user.into();
    let key = blake3::derive_key("troupe 2026 nats passwords", secret.as_bytes());
    let inbox_prefix = match user {
        ServerUser::Service(service) => Subject::service_inbox_prefix(service),
        ServerUser::Admin => "_INBOX_svc_admin".to_owned(),
    };
    Credentials {
        user: user.name().to_owned(),
        password: blake3::keyed_hash(&key, user.name().as_bytes())
            .to_hex()
            .to_string(),
        inbox_prefix,
    }
}

/// The key by which `auth` signs who a client is, and which the server believes.
pub fn issuer(secret: &str) -> KeyPair {
    let seed = blake3::derive_key("troupe 2026 nats auth callout issuer", secret.as_bytes());
    KeyPair::new_from_raw(KeyPairType::Account, seed).expect("any 32 bytes are an Ed25519 seed")
}

/// The seed of [`issuer`], for the configuration of `auth`.
pub fn issuer_seed(secret: &str) -> String {
    let seed = issuer(secret).seed();
    seed.expect("a pair that was made from a seed has one")
}

impl crate::Config {
    /// A connection as one of the users of [`ServerConfig`].
    pub fn of(url: impl Into<String>, secret: &str, user: impl Into<ServerUser>) -> Self {
        let Credentials {
            user,
            password,
            inbox_prefix,
        } = credentials(secret, user);
        Self {
            url: url.into(),
            name: Some(user.clone()),
            user: Some(user),
            password: Some(password),
            replicas: 1,
            inbox_prefix: Some(inbox_prefix),
        }
    }
}

fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    format!("[{}]", items.join(", "))
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// A string as the server's configuration language writes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_has_a_password_of_its_own() {
        let passwords: std::collections::BTreeSet<_> = ServerUser::all()
            .map(|user| credentials("s", user).password)
            .collect();
        assert_eq!(passwords.len(), Service::ALL.len() + 1);
        assert_ne!(
            credentials("s", Service::Flow).password,
            credentials("t", Service::Flow).password
        );
    }

    #[test]
    fn nothing_is_denied_and_nobody_is_let_in_without_a_password() {
        let text = ServerConfig::loopback("secret", "/tmp/a \"b\"").text();
        for word in [
            "deny",
            "no_auth_user",
            "websocket",
            "mqtt",
            "leafnodes",
            "gateway {",
            "\"secret\"",
        ] {
            assert!(!text.contains(word), "{word}");
        }
        assert!(text.contains("sync_interval: always"));
        assert!(text.contains(r#"store_dir: "/tmp/a \"b\"""#));
    }
}
