//! Where the nodes of a flow are drawn, and the lines between them.
//!
//! **Invariant:** every node has a place; the drawing has room for all of them.

use std::collections::HashMap;

use contracts::flow::Definition;

pub(crate) const WIDTH: f64 = 176.0;
pub(crate) const HEIGHT: f64 = 52.0;
const MARGIN: f64 = 16.0;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Drawing {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) nodes: Vec<Drawn>,
    pub(crate) edges: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drawn {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) x: f64,
    pub(crate) y: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) from: String,
    pub(crate) port: String,
    pub(crate) to: String,
    pub(crate) path: String,
}

pub(crate) fn draw(definition: &Definition) -> Drawing {
    let places = places(definition);
    let left = places.iter().map(|(x, _)| *x).fold(f64::INFINITY, f64::min);
    let top = places.iter().map(|(_, y)| *y).fold(f64::INFINITY, f64::min);
    let mut drawing = Drawing::default();
    let mut by_id = HashMap::new();
    for (node, (x, y)) in definition.nodes.iter().zip(places) {
        let (x, y) = (x - left + MARGIN, y - top + MARGIN);
        drawing.width = drawing.width.max(x + WIDTH + MARGIN);
        drawing.height = drawing.height.max(y + HEIGHT + MARGIN);
        by_id.insert(node.id.as_str(), (x, y));
        drawing.nodes.push(Drawn {
            id: node.id.clone(),
            name: node.name.clone().unwrap_or_else(|| node.id.clone()),
            kind: node.kind.clone(),
            x,
            y,
        });
    }
    for edge in &definition.edges {
        let (Some(from), Some(to)) = (by_id.get(edge.from.as_str()), by_id.get(edge.to.as_str())) else {
            continue;
        };
        drawing.edges.push(Line {
            from: edge.from.clone(),
            port: edge.port().to_owned(),
            to: edge.to.clone(),
            path: line((from.0 + WIDTH, from.1 + HEIGHT / 2.0), (to.0, to.1 + HEIGHT / 2.0)),
        });
    }
    drawing
}

fn line(from: (f64, f64), to: (f64, f64)) -> String {
    let bend = ((to.0 - from.0).abs() / 2.0).clamp(24.0, 120.0);
    format!(
        "M{} {} C{} {} {} {} {} {}",
        from.0, from.1, from.0 + bend, from.1, to.0 - bend, to.1, to.0, to.1
    )
}

/// As the editor placed them; without its places, in columns by their distance from the start.
fn places(definition: &Definition) -> Vec<(f64, f64)> {
    let placed: Option<Vec<_>> = definition.nodes.iter().map(|node| node.position).collect();
    if let Some(placed) = placed {
        return placed.into_iter().map(|at| (at.x, at.y)).collect();
    }
    let mut column: HashMap<&str, usize> = HashMap::new();
    // A flow has no circles: after as many rounds as nodes nothing moves any more.
    for _ in &definition.nodes {
        for edge in &definition.edges {
            let next = column.get(edge.from.as_str()).copied().unwrap_or(0) + 1;
            let known = column.entry(&edge.to).or_default();
            *known = next.max(*known).min(definition.nodes.len());
        }
    }
    let mut used: HashMap<usize, u32> = HashMap::new();
    let place = |id: &str| {
        let at = column.get(id).copied().unwrap_or(0);
        let row = used.entry(at).or_default();
        let y = f64::from(*row) * (HEIGHT + 28.0);
        *row += 1;
        #[allow(clippy::cast_precision_loss)]
        let x = at as f64 * (WIDTH + 64.0);
        (x, y)
    };
    definition.nodes.iter().map(|node| node.id.as_str()).map(place).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_node_has_a_place_within() {
        let definition: Definition = serde_json::from_value(json!({
            "nodes": [{"id": "a", "type": "trigger"}, {"id": "b", "type": "code"}, {"id": "c", "type": "output"}],
            "edges": [{"from": "a", "to": "b"}, {"from": "b", "to": "c"}, {"from": "a", "to": "c"}, {"from": "x", "to": "c"}]
        }))
        .unwrap();
        let drawing = draw(&definition);
        let x = |at: usize| drawing.nodes[at].x;
        assert!(x(0) < x(1) && x(1) < x(2));
        assert_eq!(drawing.edges.len(), 3);
        assert!(drawing.nodes.iter().all(|node| node.x >= 0.0 && node.x + WIDTH <= drawing.width));
        assert!(draw(&Definition::default()).nodes.is_empty());
    }
}
