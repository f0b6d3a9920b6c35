//! `TOKEN#system#credential#merchant` and `LEDGER#system#client`: sealed tokens, who is renewing them, and how often
//! tokens were asked for. A token in use stands in the index `due` by the time of its last use.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Dynamo;
use super::keys::{Key, sortable, token_partitions, token_shard};
use super::table::{Guard, Item, SCHEMA, Search, Transacted, Write, body, from_item, key_item, number, string};
use super::table::{text, to_body, to_item, updated};
use crate::domain::Nonce;
use crate::ports::{
    RefreshLease, SealedToken, StoreError, StoredToken, TokenInUse, TokenKey, TokenRequests, TokenStore, TokensInUse,
};

/// How long a token that nobody uses stays in the table, in seconds.
const KEPT: i64 = 30 * 24 * 60 * 60;

/// How long the requests of a client stay in the table after the last, in seconds.
const REQUESTS_KEPT: i64 = 3 * 24 * 60 * 60;

/// `valid_until` is the token's own end; `expires_at` is when the table forgets the item.
#[derive(Deserialize)]
struct TokenItem {
    #[serde(default)]
    version: u64,
    sealed: Option<String>,
    client: Option<String>,
    issued_at: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    lease_owner: Option<Nonce>,
    lease_until: Option<Timestamp>,
    due_at: Option<Timestamp>,
    body: Option<String>,
}

#[derive(Serialize)]
struct RequestsItem {
    pk: String,
    sk: String,
    schema: u32,
    version: u64,
    expires_at: i64,
    body: String,
}

#[async_trait]
impl TokenStore for Dynamo {
    async fn read(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        let item = self.get(&Key::token(key)).await?;
        Ok(item.map(from_item::<TokenItem>).transpose()?.map(StoredToken::from))
    }

    async fn lease(
        &self,
        key: &TokenKey,
        version: u64,
        lease: &RefreshLease,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let unleased = "(attribute_not_exists(lease_until) OR lease_until <= :now OR lease_owner = :owner)";
        let same = match version {
            0 => "attribute_not_exists(#version)",
            _ => "#version = :version",
        };
        let mut request = self
            .update(key)
            .update_expression("SET #schema = :schema, lease_owner = :owner, lease_until = :until, #body = :body")
            .condition_expression(format!("{same} AND {unleased}"))
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#body", "body")
            .expression_attribute_values(":schema", number(SCHEMA))
            .expression_attribute_values(":owner", string(lease.owner.as_str()))
            .expression_attribute_values(":until", string(sortable(lease.until)))
            .expression_attribute_values(":now", string(sortable(now)))
            .expression_attribute_values(":body", string(to_body(key)?));
        if version > 0 {
            request = request.expression_attribute_values(":version", number(version));
        }
        updated(request.send().await)
    }

    async fn save(&self, key: &TokenKey, owner: &Nonce, version: u64, token: &SealedToken) -> Result<bool, StoreError> {
        let request = self
            .update(key)
            .update_expression(
                "SET #version = :version, sealed = :sealed, #client = :client, issued_at = :issued_at, \
                 valid_until = :valid_until REMOVE lease_owner, lease_until",
            )
            .condition_expression("lease_owner = :owner")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#client", "client")
            .expression_attribute_values(":version", number(version))
            .expression_attribute_values(":sealed", string(&token.sealed))
            .expression_attribute_values(":client", string(&token.client))
            .expression_attribute_values(":issued_at", string(token.issued_at.to_string()))
            .expression_attribute_values(":valid_until", string(token.expires_at.to_string()))
            .expression_attribute_values(":owner", string(owner.as_str()));
        updated(request.send().await)
    }

    async fn free(&self, key: &TokenKey, owner: &Nonce) -> Result<(), StoreError> {
        let request = self
            .update(key)
            .update_expression("REMOVE lease_owner, lease_until")
            .condition_expression("lease_owner = :owner")
            .expression_attribute_values(":owner", string(owner.as_str()));
        updated(request.send().await).map(|_| ())
    }

    async fn mark_used(&self, key: &TokenKey, at: Timestamp) -> Result<(), StoreError> {
        let request = self
            .update(key)
            .update_expression("SET due_shard = :shard, due_at = :at, expires_at = :expires_at, #body = :body")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#body", "body")
            .expression_attribute_values(":shard", string(token_shard(key)))
            .expression_attribute_values(":at", string(sortable(at)))
            .expression_attribute_values(":expires_at", number(at.as_second() + KEPT))
            .expression_attribute_values(":body", string(to_body(key)?));
        updated(request.send().await).map(|_| ())
    }

    async fn requests(&self, system: &str, client: &str) -> Result<TokenRequests, StoreError> {
        let item = self.get(&Key::requests(system, client)).await?;
        Ok(item.as_ref().map(body).transpose()?.unwrap_or_default())
    }

    async fn write_requests(&self, system: &str, client: &str, requests: &TokenRequests) -> Result<bool, StoreError> {
        let (key, version) = (Key::requests(system, client), requests.version);
        let last = requests.at.last().map_or(0, |at| at.as_second());
        let (schema, expires_at, body) = (SCHEMA, last + REQUESTS_KEPT, to_body(requests)?);
        let item = to_item(&RequestsItem {
            pk: key.pk,
            sk: key.sk,
            schema,
            version,
            expires_at,
            body,
        })?;
        let written = self
            .put(&Write {
                item,
                guard: Guard::before(version),
            })
            .await?;
        Ok(matches!(written, Transacted::Done))
    }
}

#[async_trait]
impl TokensInUse for Dynamo {
    async fn in_use(&self, since: Timestamp) -> Result<Vec<TokenInUse>, StoreError> {
        let search = |shard| Search::index("due", "due_shard", shard).from("due_at", sortable(since));
        let searches: Vec<Search> = token_partitions().into_iter().map(search).collect();
        let found = try_join_all(searches.iter().map(|search| self.search(search))).await?;
        let items = self.batch(found.iter().flatten().filter_map(whole_key)).await?;
        let tokens = items.into_iter().map(in_use).collect::<Result<Vec<_>, _>>()?;
        let mut tokens: Vec<TokenInUse> = tokens.into_iter().flatten().collect();
        tokens.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(tokens)
    }
}

impl Dynamo {
    fn update(&self, key: &TokenKey) -> UpdateItemFluentBuilder {
        let request = self.client.update_item().table_name(&self.table);
        request.set_key(Some(key_item(&Key::token(key))))
    }
}

impl From<TokenItem> for StoredToken {
    fn from(item: TokenItem) -> Self {
        let token = (item.sealed.zip(item.client)).zip(item.issued_at.zip(item.valid_until));
        let lease = item.lease_owner.zip(item.lease_until);
        Self {
            version: item.version,
            token: token.map(|((sealed, client), (issued_at, expires_at))| SealedToken {
                sealed,
                client,
                issued_at,
                expires_at,
            }),
            lease: lease.map(|(owner, until)| RefreshLease { owner, until }),
            used_at: item.due_at,
        }
    }
}

/// `None` for an item whose first token is still being asked for.
fn in_use(item: Item) -> Result<Option<TokenInUse>, StoreError> {
    let item: TokenItem = from_item(item)?;
    let key = item.body.as_deref().map(serde_json::from_str::<TokenKey>).transpose();
    let key = key.map_err(|error| StoreError(format!("a token's key cannot be read: {error}")))?;
    let known = key.zip(item.issued_at.zip(item.valid_until)).zip(item.due_at);
    Ok(known.map(|((key, (issued_at, expires_at)), used_at)| TokenInUse {
        key,
        version: item.version,
        issued_at,
        expires_at,
        used_at,
    }))
}

fn whole_key(item: &Item) -> Option<Key> {
    Some(Key {
        pk: text(item, "pk")?.to_owned(),
        sk: text(item, "sk")?.to_owned(),
    })
}
