//! `cargo xtask up`: the whole platform on this machine.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    panic::resume_unwind,
    path::PathBuf,
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{
    cargo::{self, Profile},
    interrupts::Interrupts,
    ports,
    process::{self},
    progress::step,
    server_user::ServerUser,
    servers::{Backends, Data, Programs, docker},
    supervisor::Supervisor,
    web::{self, Mode},
};

const LIMIT: Duration = Duration::from_secs(180);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Where the web page and the API are served, on loopback
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Where all data is kept [default: .troupe]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Build with optimisation
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    start(options, Mode::Release, |supervisor, _| supervisor.wait())
}

/// Starts everything with the app in this mode, and stops it when `until` is over.
pub(crate) fn start(
    options: &Options,
    mode: Mode,
    until: impl FnOnce(&mut Supervisor<'_>, &Interrupts) -> Result<()>,
) -> Result<()> {
    let interrupts = Interrupts::listen()?;
    let data = Data::open(options.data.as_deref(), &interrupts)?;
    ports::require_free(options.port)?;
    let profile = if options.release {
        Profile::Release
    } else {
        Profile::Dev
    };
    let (prepared, app) = thread::scope(|scope| {
        let app = scope.spawn(|| web::build(mode, &interrupts));
        let prepared = prepare(profile, &data, &interrupts);
        let app = app.join().unwrap_or_else(|panic| resume_unwind(panic));
        (prepared, app)
    });
    let ((binaries, programs, user), app) = (prepared?, app?);
    let troupe = binaries.join("troupe");

    let mut supervisor = Supervisor::new(&interrupts);
    let backends = Backends::start(&programs, &user, &data, &troupe, &mut supervisor)?;
    step("migrate", || {
        let mut migrate = backends.troupe(&troupe, &["migrate"]);
        process::run_quietly(&mut migrate, &data.log("migrate"), &interrupts)
    })?;
    let mut services = backends.troupe(&troupe, &["up"]);
    services.env("TROUPE_WEB_DIR", app);
    start_services(services, options.port, &data, &mut supervisor)?;
    let account = step("seed", || {
        process::output(&mut backends.troupe(&troupe, &["seed"]))
    })?;
    let containers = docker::running().unwrap_or_else(|url| {
        format!("no engine at `{url}`, so tools of the kind `container` are unavailable")
    });
    println!(
        "\nTroupe is ready: http://127.0.0.1:{port}  (API: http://127.0.0.1:{port}/docs)\n{account}\n\
         NATS: {nats}\nContainers: {containers}\nLogs: {logs}\nStop with Ctrl-C; the data stays in `{data}`.",
        port = options.port,
        account = account.trim(),
        nats = backends.nats_url,
        logs = data.log("*").display(),
        data = data.folder.display(),
    );
    std::io::stdout().flush()?;
    until(&mut supervisor, &interrupts)
}

/// Builds the platform and, at the same time, finds or fetches the servers.
pub(crate) fn prepare(
    profile: Profile,
    data: &Data,
    interrupts: &Interrupts,
) -> Result<(PathBuf, Programs, ServerUser)> {
    let user = ServerUser::find()?;
    let (binaries, programs) = thread::scope(|scope| {
        let find = scope.spawn(|| Programs::find(&user, data, interrupts));
        let binaries = step("build", || cargo::build(profile, interrupts));
        let programs = find.join().unwrap_or_else(|panic| resume_unwind(panic));
        (binaries, programs)
    });
    Ok((binaries?, programs?, user))
}

fn start_services(
    mut command: Command,
    port: u16,
    data: &Data,
    supervisor: &mut Supervisor<'_>,
) -> Result<()> {
    command.env("TROUPE_HTTP_ADDR", format!("127.0.0.1:{port}"));
    let plan = data.plan("troupe", command, &ServerUser::Ourselves);
    step("start the services", || {
        supervisor.start(plan, || is_ready(port).unwrap_or(false), LIMIT)
    })
}

/// Whether `/readyz` answers 200: every service reaches all it needs.
fn is_ready(port: u16) -> Result<bool> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        connection,
        "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = [0; 12];
    connection
        .read_exact(&mut answer)
        .context("no HTTP answer")?;
    Ok(answer == *b"HTTP/1.1 200")
}
