//! NetSuite's words: rows of SuiteQL, records of the REST service, the error envelope. Every field may be missing, and a
//! value may be a text, a number or a boolean.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A text, whatever it was written as; blank is missing, a reference is its id.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(as_text(&Value::deserialize(deserializer)?))
}

/// A value as text.
pub(super) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("T".to_owned()),
        Value::Bool(false) => Some("F".to_owned()),
        Value::Object(reference) => reference.get("id").and_then(as_text),
        Value::Null | Value::Array(_) => None,
    }
}

macro_rules! row {
    ($(#[$doc:meta])* $name:ident { $($field:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(default)]
        pub(super) struct $name {
            $(#[serde(deserialize_with = "text")] pub(super) $field: Option<String>,)*
        }
    };
}

row!(
    /// An order that changed.
    HeadRow { id, modified }
);
row!(
    /// A document by its external id.
    MadeRow { id, externalid }
);
row!(
    /// An order without its lines, or a fulfilment with what its order says.
    OrderRow {
        id, tranid, statuscode, entity, customer, otherrefnum, shipmethod, shipmethodname, email, trackingshown, ismultishipto, currency,
        addressee, attention, addr1, addr2, addr3, city, state, zip, country, addrphone, externalid, orderid, ordertype,
        fulfilmentnumber,
    }
);
row!(
    /// A line of an order with its item.
    LineRow {
        orderid, lineid, item, sku, displayname, itemtype, quantity, shipped, committed, location, isclosed, weight,
        weightunit, rate, origin, tariff, kitcomponent, iscogs,
    }
);
row!(
    /// A document that was made from an order: an invoice, a fulfilment.
    DescendantRow { id, tranid, statuscode, orderid, trackingshown }
);
row!(
    /// A customer, for what the order's address lacks.
    CustomerRow { id, phone, email }
);
row!(
    /// An order that a desk may mean.
    NamedRow { id, tranid, otherrefnum }
);
row!(
    /// The stock of an item in a place.
    LevelRow { item, location, sku, quantity }
);
row!(
    /// How many items of a kind there are.
    KindRow { itemtype, items }
);
row!(
    /// An open order with its billing address and whose it is.
    OpenRow {
        id, statuscode, entity, customer, modified, ordered, addressee, attention, addr1, addr2, addr3, city, state, zip, country,
        addrphone,
    }
);
row!(
    /// How much of an item of an order was shipped and billed.
    BilledRow { item, shipped, billed }
);
row!(
    /// The database's clock.
    ClockRow { now }
);

/// A page of SuiteQL.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    #[serde(default = "Vec::new")]
    pub(super) items: Vec<T>,
    #[serde(default)]
    pub(super) has_more: bool,
}

/// The server's clock.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServerTime {
    pub(super) server_time: String,
}

/// A sales order as the record service shows it, of which only what SuiteQL cannot say is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SalesOrder {
    #[serde(deserialize_with = "text")]
    pub(super) entity: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) is_multi_ship_to: Option<String>,
    pub(super) shipping_address: Option<PostalAddress>,
    pub(super) item: Option<Sublist<SalesOrderLine>>,
}

/// A sublist with its lines.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Sublist<T> {
    #[serde(default = "Vec::new")]
    pub(super) items: Vec<T>,
}

/// A line of a sales order.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SalesOrderLine {
    #[serde(deserialize_with = "text")]
    pub(super) line: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) item: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) item_type: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) quantity: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) quantity_fulfilled: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) is_closed: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) ship_group: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) ship_address: Option<String>,
    pub(super) shipping_address: Option<PostalAddress>,
}

/// An address of the record service.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PostalAddress {
    #[serde(deserialize_with = "text")]
    pub(super) addressee: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) attention: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) addr1: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) addr2: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) addr3: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) city: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) state: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) zip: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) country: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) addr_phone: Option<String>,
}

/// A customer with the addresses that lines of an order refer to.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Customer {
    pub(super) address_book: Option<Sublist<AddressBookEntry>>,
}

/// An entry of a customer's address book.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AddressBookEntry {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) internal_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) address_id: Option<String>,
    pub(super) address_book_address: Option<PostalAddress>,
}

/// An item fulfilment, of which only the id matters.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ItemFulfillment {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
}

/// A customer with whatever columns were asked for.
pub(super) type EntityRow = serde_json::Map<String, Value>;

/// An item fulfilment with what it took, and its packages in whichever sublist they are.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct MadeFulfilment {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) tran_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) external_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) created_from: Option<String>,
    pub(super) item: Option<Sublist<SalesOrderLine>>,
    #[serde(flatten)]
    pub(super) rest: serde_json::Map<String, Value>,
}

/// Both envelopes of an error: the services' and the token endpoint's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorEnvelope {
    #[serde(rename = "o:errorDetails")]
    pub(super) details: Vec<ErrorDetail>,
    #[serde(deserialize_with = "text")]
    pub(super) error: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) error_description: Option<String>,
}

/// One error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorDetail {
    #[serde(deserialize_with = "text")]
    pub(super) detail: Option<String>,
    #[serde(rename = "o:errorCode", deserialize_with = "text")]
    pub(super) code: Option<String>,
    #[serde(rename = "o:errorPath", deserialize_with = "text")]
    pub(super) path: Option<String>,
}

/// A token as it is issued.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) access_token: secrecy::SecretString,
    #[serde(default, deserialize_with = "text")]
    pub(super) expires_in: Option<String>,
    #[serde(default)]
    pub(super) refresh_token: Option<secrecy::SecretString>,
}
