//! The queries, with bound parameters only. SuiteQL pages by offset up to 100,000 rows; these page by key instead.
//!
//! Which columns an account knows differs. The optional ones are left out once the account has said that it does not
//! know them, so that a missing one never stops a poll.

pub(super) mod desk;

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// The most rows of one page.
pub(super) const PAGE: u16 = 1000;

/// The most ids in one query.
pub(super) const BATCH: usize = 250;

/// A query with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) text: String,
    pub(super) params: Vec<String>,
}

impl Query {
    /// A query with its parameters in order.
    pub(super) fn new(text: impl Into<String>, params: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            text: text.into(),
            params: params.into_iter().map(Into::into).collect(),
        }
    }

    /// The body of the request.
    pub(super) fn body(&self) -> Value {
        json!({ "q": self.text, "params": self.params })
    }
}

/// A column, or a group of them, that an account may not know.
#[derive(Debug)]
pub(super) struct Optional {
    /// Its name among those that are missing.
    pub(super) name: &'static str,
    /// The identifiers by which an error may name it.
    pub(super) identifiers: &'static [&'static str],
    select: &'static str,
    join: &'static str,
    /// Another without which it cannot stand.
    needs: Option<&'static str>,
}

const fn column(name: &'static str, identifiers: &'static [&'static str], select: &'static str) -> Optional {
    Optional {
        name,
        identifiers,
        select,
        join: "",
        needs: None,
    }
}

const fn of_address(name: &'static str, identifiers: &'static [&'static str], select: &'static str) -> Optional {
    Optional {
        needs: Some("address"),
        ..column(name, identifiers, select)
    }
}

/// What an order may lack.
pub(super) static ORDER_OPTIONAL: [Optional; 7] = [
    Optional {
        join: " LEFT JOIN transactionShippingAddress sa ON sa.nkey = t.shippingaddress",
        ..column(
            "address",
            &[
                "nkey",
                "shippingaddress",
                "addr1",
                "addr2",
                "city",
                "state",
                "zip",
                "country",
                "transactionshippingaddress",
            ],
            "sa.addr1, sa.addr2, sa.city, sa.state, sa.zip, sa.country",
        )
    },
    of_address("addressee", &["addressee"], "sa.addressee"),
    of_address("attention", &["attention"], "sa.attention"),
    of_address("addr3", &["addr3"], "sa.addr3"),
    of_address("addrphone", &["addrphone"], "sa.addrphone"),
    column("ismultishipto", &["ismultishipto"], "t.ismultishipto"),
    Optional {
        join: " LEFT JOIN currency cu ON cu.id = t.currency",
        ..column("currency", &["symbol", "currency"], "cu.symbol AS currency")
    },
];

/// What a fulfilment may lack: its own address, and the currency of its order.
pub(super) static FULFILMENT_OPTIONAL: [Optional; 6] = [
    Optional {
        join: " LEFT JOIN transactionShippingAddress sa ON sa.nkey = t.shippingaddress",
        ..column(
            "address",
            &[
                "nkey",
                "shippingaddress",
                "addr1",
                "addr2",
                "city",
                "state",
                "zip",
                "country",
                "transactionshippingaddress",
            ],
            "sa.addr1, sa.addr2, sa.city, sa.state, sa.zip, sa.country",
        )
    },
    of_address("addressee", &["addressee"], "sa.addressee"),
    of_address("attention", &["attention"], "sa.attention"),
    of_address("addr3", &["addr3"], "sa.addr3"),
    of_address("addrphone", &["addrphone"], "sa.addrphone"),
    Optional {
        join: " LEFT JOIN currency cu ON cu.id = o.currency",
        ..column("currency", &["symbol", "currency"], "cu.symbol AS currency")
    },
];

/// Says which lines of a fulfilment or an invoice book what the goods cost: such a document has each line twice.
pub(super) const COSTS: &str = "iscogs";

/// Says which lines are parts of a kit, which stand beside it.
pub(super) const PARTS: &str = "kitcomponent";

/// What a line may lack. Without [`COSTS`] and [`PARTS`] goods would be counted twice: see `convert::unclear`.
pub(super) static LINE_OPTIONAL: [Optional; 6] = [
    column(
        "quantitycommitted",
        &["quantitycommitted"],
        "ABS(tl.quantitycommitted) AS committed",
    ),
    column("rate", &["rate"], "tl.rate"),
    column(
        "countryofmanufacture",
        &["countryofmanufacture"],
        "i.countryofmanufacture AS origin",
    ),
    column("schedulebcode", &["schedulebcode"], "i.schedulebcode AS tariff"),
    column(PARTS, &["kitcomponent"], "tl.kitcomponent"),
    column(COSTS, &["iscogs"], "tl.iscogs"),
];

/// Names of optional columns that the account does not know.
pub(super) type Missing = BTreeSet<&'static str>;

fn present<'a>(all: &'a [Optional], missing: &Missing) -> impl Iterator<Item = &'a Optional> {
    let missing = missing.clone();
    all.iter()
        .filter(move |one| !missing.contains(one.name) && one.needs.is_none_or(|other| !missing.contains(other)))
}

fn selects(all: &[Optional], missing: &Missing) -> String {
    present(all, missing).map(|one| format!(", {}", one.select)).collect()
}

fn joins(all: &[Optional], missing: &Missing) -> String {
    present(all, missing).map(|one| one.join).collect()
}

fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// Orders modified at or after `since`, a time of the account's clock, in the order of their ids.
pub(super) fn changed(since: &str, after: Option<&str>, condition: Option<&str>) -> Query {
    let text = format!(
        "SELECT t.id, TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS modified FROM transaction t \
         WHERE t.type = 'SalesOrd' AND t.lastmodifieddate >= TO_DATE(?, 'YYYY-MM-DD HH24:MI:SS') AND t.id > ?{} \
         ORDER BY t.id",
        and(condition)
    );
    Query::new(text, [since, after.unwrap_or("0")])
}

/// Letters of every status of an order, and of a fulfilment.
const ORDER_STATUSES: [&str; 8] = ["A", "B", "C", "D", "E", "F", "G", "H"];
const FULFILMENT_STATUSES: [&str; 3] = ["A", "B", "C"];

/// The statuses beside those in which a document ships. Accounts were seen to say a status with and without its type; what is in
/// an unknown form is read rather than overlooked.
fn others(all: &[&str], shipping: &[&str], kind: &str) -> Vec<String> {
    let others = all.iter().filter(|letter| !shipping.contains(letter));
    others
        .flat_map(|letter| [format!("'{letter}'"), format!("'{kind}:{letter}'")])
        .collect()
}

/// Orders modified at or after `since` that may be in a status in which they ship, in the order of their ids.
pub(super) fn waiting(since: &str, after: Option<&str>, condition: Option<&str>, shipping: &[&str]) -> Query {
    let statuses = others(&ORDER_STATUSES, shipping, "SalesOrd");
    let text = format!(
        "SELECT t.id, TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS modified FROM transaction t \
         WHERE t.type = 'SalesOrd' AND t.status NOT IN ({}) \
         AND t.lastmodifieddate >= TO_DATE(?, 'YYYY-MM-DD HH24:MI:SS') AND t.id > ?{} ORDER BY t.id",
        statuses.join(", "),
        and(condition)
    );
    Query::new(text, [since, after.unwrap_or("0")])
}

/// Fulfilments modified at or after `since`, in the order of their ids.
pub(super) fn changed_fulfilments(since: &str, after: Option<&str>) -> Query {
    let text = "SELECT t.id, TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS modified FROM transaction t \
                WHERE t.type = 'ItemShip' AND t.lastmodifieddate >= TO_DATE(?, 'YYYY-MM-DD HH24:MI:SS') AND t.id > ? \
                ORDER BY t.id";
    Query::new(text, [since, after.unwrap_or("0")])
}

/// Fulfilments modified at or after `since` that may be in a status in which they ship, in the order of their ids.
pub(super) fn waiting_fulfilments(since: &str, after: Option<&str>, shipping: &[&str]) -> Query {
    let statuses = others(&FULFILMENT_STATUSES, shipping, "ItemShip");
    let outside = match statuses.is_empty() {
        true => String::new(),
        false => format!("AND t.status NOT IN ({}) ", statuses.join(", ")),
    };
    let text = format!(
        "SELECT t.id, TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS modified FROM transaction t \
         WHERE t.type = 'ItemShip' {outside}AND t.lastmodifieddate >= TO_DATE(?, 'YYYY-MM-DD HH24:MI:SS') AND t.id > ? \
         ORDER BY t.id"
    );
    Query::new(text, [since, after.unwrap_or("0")])
}

/// Fulfilments by id, without lines, with what their orders say; with what stands in a field of the order, where that is asked.
pub(super) fn fulfilment_rows(ids: &[&str], tracking: Option<&str>, missing: &Missing) -> Query {
    let tracking = tracking
        .map(|field| format!(", o.{field} AS trackingshown"))
        .unwrap_or_default();
    let text = format!(
        "SELECT t.id, t.tranid AS fulfilmentnumber, BUILTIN.CF(t.status) AS statuscode, t.externalid, o.entity, \
         BUILTIN.DF(o.entity) AS customer, t.shipmethod, BUILTIN.DF(t.shipmethod) AS shipmethodname, o.id AS orderid, \
         o.type AS ordertype, o.tranid, o.otherrefnum, o.email{tracking}{} \
         FROM transaction t JOIN transactionline fl ON fl.transaction = t.id AND fl.mainline = 'T' \
         JOIN transaction o ON o.id = fl.createdfrom{} \
         WHERE t.type = 'ItemShip' AND t.id IN ({}) ORDER BY t.id",
        selects(&FULFILMENT_OPTIONAL, missing),
        joins(&FULFILMENT_OPTIONAL, missing),
        marks(ids.len())
    );
    Query::new(text, ids.iter().copied())
}

/// Which of these fulfilments are of orders that the connection's own condition selects.
pub(super) fn selected_fulfilments(ids: &[&str], condition: &str) -> Query {
    let text = format!(
        "SELECT fl.transaction AS id FROM transactionline fl JOIN transaction t ON t.id = fl.createdfrom \
         WHERE fl.mainline = 'T' AND fl.transaction IN ({}) AND ({condition}) ORDER BY fl.transaction",
        marks(ids.len())
    );
    Query::new(text, ids.iter().copied())
}

/// Fulfilments that carry this number, or whose order does.
pub(super) fn fulfilments_numbered(number: &str) -> Query {
    let text = "SELECT t.id FROM transaction t JOIN transactionline fl ON fl.transaction = t.id AND fl.mainline = 'T' \
                JOIN transaction o ON o.id = fl.createdfrom \
                WHERE t.type = 'ItemShip' AND (t.tranid = ? OR o.tranid = ?) ORDER BY t.id";
    Query::new(text, [number, number])
}

/// The order that a document was made from, with the document's own number.
pub(super) fn made_from(id: &str) -> Query {
    let text = "SELECT t.id, t.tranid, tl.createdfrom AS orderid FROM transactionline tl \
                JOIN transaction t ON t.id = tl.transaction WHERE tl.transaction = ? AND tl.mainline = 'T' ORDER BY t.id";
    Query::new(text, [id])
}

/// Orders of which a field says this somewhere.
pub(super) fn saying(field: &str, text: &str) -> Query {
    let query = format!("SELECT t.id FROM transaction t WHERE t.type = 'SalesOrd' AND t.{field} LIKE ? ORDER BY t.id");
    Query::new(query, [format!("%{text}%")])
}

/// Invoices of orders that come after `after`, by id, with what stands in a field of theirs, where that is asked.
pub(super) fn invoices(orders: &[&str], tracking: Option<&str>, after: Option<&str>) -> Query {
    descendants("CustInvc", orders, tracking, after)
}

/// Fulfilments of an order that come after `after`, by id.
pub(super) fn fulfilments_of(order: &str, after: Option<&str>) -> Query {
    descendants("ItemShip", &[order], None, after)
}

fn descendants(kind: &'static str, orders: &[&str], tracking: Option<&str>, after: Option<&str>) -> Query {
    let tracking = tracking
        .map(|field| format!(", t.{field} AS trackingshown"))
        .unwrap_or_default();
    let text = format!(
        "SELECT t.id, t.tranid, BUILTIN.CF(t.status) AS statuscode, tl.createdfrom AS orderid{tracking} \
         FROM transactionline tl JOIN transaction t ON t.id = tl.transaction \
         WHERE t.type = '{kind}' AND tl.mainline = 'T' AND tl.createdfrom IN ({}) AND t.id > ? ORDER BY t.id",
        marks(orders.len())
    );
    let params = orders.iter().copied().chain([after.unwrap_or("0")]);
    Query::new(text, params)
}

/// An invoice of whatever order.
pub(super) fn any_invoice() -> Query {
    let text = "SELECT MAX(t.id) AS id FROM transaction t WHERE t.type = 'CustInvc'";
    Query::new(text, Vec::<String>::new())
}

/// Fulfilments by external ids.
pub(super) fn fulfilments(external_ids: &[&str]) -> Query {
    let text = format!(
        "SELECT t.id, t.externalid FROM transaction t WHERE t.type = 'ItemShip' AND t.externalid IN ({}) ORDER BY t.id",
        marks(external_ids.len())
    );
    Query::new(text, external_ids.iter().copied())
}

fn and(condition: Option<&str>) -> String {
    condition
        .map(|condition| format!(" AND ({condition})"))
        .unwrap_or_default()
}

/// Orders by id, without lines; with what stands in the field for tracking numbers, where there is one.
pub(super) fn orders(ids: &[&str], tracking: Option<&str>, missing: &Missing) -> Query {
    let tracking = tracking
        .map(|field| format!(", t.{field} AS trackingshown"))
        .unwrap_or_default();
    let text = format!(
        "SELECT t.id, t.tranid, BUILTIN.CF(t.status) AS statuscode, t.entity, BUILTIN.DF(t.entity) AS customer, \
         t.otherrefnum, t.shipmethod, BUILTIN.DF(t.shipmethod) AS shipmethodname, t.email{tracking}{} \
         FROM transaction t{} WHERE t.type = 'SalesOrd' AND t.id IN ({}) ORDER BY t.id",
        selects(&ORDER_OPTIONAL, missing),
        joins(&ORDER_OPTIONAL, missing),
        marks(ids.len())
    );
    Query::new(text, ids.iter().copied())
}

/// Lines of orders that come after `after`, an order's id and a line's.
pub(super) fn lines(ids: &[&str], after: Option<&(String, String)>, missing: &Missing) -> Query {
    let beyond = match after {
        Some(_) => " AND (tl.transaction > ? OR (tl.transaction = ? AND tl.id > ?))",
        None => "",
    };
    let text = format!(
        "SELECT tl.transaction AS orderid, tl.id AS lineid, tl.item, i.itemid AS sku, i.displayname, tl.itemtype, \
         ABS(NVL(tl.quantity, 0)) AS quantity, ABS(NVL(tl.quantityshiprecv, 0)) AS shipped, tl.location, \
         NVL(tl.isclosed, 'F') AS isclosed, i.weight, BUILTIN.DF(i.weightunit) AS weightunit{} \
         FROM transactionline tl JOIN item i ON i.id = tl.item \
         WHERE tl.transaction IN ({}) AND tl.mainline = 'F' AND NVL(tl.taxline, 'F') = 'F'{beyond} \
         ORDER BY tl.transaction, tl.id",
        selects(&LINE_OPTIONAL, missing),
        marks(ids.len())
    );
    let after = after.map(|(order, line)| [order.clone(), order.clone(), line.clone()]);
    let params = ids.iter().map(|id| (*id).to_owned()).chain(after.into_iter().flatten());
    Query::new(text, params)
}

/// Which of these orders the connection's own condition selects.
pub(super) fn selected(ids: &[&str], condition: &str) -> Query {
    let text = format!(
        "SELECT t.id FROM transaction t WHERE t.type = 'SalesOrd' AND t.id IN ({}) AND ({condition}) ORDER BY t.id",
        marks(ids.len())
    );
    Query::new(text, ids.iter().copied())
}

/// Telephone and mail of customers.
pub(super) fn customers(ids: &[&str]) -> Query {
    let text = format!(
        "SELECT c.id, c.phone, c.email FROM customer c WHERE c.id IN ({}) ORDER BY c.id",
        marks(ids.len())
    );
    Query::new(text, ids.iter().copied())
}

/// Orders that carry this number.
pub(super) fn numbered(number: &str) -> Query {
    let text = "SELECT t.id FROM transaction t WHERE t.type = 'SalesOrd' AND t.tranid = ? ORDER BY t.id";
    Query::new(text, [number])
}

/// The database's clock.
pub(super) fn clock() -> Query {
    let text = "SELECT TO_CHAR(SYSDATE, 'YYYY-MM-DD HH24:MI:SS') AS now FROM dual";
    Query::new(text, Vec::<String>::new())
}

/// A field of an order, only to see whether the account knows it.
pub(super) fn field(field: &str, id: &str) -> Query {
    Query::new(
        format!("SELECT t.id, t.{field} AS field FROM transaction t WHERE t.id = ?"),
        [id],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P2: pages follow the key, whatever the number of rows; nothing a person or an order says is part of a text.
    #[test]
    fn a_scan_pages_by_key_and_binds_what_it_is_given() {
        let query = changed(
            "2026-02-03 04:00:00",
            Some("5012"),
            Some("t.custbody_ship = 'T' OR t.memo IS NULL"),
        );
        assert_eq!(query.params, ["2026-02-03 04:00:00", "5012"]);
        assert!(query.text.contains("t.lastmodifieddate >= TO_DATE(?,"));
        assert!(
            query
                .text
                .contains("t.id > ? AND (t.custbody_ship = 'T' OR t.memo IS NULL) ORDER BY t.id")
        );
        let query = waiting("2026-02-03 04:00:00", None, None, &["B", "D", "E"]);
        assert_eq!(query.params, ["2026-02-03 04:00:00", "0"]);
        assert!(query.text.contains("NOT IN ('A', 'SalesOrd:A',"), "{}", query.text);
        assert_eq!(numbered("SO1' OR '1'='1").params, ["SO1' OR '1'='1"]);
        assert!(!numbered("SO1' OR '1'='1").text.contains("SO1"));
    }

    #[test]
    fn a_column_that_is_missing_takes_its_join_and_what_needs_it_along() {
        let whole = orders(&["1", "2"], Some("custbody_tracking"), &Missing::new());
        assert!(whole.text.contains("transactionShippingAddress") && whole.text.contains("sa.addrphone"));
        assert!(whole.text.contains("IN (?, ?)") && whole.text.contains("t.custbody_tracking AS trackingshown"));
        let bare = orders(&["1"], None, &Missing::from(["address", "currency"]));
        assert!(
            !bare.text.contains("sa.") && !bare.text.contains("cu."),
            "{}",
            bare.text
        );
        assert!(bare.text.contains("t.ismultishipto"));
    }

    #[test]
    fn further_lines_begin_after_the_last_one() {
        let after = ("7".to_owned(), "40".to_owned());
        let query = lines(&["7", "8"], Some(&after), &Missing::new());
        assert_eq!(query.params, ["7", "8", "7", "7", "40"]);
        assert_eq!(query.text.matches('?').count(), query.params.len());
    }
}
