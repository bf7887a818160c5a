//! Where events of integrators arrive: what can be understood is stored, and then acknowledged.
//!
//! **Invariant:** what is under way takes bounded memory, and no organization takes more than half of it.

use std::collections::HashMap;

use bus::{Incoming, MAX_EVENT, NewEvent, NotKept};
use contracts::{
    Service,
    id::{EventId, TenantId},
    subject::{Token, inbound_of},
};
use futures::{StreamExt, stream::FuturesUnordered};
use kernel::TaskCtx;

use crate::store::FlowStore;

/// Bytes of events that are being stored.
const ROOM: usize = 64 * 1024 * 1024;
/// Of which one organization takes so many.
const SHARE: usize = ROOM / 2;
/// What an event takes beside its body.
const OVERHEAD: usize = 1024;
/// Characters of what an event is known by; of a longer one its hash stands for it.
const MAX_ID: usize = 200;

/// Takes events in until the service drains, and those that had arrived by then.
pub(crate) async fn arriving(task: TaskCtx<FlowStore>) {
    let mut arriving = match task.bus.arriving_events(Service::Flow).await {
        Ok(arriving) => arriving,
        // The kernel starts this task again.
        Err(error) => return tracing::warn!(%error, "events cannot be heard"),
    };
    let (mut room, mut is_open) = (Room::default(), true);
    let mut in_hand = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = task.stop.cancelled(), if is_open => {
                is_open = false;
                if let Err(error) = arriving.stop().await {
                    tracing::debug!(%error, "a subscription was not ended");
                }
            }
            Some(place) = in_hand.next() => room.leave(place),
            arrived = arriving.next() => match arrived {
                Some(arrived) => {
                    let event = read(&arrived).and_then(|event| room.enter(event));
                    in_hand.push(store(&task, arrived, event));
                }
                None => break,
            },
        }
    }
    while in_hand.next().await.is_some() {}
}

async fn store(
    task: &TaskCtx<FlowStore>,
    arrived: Incoming,
    event: Result<(NewEvent, Place), NotKept>,
) -> Option<Place> {
    let (place, kept) = match event {
        Err(refused) => (None, Err(refused)),
        Ok((event, place)) => {
            let stored = task.bus.keep_event(event).await;
            let kept = stored.map_err(|error| {
                tracing::warn!(%error, "an event cannot be stored");
                NotKept::Unavailable
            });
            (Some(place), kept)
        }
    };
    if let Err(error) = task.bus.acknowledge_event(&arrived, kept).await {
        tracing::warn!(%error, "the sender of an event was not answered");
    }
    place
}

fn read(arrived: &Incoming) -> Result<NewEvent, NotKept> {
    let (tenant, name) = inbound_of(arrived.subject()).ok_or(NotKept::Invalid(
        "the name of an event has 1 to 64 letters, digits, `_` or `-`",
    ))?;
    let body = arrived.payload().clone();
    let id = arrived.message_id();
    let id = id.map_or_else(|| EventId::generate().to_string(), short);
    written(tenant, name, id, body)
}

fn written(
    tenant: TenantId,
    name: Token,
    id: String,
    body: bytes::Bytes,
) -> Result<NewEvent, NotKept> {
    if body.len() > MAX_EVENT {
        return Err(NotKept::TooLarge);
    }
    if std::str::from_utf8(&body).is_err() {
        return Err(NotKept::Invalid("an event is JSON, or text in UTF-8"));
    }
    Ok(NewEvent {
        tenant,
        name,
        id,
        body,
    })
}

/// What a fire is known by must fit into an index.
fn short(id: &str) -> String {
    let fits = id.len() <= MAX_ID && !id.contains(char::is_control);
    if fits {
        id.to_owned()
    } else {
        contracts::hash(id.as_bytes())
    }
}

/// What the events under way take, in bytes.
#[derive(Default)]
struct Room {
    all: usize,
    by_tenant: HashMap<TenantId, usize>,
}

/// Of an event under way.
struct Place {
    tenant: TenantId,
    bytes: usize,
}

impl Room {
    fn enter(&mut self, event: NewEvent) -> Result<(NewEvent, Place), NotKept> {
        let (tenant, bytes) = (event.tenant, event.body.len() + OVERHEAD);
        let of_tenant = self.by_tenant.get(&tenant).copied().unwrap_or_default();
        if self.all + bytes > ROOM || of_tenant + bytes > SHARE {
            return Err(NotKept::Busy);
        }
        self.all += bytes;
        self.by_tenant.insert(tenant, of_tenant + bytes);
        Ok((event, Place { tenant, bytes }))
    }

    fn leave(&mut self, place: Option<Place>) {
        let Some(Place { tenant, bytes }) = place else {
            return;
        };
        self.all -= bytes;
        if let Some(of_tenant) = self.by_tenant.get_mut(&tenant) {
            *of_tenant -= bytes;
            if *of_tenant == 0 {
                self.by_tenant.remove(&tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(tenant: TenantId, bytes: usize) -> Result<NewEvent, NotKept> {
        let name = Token::new("paid").unwrap();
        written(tenant, name, "1".to_owned(), vec![b'x'; bytes].into())
    }

    #[test]
    fn an_organization_takes_half_of_the_room_at_most() {
        let mut room = Room::default();
        let (one, other) = (TenantId::generate(), TenantId::generate());
        let mut places = Vec::new();
        let busy = loop {
            match room.enter(event(one, MAX_EVENT).unwrap()) {
                Ok((_, place)) => places.push(place),
                Err(why) => break why,
            }
        };
        assert_eq!(busy, NotKept::Busy);
        assert!(room.all > SHARE - 2 * MAX_EVENT && room.all <= SHARE);
        let (_, place) = room.enter(event(other, 1).unwrap()).unwrap();
        places.push(place);
        for place in places {
            room.leave(Some(place));
        }
        assert_eq!((room.all, room.by_tenant.len()), (0, 0));
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        let tenant = TenantId::generate();
        assert_eq!(event(tenant, MAX_EVENT + 1).unwrap_err(), NotKept::TooLarge);
        let name = Token::new("paid").unwrap();
        let binary = written(tenant, name, "1".to_owned(), vec![0xff].into());
        assert!(matches!(binary, Err(NotKept::Invalid(_))));
        assert_eq!(short("order-7"), "order-7");
        assert_eq!(short(&"x".repeat(201)).len(), short("a\nb").len());
    }
}
