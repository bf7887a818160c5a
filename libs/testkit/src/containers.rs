//! The container engine of this test run, and a tiny image for it.

use std::{
    collections::{BTreeSet, HashMap},
    env, fs,
    time::Duration,
};

use bollard::{
    Docker, body_full,
    query_parameters::{
        CreateImageOptions, InspectContainerOptions, KillContainerOptions, ListContainersOptions,
        ListVolumesOptions, RemoveContainerOptions,
    },
};
use futures::TryStreamExt;
use serde_json::Value;

use crate::{
    eventually,
    servers::{clean_up_on_drop, from_environment},
};

/// A shell and what belongs to it, from one static program.
pub const BUSYBOX_IMAGE: &str = "troupe-test/busybox:1";

const PROGRAMS: [&str; 8] = ["sh", "cat", "sleep", "id", "yes", "head", "tr", "wget"];
/// Label of the containers that tools run in; its value is the group.
const GROUP_LABEL: &str = "troupe.tool";

/// The engine, and a group that no other test has. What is left of the group is removed on drop.
pub struct ContainerEngine {
    docker: Docker,
    url: String,
    group: String,
}

impl ContainerEngine {
    /// Makes sure that [`BUSYBOX_IMAGE`] is there.
    ///
    /// # Panics
    /// When there is no engine, or it does not take the image.
    pub async fn start() -> Self {
        if let Ok(why) = env::var("TROUPE_TEST_NO_ENGINE") {
            panic!("containers cannot be tested here: {why}");
        }
        let url = from_environment("DOCKER_HOST");
        let docker = connect(&url).await;
        if docker.inspect_image(BUSYBOX_IMAGE).await.is_err() {
            import(&docker).await;
        }
        Self {
            docker,
            url,
            group: uuid::Uuid::now_v7().to_string(),
        }
    }

    /// `unix://…`
    #[must_use]
    pub fn url(&self) -> String {
        self.url.clone()
    }

    #[must_use]
    pub fn group(&self) -> String {
        self.group.clone()
    }

    /// The containers of the group that run or have ended.
    ///
    /// # Panics
    /// When the engine does not answer.
    pub async fn containers(&self) -> Vec<String> {
        list(&self.docker, &self.group, &[]).await.expect("a list")
    }

    /// The containers of the group that run.
    ///
    /// # Panics
    /// When the engine does not answer.
    pub async fn running(&self) -> Vec<String> {
        let running = [("status".to_owned(), vec!["running".to_owned()])];
        let found = list(&self.docker, &self.group, &running).await;
        found.expect("a list")
    }

    /// Kills a container, as one does who knows nothing of its group. Says whether it ran.
    pub async fn kill(&self, id: &str) -> bool {
        let killed = self.docker.kill_container(id, None::<KillContainerOptions>);
        killed.await.is_ok()
    }

    /// What the engine says about a container.
    ///
    /// # Panics
    /// When it is not there.
    pub async fn inspect(&self, id: &str) -> Value {
        let found = self
            .docker
            .inspect_container(id, None::<InspectContainerOptions>)
            .await
            .expect("a container");
        serde_json::to_value(found).expect("it serialises")
    }

    /// The engine's volumes and networks, whoever made them: `volume x`, `network y`.
    ///
    /// # Panics
    /// When the engine does not answer.
    pub async fn belongings(&self) -> BTreeSet<String> {
        let volumes = self.docker.list_volumes(None::<ListVolumesOptions>).await;
        let volumes = volumes.expect("a list").volumes.unwrap_or_default();
        let volumes = volumes
            .into_iter()
            .map(|one| format!("volume {}", one.name));
        let networks = self.docker.list_networks(None).await.expect("a list");
        let networks = networks.into_iter().filter_map(|one| one.name);
        volumes
            .chain(networks.map(|name| format!("network {name}")))
            .collect()
    }

    /// Waits until the group has no container any more.
    ///
    /// # Panics
    /// When some is left after `within`.
    pub async fn nothing_left(&self, within: Duration) {
        eventually(within, async || {
            self.containers().await.is_empty().then_some(())
        })
        .await;
    }
}

impl Drop for ContainerEngine {
    fn drop(&mut self) {
        let (url, group) = (self.url.clone(), self.group.clone());
        clean_up_on_drop("a container", async move {
            let docker = connect(&url).await;
            for id in list(&docker, &group, &[]).await? {
                let options = RemoveContainerOptions {
                    force: true,
                    ..RemoveContainerOptions::default()
                };
                docker.remove_container(&id, Some(options)).await?;
            }
            Ok(())
        });
    }
}

async fn connect(url: &str) -> Docker {
    Docker::connect_with_unix(url, 60, bollard::API_DEFAULT_VERSION)
        .expect("a socket of a container engine")
        .negotiate_version()
        .await
        .expect("a container engine that answers")
}

async fn list(
    docker: &Docker,
    group: &str,
    filters: &[(String, Vec<String>)],
) -> anyhow::Result<Vec<String>> {
    let mut filters = HashMap::from_iter(filters.iter().cloned());
    let label = vec![format!("{GROUP_LABEL}={group}")];
    filters.insert("label".to_owned(), label);
    let options = ListContainersOptions {
        all: true,
        filters: Some(filters),
        ..ListContainersOptions::default()
    };
    let found = docker.list_containers(Some(options)).await?;
    Ok(found.into_iter().filter_map(|one| one.id).collect())
}

async fn import(docker: &Docker) {
    let busybox = from_environment("TROUPE_TEST_BUSYBOX");
    let program = fs::read(&busybox).expect("the program busybox");
    let (repo, tag) = BUSYBOX_IMAGE.split_once(':').expect("it has a tag");
    let options = CreateImageOptions {
        from_src: Some("-".to_owned()),
        repo: Some(repo.to_owned()),
        tag: Some(tag.to_owned()),
        ..CreateImageOptions::default()
    };
    docker
        .create_image(
            Some(options),
            Some(body_full(archive(&program).into())),
            None,
        )
        .try_collect::<Vec<_>>()
        .await
        .expect("an engine that takes images");
}

/// A file system with one program under several names, as a tar archive.
fn archive(program: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    for folder in ["bin/", "tmp/"] {
        tar.extend(header(folder, b'5', 0, ""));
    }
    tar.extend(header("bin/busybox", b'0', program.len(), ""));
    tar.extend(program);
    tar.resize(tar.len().next_multiple_of(512), 0);
    for name in PROGRAMS {
        tar.extend(header(&format!("bin/{name}"), b'2', 0, "busybox"));
    }
    // Two empty blocks end the archive.
    tar.resize(tar.len() + 1024, 0);
    tar
}

/// One header of the ustar format.
fn header(name: &str, kind: u8, size: usize, link: &str) -> [u8; 512] {
    let mut header = [0; 512];
    let mut write = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    write(0, name.as_bytes());
    write(100, b"0000755\0");
    write(108, b"0000000\0");
    write(116, b"0000000\0");
    write(124, format!("{size:011o}\0").as_bytes());
    write(136, b"00000000000\0");
    // The checksum counts its own field as blanks.
    write(148, b"        ");
    write(156, &[kind]);
    write(157, link.as_bytes());
    write(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}
