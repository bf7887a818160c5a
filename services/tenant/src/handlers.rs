//! One function per request: check the input, ask domain and store, answer.
//!
//! **Invariant:** a member whose role shrank or who left holds no valid token afterwards.

use bus::Bucket;
use chrono::{DateTime, SubsecRound, Utc};
use contracts::{
    id::{TenantId, UserId},
    page::Page,
    principal::revocation,
    tenant::{
        GetOrganization, JoinOrganization, ListMembers, ListOrganizations, Member, Membership,
        MembershipsOf, Organization, Provision, RemoveMember, UpdateMember, UpdateOrganization,
    },
};
use kernel::Ctx;

use crate::{Error, State, domain, store::NewOrganization};

pub(crate) async fn provision(ctx: Ctx<State>, request: Provision) -> Result<Organization, Error> {
    let name = domain::organization_name(&request.name)?;
    let State {
        store,
        owner,
        services,
    } = &*ctx.state;
    owner.create_tenant(ctx.tenant, services).await?;
    let created_at = now();
    let new = NewOrganization {
        organization: Organization {
            id: ctx.tenant,
            name,
            created_at,
        },
        owner: Member {
            user_id: request.owner_id,
            email: request.owner_email,
            name: request.owner_name,
            role: contracts::Role::Owner,
            joined_at: created_at,
        },
    };
    let organization = store.create(&new).await?;
    tracing::info!(tenant.id = %ctx.tenant, "an organization is ready");
    Ok(organization)
}

pub(crate) async fn memberships_of(
    ctx: Ctx<State>,
    request: MembershipsOf,
) -> Result<Vec<Membership>, Error> {
    ctx.state.store.memberships_of(request.user_id).await
}

pub(crate) async fn join(ctx: Ctx<State>, request: JoinOrganization) -> Result<Member, Error> {
    domain::check_join(request.by_role, request.role)?;
    let member = Member {
        user_id: request.user_id,
        email: request.email,
        name: request.name,
        role: request.role,
        joined_at: now(),
    };
    ctx.state.store.add(ctx.tenant, &member).await?;
    Ok(member)
}

pub(crate) async fn list(
    ctx: Ctx<State>,
    _: ListOrganizations,
) -> Result<Page<Organization>, Error> {
    let user = ctx.principal().user_id;
    let memberships = ctx.state.store.memberships_of(user).await?;
    let organizations = memberships.into_iter().map(|one| one.organization);
    Ok(Page {
        items: organizations.collect(),
        next: None,
    })
}

pub(crate) async fn get(ctx: Ctx<State>, request: GetOrganization) -> Result<Organization, Error> {
    check_own(ctx.tenant, request.organization_id)?;
    ctx.state.store.organization(ctx.tenant).await
}

pub(crate) async fn update(
    ctx: Ctx<State>,
    request: UpdateOrganization,
) -> Result<Organization, Error> {
    check_own(ctx.tenant, request.organization_id)?;
    let name = domain::organization_name(&request.name)?;
    ctx.state.store.rename(ctx.tenant, name).await
}

pub(crate) async fn members(ctx: Ctx<State>, request: ListMembers) -> Result<Page<Member>, Error> {
    check_own(ctx.tenant, request.organization_id)?;
    ctx.state.store.members(ctx.tenant, &request.paging).await
}

pub(crate) async fn update_member(ctx: Ctx<State>, request: UpdateMember) -> Result<Member, Error> {
    check_own(ctx.tenant, request.organization_id)?;
    let roster = ctx.state.store.roster(ctx.tenant).await?;
    let own = roster.role(ctx.principal().user_id).await?;
    let own = own.ok_or(Error::NotAMember)?;
    let present = roster.role(request.user_id).await?;
    let present = present.ok_or(Error::UnknownMember(request.user_id))?;
    domain::check_change(own, present, request.role, roster.owners().await?)?;
    // The same role again is written too: whoever asks again after a failure gets the tokens revoked that were left.
    let member = roster.set_role(request.user_id, request.role).await?;
    revoke(&ctx, request.user_id).await?;
    roster.commit().await?;
    revoke(&ctx, request.user_id).await?;
    Ok(member)
}

pub(crate) async fn remove_member(ctx: Ctx<State>, request: RemoveMember) -> Result<(), Error> {
    check_own(ctx.tenant, request.organization_id)?;
    let roster = ctx.state.store.roster(ctx.tenant).await?;
    let own = roster.role(ctx.principal().user_id).await?;
    let own = own.ok_or(Error::NotAMember)?;
    let Some(present) = roster.role(request.user_id).await? else {
        // They may have gone in a request whose last step failed.
        revoke(&ctx, request.user_id).await?;
        return Err(Error::UnknownMember(request.user_id));
    };
    domain::check_removal(own, present, roster.owners().await?)?;
    roster.remove(request.user_id).await?;
    revoke(&ctx, request.user_id).await?;
    roster.commit().await?;
    revoke(&ctx, request.user_id).await
}

/// Another organization is one that does not exist.
fn check_own(tenant: TenantId, organization: TenantId) -> Result<(), Error> {
    if tenant == organization {
        return Ok(());
    }
    Err(Error::UnknownOrganization(organization))
}

/// Ends what the user's tokens of this organization may do, up to now.
///
/// Called twice. Before the commit: if it cannot be done, nothing changes. After the commit: a token that was issued in
/// between still carries the old role.
async fn revoke(ctx: &Ctx<State>, user: UserId) -> Result<(), Error> {
    let key = revocation::of_member(ctx.tenant, user);
    let put = async {
        let bucket = ctx.bus.kv(Bucket::Revocations).await?;
        let now = Utc::now().timestamp_millis().to_string();
        bucket.put(&key, now.into()).await
    };
    put.await.map_err(Error::Revocation)?;
    Ok(())
}

/// To the microsecond, as the database keeps it: what is answered now is what is read later.
fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
