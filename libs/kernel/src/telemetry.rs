//! Logs as JSON lines with trace ids; traces, metrics and logs over OTLP once an `OTEL_EXPORTER_OTLP_*` variable is set.

use std::{collections::BTreeMap, fmt};

use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter};
use opentelemetry_sdk::{
    Resource,
    logs::SdkLoggerProvider,
    metrics::SdkMeterProvider,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use serde_json::{Map, Value};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, filter_fn},
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::{Filter, SubscriberExt},
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::{Error, metrics::REGISTRY};

/// Sends what is left when dropped.
pub struct Telemetry {
    tracer: SdkTracerProvider,
    meter: SdkMeterProvider,
    logger: Option<SdkLoggerProvider>,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        // Losing the last spans of a process that ends is the best that can be done when the collector is gone.
        self.tracer.shutdown().ok();
        self.meter.shutdown().ok();
        if let Some(logger) = &self.logger {
            logger.shutdown().ok();
        }
    }
}

/// Sets up logging, tracing and metrics of this process; call it once, first thing.
///
/// # Errors
/// When an exporter is configured wrongly, or telemetry is set up already.
pub fn init(service: &'static str) -> Result<Telemetry, Error> {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let exports = std::env::vars_os()
        .any(|(name, _)| name.to_string_lossy().starts_with("OTEL_EXPORTER_OTLP_"));
    let resource = Resource::builder().with_service_name(service).build();
    let (tracer, meter) = (tracer(&resource, exports)?, meter(&resource, exports)?);
    opentelemetry::global::set_meter_provider(meter.clone());
    let logger = exports.then(|| logger(&resource)).transpose()?;
    tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .event_format(JsonLine)
                .with_writer(std::io::stderr)
                // A line shows no spans, so their fields need not be written down.
                .with_filter(chosen().and(filter_fn(|of| of.is_event()))),
        )
        .with(
            tracing_opentelemetry::layer()
                .with_tracer(tracer.tracer("troupe"))
                .with_location(exports)
                .with_threads(exports)
                .with_tracked_inactivity(exports)
                .with_target(exports)
                .with_filter(traced(exports)),
        )
        .with(
            logger
                .as_ref()
                .map(|logger| OpenTelemetryTracingBridge::new(logger).with_filter(exported())),
        )
        .try_init()
        .map_err(failed)?;
    Ok(Telemetry {
        tracer,
        meter,
        logger,
    })
}

/// What the operator asks for.
fn chosen<S>() -> impl Filter<S> {
    EnvFilter::try_from_env("TROUPE_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,async_nats=warn,sqlx=warn"))
        .and(filter_fn(tells_no_secret))
}

/// The target of spans that only tell of something: of no use where nobody collects them.
pub const TELLS: &str = "tells";

fn traced<S>(exports: bool) -> Box<dyn Filter<S> + Send + Sync> {
    match exports {
        true => FilterExt::boxed(EnvFilter::new("info")),
        false => FilterExt::boxed(filter_fn(carries_a_trace)),
    }
}

/// Where no collector is, a span has the one use that what happens within it knows its trace.
fn carries_a_trace(of: &Metadata<'_>) -> bool {
    of.is_span() && *of.level() <= Level::INFO && of.target() != TELLS
}

/// The same without the exporters' own logs, which would be exported in turn, without end.
fn exported<S>() -> impl Filter<S> {
    chosen().and(filter_fn(|of| !of.target().starts_with("opentelemetry")))
}

/// Below `info` the NATS client prints what it sends, passwords and tokens included.
fn tells_no_secret(of: &Metadata<'_>) -> bool {
    !of.target().starts_with("async_nats") || *of.level() <= Level::INFO
}

fn tracer(resource: &Resource, exports: bool) -> Result<SdkTracerProvider, Error> {
    let builder = SdkTracerProvider::builder().with_resource(resource.clone());
    if !exports {
        // Ids are made and passed on; what a span would tell is not gathered for nobody.
        let callers = Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
        return Ok(builder.with_sampler(callers).build());
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .build()
        .map_err(failed)?;
    Ok(builder.with_batch_exporter(exporter).build())
}

fn meter(resource: &Resource, exports: bool) -> Result<SdkMeterProvider, Error> {
    let prometheus = opentelemetry_prometheus::exporter()
        .with_registry(REGISTRY.clone())
        .scope_info_enabled(false)
        .build()
        .map_err(failed)?;
    let builder = SdkMeterProvider::builder()
        .with_resource(resource.clone())
        .with_reader(prometheus);
    if !exports {
        return Ok(builder.build());
    }
    let exporter = MetricExporter::builder()
        .with_http()
        .build()
        .map_err(failed)?;
    Ok(builder.with_periodic_exporter(exporter).build())
}

fn logger(resource: &Resource) -> Result<SdkLoggerProvider, Error> {
    let exporter = LogExporter::builder().with_http().build().map_err(failed)?;
    Ok(SdkLoggerProvider::builder()
        .with_resource(resource.clone())
        .with_batch_exporter(exporter)
        .build())
}

fn failed(error: impl fmt::Display) -> Error {
    Error::Telemetry(error.to_string())
}

/// One JSON object per line: time, level, message, fields, trace.
struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut line = Map::new();
        line.insert(
            "ts".into(),
            chrono::Utc::now()
                .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
                .into(),
        );
        line.insert(
            "level".into(),
            event
                .metadata()
                .level()
                .as_str()
                .to_ascii_lowercase()
                .into(),
        );
        line.insert("target".into(), event.metadata().target().into());
        let context = opentelemetry::Context::current();
        let span = context.span().span_context().clone();
        if span.is_valid() {
            line.insert("trace_id".into(), span.trace_id().to_string().into());
            line.insert("span_id".into(), span.span_id().to_string().into());
        }
        line.extend(
            fields
                .0
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        writeln!(writer, "{}", Value::Object(line))
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, Value>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name(), value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name(), value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name(), value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name(), value.into());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    struct Targets(Arc<Mutex<Vec<(String, Level)>>>);

    impl<S: Subscriber> Layer<S> for Targets {
        fn on_event(&self, event: &Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
            let of = event.metadata();
            let seen = (of.target().to_owned(), *of.level());
            self.0.lock().expect("no test panics with it").push(seen);
        }
    }

    #[test]
    fn the_nats_client_never_tells_what_it_sends() {
        let seen = Arc::default();
        let layer = Targets(Arc::clone(&seen)).with_filter(filter_fn(tells_no_secret));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::trace!(target: "async_nats::connection", "CONNECT {{\"pass\":\"p\"}}");
            tracing::debug!(target: "async_nats", "PUB");
            tracing::info!(target: "async_nats", "connected");
            tracing::trace!(target: "execution", "a record");
        });
        let expected = [
            ("async_nats".to_owned(), Level::INFO),
            ("execution".to_owned(), Level::TRACE),
        ];
        assert_eq!(*seen.lock().expect("no test panics with it"), expected);
    }
}
