//! The gateway's part of the configuration.

use std::{path::PathBuf, time::Duration};

use clap::Args;

/// A whole answer may take this many times the longest silence within a streamed one.
const WHOLE_ANSWER: u32 = 5;

#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    #[command(flatten)]
    pub sql: sql::Config,
    #[command(flatten)]
    pub documents: documents::Config,
    #[command(flatten)]
    pub vault: vault::Config,
    #[command(flatten)]
    pub egress: egress::Config,
    #[command(flatten)]
    pub llm: Settings,
}

/// What belongs to the gateway alone.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Settings {
    /// Whether the offline provider `rehearsal` is there.
    #[arg(long, env = "TROUPE_LLM_REHEARSAL", default_value_t = true, action = clap::ArgAction::Set)]
    pub llm_rehearsal: bool,
    /// Pause between two pieces of a rehearsed answer, in milliseconds.
    #[arg(long, env = "TROUPE_LLM_REHEARSAL_CHUNK_MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=10_000))]
    pub llm_rehearsal_chunk_ms: u64,
    /// How long a provider may be silent, before and within a streamed answer, in milliseconds; five times as long
    /// where the answer is not streamed.
    #[arg(long, env = "TROUPE_LLM_SILENCE_TIMEOUT_MS", default_value_t = 120_000, value_parser = clap::value_parser!(u64).range(1..=900_000))]
    pub llm_silence_timeout_ms: u64,
    /// Silence within a stream over HTTP after which a sign of life keeps proxies from closing it, in milliseconds.
    #[arg(long, env = "TROUPE_LLM_PING_MS", default_value_t = 15_000, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pub llm_ping_ms: u64,
    /// Replicas of the gateway: each lets its share of the limits pass.
    #[arg(long, env = "TROUPE_LLM_REPLICAS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub llm_replicas: u32,
    /// A price table in the place of the built-in one, as `cargo xtask prices` writes it; read again when it changes.
    #[arg(long, env = "TROUPE_LLM_PRICES")]
    pub llm_prices: Option<PathBuf>,
    /// Questions over HTTP that are answered at the same time; more are refused.
    #[arg(long, env = "TROUPE_LLM_HTTP_IN_FLIGHT", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub llm_http_in_flight: u32,
    /// Bytes of a question over HTTP at most.
    #[arg(long, env = "TROUPE_LLM_HTTP_BODY_BYTES", default_value_t = 16 * 1024 * 1024)]
    pub llm_http_body_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            llm_rehearsal: true,
            llm_rehearsal_chunk_ms: 0,
            llm_silence_timeout_ms: 120_000,
            llm_ping_ms: 15_000,
            llm_replicas: 1,
            llm_prices: None,
            llm_http_in_flight: 4096,
            llm_http_body_bytes: 16 * 1024 * 1024,
        }
    }
}

impl Settings {
    pub(crate) fn silence(&self) -> Duration {
        Duration::from_millis(self.llm_silence_timeout_ms)
    }
    /// How long a provider may take to begin its answer. One that is not streamed begins when it is complete.
    pub(crate) fn patience(&self, streamed: bool) -> Duration {
        self.silence() * if streamed { 1 } else { WHOLE_ANSWER }
    }
    pub(crate) fn ping(&self) -> Duration {
        Duration::from_millis(self.llm_ping_ms)
    }
    pub(crate) fn rehearsal_pause(&self) -> Duration {
        Duration::from_millis(self.llm_rehearsal_chunk_ms)
    }
}
