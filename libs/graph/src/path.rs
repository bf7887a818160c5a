//! The paths of steps: `fetch`, `each:3/fetch`, `each:3/writer/llm:0`.
//!
//! A part with a colon before the node is an iteration of the body of a node; what follows the node is a call of its agent,
//! and a `#2` after the node its second attempt.

/// The path of the node whose step this is, or whose agent makes the call of this path.
pub fn node_path(path: &str) -> &str {
    let mut end = 0;
    for part in path.split('/') {
        if let Some(id) = part.split('#').next().filter(|id| !id.contains(':')) {
            return &path[..end + id.len()];
        }
        end += part.len() + 1;
    }
    path
}

/// The id of that node in the definition; of an iteration, that of the node whose body it is.
pub fn node_id(path: &str) -> &str {
    let path = node_path(path);
    let part = path.rsplit('/').next().unwrap_or(path);
    part.split(':').next().unwrap_or(part)
}

/// The path of that within which the step happens: the node of an iteration, the iteration of a node, the caller of a call.
pub fn parent(path: &str) -> Option<&str> {
    if is_iteration(path) {
        return path.rsplit_once(':').map(|(parent, _)| parent);
    }
    path.rsplit_once('/').map(|(parent, _)| parent)
}

/// Whether it is an iteration as a whole: `each:3`.
pub fn is_iteration(path: &str) -> bool {
    path.split('/').all(|part| part.contains(':'))
}

/// The innermost iteration in which a node stands: `each:3` and 3.
pub fn iteration(path: &str) -> Option<(&str, usize)> {
    let (iteration, _) = node_path(path).rsplit_once('/')?;
    let (_, index) = iteration.rsplit_once(':')?;
    Some((iteration, index.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_say_where_a_step_stands() {
        let paths = [
            "w",
            "w/llm:0",
            "w#2/task:a/llm:0",
            "each:3/w/tool:0.1",
            "a:1/b:22/w#3/llm:0",
            "a:1/b:22",
        ];
        let nodes = ["w", "w", "w", "each:3/w", "a:1/b:22/w", "a:1/b:22"];
        assert_eq!(paths.map(node_path), nodes);
        assert_eq!(paths.map(node_id), ["w", "w", "w", "w", "w", "b"]);
        let parents = [
            None,
            Some("w"),
            Some("w#2/task:a"),
            Some("each:3/w"),
            Some("a:1/b:22/w#3"),
            Some("a:1/b"),
        ];
        assert_eq!(paths.map(parent), parents);
        assert_eq!(parent("each:3/w"), Some("each:3"));
        assert_eq!(iteration("a:1/b:22/w#3/llm:0"), Some(("a:1/b:22", 22)));
        assert_eq!(iteration("w/llm:0"), None);
    }
}
