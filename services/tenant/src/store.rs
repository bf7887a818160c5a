//! Organizations and memberships, in the schema that all tenants share.
//!
//! **Invariant:** forced row-level security on both tables; a tenant's rows are written in that tenant's transaction alone.

mod entities;

use contracts::{
    Role,
    id::{TenantId, UserId},
    page::{Page, Paging},
    tenant::{Member, Membership, Organization},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::LockType,
};
use sql::{Cursor, Migration, Migrations, Platform, Pool};

use crate::Error;
use entities::{membership, organization};

pub const MIGRATIONS: Migrations = Migrations {
    service: "tenant",
    platform: &[Migration {
        name: "0001_organizations",
        sql: include_str!("store/0001_organizations.sql"),
    }],
    tenant: &[],
};

/// Organizations of one user at most.
const MEMBERSHIPS: u64 = 1_000;

pub(crate) struct TenantStore {
    pool: Pool,
}

/// An organization with its first member.
pub(crate) struct NewOrganization {
    pub(crate) organization: Organization,
    pub(crate) owner: Member,
}

impl TenantStore {
    pub(crate) async fn connect(config: &sql::Config) -> Result<Self, Error> {
        let pool = Pool::connect(config, &MIGRATIONS).await?;
        Ok(Self { pool })
    }

    pub(crate) async fn ping(&self) -> Result<(), Error> {
        Ok(self.pool.ping().await?)
    }

    /// Creates the organization, or finds that it is there already with the same owner.
    pub(crate) async fn create(&self, new: &NewOrganization) -> Result<Organization, Error> {
        let tenant = new.organization.id;
        match self.insert(new).await {
            Err(Error::Sql(error)) if error.violates("organizations_pkey") => {
                let platform = self.of(tenant).await?;
                let there = find_member(&platform, tenant, new.owner.user_id).await?;
                if there.is_none() {
                    return Err(Error::OrganizationTaken(tenant));
                }
                find_organization(&platform, tenant).await
            }
            Err(error) => Err(error),
            Ok(()) => Ok(new.organization.clone()),
        }
    }

    async fn insert(&self, new: &NewOrganization) -> Result<(), Error> {
        let tenant = new.organization.id;
        let platform = self.of(tenant).await?;
        let organization = organization::ActiveModel {
            tenant_id: Set(tenant.uuid()),
            name: Set(new.organization.name.clone()),
            created_at: Set(new.organization.created_at),
        };
        organization::Entity::insert(organization)
            .exec_without_returning(platform.conn())
            .await?;
        insert_member(&platform, tenant, &new.owner).await?;
        Ok(platform.commit().await?)
    }

    pub(crate) async fn add(&self, tenant: TenantId, member: &Member) -> Result<(), Error> {
        let platform = self.of(tenant).await?;
        find_organization(&platform, tenant).await?;
        match insert_member(&platform, tenant, member).await {
            Err(Error::Sql(error)) if error.violates("memberships_pkey") => {
                Err(Error::AlreadyMember(member.user_id))
            }
            Err(error) => Err(error),
            Ok(()) => Ok(platform.commit().await?),
        }
    }

    /// The first joined first.
    pub(crate) async fn memberships_of(&self, user: UserId) -> Result<Vec<Membership>, Error> {
        let platform = self.pool.platform(None, Some(user)).await?;
        let rows = membership::Entity::find()
            .find_also_related(organization::Entity)
            .filter(membership::Column::UserId.eq(user.uuid()))
            .order_by_asc(membership::Column::JoinedAt)
            .order_by_asc(membership::Column::TenantId)
            .limit(MEMBERSHIPS)
            .all(platform.conn())
            .await?;
        let memberships = rows.into_iter().filter_map(|(membership, organization)| {
            let organization = organization?.into_contract();
            Some(
                membership
                    .role()
                    .map(|role| Membership { organization, role }),
            )
        });
        memberships.collect()
    }

    pub(crate) async fn organization(&self, tenant: TenantId) -> Result<Organization, Error> {
        find_organization(&self.of(tenant).await?, tenant).await
    }

    pub(crate) async fn rename(
        &self,
        tenant: TenantId,
        name: String,
    ) -> Result<Organization, Error> {
        let platform = self.of(tenant).await?;
        let change = organization::ActiveModel {
            tenant_id: Set(tenant.uuid()),
            name: Set(name),
            ..Default::default()
        };
        let changed = organization::Entity::update(change)
            .exec(platform.conn())
            .await;
        let changed = match changed {
            Err(sea_orm::DbErr::RecordNotUpdated) => {
                return Err(Error::UnknownOrganization(tenant));
            }
            outcome => outcome?,
        };
        platform.commit().await?;
        Ok(changed.into_contract())
    }

    /// The first joined first.
    pub(crate) async fn members(
        &self,
        tenant: TenantId,
        paging: &Paging,
    ) -> Result<Page<Member>, Error> {
        let cursor = Cursor::of(paging)?;
        let platform = self.of(tenant).await?;
        let mut query = membership::Entity::find()
            .filter(membership::Column::TenantId.eq(tenant.uuid()))
            .order_by_asc(membership::Column::JoinedAt)
            .order_by_asc(membership::Column::UserId)
            .limit(u64::from(paging.rows()) + 1);
        if let Some(cursor) = cursor {
            let (time, id) = (membership::Column::JoinedAt, membership::Column::UserId);
            query = query.filter(cursor.after(time, id));
        }
        let rows = query.all(platform.conn()).await?;
        let members: Vec<Member> = rows
            .into_iter()
            .map(membership::Model::into_contract)
            .collect::<Result<_, _>>()?;
        let position = |member: &Member| Cursor {
            at: member.joined_at,
            id: member.user_id.uuid(),
        };
        Ok(sql::page(members, paging, position, |member| member))
    }

    /// The members, held still: nobody else changes roles or leaves until it is committed or dropped.
    pub(crate) async fn roster(&self, tenant: TenantId) -> Result<Roster, Error> {
        let platform = self.of(tenant).await?;
        let held = organization::Entity::find_by_id(tenant.uuid())
            .lock(LockType::Update)
            .one(platform.conn())
            .await?;
        if held.is_none() {
            return Err(Error::UnknownOrganization(tenant));
        }
        Ok(Roster { platform, tenant })
    }

    async fn of(&self, tenant: TenantId) -> Result<Platform, Error> {
        Ok(self.pool.platform(Some(tenant), None).await?)
    }
}

/// The members of one organization in an open transaction.
pub(crate) struct Roster {
    platform: Platform,
    tenant: TenantId,
}

impl Roster {
    pub(crate) async fn role(&self, user: UserId) -> Result<Option<Role>, Error> {
        let found = find_member(&self.platform, self.tenant, user).await?;
        found.map(|membership| membership.role()).transpose()
    }

    pub(crate) async fn owners(&self) -> Result<u64, Error> {
        let owners = membership::Entity::find()
            .filter(membership::Column::TenantId.eq(self.tenant.uuid()))
            .filter(membership::Column::Role.eq(Role::Owner.as_str()));
        Ok(owners.count(self.platform.conn()).await?)
    }

    pub(crate) async fn set_role(&self, user: UserId, role: Role) -> Result<Member, Error> {
        let change = membership::ActiveModel {
            tenant_id: Set(self.tenant.uuid()),
            user_id: Set(user.uuid()),
            role: Set(role.as_str().to_owned()),
            ..Default::default()
        };
        let changed = membership::Entity::update(change).exec(self.platform.conn());
        changed.await?.into_contract()
    }

    pub(crate) async fn remove(&self, user: UserId) -> Result<(), Error> {
        membership::Entity::delete_by_id((self.tenant.uuid(), user.uuid()))
            .exec(self.platform.conn())
            .await?;
        Ok(())
    }

    pub(crate) async fn commit(self) -> Result<(), Error> {
        Ok(self.platform.commit().await?)
    }
}

async fn find_organization(platform: &Platform, tenant: TenantId) -> Result<Organization, Error> {
    let found = organization::Entity::find_by_id(tenant.uuid())
        .one(platform.conn())
        .await?;
    found
        .map(organization::Model::into_contract)
        .ok_or(Error::UnknownOrganization(tenant))
}

async fn find_member(
    platform: &Platform,
    tenant: TenantId,
    user: UserId,
) -> Result<Option<membership::Model>, Error> {
    let found = membership::Entity::find_by_id((tenant.uuid(), user.uuid()));
    Ok(found.one(platform.conn()).await?)
}

async fn insert_member(
    platform: &Platform,
    tenant: TenantId,
    member: &Member,
) -> Result<(), Error> {
    let row = membership::ActiveModel {
        tenant_id: Set(tenant.uuid()),
        user_id: Set(member.user_id.uuid()),
        email: Set(member.email.clone()),
        name: Set(member.name.clone()),
        role: Set(member.role.as_str().to_owned()),
        joined_at: Set(member.joined_at),
    };
    membership::Entity::insert(row)
        .exec_without_returning(platform.conn())
        .await?;
    Ok(())
}
