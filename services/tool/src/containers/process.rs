//! The names of instances, by which another on the same machine can tell that one is gone.
//!
//! **Invariant:** an instance is called gone only by one that could see its process: of the same boot, the same user
//! and the same namespace of processes. Of all others, and where the system does not tell, nothing is known.

use std::{fs, io, os::unix::fs::MetadataExt};

/// A new name. No two are the same.
pub(super) fn name() -> String {
    let unique = uuid::Uuid::now_v7();
    let pid = std::process::id();
    match (view(), birth(pid)) {
        (Ok(view), Ok(Some(birth))) => format!("{unique} {view} {pid} {birth}"),
        // Not Linux: what the instance leaves behind is removed when its time is over.
        _ => unique.to_string(),
    }
}

/// Whether the process of an instance has ended, for certain.
pub(super) fn is_gone(name: &str) -> bool {
    let [_, seen_from, pid, born] = name.split(' ').collect::<Vec<_>>()[..] else {
        return false;
    };
    let (Ok(view), Ok(pid)) = (view(), pid.parse()) else {
        return false;
    };
    view == seen_from && birth(pid).is_ok_and(|now| now.as_deref() != Some(born))
}

/// Which processes can be seen from here.
fn view() -> io::Result<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let namespace = fs::read_link("/proc/self/ns/pid")?;
    let user = fs::metadata("/proc/self")?.uid();
    Ok(format!("{}/{}/{user}", boot.trim(), namespace.display()))
}

/// When a process began, in ticks of the system's clock: the same number is given to another process later on. None for
/// one that has ended, also when nobody has asked for its exit code yet.
fn birth(pid: u32) -> io::Result<Option<String>> {
    let stat = match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    // The program's name comes in parentheses, and may have any character.
    let Some((_, fields)) = stat.rsplit_once(") ") else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let fields: Vec<&str> = fields.split(' ').collect();
    match (fields.first(), fields.get(19)) {
        (Some(&("Z" | "X")), _) => Ok(None),
        (_, Some(birth)) => Ok(Some((*birth).to_owned())),
        (_, None) => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_that_could_be_seen_is_gone() {
        let name = name();
        let parts: Vec<&str> = name.split(' ').collect();
        let [unique, view, pid, birth] = parts[..] else {
            panic!("{name}")
        };
        for (other, gone) in [
            (name.clone(), false),
            (format!("{unique} {view} {pid} 1{birth}"), true),
            // Beyond the greatest number that Linux gives.
            (format!("{unique} {view} 4194305 {birth}"), true),
            (format!("{unique} elsewhere {pid} 1{birth}"), false),
            (format!("{unique} {view} x {birth}"), false),
            (unique.to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(is_gone(&other), gone, "{other}");
        }
    }
}
