//! The way to the container engine.
//!
//! **Invariant:** an engine that cannot hold a container to its limits is as good as none.
//! **Invariant:** no call of the engine waits for ever.

use std::{collections::HashMap, time::Duration};

use bollard::{
    Docker,
    container::AttachContainerResults,
    errors::Error as EngineError,
    models::{ContainerCreateBody, ContainerSummary, SystemInfo},
    query_parameters::{
        AttachContainerOptions, CreateContainerOptions, InspectContainerOptions,
        ListContainersOptions, RemoveContainerOptions, StartContainerOptions, WaitContainerOptions,
    },
};
use futures::StreamExt;
use tokio::sync::OnceCell;

use crate::{
    containers::{profile::GROUP_LABEL, unavailable},
    failure::Failure,
};

const CALL_LIMIT: Duration = Duration::from_secs(10);

pub(super) struct Engine {
    socket: String,
    docker: OnceCell<Docker>,
}

/// How a container ended.
pub(super) struct End {
    pub(super) exit_code: i64,
    pub(super) out_of_memory: bool,
}

/// What a process has for an exit code that a kill signal ended.
const KILLED: i64 = 128 + 9;

impl End {
    /// By someone other than the kernel that enforces the limit of memory.
    pub(super) fn was_killed(&self) -> bool {
        self.exit_code == KILLED && !self.out_of_memory
    }
}

impl Engine {
    pub(super) fn new(socket: &str) -> Self {
        Self {
            socket: socket.to_owned(),
            docker: OnceCell::new(),
        }
    }

    /// Refuses an image that would give its containers something to write to beside the profile's.
    pub(super) async fn check_image(&self, image: &str) -> Result<(), Failure> {
        let docker = self.docker().await?;
        let found = within(docker.inspect_image(image)).await?;
        let found = match found {
            Err(EngineError::DockerResponseServerError {
                status_code: 404, ..
            }) => {
                return Err(Failure::lasting(
                    "image_not_found",
                    format!("the container engine has no image `{image}`"),
                ));
            }
            other => other.map_err(|error| failed(&error))?,
        };
        let volumes = found.config.and_then(|config| config.volumes);
        if volumes.is_some_and(|volumes| !volumes.is_empty()) {
            return Err(Failure::lasting(
                "image_refused",
                format!("the image `{image}` declares volumes, which have no size limit"),
            ));
        }
        Ok(())
    }

    /// Makes a container and returns its id.
    pub(super) async fn create(&self, body: ContainerCreateBody) -> Result<String, Failure> {
        let docker = self.docker().await?;
        let created = within(docker.create_container(None::<CreateContainerOptions>, body)).await?;
        Ok(created.map_err(|error| failed(&error))?.id)
    }

    /// Attaches to a container, then starts it: nothing that it writes is missed.
    pub(super) async fn start(&self, id: &str) -> Result<AttachContainerResults, Failure> {
        let docker = self.docker().await?;
        let options = AttachContainerOptions {
            stream: true,
            stdin: true,
            stdout: true,
            stderr: true,
            ..AttachContainerOptions::default()
        };
        let io = within(docker.attach_container(id, Some(options)))
            .await?
            .map_err(|error| failed(&error))?;
        match within(docker.start_container(id, None::<StartContainerOptions>)).await? {
            Ok(()) => Ok(io),
            Err(EngineError::DockerResponseServerError {
                status_code: 400 | 404,
                ..
            }) => Err(Failure::lasting(
                "start_failed",
                "the command cannot be started in the image",
            )),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Waits for the end of a container whose streams were dropped before: the engine may wait for their reader.
    pub(super) async fn end_of(&self, id: &str) -> Result<End, Failure> {
        let docker = self.docker().await?;
        let mut waiting = docker.wait_container(id, None::<WaitContainerOptions>);
        let exit_code = match waiting.next().await {
            Some(Ok(end)) => end.status_code,
            Some(Err(EngineError::DockerContainerWaitError { code, .. })) => code,
            Some(Err(error)) => return Err(failed(&error)),
            None => return Err(unavailable("the container engine is gone")),
        };
        let found = within(docker.inspect_container(id, None::<InspectContainerOptions>))
            .await?
            .map_err(|error| failed(&error))?;
        let out_of_memory = found.state.and_then(|state| state.oom_killed) == Some(true);
        Ok(End {
            exit_code,
            out_of_memory,
        })
    }

    /// Kills and removes; that it is gone already is fine.
    pub(super) async fn remove(&self, id: &str) -> Result<(), Failure> {
        let docker = self.docker().await?;
        let options = RemoveContainerOptions {
            force: true,
            v: true,
            ..RemoveContainerOptions::default()
        };
        match within(docker.remove_container(id, Some(options))).await? {
            Ok(())
            | Err(EngineError::DockerResponseServerError {
                // Gone, or on its way.
                status_code: 404 | 409,
                ..
            }) => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Every container of the group, also those that have ended.
    pub(super) async fn list(&self, group: &str) -> Result<Vec<ContainerSummary>, Failure> {
        let docker = self.docker().await?;
        let options = ListContainersOptions {
            all: true,
            filters: Some(HashMap::from([(
                "label".into(),
                vec![format!("{GROUP_LABEL}={group}")],
            )])),
            ..ListContainersOptions::default()
        };
        within(docker.list_containers(Some(options)))
            .await?
            .map_err(|error| failed(&error))
    }

    async fn docker(&self) -> Result<&Docker, Failure> {
        self.docker
            .get_or_try_init(|| async {
                // Over a network whoever reaches the engine owns its machine.
                if !self.socket.starts_with("unix://") {
                    return Err(unavailable("the container engine must be a Unix socket"));
                }
                let docker = Docker::connect_with_unix(
                    &self.socket,
                    CALL_LIMIT.as_secs(),
                    bollard::API_DEFAULT_VERSION,
                )
                .map_err(|error| failed(&error))?;
                let docker = within(docker.negotiate_version())
                    .await?
                    .map_err(|error| failed(&error))?;
                let info = within(docker.info())
                    .await?
                    .map_err(|error| failed(&error))?;
                match missing(&info) {
                    None => Ok(docker),
                    Some(what) => {
                        tracing::error!("the container engine cannot be used: it has no {what}");
                        Err(unavailable("the container engine cannot limit containers"))
                    }
                }
            })
            .await
    }
}

/// What of the profile the engine would silently leave out.
fn missing(info: &SystemInfo) -> Option<&'static str> {
    let seccomp = info
        .security_options
        .iter()
        .flatten()
        .any(|option| option.starts_with("name=seccomp") && !option.contains("unconfined"));
    if !seccomp {
        Some("seccomp filter")
    } else if info.memory_limit != Some(true) {
        Some("memory limit")
    } else if info.pids_limit != Some(true) {
        Some("limit of processes")
    } else {
        None
    }
}

async fn within<T>(call: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(CALL_LIMIT, call)
        .await
        .map_err(|_| unavailable("the container engine does not answer"))
}

fn failed(error: &EngineError) -> Failure {
    tracing::warn!(error = %error, "the container engine failed");
    unavailable("no container engine can be used")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_cannot_limit_is_refused() {
        let able = SystemInfo {
            security_options: Some(vec!["name=seccomp,profile=default".into()]),
            memory_limit: Some(true),
            pids_limit: Some(true),
            ..SystemInfo::default()
        };
        assert_eq!(missing(&able), None);
        let unconfined = SystemInfo {
            security_options: Some(vec!["name=seccomp,profile=unconfined".into()]),
            ..able.clone()
        };
        assert_eq!(missing(&unconfined), Some("seccomp filter"));
        let unlimited = SystemInfo {
            memory_limit: None,
            ..able
        };
        assert_eq!(missing(&unlimited), Some("memory limit"));
    }
}
