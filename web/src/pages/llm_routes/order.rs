//! Where a row goes that is dragged over its neighbours.

/// Top and height of a row, in pixels.
pub(super) type Extent = (f64, f64);

/// The place of the row that is held at `from` while the pointer is at `y`: it passes a neighbour once the pointer has
/// passed the neighbour's middle, so that rows of different heights do not swing back.
pub(super) fn place(rows: &[Extent], from: usize, y: f64) -> usize {
    let middle = |index: usize| rows[index].0 + rows[index].1 / 2.0;
    let mut to = from;
    while to + 1 < rows.len() && y > middle(to + 1) {
        to += 1;
    }
    while to > 0 && y < middle(to - 1) {
        to -= 1;
    }
    to
}

/// Takes one out and puts it in again at another place; the others keep their order.
pub(super) fn shift<T>(list: &mut Vec<T>, from: usize, to: usize) {
    let held = list.remove(from);
    list.insert(to, held);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [Extent; 3] = [(100.0, 40.0), (140.0, 80.0), (220.0, 40.0)];

    #[test]
    fn a_row_passes_its_neighbour_at_its_middle() {
        assert_eq!(place(&ROWS, 0, 179.0), 0);
        assert_eq!(place(&ROWS, 0, 181.0), 1);
        assert_eq!(place(&ROWS, 0, 900.0), 2);
        assert_eq!(place(&ROWS, 2, 181.0), 2);
        assert_eq!(place(&ROWS, 2, 119.0), 0);
        assert_eq!(place(&ROWS, 1, 0.0), 0);
        assert_eq!(place(&[], 0, 0.0), 0);
    }

    #[test]
    fn what_was_passed_stays_passed() {
        // The large row went up as the small one passed it.
        let after = [(100.0, 80.0), (180.0, 40.0), (220.0, 40.0)];
        assert_eq!(place(&after, 1, 181.0), 1);
    }

    #[test]
    fn the_others_keep_their_order() {
        let mut list = vec!['a', 'b', 'c', 'd'];
        shift(&mut list, 0, 2);
        assert_eq!(list, ['b', 'c', 'a', 'd']);
        shift(&mut list, 3, 0);
        assert_eq!(list, ['d', 'b', 'c', 'a']);
    }
}
