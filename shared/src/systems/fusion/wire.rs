//! Fusion's words: orders with their lines, schedules and distributions, flexfields, items, locations, suppliers, and the error
//! envelope. Every attribute may be missing, a value may be a text, a number or a boolean, and children come as an array, as a
//! collection or alone.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A text, whatever it was written as; blank is missing.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(as_text(&Value::deserialize(deserializer)?))
}

/// A value as text.
pub(super) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A flexfield's row: its segments by their API names.
pub(super) type Segments = Map<String, Value>;

/// The children of an item.
#[derive(Debug, Clone)]
pub(super) struct Children<T> {
    pub(super) items: Vec<T>,
    /// Whether there are more than came along.
    pub(super) has_more: bool,
}

impl<T> Default for Children<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            has_more: false,
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Children<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (items, has_more) = match Value::deserialize(deserializer)? {
            Value::Array(items) => (items, false),
            Value::Object(mut collection) => {
                let has_more = collection.get("hasMore").and_then(as_text).as_deref() == Some("true");
                match collection.remove("items") {
                    Some(Value::Array(items)) => (items, has_more),
                    Some(_) => (Vec::new(), has_more),
                    None if collection.contains_key("hasMore") => (Vec::new(), has_more),
                    None => (vec![Value::Object(collection)], false),
                }
            }
            _ => (Vec::new(), false),
        };
        let items: Result<Vec<T>, _> = items.into_iter().map(serde_json::from_value).collect();
        Ok(Self {
            items: items.map_err(D::Error::custom)?,
            has_more,
        })
    }
}

/// A page of a collection.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    #[serde(default, rename = "hasMore", deserialize_with = "text")]
    more: Option<String>,
}

impl<T> Page<T> {
    /// Whether there is another page; a pod that does not say is taken at the number of items that it gave.
    pub(super) fn has_more(&self, asked: u16) -> bool {
        match &self.more {
            Some(more) => more == "true",
            None => self.items.len() >= usize::from(asked),
        }
    }
}

macro_rules! row {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $key:literal),* $(,)? } $($child:ident: $child_key:literal => $kind:ty),*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(default)]
        pub(super) struct $name {
            $(#[serde(rename = $key, deserialize_with = "text")] pub(super) $field: Option<String>,)*
            $(#[serde(rename = $child_key)] pub(super) $child: $kind,)*
        }
    };
}

/// A row that keeps beside what is read of it whatever it shows: which attributes there are, and what each says.
macro_rules! shown_row {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $key:literal),* $(,)? } $($child:ident: $child_key:literal => $kind:ty),*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(default, remote = "Self")]
        pub(super) struct $name {
            $(#[serde(rename = $key, deserialize_with = "text")] pub(super) $field: Option<String>,)*
            $(#[serde(rename = $child_key)] pub(super) $child: $kind,)*
            /// Every attribute that it shows, empty ones included; no children.
            #[serde(skip)]
            pub(super) shown: Segments,
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let all = Segments::deserialize(deserializer)?;
                let shown = attributes(&all);
                let row = Self::deserialize(Value::Object(all)).map_err(D::Error::custom)?;
                Ok(Self { shown, ..row })
            }
        }
    };
}

fn attributes(all: &Segments) -> Segments {
    let plain = all.iter().filter(|(_, value)| !(value.is_array() || value.is_object()));
    plain.map(|(name, value)| (name.clone(), value.clone())).collect()
}

row!(
    /// A link of an item.
    Link { rel: "rel", href: "href" } properties: "properties" => Option<Properties>
);
row!(
    /// What a link says of its item.
    Properties { change_indicator: "changeIndicator" }
);
shown_row!(
    /// An order, as `purchaseOrders` and `draftPurchaseOrders` show it.
    PurchaseOrder {
        id: "POHeaderId", number: "OrderNumber", status: "StatusCode", change_status: "ChangeOrderStatusCode",
        modified: "LastUpdateDate", unit: "ProcurementBU", supplier_id: "SupplierId", supplier: "Supplier",
        site_id: "SupplierSiteId", site: "SupplierSite", supplier_order: "SupplierOrder", currency: "CurrencyCode",
        carrier: "Carrier", carrier_id: "CarrierId", mode: "ModeOfTransport", service: "ServiceLevel",
        shipping_method: "ShippingMethod", bill_to: "BillToLocation", note_to_receiver: "NoteToReceiver",
        note_to_supplier: "NoteToSupplier",
    } lines: "lines" => Children<Line>, links: "links" => Children<Link>, flex: "DFF" => Children<Segments>
);
shown_row!(
    /// A line of an order.
    Line {
        id: "POLineId", number: "LineNumber", item: "Item", item_id: "ItemId", supplier_item: "SupplierItem",
        description: "Description", unit: "UOM", unit_code: "UOMCode", quantity: "Quantity", price: "Price",
        base_price: "BasePrice", status: "StatusCode",
    } schedules: "schedules" => Children<Schedule>, links: "links" => Children<Link>
);
shown_row!(
    /// A schedule of a line: the part of it that goes to one place.
    Schedule {
        id: "LineLocationId", number: "ScheduleNumber", status: "StatusCode", quantity: "Quantity",
        received: "ReceivedQuantity", unit: "UOM", unit_code: "UOMCode", location_id: "ShipToLocationId",
        location: "ShipToLocation", location_code: "ShipToLocationCode", organization_id: "ShipToOrganizationId",
        organization_code: "ShipToOrganizationCode", carrier: "Carrier", carrier_id: "CarrierId",
        mode: "ModeOfTransport", service: "ServiceLevel", shipping_method: "ShippingMethod", origin: "CountryOfOriginCode",
    } distributions: "distributions" => Children<Distribution>, links: "links" => Children<Link>, flex: "DFF" => Children<Segments>
);
row!(
    /// Who bears the cost of a part of a schedule.
    Distribution { account: "POChargeAccount" }
);
row!(
    /// An item in an organization.
    Item {
        number: "ItemNumber", weight: "UnitWeightQuantity", weight_unit: "WeightUOMValue",
        weight_unit_code: "WeightUOMCode", length: "UnitLengthQuantity", width: "UnitWidthQuantity",
        height: "UnitHeightQuantity", length_unit: "DimensionUOMValue", length_unit_code: "DimensionUOMCode",
        primary_unit: "PrimaryUOMValue", primary_unit_code: "PrimaryUOMCode",
    }
);
row!(
    /// A location; its address stands in it or in a child of it.
    Location {
        id: "LocationId", code: "LocationCode", name: "LocationName", phone: "MainPhoneNumber",
    } addresses: "addresses" => Children<PostalAddress>, own: "address" => Children<PostalAddress>
);
row!(
    /// A postal address of a location or a supplier.
    PostalAddress {
        id: "SupplierAddressId", name: "AddressName", line_1: "AddressLine1", line_2: "AddressLine2",
        line_3: "AddressLine3", line_4: "AddressLine4", town: "TownOrCity", city: "City", region_1: "Region1",
        region_2: "Region2", state: "State", province: "Province", postal_code: "PostalCode", country: "Country",
        country_code: "CountryCode", phone: "PhoneNumber",
    }
);
row!(
    /// A supplier.
    Supplier {
        id: "SupplierId", number: "SupplierNumber", name: "Supplier",
    } addresses: "addresses" => Children<PostalAddress>, sites: "sites" => Children<Site>, links: "links" => Children<Link>
);
row!(
    /// A supplier's site.
    Site {
        id: "SupplierSiteId", name: "SupplierSite", address_id: "SupplierAddressId", address: "SupplierAddressName",
    }
);
row!(
    /// The error envelope.
    ErrorEnvelope {
        title: "title", status: "status", detail: "detail", code: "o:errorCode",
    } details: "o:errorDetails" => Children<ErrorDetail>
);
row!(
    /// One error.
    ErrorDetail { detail: "detail", title: "title", code: "o:errorCode", path: "o:errorPath" }
);
row!(
    /// What an action came to.
    ActionResult { result: "result" }
);
