//! Users, sessions and keys in PostgreSQL, schema `platform`.
//!
//! **Invariant:** no password, token or private key is stored in a form that would serve a reader of the database.

use contracts::{
    auth::User,
    id::{TenantId, UserId},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::Expr,
};
use sql::{Migration, Migrations, Platform, Pool};

use crate::domain::Email;

mod entities;
mod keys;
mod sessions;
mod tries;

pub(crate) use keys::KeyRow;
pub(crate) use sessions::{Rotated, SessionRow};

use entities::user;

/// The tables of this service.
pub const MIGRATIONS: Migrations = Migrations {
    service: "auth",
    platform: &[Migration {
        name: "0001_identity",
        sql: include_str!("store/0001_identity.sql"),
    }],
    tenant: &[],
};

/// What the database knows of users and sessions.
#[derive(Clone)]
pub(crate) struct AuthStore {
    pool: Pool,
}

/// A user with what only this service may know.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) user: User,
    pub(crate) password_hash: String,
    pub(crate) state: AccountState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AccountState {
    /// Registered, but the organization does not exist yet.
    Pending {
        organization_id: TenantId,
        organization: String,
    },
    Active,
    /// May not sign in.
    Disabled,
}

impl AuthStore {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool }
    }

    /// Users have no tenant, so the transaction is bound to none.
    async fn begin(&self) -> Result<Platform, sql::Error> {
        self.pool.platform(None, None).await
    }

    /// Adds a user; false where the email is registered already.
    pub(crate) async fn add_user(&self, account: &Account) -> Result<bool, sql::Error> {
        let transaction = self.begin().await?;
        let added = user::Entity::insert(row_of(account).into_active_model())
            .exec_without_returning(transaction.conn())
            .await
            .map_err(sql::Error::from);
        match added {
            Ok(_) => transaction.commit().await.map(|()| true),
            Err(error) if error.violates("users_email") => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn user_by_email(&self, email: &Email) -> Result<Option<Account>, sql::Error> {
        let transaction = self.begin().await?;
        let row = user::Entity::find()
            .filter(user::Column::Email.eq(email.as_str()))
            .one(transaction.conn())
            .await?;
        Ok(row.map(account_of))
    }

    pub(crate) async fn user(&self, id: UserId) -> Result<Option<Account>, sql::Error> {
        let transaction = self.begin().await?;
        Ok(user::Entity::find_by_id(id.uuid())
            .one(transaction.conn())
            .await?
            .map(account_of))
    }

    /// The organization of a pending registration exists now.
    pub(crate) async fn activate(&self, id: UserId) -> Result<(), sql::Error> {
        let transaction = self.begin().await?;
        user::Entity::update_many()
            .col_expr(user::Column::State, Expr::value("active"))
            .col_expr(
                user::Column::PendingOrganizationId,
                Expr::value(None::<sea_orm::prelude::Uuid>),
            )
            .col_expr(
                user::Column::PendingOrganizationName,
                Expr::value(None::<String>),
            )
            .filter(user::Column::Id.eq(id.uuid()))
            .filter(user::Column::State.eq("pending"))
            .exec(transaction.conn())
            .await?;
        transaction.commit().await
    }

    /// Renames a user; false where there is none.
    pub(crate) async fn rename(&self, id: UserId, name: &str) -> Result<bool, sql::Error> {
        let transaction = self.begin().await?;
        let changed = user::Entity::update_many()
            .set(user::ActiveModel {
                name: Set(name.to_owned()),
                ..Default::default()
            })
            .filter(user::Column::Id.eq(id.uuid()))
            .exec(transaction.conn())
            .await?;
        transaction.commit().await?;
        Ok(changed.rows_affected == 1)
    }
}

fn row_of(account: &Account) -> user::Model {
    let Account {
        user,
        password_hash,
        state,
    } = account.clone();
    let (state, pending) = match state {
        AccountState::Pending {
            organization_id,
            organization,
        } => ("pending", Some((organization_id, organization))),
        AccountState::Active => ("active", None),
        AccountState::Disabled => ("disabled", None),
    };
    let (pending_organization_id, pending_organization_name) = pending.unzip();
    user::Model {
        id: user.id.uuid(),
        email: user.email,
        name: user.name,
        password_hash,
        state: state.to_owned(),
        pending_organization_id: pending_organization_id.map(TenantId::uuid),
        pending_organization_name,
        created_at: user.created_at,
    }
}

fn account_of(row: user::Model) -> Account {
    let state = match (
        row.state.as_str(),
        row.pending_organization_id,
        row.pending_organization_name,
    ) {
        ("pending", Some(id), Some(organization)) => AccountState::Pending {
            organization_id: TenantId::from_uuid(id),
            organization,
        },
        ("active", _, _) => AccountState::Active,
        // The table's checks allow no fourth case; whoever is in one does not get in.
        _ => AccountState::Disabled,
    };
    Account {
        user: User {
            id: UserId::from_uuid(row.id),
            email: row.email,
            name: row.name,
            created_at: row.created_at,
        },
        password_hash: row.password_hash,
        state,
    }
}
