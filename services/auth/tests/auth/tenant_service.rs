//! A tenant service that keeps all in memory: services never link each other, not even in tests.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use chrono::Utc;
use contracts::{
    ErrorCode, Problem, Role,
    id::{TenantId, UserId},
    tenant::{JoinOrganization, Member, Membership, MembershipsOf, Organization, Provision},
};
use kernel::{Ctx, Service};

#[derive(Default)]
pub(crate) struct Tenants {
    members: Mutex<Vec<(Organization, UserId, Role)>>,
    /// Every request is answered with `unavailable`.
    pub(crate) down: AtomicBool,
}

impl Tenants {
    pub(crate) fn set_role(&self, tenant: TenantId, user: UserId, role: Role) {
        let mut members = self.members.lock().unwrap();
        let found = members
            .iter_mut()
            .find(|(organization, member, _)| organization.id == tenant && *member == user);
        found.expect("a member").2 = role;
    }

    pub(crate) fn remove(&self, tenant: TenantId, user: UserId) {
        self.members
            .lock()
            .unwrap()
            .retain(|(organization, member, _)| organization.id != tenant || *member != user);
    }

    pub(crate) fn organizations(&self) -> usize {
        let members = self.members.lock().unwrap();
        let mut ids: Vec<_> = members
            .iter()
            .map(|(organization, _, _)| organization.id)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    }

    fn check_up(&self) -> Result<(), Problem> {
        if self.down.load(Ordering::Relaxed) {
            return Err(Problem::new(
                ErrorCode::Unavailable,
                "the tenant service is down",
            ));
        }
        Ok(())
    }

    fn add(&self, organization: Organization, user: UserId, role: Role) -> Organization {
        let mut members = self.members.lock().unwrap();
        let known = members
            .iter()
            .find(|(known, member, _)| known.id == organization.id && *member == user);
        if let Some((known, _, _)) = known {
            return known.clone();
        }
        members.push((organization.clone(), user, role));
        organization
    }
}

pub(crate) fn service(tenants: Arc<Tenants>) -> Service<Arc<Tenants>> {
    Service::new("tenant", tenants)
        .on(provision)
        .on(memberships_of)
        .on(join)
}

async fn provision(ctx: Ctx<Arc<Tenants>>, request: Provision) -> Result<Organization, Problem> {
    ctx.state.check_up()?;
    let organization = Organization {
        id: ctx.tenant,
        name: request.name,
        created_at: Utc::now(),
    };
    Ok(ctx.state.add(organization, request.owner_id, Role::Owner))
}

async fn memberships_of(
    ctx: Ctx<Arc<Tenants>>,
    request: MembershipsOf,
) -> Result<Vec<Membership>, Problem> {
    ctx.state.check_up()?;
    assert_eq!(ctx.tenant, TenantId::PLATFORM);
    let members = ctx.state.members.lock().unwrap();
    let of_user = members
        .iter()
        .filter(|(_, user, _)| *user == request.user_id);
    Ok(of_user
        .map(|(organization, _, role)| Membership {
            organization: organization.clone(),
            role: *role,
        })
        .collect())
}

async fn join(ctx: Ctx<Arc<Tenants>>, request: JoinOrganization) -> Result<Member, Problem> {
    ctx.state.check_up()?;
    let organization = ctx
        .state
        .members
        .lock()
        .unwrap()
        .iter()
        .find(|(known, _, _)| known.id == ctx.tenant)
        .map(|(known, _, _)| known.clone());
    let organization =
        organization.ok_or_else(|| Problem::new(ErrorCode::NotFound, "no such organization"))?;
    ctx.state.add(organization, request.user_id, request.role);
    Ok(Member {
        user_id: request.user_id,
        email: request.email,
        name: format!("{} added by {}", request.name, request.by_role.as_str()),
        role: request.role,
        joined_at: Utc::now(),
    })
}
