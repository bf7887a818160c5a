//! A service that has been described but not started.

use std::sync::Arc;

use bus::Bus;
use contracts::{Request, StreamRequest};
use futures::{FutureExt, future::BoxFuture};

use crate::{
    Chunks, Ctx, Error, Readiness, Running, ServiceError, TaskCtx, Verifier, endpoint::Endpoint,
    running,
};

/// What a service needs to run.
#[derive(Clone)]
pub struct Runtime {
    pub bus: Bus,
    pub verifier: Verifier,
    pub readiness: Readiness,
    /// Requests that one service answers at the same time; more are refused with `unavailable`.
    pub max_in_flight: usize,
}

impl Runtime {
    /// The bound that suits a service which mostly waits for its database.
    pub const MAX_IN_FLIGHT: usize = 512;

    pub fn new(bus: Bus, verifier: Verifier) -> Self {
        Self {
            bus,
            verifier,
            readiness: Readiness::default(),
            max_in_flight: Self::MAX_IN_FLIGHT,
        }
    }
}

pub(crate) type Task<S> = (
    &'static str,
    Box<dyn Fn(TaskCtx<S>) -> BoxFuture<'static, ()> + Send + Sync>,
);

/// Its name, its state, its endpoints, its background tasks.
pub struct Service<S> {
    pub(crate) name: &'static str,
    pub(crate) state: Arc<S>,
    pub(crate) endpoints: Vec<Endpoint<S>>,
    pub(crate) tasks: Vec<Task<S>>,
}

impl<S: Send + Sync + 'static> Service<S> {
    /// `name` is the service token of its subjects.
    pub fn new(name: &'static str, state: S) -> Self {
        Self {
            name,
            state: Arc::new(state),
            endpoints: Vec::new(),
            tasks: Vec::new(),
        }
    }

    /// Answers `R` with `handler`. The message type is read off the handler's signature.
    #[must_use]
    pub fn on<R, F, Fut, E>(self, handler: F) -> Self
    where
        R: Request,
        F: Fn(Ctx<S>, R) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<R::Reply, E>> + Send + 'static,
        E: ServiceError,
    {
        self.with(Endpoint::request(handler))
    }

    /// Answers `R` in chunks.
    #[must_use]
    pub fn on_stream<R, F, Fut, E>(self, handler: F) -> Self
    where
        R: StreamRequest,
        F: Fn(Ctx<S>, R, Chunks<R::Chunk>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<R::Reply, E>> + Send + 'static,
        E: ServiceError,
    {
        self.with(Endpoint::stream(handler))
    }

    /// Runs beside the endpoints until the service drains; started again when it ends before.
    #[must_use]
    pub fn task<F, Fut>(mut self, name: &'static str, task: F) -> Self
    where
        F: Fn(TaskCtx<S>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.tasks
            .push((name, Box::new(move |ctx| task(ctx).boxed())));
        self
    }

    /// The names of the requests it answers.
    pub fn operations(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.endpoints
            .iter()
            .map(|endpoint| endpoint.operation.name)
    }

    /// Returns once every endpoint is subscribed.
    ///
    /// # Errors
    /// When NATS refuses a subscription.
    pub async fn start(self, runtime: &Runtime) -> Result<Running, Error> {
        running::start(self, runtime).await
    }

    fn with(mut self, endpoint: Endpoint<S>) -> Self {
        let name = endpoint.operation.name;
        assert_eq!(
            endpoint.operation.service(),
            self.name,
            "`{name}` does not belong to this service"
        );
        self.endpoints.push(endpoint);
        self
    }
}
