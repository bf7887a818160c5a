//! Who gets a free worker of a class, and what may be queued for the workers of other processes.
//!
//! **Invariants:** while anybody waits who may have it, no slot is free. Nothing is queued for which nobody waits: the queue knows
//! no turns, so whoever has to wait does so here. One organization has seven of eight slots at most.

use std::collections::HashMap;

use contracts::id::TenantId;

use super::turns::Turns;

/// Those who take from the queue have turns as if they were an organization: none runs anything under this id.
pub(super) const QUEUE: TenantId = TenantId::PLATFORM;
/// Attempts of one organization that wait; the queue takes what is beyond.
const MAX_WAITING: usize = 20_000;
/// The same of all.
const MAX_WAITING_OF_ALL: usize = 100_000;
/// Looks without a sign of what was promised, before it is taken for gone elsewhere.
const PATIENCE: u32 = 10;

/// The slots of a class in this process, and who waits for one.
pub(super) struct Room<T> {
    free: usize,
    /// The slots that one organization may have.
    share: usize,
    taken: HashMap<TenantId, usize>,
    /// What may begin here.
    direct: Turns<T>,
    /// What has to take the queue, which counts how often it is given out.
    counted: Turns<T>,
    /// Those of this process who wait for the queue.
    idle: usize,
    /// What was queued for them, and has not come.
    promised: HashMap<TenantId, usize>,
    /// Looks since something was promised or came.
    unheard: u32,
    /// Those of other processes who waited, when it was last looked.
    elsewhere: usize,
    /// Those of them for whom nothing was queued; no more than waited at the look before.
    offers: usize,
}

/// What goes on.
#[derive(Debug, PartialEq)]
pub(super) enum Next<T> {
    /// With a slot of the organization, until [`Room::leave`].
    Begin(TenantId, T),
    Queue(T),
}

impl<T> Room<T> {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            free: slots,
            share: slots - slots / 8,
            taken: HashMap::new(),
            direct: Turns::default(),
            counted: Turns::default(),
            idle: 0,
            promised: HashMap::new(),
            unheard: 0,
            elsewhere: 0,
            offers: 0,
        }
    }

    /// Waits for a slot.
    ///
    /// # Errors
    /// With what came, when too much waits.
    pub(super) fn enter(&mut self, tenant: TenantId, what: T) -> Result<(), T> {
        if self.is_full(tenant) {
            return Err(what);
        }
        self.direct.push(tenant, what);
        Ok(())
    }

    /// Waits until somebody waits for the queue.
    ///
    /// # Errors
    /// With what came, when too much waits.
    pub(super) fn enter_counted(&mut self, tenant: TenantId, what: T) -> Result<(), T> {
        if self.is_full(tenant) {
            return Err(what);
        }
        self.counted.push(tenant, what);
        Ok(())
    }

    /// Gives a slot back.
    pub(super) fn leave(&mut self, tenant: TenantId) {
        self.free += 1;
        lower(&mut self.taken, tenant);
    }

    /// The slot of one who takes from the queue is that of the organization whose item came.
    pub(super) fn charge(&mut self, tenant: TenantId) {
        lower(&mut self.taken, QUEUE);
        *self.taken.entry(tenant).or_default() += 1;
    }

    /// One who has a slot waits for the queue.
    pub(super) fn wait(&mut self) {
        self.idle += 1;
    }

    /// The wait is over: an item of this organization came, if any did.
    pub(super) fn waited(&mut self, tenant: Option<TenantId>) {
        self.idle -= 1;
        self.unheard = 0;
        if let Some(tenant) = tenant {
            lower(&mut self.promised, tenant);
        }
    }

    /// How many of this process wait for the queue.
    pub(super) const fn idle(&self) -> usize {
        self.idle
    }

    /// So many waited for the queue in all processes a moment ago, and `idle` of this one before.
    pub(super) fn looked(&mut self, waiting: usize, idle: usize) {
        self.unheard += 1;
        if self.unheard >= PATIENCE {
            self.promised.clear();
        }
        // Who comes and goes meanwhile is no other process.
        let elsewhere = waiting.saturating_sub(self.idle.max(idle));
        self.offers = elsewhere.min(self.elsewhere);
        self.elsewhere = elsewhere;
    }

    /// Whether anybody waits who might take the queue.
    pub(super) fn is_wanted(&self) -> bool {
        self.counted.len() + self.direct.len() > self.direct.len_of(QUEUE)
    }

    pub(super) fn retain(&mut self, wanted: impl Fn(&T) -> bool) {
        self.direct.retain(&wanted);
        self.counted.retain(wanted);
    }

    /// What goes on now.
    pub(super) fn next(&mut self) -> Option<Next<T>> {
        let (taken, promised, share) = (&self.taken, &self.promised, self.share);
        let has_room = |tenant| count(taken, tenant) + count(promised, tenant) < share;
        if self.free > 0
            && let Some((tenant, what)) = self.direct.pop(has_room)
        {
            self.free -= 1;
            *self.taken.entry(tenant).or_default() += 1;
            return Some(Next::Begin(tenant, what));
        }
        if self.promised.values().sum::<usize>() < self.idle
            && let Some((tenant, what)) = queued(&mut self.counted, &mut self.direct, has_room)
        {
            *self.promised.entry(tenant).or_default() += 1;
            self.unheard = 0;
            return Some(Next::Queue(what));
        }
        if self.offers > 0
            && let Some((_, what)) = queued(&mut self.counted, &mut self.direct, |_| true)
        {
            self.offers -= 1;
            return Some(Next::Queue(what));
        }
        None
    }

    /// All that waits, to be queued.
    pub(super) fn clear(&mut self) -> Vec<T> {
        let (counted, direct) = (&mut self.counted, &mut self.direct);
        let all = std::iter::from_fn(|| queued(counted, direct, |_| true));
        all.map(|(_, what)| what).collect()
    }

    fn is_full(&self, tenant: TenantId) -> bool {
        // Those who take from the queue are few, and what is beyond the limits goes there.
        if tenant == QUEUE {
            return false;
        }
        let own = self.direct.len_of(tenant) + self.counted.len_of(tenant);
        own >= MAX_WAITING || self.direct.len() + self.counted.len() >= MAX_WAITING_OF_ALL
    }
}

/// The next one for the queue.
fn queued<T>(
    counted: &mut Turns<T>,
    direct: &mut Turns<T>,
    may: impl Fn(TenantId) -> bool,
) -> Option<(TenantId, T)> {
    let next = counted.pop(&may);
    next.or_else(|| direct.pop(|tenant| tenant != QUEUE && may(tenant)))
}

fn count(counts: &HashMap<TenantId, usize>, tenant: TenantId) -> usize {
    counts.get(&tenant).copied().unwrap_or_default()
}

fn lower(counts: &mut HashMap<TenantId, usize>, tenant: TenantId) {
    if let Some(count) = counts.get_mut(&tenant) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(room: &mut Room<u32>) -> Vec<Next<u32>> {
        std::iter::from_fn(|| room.next()).collect()
    }

    #[test]
    fn an_eighth_of_the_slots_is_left_to_others() {
        let (loud, quiet) = (TenantId::generate(), TenantId::generate());
        let mut room = Room::new(16);
        for number in 0..100 {
            room.enter(loud, number).unwrap();
        }
        assert_eq!(all(&mut room).len(), 14);
        room.enter(quiet, 200).unwrap();
        assert_eq!(all(&mut room), [Next::Begin(quiet, 200)]);
        room.enter(quiet, 201).unwrap();
        room.enter(quiet, 202).unwrap();
        assert_eq!(all(&mut room), [Next::Begin(quiet, 201)]);
        room.leave(loud);
        room.leave(loud);
        assert_eq!(
            all(&mut room),
            [Next::Begin(loud, 14), Next::Begin(quiet, 202)]
        );
    }

    #[test]
    fn a_few_slots_are_for_whoever_comes() {
        let tenant = TenantId::generate();
        let mut room = Room::new(2);
        for number in 0..3 {
            room.enter(tenant, number).unwrap();
        }
        assert_eq!(all(&mut room).len(), 2);
        room.leave(tenant);
        assert_eq!(all(&mut room), [Next::Begin(tenant, 2)]);
    }

    #[test]
    fn nothing_is_queued_for_which_nobody_waits() {
        let (loud, quiet) = (TenantId::generate(), TenantId::generate());
        let mut room = Room::new(1);
        room.enter(QUEUE, 0).unwrap();
        assert_eq!(all(&mut room), [Next::Begin(QUEUE, 0)]);
        for number in 1..10 {
            room.enter_counted(loud, number).unwrap();
        }
        room.enter(quiet, 20).unwrap();
        assert!(room.is_wanted());
        assert_eq!(all(&mut room), []);
        room.wait();
        assert_eq!(all(&mut room), [Next::Queue(1)]);
        // It came: the slot is taken.
        room.waited(Some(loud));
        room.charge(loud);
        assert_eq!(all(&mut room), []);
        // Two wait in other processes, and have done so before.
        room.looked(2, 0);
        assert_eq!(all(&mut room), []);
        room.looked(3, 0);
        assert_eq!(all(&mut room), [Next::Queue(2), Next::Queue(3)]);
        room.leave(loud);
        assert_eq!(all(&mut room), [Next::Begin(quiet, 20)]);
        assert_eq!(room.clear(), [4, 5, 6, 7, 8, 9]);
        assert!(!room.is_wanted());
    }

    #[test]
    fn what_was_promised_and_went_elsewhere_is_made_good() {
        let tenant = TenantId::generate();
        let mut room = Room::new(1);
        room.enter(QUEUE, 0).unwrap();
        assert_eq!(all(&mut room).len(), 1);
        room.wait();
        for number in 1..4 {
            room.enter_counted(tenant, number).unwrap();
        }
        assert_eq!(all(&mut room), [Next::Queue(1)]);
        for _ in 1..PATIENCE {
            room.looked(1, 1);
            assert_eq!(all(&mut room), []);
        }
        room.looked(1, 1);
        assert_eq!(all(&mut room), [Next::Queue(2)]);
    }

    #[test]
    fn what_was_promised_counts_before_it_comes() {
        let (loud, quiet) = (TenantId::generate(), TenantId::generate());
        let mut room = Room::new(16);
        for taker in 0..4 {
            room.enter(QUEUE, taker).unwrap();
        }
        for number in 10..22 {
            room.enter(loud, number).unwrap();
        }
        assert_eq!(all(&mut room).len(), 16);
        (0..4).for_each(|_| room.wait());
        for number in 30..40 {
            room.enter_counted(loud, number).unwrap();
        }
        room.enter_counted(quiet, 50).unwrap();
        let next = [Next::Queue(30), Next::Queue(50), Next::Queue(31)];
        assert_eq!(all(&mut room), next);
    }

    #[test]
    fn too_much_of_one_goes_its_own_way() {
        let (loud, quiet) = (TenantId::generate(), TenantId::generate());
        let mut room = Room::new(1);
        for _ in 0..MAX_WAITING {
            room.enter(loud, 0).unwrap();
        }
        assert_eq!(room.enter(loud, 1), Err(1));
        assert_eq!(room.enter_counted(loud, 1), Err(1));
        room.enter(quiet, 2).unwrap();
    }

    #[test]
    fn who_takes_from_the_queue_has_turns_however_much_waits() {
        let mut room = Room::new(1);
        for _ in 0..MAX_WAITING_OF_ALL / MAX_WAITING {
            let tenant = TenantId::generate();
            for _ in 0..MAX_WAITING {
                room.enter(tenant, 0).unwrap();
            }
        }
        assert_eq!(room.enter(TenantId::generate(), 1), Err(1));
        room.enter(QUEUE, 2).unwrap();
        let turns = MAX_WAITING_OF_ALL / MAX_WAITING + 1;
        let taken = (0..turns).any(|_| match room.next() {
            Some(Next::Begin(tenant, _)) => {
                room.leave(tenant);
                tenant == QUEUE
            }
            Some(Next::Queue(_)) | None => false,
        });
        assert!(taken);
    }
}
