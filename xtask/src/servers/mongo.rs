//! A server that speaks MongoDB's protocol: `mongod`, else a fetched one.

use std::{
    env,
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use anyhow::Result;

use crate::{
    cargo,
    interrupts::Interrupts,
    process,
    progress::step,
    secrets::private_folder,
    server_user::ServerUser,
    servers::Data,
    supervisor::Supervisor,
    tools::{self, Package},
};

const PACKAGE: &str = "SecantusDB==0.7.0b3";
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) enum Program {
    Mongod(PathBuf),
    /// GPL-2.0: only ever run as a process of its own, never linked or shipped.
    Secantus(PathBuf),
}

/// How much a server may lose when the machine stops.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    Full,
    /// For tests: faster, and the data is thrown away anyway.
    None,
}

pub(crate) fn find(interrupts: &Interrupts) -> Result<Program> {
    if let Some(mongod) = env::var_os("TROUPE_MONGOD_BIN").map(PathBuf::from) {
        return Ok(Program::Mongod(mongod));
    }
    if let Some(mongod) = process::on_path("mongod") {
        return Ok(Program::Mongod(mongod));
    }
    let package = Package {
        name: "SecantusDB",
        arguments: vec![PACKAGE.into()],
        version: PACKAGE.into(),
    };
    let environment = tools::install(&cargo::troupe_folder(), &package, interrupts)?;
    Ok(Program::Secantus(environment.join("bin/secantusd-py")))
}

/// Starts the server and returns its URL.
pub(crate) fn start(
    program: &Program,
    data: &Data,
    port: u16,
    supervisor: &mut Supervisor<'_>,
) -> Result<String> {
    start_with(program, Durability::Full, data, port, supervisor)
}

pub(crate) fn start_with(
    program: &Program,
    durability: Durability,
    data: &Data,
    port: u16,
    supervisor: &mut Supervisor<'_>,
) -> Result<String> {
    let folder = data.folder.join("mongo");
    private_folder(&folder)?;
    let port_text = port.to_string();
    let command = match program {
        Program::Mongod(mongod) => {
            let mut command = Command::new(mongod);
            command
                .args(["--bind_ip", "127.0.0.1", "--port", &port_text, "--dbpath"])
                .arg(&folder);
            command
        }
        Program::Secantus(secantus) => {
            let mut command = Command::new(secantus);
            command
                .args(["--host", "127.0.0.1", "--port", &port_text])
                .args(["--cache-size", "256M", "--storage-path"])
                .arg(&folder);
            if durability == Durability::Full {
                // Without it acknowledged writes are lost even when only the
                // process is killed.
                command.arg("--sync-on-commit");
            }
            command
        }
    };
    let plan = data.plan("mongo", command, &ServerUser::Ourselves);
    step("start MongoDB", || {
        supervisor.start(plan, || answers_ping(port), LIMIT)
    })?;
    Ok(format!("mongodb://127.0.0.1:{port}/?directConnection=true"))
}

/// Sends `{ping: 1}` as an `OP_MSG` (MongoDB wire protocol) and looks for
/// `ok: 1.0` in the answer.
fn answers_ping(port: u16) -> bool {
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        connection.write_all(&ping())?;
        let mut length = [0; 4];
        connection.read_exact(&mut length)?;
        let rest = u32::from_le_bytes(length).clamp(4, 65_536) - 4;
        let mut answer = vec![0; rest as usize];
        connection.read_exact(&mut answer)?;
        Ok(answer)
    };
    let mut ok = b"\x01ok\0".to_vec();
    ok.extend(1.0_f64.to_le_bytes());
    ask().is_ok_and(|answer| answer.windows(ok.len()).any(|part| part == ok))
}

fn ping() -> Vec<u8> {
    const OP_MSG: i32 = 2013;
    let mut document = Vec::new();
    document.extend(b"\x10ping\0");
    document.extend(1_i32.to_le_bytes());
    document.extend(b"\x02$db\0");
    document.extend(6_i32.to_le_bytes());
    document.extend(b"admin\0\0");
    let document_length = i32::try_from(document.len() + 4).expect("it is short");
    // Header (16), flags (4), section kind (1).
    let mut message = Vec::new();
    for number in [document_length + 21, 1, 0, OP_MSG, 0] {
        message.extend(number.to_le_bytes());
    }
    message.push(0);
    message.extend(document_length.to_le_bytes());
    message.extend(document);
    message
}
