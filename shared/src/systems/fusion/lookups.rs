//! What orders refer to: locations, items and suppliers, each looked up once.

use std::sync::{MutexGuard, PoisonError};

use serde_json::Value;

use super::client::{Fusion, Seen};
use super::convert::{self, Facts, ItemKey, Known, Lookups, PlaceKey, key};
use super::query;
use super::wire::{Item, Page, PurchaseOrder, Supplier};
use crate::domain::{Address, Refusal, Standing};
use crate::ports::CallError;

impl Fusion {
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the schedules refer to, closed ones included: what was shipped of them is compared with what they say later.
    pub(super) async fn lookups(&self, facts: &Facts<'_>) -> Result<Lookups, CallError> {
        let options = &self.settings.options;
        let mut lookups = Lookups::default();
        if facts.standing(&self.select, options) == Standing::Cancelled {
            return Ok(lookups);
        }
        for line in &facts.order.lines.items {
            for schedule in &line.schedules.items {
                if let Some(key) = convert::place_key(schedule) {
                    lookups.places.insert(key.clone(), self.location(&key).await?);
                }
                if let Some(key) = convert::item_key(line, schedule, options) {
                    lookups.items.insert(key.clone(), self.item(&key).await?);
                }
            }
        }
        if let Some(code) = facts.order.bill_to.clone() {
            let key = PlaceKey {
                id: None,
                code: Some(code),
            };
            if let Known::There(address) = self.location(&key).await? {
                lookups.bill_to = Some(address);
            }
        }
        if self.from_supplier {
            let address = |supplier| convert::address_of_supplier(supplier, facts.order);
            lookups.supplier = facts.supplier.and_then(address);
        }
        Ok(lookups)
    }

    /// A location's address, by the connection's own table first.
    pub(super) async fn location(&self, key: &PlaceKey) -> Result<Known<Address>, CallError> {
        let options = &self.settings.options;
        if let Some(address) = key.code.as_ref().and_then(|code| options.location_map.get(code)) {
            return Ok(Known::There(address.clone()));
        }
        if !options.ask_locations {
            return Ok(Known::Missing);
        }
        if let Some(known) = self.seen().places.get(key).cloned() {
            return Ok(known);
        }
        let by_id = key.id.as_deref().and_then(|id| query::id(id).ok());
        let by_id = by_id.map(|id| format!("LocationId = {id}"));
        let by_code = key
            .code
            .as_deref()
            .and_then(|code| query::equals("LocationCode", code).ok());
        let mut found = Known::Missing;
        // Where the id is known the code is asked for only in a pod that does not let locations be found by their id.
        for filter in by_id.into_iter().chain(by_code) {
            found = self.ask_location(&filter, key).await?;
            if !matches!(found, Known::Refused(_)) {
                break;
            }
        }
        self.seen().places.insert(key.clone(), found.clone());
        Ok(found)
    }

    async fn ask_location(&self, filter: &str, key: &PlaceKey) -> Result<Known<Address>, CallError> {
        let asked = [("q", filter), ("limit", "5"), ("expand", "addresses")];
        let path = |parameters: &[(&str, &str)]| query::path(&self.hcm_resource("locationsV2"), parameters);
        let mut rows: Known<Vec<Value>> = known(self.page("location", path(&asked)).await)?;
        // Where addresses are no child, the location itself has them, and may not be asked for children.
        if matches!(rows, Known::Refused(_)) {
            rows = known(self.page("location", path(&[("q", filter), ("limit", "5")])).await)?;
        }
        Ok(match rows {
            Known::There(rows) => {
                let row = convert::location_of(&rows, key).and_then(convert::address_of_location);
                row.map_or(Known::Missing, Known::There)
            }
            Known::Missing => Known::Missing,
            Known::Refused(why) => Known::Refused(why),
        })
    }

    /// An item in an organization.
    pub(super) async fn item(&self, key: &ItemKey) -> Result<Known<Item>, CallError> {
        if let Some(known) = self.seen().items.get(key).cloned() {
            return Ok(known);
        }
        let (attribute, organization) = &key.organization;
        let of_organization = match *attribute {
            "OrganizationId" => query::id(organization).map(|id| format!("OrganizationId = {id}")),
            code => query::equals(code, organization),
        };
        let filter =
            query::equals("ItemNumber", &key.number).and_then(|item| Ok(format!("{item} and {}", of_organization?)));
        let known = match filter {
            Ok(filter) => self.ask_item(&filter).await?,
            Err(_) => Known::Missing,
        };
        self.seen().items.insert(key.clone(), known.clone());
        Ok(known)
    }

    /// Asks for a few attributes of the many; a pod that does not know all of them is asked for those that all know.
    async fn ask_item(&self, filter: &str) -> Result<Known<Item>, CallError> {
        let path = |fields: &str| {
            let parameters = [("q", filter), ("fields", fields), ("limit", "1")];
            query::path(&self.resource("itemsV2"), &parameters)
        };
        let mut page: Result<Page<Item>, CallError> = self.page("item", path(ITEM)).await;
        if matches!(page, Err(CallError::Refused(_))) {
            page = self.page("item", path(ITEM_EVERYWHERE)).await;
        }
        Ok(match known(page)? {
            Known::There(items) => items.into_iter().next().map_or(Known::Missing, Known::There),
            Known::Missing => Known::Missing,
            Known::Refused(why) => Known::Refused(why),
        })
    }

    /// The order's supplier, where goods leave it, or rules and accounts may name its number; or why it cannot be seen. Without
    /// the privilege to see suppliers the order is still read.
    pub(super) async fn supplier(
        &self,
        order: &PurchaseOrder,
    ) -> Result<(Option<Supplier>, Option<String>), CallError> {
        let id = order.supplier_id.as_deref().and_then(|id| query::id(id).ok());
        let Some(id) = id.filter(|_| self.asks_suppliers()) else {
            return Ok((None, None));
        };
        let held = self.seen().suppliers.get(&id.to_string()).cloned();
        let known = match held {
            Some(known) => known,
            None => {
                let found = self.ask_supplier(id).await?;
                self.seen().suppliers.insert(id.to_string(), found.clone());
                found
            }
        };
        Ok(match known {
            Known::There(supplier) => (Some(supplier), None),
            Known::Missing => (None, Some("it is not to be seen".to_owned())),
            Known::Refused(why) => (None, Some(why)),
        })
    }

    /// Whether anything of the connection asks for suppliers.
    pub(super) fn asks_suppliers(&self) -> bool {
        let by_rule = self.select.rules.iter().any(|rule| !rule.supplier.is_empty());
        self.from_supplier || by_rule || !self.account_suppliers.is_empty()
    }

    async fn ask_supplier(&self, id: i64) -> Result<Known<Supplier>, CallError> {
        let filter = format!("SupplierId = {id}");
        let mut parameters = vec![("q", filter.as_str()), ("limit", "1")];
        if self.from_supplier {
            parameters.push(("expand", "addresses,sites"));
        }
        let path = query::path(&self.resource("suppliers"), &parameters);
        Ok(match known(self.page::<Supplier>("supplier", path).await)? {
            Known::There(rows) => match rows.into_iter().next() {
                Some(supplier) => Known::There(self.whole_supplier(supplier).await?),
                None => Known::Missing,
            },
            Known::Missing => Known::Missing,
            Known::Refused(why) => {
                tracing::warn!(account = self.account, reason = why, "suppliers cannot be read");
                Known::Refused(why)
            }
        })
    }

    /// A supplier with all of its addresses and sites: of many only the first come along.
    async fn whole_supplier(&self, mut supplier: Supplier) -> Result<Supplier, CallError> {
        let Some(own) = key(&supplier.links, supplier.id.as_deref()) else {
            return Ok(supplier);
        };
        let path = format!("{}/{own}/child", self.resource("suppliers"));
        if supplier.addresses.has_more {
            supplier.addresses.items = self.children(&format!("{path}/addresses"), "").await?;
        }
        if supplier.sites.has_more {
            supplier.sites.items = self.children(&format!("{path}/sites"), "").await?;
        }
        Ok(supplier)
    }
}

const ITEM: &str = "ItemId,ItemNumber,UnitWeightQuantity,WeightUOMValue,WeightUOMCode,UnitLengthQuantity,\
                    UnitWidthQuantity,UnitHeightQuantity,DimensionUOMValue,PrimaryUOMValue";

const ITEM_EVERYWHERE: &str = "ItemId,ItemNumber,UnitWeightQuantity,WeightUOMValue";

/// What a look-up came to: a refusal is a finding, an obstacle is none.
fn known<T>(page: Result<Page<T>, CallError>) -> Result<Known<Vec<T>>, CallError> {
    match page {
        Ok(page) if page.items.is_empty() => Ok(Known::Missing),
        Ok(page) => Ok(Known::There(page.items)),
        Err(CallError::Refused(refusal)) => Ok(Known::Refused(code(&refusal))),
        Err(error) => Err(error),
    }
}

/// A refusal's code: its words may name what people did not mean to show.
fn code(refusal: &Refusal) -> String {
    refusal.code.clone()
}
