//! `troupe seed`: the first account and three worked examples, where they are missing.

use anyhow::{Context, bail};
use bus::{Bus, Call};
use clap::Args;
use contracts::{
    ErrorCode,
    auth::{Login, Register, Session},
    flow::{CreateFlow, ListFlows, PublishFlow},
    id::TenantId,
};
use secrecy::ExposeSecret;

use crate::{roles::Role, settings::Settings};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    settings: Settings,
    /// Email of the first account.
    #[arg(long, default_value = "ada@troupe.localhost")]
    email: String,
}

/// The examples, each a `CreateFlow` as JSON.
const EXAMPLES: [&str; 3] = [
    include_str!("../../examples/greet.json"),
    include_str!("../../examples/triage.json"),
    include_str!("../../examples/report.json"),
];

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    // The gateway's place on the bus: it may ask everyone.
    let bus = Bus::connect(&options.settings.bus_of(Role::Gateway))
        .await
        .context("NATS")?;
    let password = password(&options.settings);
    let Some(session) = enter(&bus, &options.email, &password).await? else {
        println!(
            "The first account is `{}`; its password was changed.",
            options.email
        );
        return Ok(());
    };
    add_examples(&bus, &session).await?;
    println!("Account: {}\nPassword: {password}", options.email);
    Ok(())
}

/// The same at every start without being stored: only who has the master key can know it.
fn password(settings: &Settings) -> String {
    let key = settings.vault.master_key.expose_secret();
    let digest = blake3::derive_key("troupe first account password v1", key.as_bytes());
    digest[..12]
        .chunks(3)
        .map(|chunk| {
            chunk
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        })
        .collect::<Vec<_>>()
        .join("-")
}

async fn enter(bus: &Bus, email: &str, password: &str) -> anyhow::Result<Option<Session>> {
    let register = Register {
        email: email.to_owned(),
        password: password.to_owned(),
        name: "Ada Lovelace".to_owned(),
        organization: "Analytical Engines".to_owned(),
    };
    match bus
        .call(TenantId::PLATFORM, &register, Call::anonymous())
        .await
    {
        Ok(session) => return Ok(Some(session)),
        Err(problem) if problem.code == ErrorCode::Conflict => {}
        Err(problem) => bail!("the first account cannot be created: {problem}"),
    }
    let login = Login {
        email: email.to_owned(),
        password: password.to_owned(),
        organization_id: None,
    };
    match bus
        .call(TenantId::PLATFORM, &login, Call::anonymous())
        .await
    {
        Ok(session) => Ok(Some(session)),
        Err(problem) if problem.code == ErrorCode::Unauthenticated => Ok(None),
        Err(problem) => bail!("the first account cannot sign in: {problem}"),
    }
}

async fn add_examples(bus: &Bus, session: &Session) -> anyhow::Result<()> {
    let (tenant, call) = (
        session.organization.id,
        Call::with_token(&session.access_token),
    );
    if !bus
        .call(tenant, &ListFlows::default(), call)
        .await?
        .items
        .is_empty()
    {
        return Ok(());
    }
    for example in EXAMPLES {
        let flow: CreateFlow = serde_json::from_str(example).context("an example is not a flow")?;
        let flow = bus.call(tenant, &flow, call).await?;
        let publish = PublishFlow {
            flow_id: flow.id,
            notes: "A worked example.".to_owned(),
        };
        bus.call(tenant, &publish, call).await?;
    }
    Ok(())
}
