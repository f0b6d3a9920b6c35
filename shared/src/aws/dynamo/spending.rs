//! `SPEND#connection` / hour: what has been reserved of the connection's cap.

use async_trait::async_trait;
use jiff::Timestamp;

use super::Dynamo;
use super::keys::Key;
use super::table::{SCHEMA, key_item, number, updated};
use crate::connection::Connection;
use crate::domain::Money;
use crate::ports::{Spending, StoreError};

/// How long an hour is kept, in seconds.
const KEPT: i64 = 2 * 24 * 60 * 60;

#[async_trait]
impl Spending for Dynamo {
    /// A lost answer that is tried again counts twice: the cap is never passed, and may be reached too early.
    async fn reserve(&self, connection: &Connection, amount: &Money, now: Timestamp) -> Result<bool, StoreError> {
        let cap = &connection.spend_cap_per_hour;
        if amount.currency != cap.currency {
            tracing::warn!(connection = %connection.id, "a price in another currency than the cap's cannot be reserved");
            return Ok(false);
        }
        let left = cap.amount - amount.amount;
        if left.is_sign_negative() {
            return Ok(false);
        }
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key_item(&Key::spending(&connection.id, now))))
            .update_expression("SET #schema = :schema, expires_at = :expires_at ADD spent :amount")
            .condition_expression("attribute_not_exists(spent) OR spent <= :left")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":schema", number(SCHEMA))
            .expression_attribute_values(":expires_at", number(now.as_second() + KEPT))
            .expression_attribute_values(":amount", number(amount.amount))
            .expression_attribute_values(":left", number(left));
        updated(request.send().await)
    }
}
