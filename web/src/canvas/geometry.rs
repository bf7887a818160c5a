//! Points, rectangles and the view of the canvas; where nodes, their ports and their edges lie.
//!
//! **Invariant:** pure; world coordinates are CSS pixels at zoom 1, screen coordinates are relative to the canvas.

/// The width of every node.
pub(crate) const WIDTH: f64 = 208.0;
/// The height of a node's head, which holds its title and one line about it.
pub(crate) const HEAD: f64 = 56.0;
/// The height of a row with a named port.
pub(crate) const ROW: f64 = 24.0;
/// Nodes come to rest on multiples of this.
pub(crate) const GRID: f64 = 8.0;

pub(crate) const MIN_ZOOM: f64 = 0.1;
pub(crate) const MAX_ZOOM: f64 = 2.0;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Point {
    pub(crate) const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y)
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }

    pub(crate) fn snapped(self) -> Self {
        Self::new(
            (self.x / GRID).round() * GRID,
            (self.y / GRID).round() * GRID,
        )
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rect {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Rect {
    /// The rectangle between two corners, in whatever order.
    pub(crate) fn between(a: Point, b: Point) -> Self {
        Self {
            x: a.x.min(b.x),
            y: a.y.min(b.y),
            width: (a.x - b.x).abs(),
            height: (a.y - b.y).abs(),
        }
    }

    pub(crate) fn of_node(at: Point, ports: usize) -> Self {
        Self {
            x: at.x,
            y: at.y,
            width: WIDTH,
            height: node_height(ports),
        }
    }

    pub(crate) fn meets(self, other: Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }

    pub(crate) fn holds(self, point: Point) -> bool {
        (self.x..=self.x + self.width).contains(&point.x)
            && (self.y..=self.y + self.height).contains(&point.y)
    }

    pub(crate) fn center(self) -> Point {
        Point::new(self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    pub(crate) fn grown(self, by: f64) -> Self {
        Self {
            x: self.x - by,
            y: self.y - by,
            width: self.width + 2.0 * by,
            height: self.height + 2.0 * by,
        }
    }

    pub(crate) fn union(self, other: Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        Self {
            x,
            y,
            width: (self.x + self.width).max(other.x + other.width) - x,
            height: (self.y + self.height).max(other.y + other.height) - y,
        }
    }

    pub(crate) const fn corner(self) -> Point {
        Point::new(self.x, self.y)
    }

    /// Around all; none where there is nothing.
    pub(crate) fn around(rects: impl IntoIterator<Item = Self>) -> Option<Self> {
        rects.into_iter().reduce(Self::union)
    }
}

/// The room between the nodes of a group and its frame.
const FRAME: f64 = 16.0;
/// The height of the title of a group.
const TITLE: f64 = 32.0;

/// The frame around the nodes of a group, its title above them.
pub(crate) fn frame(nodes: Rect) -> Rect {
    let around = nodes.grown(FRAME);
    Rect {
        y: around.y - TITLE,
        height: around.height + TITLE,
        ..around
    }
}

/// The card that stands in the place of nodes.
pub(crate) fn card(nodes: Rect) -> Rect {
    Rect::of_node(nodes.corner(), 1)
}

/// How the world is shown: a point of the world times `zoom` plus the offset is its place on the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) zoom: f64,
}

impl Default for View {
    fn default() -> Self {
        Self {
            x: 40.0,
            y: 40.0,
            zoom: 1.0,
        }
    }
}

impl View {
    pub(crate) fn to_world(self, screen: Point) -> Point {
        Point::new(
            (screen.x - self.x) / self.zoom,
            (screen.y - self.y) / self.zoom,
        )
    }

    pub(crate) fn to_screen(self, world: Point) -> Point {
        Point::new(world.x * self.zoom + self.x, world.y * self.zoom + self.y)
    }

    pub(crate) fn panned(self, dx: f64, dy: f64) -> Self {
        Self {
            x: self.x + dx,
            y: self.y + dy,
            ..self
        }
    }

    /// What lies under `anchor` stays there.
    pub(crate) fn zoomed(self, anchor: Point, factor: f64) -> Self {
        let zoom = (self.zoom * factor).clamp(MIN_ZOOM, MAX_ZOOM);
        let scale = zoom / self.zoom;
        Self {
            x: anchor.x - (anchor.x - self.x) * scale,
            y: anchor.y - (anchor.y - self.y) * scale,
            zoom,
        }
    }

    /// Shows `bounds` whole and centred in a canvas of this size, never larger than life.
    pub(crate) fn fitted(bounds: Rect, size: Point) -> Self {
        const MARGIN: f64 = 48.0;
        let across = (size.x - 2.0 * MARGIN) / bounds.width.max(1.0);
        let down = (size.y - 2.0 * MARGIN) / bounds.height.max(1.0);
        let zoom = across.min(down).clamp(MIN_ZOOM, 1.0);
        let center = bounds.center();
        Self {
            x: size.x / 2.0 - center.x * zoom,
            y: size.y / 2.0 - center.y * zoom,
            zoom,
        }
    }

    /// The same zoom, moved no farther than needed to show `bounds`.
    pub(crate) fn revealing(self, bounds: Rect, size: Point) -> Self {
        const MARGIN: f64 = 24.0;
        let a = self.to_screen(Point::new(bounds.x, bounds.y));
        let shift = |start: f64, length: f64, limit: f64| {
            if start < MARGIN || length > limit - 2.0 * MARGIN {
                MARGIN - start
            } else {
                (limit - MARGIN - start - length).min(0.0)
            }
        };
        self.panned(
            shift(a.x, bounds.width * self.zoom, size.x),
            shift(a.y, bounds.height * self.zoom, size.y),
        )
    }

    /// The part of the world that a canvas of this size shows.
    pub(crate) fn window(self, size: Point) -> Rect {
        Rect::between(self.to_world(Point::default()), self.to_world(size))
    }
}

/// One port leaves at the head; several get a row each below it.
pub(crate) fn node_height(ports: usize) -> f64 {
    if ports <= 1 {
        HEAD
    } else {
        HEAD + ports as f64 * ROW + 6.0
    }
}

pub(crate) fn input_port(at: Point) -> Point {
    Point::new(at.x, at.y + HEAD / 2.0)
}

pub(crate) fn output_port(at: Point, index: usize, ports: usize) -> Point {
    let y = if ports <= 1 {
        HEAD / 2.0
    } else {
        HEAD + (index as f64 + 0.5) * ROW
    };
    Point::new(at.x + WIDTH, at.y + y)
}

/// The drawing of an edge, and where on it the act of inserting a node is offered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Route {
    pub(crate) path: String,
    pub(crate) middle: Point,
}

/// A curve to the right; where the target lies to the left, a line around below both nodes, `floor` at the deepest.
pub(crate) fn route(from: Point, to: Point, floor: f64) -> Route {
    if to.x >= from.x + 16.0 {
        let reach = ((to.x - from.x) / 2.0).clamp(32.0, 160.0);
        let path = format!(
            "M{},{} C{},{} {},{} {},{}",
            from.x,
            from.y,
            from.x + reach,
            from.y,
            to.x - reach,
            to.y,
            to.x,
            to.y
        );
        let middle = Point::new((from.x + to.x) / 2.0, (from.y + to.y) / 2.0);
        return Route { path, middle };
    }
    let (right, left, below) = (from.x + 24.0, to.x - 24.0, floor + 24.0);
    let bend = 12.0;
    let path = format!(
        "M{},{} H{} Q{right},{} {right},{} V{} Q{right},{below} {},{below} H{} Q{left},{below} {left},{} V{} Q{left},{} {},{} H{}",
        from.x,
        from.y,
        right - bend,
        from.y,
        from.y + bend,
        below - bend,
        right - bend,
        left + bend,
        below - bend,
        to.y + bend,
        to.y,
        left + bend,
        to.y,
        to.x
    );
    Route {
        path,
        middle: Point::new((right + left) / 2.0, below),
    }
}

/// The topmost of `nodes` at `point`; the last drawn is on top.
pub(crate) fn node_at<K: Copy>(nodes: &[(K, Rect)], point: Point) -> Option<K> {
    let hit = nodes.iter().rev().find(|(_, rect)| rect.holds(point));
    hit.map(|(key, _)| *key)
}

/// Where an arrow key leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Left,
    Right,
    Up,
    Down,
}

impl Direction {
    pub(crate) const fn step(self) -> Point {
        match self {
            Self::Left => Point::new(-1.0, 0.0),
            Self::Right => Point::new(1.0, 0.0),
            Self::Up => Point::new(0.0, -1.0),
            Self::Down => Point::new(0.0, 1.0),
        }
    }
}

/// The nearest node that way: distance counts, and straying to the side counts double.
pub(crate) fn neighbour<K: Copy>(nodes: &[(K, Rect)], from: Rect, way: Direction) -> Option<K> {
    let (origin, step) = (from.center(), way.step());
    let cost = |rect: &Rect| {
        let delta = rect.center().minus(origin);
        let along = delta.x * step.x + delta.y * step.y;
        let aside = (delta.x * step.y).abs() + (delta.y * step.x).abs();
        (along > 1.0).then_some(along + 2.0 * aside)
    };
    let reachable = nodes
        .iter()
        .filter_map(|(key, rect)| cost(rect).map(|cost| (*key, cost)));
    reachable
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zooming_keeps_what_is_under_the_cursor() {
        let anchor = Point::new(311.0, 207.0);
        let mut view = View::default();
        for factor in [1.3, 0.2, 7.0, 0.9, 0.001, 400.0] {
            let before = view.to_world(anchor);
            view = view.zoomed(anchor, factor);
            let after = view.to_world(anchor);
            assert!((before.x - after.x).abs() < 1e-6 && (before.y - after.y).abs() < 1e-6);
            assert!((MIN_ZOOM..=MAX_ZOOM).contains(&view.zoom));
        }
    }

    #[test]
    fn fitting_shows_everything() {
        let size = Point::new(800.0, 600.0);
        for bounds in [
            Rect {
                x: -500.0,
                y: 30.0,
                width: 4000.0,
                height: 200.0,
            },
            Rect {
                x: 0.0,
                y: 0.0,
                width: 10.0,
                height: 10.0,
            },
        ] {
            let window = View::fitted(bounds, size).window(size);
            assert!(window.holds(Point::new(bounds.x, bounds.y)));
            assert!(window.holds(Point::new(
                bounds.x + bounds.width,
                bounds.y + bounds.height
            )));
        }
    }

    #[test]
    fn revealing_moves_only_when_needed() {
        let size = Point::new(800.0, 600.0);
        let view = View::default();
        let near = Rect {
            x: 100.0,
            y: 100.0,
            width: WIDTH,
            height: HEAD,
        };
        assert_eq!(view.revealing(near, size), view);
        let far = Rect { x: 5000.0, ..near };
        let window = view.revealing(far, size).window(size);
        assert!(window.holds(far.center()));
    }

    #[test]
    fn a_frame_holds_its_nodes_and_a_card_takes_the_place_of_the_first() {
        let nodes = [
            Rect::of_node(Point::new(300.0, 80.0), 1),
            Rect::of_node(Point::new(0.0, 200.0), 3),
        ];
        let around = Rect::around(nodes).unwrap();
        let frame = frame(around);
        for node in nodes {
            assert!(frame.holds(node.corner()));
            assert!(frame.holds(Point::new(node.x + node.width, node.y + node.height)));
        }
        assert!(frame.y + TITLE < around.y, "there is room for the title");
        assert_eq!(card(around), Rect::of_node(Point::new(0.0, 80.0), 1));
    }

    #[test]
    fn neighbours_lie_in_the_direction_asked_for() {
        let rect = |x, y| Rect::of_node(Point::new(x, y), 1);
        let nodes = [
            (1, rect(300.0, 0.0)),
            (2, rect(0.0, 200.0)),
            (3, rect(600.0, 10.0)),
        ];
        let from = rect(0.0, 0.0);
        assert_eq!(neighbour(&nodes, from, Direction::Right), Some(1));
        assert_eq!(neighbour(&nodes, from, Direction::Down), Some(2));
        assert_eq!(neighbour(&nodes, from, Direction::Left), None);
    }

    #[test]
    fn an_edge_to_the_left_goes_below_both_nodes() {
        let route = route(Point::new(400.0, 20.0), Point::new(100.0, 60.0), 120.0);
        assert!(route.middle.y > 120.0);
    }
}
