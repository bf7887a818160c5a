//! The automatic layout: columns by distance from the beginning, few crossings, straight lines where they can be.
//!
//! **Invariant:** no two nodes overlap; the same graph gets the same layout. Edges in a circle are laid out all the same.

use std::collections::{BTreeMap, HashMap};

use crate::canvas::geometry::{GRID, Point, WIDTH, node_height};

const COLUMN_GAP: f64 = 88.0;
const ROW_GAP: f64 = 40.0;
const SWEEPS: usize = 6;

/// Where each node goes: `ports` are the numbers of output ports, `edges` pairs of indices.
pub(crate) fn layered(ports: &[usize], edges: &[(usize, usize)]) -> Vec<Point> {
    let edges = forward(ports.len(), edges);
    let column_of = columns(ports.len(), &edges);
    let mut columns: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (node, column) in column_of.iter().enumerate() {
        columns.entry(*column).or_default().push(node);
    }
    let mut columns: Vec<Vec<usize>> = columns.into_values().collect();
    uncross(&mut columns, ports.len(), &edges);
    let tops = heights(&columns, ports, &edges);
    let step = WIDTH + COLUMN_GAP;
    let at = |node: usize| Point::new(column_of[node] as f64 * step, tops[node]);
    (0..ports.len()).map(at).collect()
}

/// The edges without those that close a circle.
fn forward(count: usize, edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut next = vec![Vec::new(); count];
    for &(from, to) in edges.iter().filter(|(from, to)| from != to) {
        next[from].push(to);
    }
    // 0: not seen, 1: on the way down, 2: done.
    let mut seen = vec![0_u8; count];
    let mut kept = Vec::new();
    for root in 0..count {
        if seen[root] != 0 {
            continue;
        }
        seen[root] = 1;
        let mut path = vec![(root, 0)];
        while let Some((node, child)) = path.last_mut() {
            let Some(&to) = next[*node].get(*child) else {
                seen[*node] = 2;
                path.pop();
                continue;
            };
            *child += 1;
            if seen[to] != 1 {
                kept.push((*node, to));
            }
            if seen[to] == 0 {
                seen[to] = 1;
                path.push((to, 0));
            }
        }
    }
    kept
}

/// The longest way from a beginning; a beginning stands just before what it leads to.
fn columns(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut column = vec![0; count];
    // Without circles, as many rounds as there are nodes suffice; most graphs need few.
    for _ in 0..count {
        let mut changed = false;
        for &(from, to) in edges {
            if column[to] <= column[from] {
                column[to] = column[from] + 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    for node in 0..count {
        let starts = !edges.iter().any(|(_, to)| *to == node);
        let nearest = edges
            .iter()
            .filter(|(from, _)| *from == node)
            .map(|(_, to)| column[*to])
            .min();
        if let Some(nearest) = nearest.filter(|_| starts) {
            column[node] = nearest - 1;
        }
    }
    column
}

/// Orders each column by the mean place of its neighbours, forwards and backwards in turn.
fn uncross(columns: &mut [Vec<usize>], count: usize, edges: &[(usize, usize)]) {
    let mut row = vec![0.0; count];
    let note = |column: &[usize], row: &mut Vec<f64>| {
        for (index, node) in column.iter().enumerate() {
            row[*node] = index as f64;
        }
    };
    columns.iter().for_each(|column| note(column, &mut row));
    let mut neighbours: [Vec<Vec<usize>>; 2] = [vec![Vec::new(); count], vec![Vec::new(); count]];
    for &(from, to) in edges {
        neighbours[0][to].push(from);
        neighbours[1][from].push(to);
    }
    for sweep in 0..SWEEPS {
        let side = &neighbours[sweep % 2];
        let order: Vec<usize> = if sweep % 2 == 0 {
            (0..columns.len()).collect()
        } else {
            (0..columns.len()).rev().collect()
        };
        for index in order {
            let column = &mut columns[index];
            let mean = |node: usize| {
                let of = &side[node];
                if of.is_empty() {
                    row[node]
                } else {
                    of.iter().map(|other| row[*other]).sum::<f64>() / of.len() as f64
                }
            };
            let keys: HashMap<usize, f64> =
                column.iter().map(|node| (*node, mean(*node))).collect();
            column.sort_by(|a, b| keys[a].total_cmp(&keys[b]));
            note(column, &mut row);
        }
    }
}

/// The upper side of each node: as near to its neighbours' as the order and the gaps allow.
fn heights(columns: &[Vec<usize>], ports: &[usize], edges: &[(usize, usize)]) -> Vec<f64> {
    let mut top = vec![0.0; ports.len()];
    for column in columns {
        let mut y = 0.0;
        for node in column {
            top[*node] = y;
            y += node_height(ports[*node]) + ROW_GAP;
        }
    }
    let (mut before, mut behind) = (vec![Vec::new(); ports.len()], vec![Vec::new(); ports.len()]);
    for &(from, to) in edges {
        before[to].push(from);
        behind[from].push(to);
    }
    for sweep in 0..SWEEPS {
        let side = if sweep % 2 == 0 { &before } else { &behind };
        let count = columns.len();
        for index in 0..count {
            let column = if sweep % 2 == 0 {
                &columns[index]
            } else {
                &columns[count - 1 - index]
            };
            settle(column, ports, side, &mut top);
        }
    }
    let least = top.iter().copied().fold(f64::MAX, f64::min);
    top.iter()
        .map(|y| ((y - least) / GRID).round() * GRID)
        .collect()
}

/// Puts a column's nodes where they wish to be, pushes them apart, and shifts all by the mean of what that cost.
fn settle(column: &[usize], ports: &[usize], side: &[Vec<usize>], top: &mut [f64]) {
    let wish = |node: usize, top: &[f64]| {
        let of = &side[node];
        if of.is_empty() {
            top[node]
        } else {
            of.iter().map(|other| top[*other]).sum::<f64>() / of.len() as f64
        }
    };
    let wishes: Vec<f64> = column.iter().map(|node| wish(*node, top)).collect();
    let (mut free, mut cost) = (f64::MIN, 0.0);
    for (node, wish) in column.iter().zip(&wishes) {
        top[*node] = wish.max(free);
        cost += top[*node] - wish;
        // Rounding to the grid must not bring two nodes together.
        free = top[*node] + node_height(ports[*node]) + ROW_GAP + GRID;
    }
    let shift = cost / column.len().max(1) as f64;
    column.iter().for_each(|node| top[*node] -= shift);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::geometry::Rect;

    fn check(ports: &[usize], edges: &[(usize, usize)]) -> Vec<Point> {
        let places = layered(ports, edges);
        assert_eq!(places.len(), ports.len());
        let rects: Vec<Rect> = places
            .iter()
            .zip(ports)
            .map(|(at, ports)| Rect::of_node(*at, *ports))
            .collect();
        for (index, a) in rects.iter().enumerate() {
            for b in &rects[index + 1..] {
                assert!(!a.meets(*b), "{a:?} overlaps {b:?}");
            }
        }
        places
    }

    #[test]
    fn a_chain_is_a_straight_line() {
        let places = check(&[1, 1, 1, 0], &[(0, 1), (1, 2), (2, 3)]);
        assert!(
            places
                .windows(2)
                .all(|two| two[0].x < two[1].x && (two[0].y - two[1].y).abs() < 1.0)
        );
    }

    #[test]
    fn branches_do_not_cross() {
        let places = check(&[2, 1, 1, 1, 1], &[(0, 1), (0, 2), (1, 4), (2, 3)]);
        assert_eq!(places[1].y < places[2].y, places[4].y < places[3].y);
    }

    #[test]
    fn whatever_the_graph_nothing_overlaps() {
        let mut state = 7_u64;
        let mut dice = |limit: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % limit
        };
        for count in [0, 1, 2, 9, 60] {
            for _ in 0..20 {
                let ports: Vec<usize> = (0..count).map(|_| dice(5)).collect();
                let edges: Vec<(usize, usize)> = (0..count * 3 / 2)
                    .map(|_| (dice(count), dice(count)))
                    .collect();
                check(&ports, &edges);
            }
        }
    }
}
