//! Three NATS servers, each in a network namespace of its own, which can be cut off from one another.
//!
//! **Invariant:** namespaces, bridge and servers go when the cluster is dropped; nothing else of the machine's network is
//! touched.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::servers;

const NODES: [u8; 3] = [1, 2, 3];
const BRIDGE: &str = "trp-faults";
/// The first three bytes of all addresses.
const NET: &str = "10.213.77";
const CLIENTS: u16 = 4222;
const ROUTES: u16 = 6222;
const START: Duration = Duration::from_secs(60);

/// How a node is cut off.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// From the other servers; services still reach it.
    Servers,
    /// It hears nothing of the other servers, and they hear it.
    OneWay,
    /// From everyone.
    Whole,
}

impl Cut {
    pub(crate) const ALL: [Self; 3] = [Self::Servers, Self::OneWay, Self::Whole];
}

pub(crate) struct Cluster {
    servers: Vec<Child>,
}

impl Cluster {
    /// Fails where this process may not make namespaces.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let mut cluster = Self {
            servers: Vec::new(),
        };
        remove();
        ip(&["link", "add", BRIDGE, "type", "bridge"])?;
        ip(&["addr", "add", &format!("{NET}.254/24"), "dev", BRIDGE])?;
        ip(&["link", "set", BRIDGE, "up"])?;
        for node in NODES {
            network(node)?;
            cluster
                .servers
                .push(server(node, &folder.join(format!("nats-{node}")))?);
        }
        cluster.ready().await?;
        Ok(cluster)
    }

    /// Of the first server; it names the others to whoever connects.
    pub(crate) fn url(&self) -> String {
        format!("nats://{NET}.1:{CLIENTS}")
    }

    pub(crate) fn cut(&self, node: u8, cut: Cut) -> Result<()> {
        let name = namespace(node);
        if matches!(cut, Cut::Whole) {
            return ip(&["link", "set", &outer(node), "down"]);
        }
        for other in NODES.iter().filter(|other| **other != node) {
            let address = format!("{NET}.{other}");
            inside(
                &name,
                &["iptables", "-A", "INPUT", "-s", &address, "-j", "DROP"],
            )?;
            if matches!(cut, Cut::Servers) {
                inside(
                    &name,
                    &["iptables", "-A", "OUTPUT", "-d", &address, "-j", "DROP"],
                )?;
            }
        }
        Ok(())
    }

    pub(crate) fn heal(&self, node: u8) -> Result<()> {
        ip(&["link", "set", &outer(node), "up"])?;
        for chain in ["INPUT", "OUTPUT"] {
            inside(&namespace(node), &["iptables", "-F", chain])?;
        }
        Ok(())
    }

    /// Waits until a stream can be made that all three keep.
    async fn ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        let streams = servers::operator(&self.url()).await?;
        let streams = crate::check::Streams::new(streams);
        loop {
            for server in &mut self.servers {
                ensure!(
                    server.try_wait()?.is_none(),
                    "a server of the cluster has ended"
                );
            }
            match streams.write(NODES.len()).await {
                Ok(()) => return Ok(()),
                Err(error) if begun.elapsed() > START => return Err(error).context("the cluster"),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for server in &mut self.servers {
            // It may have ended by itself.
            server.kill().ok();
            server.wait().ok();
        }
        remove();
    }
}

fn namespace(node: u8) -> String {
    format!("{BRIDGE}-{node}")
}

/// The end of a node's cable that hangs at the bridge.
fn outer(node: u8) -> String {
    format!("trp-out-{node}")
}

fn network(node: u8) -> Result<()> {
    let (name, outer, inner) = (namespace(node), outer(node), format!("trp-in-{node}"));
    ip(&["netns", "add", &name])?;
    ip(&[
        "link", "add", &outer, "type", "veth", "peer", "name", &inner,
    ])?;
    ip(&["link", "set", &outer, "master", BRIDGE])?;
    ip(&["link", "set", &outer, "up"])?;
    ip(&["link", "set", &inner, "netns", &name])?;
    inside(
        &name,
        &[
            "ip",
            "addr",
            "add",
            &format!("{NET}.{node}/24"),
            "dev",
            &inner,
        ],
    )?;
    inside(&name, &["ip", "link", "set", &inner, "up"])?;
    inside(&name, &["ip", "link", "set", "lo", "up"])
}

fn server(node: u8, folder: &Path) -> Result<Child> {
    std::fs::create_dir_all(folder)?;
    let routes: Vec<String> = NODES
        .map(|other| format!("nats://{NET}.{other}:{ROUTES}"))
        .into();
    let config = format!(
        "{}\ncluster {{ name: faults, listen: \"{NET}.{node}:{ROUTES}\", routes: {routes:?} }}\n",
        servers::config(&folder.join("store"), None)
            .replace(
                "server_name: troupe",
                &format!("server_name: troupe-{node}")
            )
            .replace("host: \"127.0.0.1\"", &format!("host: \"{NET}.{node}\""))
            .replace("port: -1", &format!("port: {CLIENTS}"))
    );
    let file: PathBuf = folder.join("nats.conf");
    std::fs::write(&file, config)?;
    let program = std::env::var("NATS_SERVER_BIN").context("`NATS_SERVER_BIN` is not set")?;
    let log = File::create(folder.join("nats.log"))?;
    let mut command = Command::new("ip");
    command
        .args(["netns", "exec", &namespace(node), &program, "-c"])
        .arg(file);
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    quiet.spawn().context("a server of the cluster")
}

fn ip(arguments: &[&str]) -> Result<()> {
    run(Command::new("ip").args(arguments))
}

fn inside(namespace: &str, command: &[&str]) -> Result<()> {
    run(Command::new("ip")
        .args(["netns", "exec", namespace])
        .args(command))
}

fn run(command: &mut Command) -> Result<()> {
    let told = command.stdin(Stdio::null()).output()?;
    if !told.status.success() {
        bail!(
            "{command:?}: {}",
            String::from_utf8_lossy(&told.stderr).trim()
        );
    }
    Ok(())
}

/// Takes away what is there, and what an earlier run that was killed has left.
fn remove() {
    for node in NODES {
        // What is not there need not go.
        ip(&["netns", "del", &namespace(node)]).ok();
        ip(&["link", "del", &outer(node)]).ok();
    }
    ip(&["link", "del", BRIDGE]).ok();
}
