//! What every container gets, whatever its tool says.
//!
//! **Invariant:** only image, command, memory and processor time come from a tool. All else is written here.

use std::{collections::HashMap, time::Duration};

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, ResourcesUlimits,
};

use crate::containers::spec::ContainerSpec;

/// Carries the group of the installation.
pub(super) const GROUP_LABEL: &str = "troupe.tool";
/// Carries the name of the instance of the service that started the container.
pub(super) const INSTANCE_LABEL: &str = "troupe.instance";
/// Carries the second, since 1970, after which nobody needs the container.
pub(super) const UNTIL_LABEL: &str = "troupe.until";

/// `nobody`, by number: an image need not know the name.
const USER: &str = "65534:65534";
const PIDS_MAX: i64 = 64;
const OPEN_FILES_MAX: i64 = 256;
const FILE_BYTES_MAX: i64 = 16 * 1024 * 1024;
/// Its pages count as memory of the container. It belongs to the user because the
/// runtime gives it the mode that the image's folder has, whatever is asked for.
const TMP: &str = "rw,noexec,nosuid,nodev,size=16m,nr_inodes=4096,uid=65534,gid=65534,mode=0700";

/// Whose container it is, and until when it is needed.
pub(super) struct Owner<'a> {
    pub(super) group: &'a str,
    pub(super) instance: &'a str,
    /// Since 1970.
    pub(super) until: Duration,
}

pub(super) fn body(spec: &ContainerSpec, owner: &Owner<'_>) -> ContainerCreateBody {
    let labels = [
        (GROUP_LABEL, owner.group.to_owned()),
        (INSTANCE_LABEL, owner.instance.to_owned()),
        (UNTIL_LABEL, owner.until.as_secs().to_string()),
    ];
    let command = Some(spec.command()).filter(|command| !command.is_empty());
    ContainerCreateBody {
        image: Some(spec.image().to_owned()),
        // Replaces the image's entrypoint, its command and where they run.
        entrypoint: command.map(<[String]>::to_vec),
        working_dir: command.map(|_| "/tmp".into()),
        user: Some(USER.into()),
        open_stdin: Some(true),
        // The end of our input is the end of its input.
        stdin_once: Some(true),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(false),
        network_disabled: Some(true),
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".into()]),
            ..HealthConfig::default()
        }),
        labels: Some(labels.map(|(name, value)| (name.into(), value)).into()),
        host_config: Some(host_config(spec)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(spec: &ContainerSpec) -> HostConfig {
    HostConfig {
        memory: Some(spec.memory_bytes()),
        // The same: no swap.
        memory_swap: Some(spec.memory_bytes()),
        nano_cpus: Some(spec.nano_cpus()),
        pids_limit: Some(PIDS_MAX),
        ulimits: Some(vec![
            ulimit("core", 0),
            ulimit("fsize", FILE_BYTES_MAX),
            ulimit("nofile", OPEN_FILES_MAX),
        ]),
        network_mode: Some("none".into()),
        // Of its own, and without shared memory to write to.
        ipc_mode: Some("none".into()),
        privileged: Some(false),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".into()]),
        security_opt: Some(vec!["no-new-privileges:true".into()]),
        tmpfs: Some(HashMap::from([("/tmp".into(), TMP.into())])),
        log_config: Some(HostConfigLogConfig {
            typ: Some("none".into()),
            config: None,
        }),
        ..HostConfig::default()
    }
}

fn ulimit(name: &str, most: i64) -> ResourcesUlimits {
    ResourcesUlimits {
        name: Some(name.into()),
        soft: Some(most),
        hard: Some(most),
    }
}
