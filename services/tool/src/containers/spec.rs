//! What the author of a tool may say about its container.
//!
//! **Invariant:** there is no field for anything that weakens the profile; a field that is not named here is refused.

use contracts::tool::ToolProblem;
use serde_json::Value;

const FIELDS: [&str; 4] = ["image", "command", "memory_mb", "cpus"];
const IMAGE_CHARS_MAX: usize = 255;
const COMMAND_PARTS_MAX: usize = 64;
const COMMAND_BYTES_MAX: usize = 16 * 1024;
const MEMORY_MB_DEFAULT: u64 = 64;
const MEMORY_MB_MIN: u64 = 16;
const MEMORY_MB_MAX: u64 = 512;
const CPUS_MIN: f64 = 0.1;
const CPUS_MAX: f64 = 2.0;
const NANOS: f64 = 1e9;

/// A checked configuration of a container tool.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ContainerSpec {
    image: String,
    command: Vec<String>,
    memory_bytes: i64,
    nano_cpus: i64,
}

impl ContainerSpec {
    /// Reads `{"image", "command"?, "memory_mb"?, "cpus"?}`; the image says what runs when `command` is absent,
    /// `memory_mb` is 16 to 512, 64 when absent, and `cpus` is 0.1 to 2, 1 when absent.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn parse(config: &Value) -> Result<Self, Vec<ToolProblem>> {
        let Some(fields) = config.as_object() else {
            return Err(vec![problem("", "type", "`config` must be an object")]);
        };
        let mut problems: Vec<_> = fields
            .keys()
            .filter(|name| !FIELDS.contains(&name.as_str()))
            .map(|name| {
                let path = name.replace('~', "~0").replace('/', "~1");
                let message = format!("a container has no field `{name}`");
                problem(&format!("/{path}"), "unknown_field", &message)
            })
            .collect();
        let mut take = |parsed: Result<(), ToolProblem>| problems.extend(parsed.err());
        let mut spec = Self {
            image: String::new(),
            command: Vec::new(),
            memory_bytes: 0,
            nano_cpus: 0,
        };
        take(image(fields.get("image")).map(|image| spec.image = image));
        take(command(fields.get("command")).map(|command| spec.command = command));
        take(memory(fields.get("memory_mb")).map(|bytes| spec.memory_bytes = bytes));
        take(cpus(fields.get("cpus")).map(|nanos| spec.nano_cpus = nanos));
        if problems.is_empty() {
            Ok(spec)
        } else {
            Err(problems)
        }
    }

    pub(super) fn image(&self) -> &str {
        &self.image
    }

    /// Empty for the image's own.
    pub(super) fn command(&self) -> &[String] {
        &self.command
    }

    pub(super) fn memory_bytes(&self) -> i64 {
        self.memory_bytes
    }

    pub(super) fn nano_cpus(&self) -> i64 {
        self.nano_cpus
    }
}

fn image(value: Option<&Value>) -> Result<String, ToolProblem> {
    let refused = |message: &str| Err(problem("/image", "image", message));
    let Some(image) = value.and_then(Value::as_str) else {
        return refused("`image` must be the name of an image");
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    if image.len() > IMAGE_CHARS_MAX
        || !image.starts_with(|c: char| c.is_ascii_alphanumeric())
        || !image.chars().all(allowed)
        || image.contains("..")
        || image.contains("//")
    {
        return refused("`image` is not the name of an image");
    }
    if let Some((name, digest)) = image.split_once('@') {
        let is_digest = digest.strip_prefix("sha256:").is_some_and(|hash| {
            hash.len() == 64 && hash.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
        });
        return if is_digest && !name.is_empty() {
            Ok(image.to_owned())
        } else {
            refused("the digest in `image` must be `sha256:` and 64 hexadecimal digits")
        };
    }
    // A colon before the last slash belongs to a port.
    let last = image.rsplit('/').next().unwrap_or(image);
    match last.split_once(':') {
        Some((name, tag)) if !name.is_empty() && !tag.is_empty() && !tag.contains(':') => {
            if tag == "latest" {
                refused("`image` must not be `latest`: name a version or a digest")
            } else {
                Ok(image.to_owned())
            }
        }
        _ => refused("`image` must have a tag or a digest"),
    }
}

fn command(value: Option<&Value>) -> Result<Vec<String>, ToolProblem> {
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let command: Option<Vec<String>> = value.as_array().and_then(|parts| {
        parts
            .iter()
            .map(|part| part.as_str().map(ToOwned::to_owned))
            .collect()
    });
    match command {
        Some(parts)
            if (1..=COMMAND_PARTS_MAX).contains(&parts.len())
                && !parts[0].is_empty()
                && parts.iter().map(String::len).sum::<usize>() <= COMMAND_BYTES_MAX
                && !parts.iter().any(|part| part.contains('\0')) =>
        {
            Ok(parts)
        }
        _ => Err(problem(
            "/command",
            "command",
            "`command` must be 1 to 64 strings of at most 16 KiB together",
        )),
    }
}

fn memory(value: Option<&Value>) -> Result<i64, ToolProblem> {
    let megabytes = value.map_or(Some(MEMORY_MB_DEFAULT), Value::as_u64);
    megabytes
        .filter(|megabytes| (MEMORY_MB_MIN..=MEMORY_MB_MAX).contains(megabytes))
        .and_then(|megabytes| i64::try_from(megabytes * 1024 * 1024).ok())
        .ok_or_else(|| {
            problem(
                "/memory_mb",
                "memory_mb",
                "`memory_mb` must be a whole number from 16 to 512",
            )
        })
}

fn cpus(value: Option<&Value>) -> Result<i64, ToolProblem> {
    let cpus = value.map_or(Some(1.0), Value::as_f64);
    match cpus {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the bounds are far inside the range"
        )]
        Some(cpus) if (CPUS_MIN..=CPUS_MAX).contains(&cpus) => Ok((cpus * NANOS) as i64),
        _ => Err(problem(
            "/cpus",
            "cpus",
            "`cpus` must be a number from 0.1 to 2",
        )),
    }
}

fn problem(path: &str, code: &str, message: &str) -> ToolProblem {
    ToolProblem {
        path: format!("/config{path}"),
        code: code.to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn codes(config: &Value) -> Vec<String> {
        ContainerSpec::parse(config)
            .err()
            .unwrap_or_default()
            .into_iter()
            .map(|problem| problem.code)
            .collect()
    }

    #[test]
    fn a_whole_configuration_is_read() {
        let config = json!({"image": "a/b:1", "command": ["cat"], "memory_mb": 128, "cpus": 0.5});
        let spec = ContainerSpec::parse(&config).unwrap();
        assert_eq!(spec.command(), ["cat"]);
        assert_eq!(spec.memory_bytes(), 128 * 1024 * 1024);
        assert_eq!(spec.nano_cpus(), 500_000_000);
        let spec = ContainerSpec::parse(&json!({"image": "a/b:1"})).unwrap();
        assert_eq!(spec.command(), [""; 0]);
        assert_eq!(spec.memory_bytes(), 64 * 1024 * 1024);
    }

    #[test]
    fn an_image_has_a_version() {
        let accepted = [
            "busybox:1.36",
            "host.example:5000/team/tool:v1",
            &format!("tool@sha256:{}", "a".repeat(64)),
        ];
        for image in accepted {
            assert!(
                codes(&json!({"image": image, "command": ["x"]})).is_empty(),
                "{image}"
            );
        }
        let refused = [
            "busybox",
            "busybox:latest",
            "host.example:5000/tool",
            "tool@sha256:12",
            "a:b:c",
            "../etc:1",
            "a b:1",
            "a?x=y:1",
            ":1",
            "",
        ];
        for image in refused {
            assert_eq!(
                codes(&json!({"image": image, "command": ["x"]})),
                ["image"],
                "{image}"
            );
        }
    }

    #[test]
    fn limits_hold() {
        let with = |name: &str, value: Value| {
            let mut config = json!({"image": "a:1", "command": ["x"]});
            config[name] = value;
            codes(&config)
        };
        for (name, value) in [
            ("memory_mb", json!(8)),
            ("memory_mb", json!(513)),
            ("memory_mb", json!(64.5)),
            ("memory_mb", json!(null)),
            ("cpus", json!(0)),
            ("cpus", json!(2.1)),
            ("cpus", json!("1")),
            ("command", json!([])),
            ("command", json!("sh")),
            ("command", json!([""])),
            ("command", json!(["a\0b"])),
            ("command", json!([{"$secret": "s"}])),
        ] {
            assert_eq!(with(name, value.clone()), [name], "{value}");
        }
        assert_eq!(codes(&json!([])), ["type"]);
    }
}
