//! The configuration of this service.

#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    #[command(flatten)]
    pub sql: sql::Config,
    #[command(flatten)]
    pub documents: documents::Config,
    #[command(flatten)]
    pub egress: egress::Config,
    #[command(flatten)]
    pub sandbox: sandbox::Config,
    #[command(flatten)]
    pub engine: EngineConfig,
}

#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct EngineConfig {
    /// Executions of one partition that are in memory and not over; further starts are refused until some end;
    /// what flows begin that run has as much again.
    #[arg(long, env = "TROUPE_ENGINE_MAX_OPEN", default_value_t = 100_000)]
    pub engine_max_open: usize,
    /// Executions that one organization may start a second, twice as many at once; 0: as many as there are.
    #[arg(long, env = "TROUPE_ENGINE_STARTS_PER_SECOND", default_value_t = 1000)]
    pub engine_starts_per_second: u32,
    /// Milliseconds after which an execution that waits leaves memory; it comes back when it goes on.
    #[arg(long, env = "TROUPE_ENGINE_PARK_AFTER_MS", default_value_t = 30_000, value_parser = clap::value_parser!(u32).range(1..=86_400_000))]
    pub engine_park_after_ms: u32,
    /// LLM steps that one process does at the same time.
    #[arg(long, env = "TROUPE_WORKERS_LLM", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub workers_llm: u16,
    /// HTTP steps that one process does at the same time.
    #[arg(long, env = "TROUPE_WORKERS_HTTP", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub workers_http: u16,
    /// Calls of tools that one process waits for at the same time.
    #[arg(long, env = "TROUPE_WORKERS_TOOL", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub workers_tool: u16,
    /// Searches of knowledge and memory that one process waits for at the same time.
    #[arg(long, env = "TROUPE_WORKERS_KNOWLEDGE", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub workers_knowledge: u16,
    /// Nodes of integrators that one process waits for at the same time.
    #[arg(long, env = "TROUPE_WORKERS_CUSTOM", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub workers_custom: u16,
    /// Flows within flows that one process waits for at the same time.
    #[arg(long, env = "TROUPE_WORKERS_FLOW", default_value_t = 2000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub workers_flow: u16,
    /// Seconds between two looks for executions that are older than their organization keeps them.
    #[arg(long, env = "TROUPE_RETENTION_SWEEP_SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub retention_sweep_seconds: u64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            engine_max_open: 100_000,
            engine_starts_per_second: 1000,
            engine_park_after_ms: 30_000,
            workers_llm: 64,
            workers_http: 64,
            workers_tool: 64,
            workers_knowledge: 32,
            workers_flow: 2000,
            workers_custom: 64,
            retention_sweep_seconds: 600,
        }
    }
}
