//! The queries for whoever ships at a desk: which order is meant, what lies where, and whose open orders changed.

use super::{Missing, ORDER_STATUSES, Optional, Query, and, column, joins, marks, others, selects};
use crate::connection::{StockMeasure, StockPolicy};

/// Kinds of items whose stock is their own: of assemblies what was built. A kit has none.
fn stocked(assemblies: bool) -> &'static str {
    match assemblies {
        true => "'InvtPart', 'Assembly'",
        false => "'InvtPart'",
    }
}

/// How far up a customer's accounts are followed.
pub(in crate::systems::netsuite) const ACCOUNTS_ABOVE: usize = 5;

const TIME: &str = "'YYYY-MM-DD HH24:MI:SS'";

/// What an open order may lack.
pub(in crate::systems::netsuite) static HEAD_OPTIONAL: [Optional; 1] = [Optional {
    join: " LEFT JOIN transactionBillingAddress ba ON ba.nkey = t.billingaddress",
    ..column(
        "billing address",
        &[
            "nkey",
            "billingaddress",
            "transactionbillingaddress",
            "addressee",
            "attention",
            "addr1",
            "addr2",
            "addr3",
            "city",
            "state",
            "zip",
            "country",
            "addrphone",
        ],
        "ba.addressee, ba.attention, ba.addr1, ba.addr2, ba.addr3, ba.city, ba.state, ba.zip, ba.country, ba.addrphone",
    )
}];

/// What a customer may lack.
pub(in crate::systems::netsuite) static ENTITY_OPTIONAL: [Optional; 4] = [
    column("customer's second mail", &["altemail"], "c.altemail"),
    column("customer's mobile phone", &["mobilephone"], "c.mobilephone"),
    column("customer's second phone", &["altphone"], "c.altphone"),
    column(
        "customer's own name",
        &["isperson", "firstname", "lastname"],
        "c.isperson, c.firstname, c.lastname",
    ),
];

/// The sales order with this internal id.
pub(in crate::systems::netsuite) fn order_of_id(id: &str) -> Query {
    let text = "SELECT t.id, t.tranid FROM transaction t WHERE t.type = 'SalesOrd' AND t.id = ? ORDER BY t.id";
    Query::new(text, [id])
}

/// Sales orders of which a column says one of these, to the letter.
pub(in crate::systems::netsuite) fn orders_named(column: &str, names: &[&str]) -> Query {
    let text = format!(
        "SELECT t.id, t.tranid FROM transaction t WHERE t.type = 'SalesOrd' AND t.{column} IN ({}) ORDER BY t.id",
        marks(names.len())
    );
    Query::new(text, names.iter().copied())
}

/// Sales orders with this number, in whatever case.
pub(in crate::systems::netsuite) fn orders_numbered(number: &str) -> Query {
    let text = "SELECT t.id, t.tranid FROM transaction t WHERE t.type = 'SalesOrd' AND UPPER(t.tranid) = UPPER(?) ORDER BY t.id";
    Query::new(text, [number])
}

/// Sales orders that changed since then and that the customer calls so, or whose number has these digits where there are any; the
/// latest first.
pub(in crate::systems::netsuite) fn orders_alike(digits: Option<&str>, number: &str, since: &str) -> Query {
    let pattern = digits.map(|digits| format!("%{digits}%"));
    let has_digits = match pattern {
        Some(_) => " OR t.tranid LIKE ? OR t.otherrefnum LIKE ?",
        None => "",
    };
    let text = format!(
        "SELECT t.id, t.tranid, t.otherrefnum FROM transaction t WHERE t.type = 'SalesOrd' \
         AND t.lastmodifieddate >= TO_DATE(?, {TIME}) AND (t.otherrefnum = ?{has_digits}) ORDER BY t.id DESC"
    );
    let patterns = pattern.iter().flat_map(|pattern| [pattern.as_str(); 2]);
    Query::new(text, [since, number].into_iter().chain(patterns))
}

/// The column of a measure.
pub(in crate::systems::netsuite) fn measured(measure: StockMeasure) -> &'static str {
    match measure {
        StockMeasure::OnHand => "quantityonhand",
        StockMeasure::Available => "quantityavailable",
    }
}

/// The stock of active items in these places, after an item in a place.
pub(in crate::systems::netsuite) fn levels(places: &[&str], policy: &StockPolicy, after: Option<(u64, u64)>) -> Query {
    let beyond = match after {
        Some(_) => " AND ail.item >= ? AND (ail.item > ? OR ail.location > ?)",
        None => "",
    };
    let text = format!(
        "SELECT ail.item, ail.location, i.itemid AS sku, ail.{} AS quantity \
         FROM aggregateItemLocation ail JOIN item i ON i.id = ail.item \
         WHERE i.itemtype IN ({}) AND NVL(i.isinactive, 'F') = 'F' AND ail.location IN ({}){beyond}{} \
         ORDER BY ail.item, ail.location",
        measured(policy.measure),
        stocked(policy.assemblies),
        marks(places.len()),
        and(policy.condition.as_deref())
    );
    let after = after.map(|(item, location)| [item.to_string(), item.to_string(), location.to_string()]);
    let params = places.iter().map(|place| (*place).to_owned());
    Query::new(text, params.chain(after.into_iter().flatten()))
}

/// Any item of which the account shows how many there are.
pub(in crate::systems::netsuite) fn any_quantity(measure: StockMeasure) -> Query {
    let text = format!(
        "SELECT MAX(ail.item) AS id FROM aggregateItemLocation ail WHERE ail.{} IS NOT NULL",
        measured(measure)
    );
    Query::new(text, Vec::<String>::new())
}

/// How many active items there are of the kinds whose stock is not told.
pub(in crate::systems::netsuite) fn untold_items(assemblies: bool, condition: Option<&str>) -> Query {
    let untold = match assemblies {
        true => "'Kit'",
        false => "'Assembly', 'Kit'",
    };
    let text = format!(
        "SELECT i.itemtype, COUNT(i.id) AS items FROM item i WHERE i.itemtype IN ({untold}) \
         AND NVL(i.isinactive, 'F') = 'F'{} GROUP BY i.itemtype ORDER BY i.itemtype",
        and(condition)
    );
    Query::new(text, Vec::<String>::new())
}

/// Of these locations, those that there are and that are in use.
pub(in crate::systems::netsuite) fn locations(ids: &[&str]) -> Query {
    let text = format!(
        "SELECT l.id FROM location l WHERE l.id IN ({}) AND NVL(l.isinactive, 'F') = 'F' ORDER BY l.id",
        marks(ids.len())
    );
    Query::new(text, ids.iter().copied())
}

/// Open orders that changed at or after `since`, a time of the account's clock, or whose customer or an account above did, in the
/// order of their ids; where `ended`, orders too that people cancelled or closed since. One that shipped and one that was billed are
/// not among them: the goods of the one may yet come back, and nobody has to take away what has left.
pub(in crate::systems::netsuite) fn open_orders(
    since: &str,
    after: Option<&str>,
    condition: Option<&str>,
    ended: bool,
    missing: &Missing,
) -> Query {
    let closed = others(&ORDER_STATUSES, &["B", "D", "E"], "SalesOrd");
    let not_ended = others(&ORDER_STATUSES, &["C", "H"], "SalesOrd");
    let or_ended = match ended {
        true => format!(
            " OR (t.status NOT IN ({}) AND t.lastmodifieddate >= TO_DATE(?, {TIME}))",
            not_ended.join(", ")
        ),
        false => String::new(),
    };
    let text = format!(
        "{} WHERE t.type = 'SalesOrd' AND t.id > ? AND ((t.status NOT IN ({}) \
         AND (t.lastmodifieddate >= TO_DATE(?, {TIME}) OR t.entity IN ({}))){or_ended}){} ORDER BY t.id",
        open_order_heads(missing),
        closed.join(", "),
        changed_customers(),
        and(condition)
    );
    let times = std::iter::repeat_n(since, ACCOUNTS_ABOVE + 2 + usize::from(ended));
    Query::new(text, [after.unwrap_or("0")].into_iter().chain(times))
}

/// Open orders by id; where `ended`, orders too that people cancelled or closed.
pub(in crate::systems::netsuite) fn open_orders_of(
    ids: &[&str],
    condition: Option<&str>,
    ended: bool,
    missing: &Missing,
) -> Query {
    let told: &[&str] = if ended {
        &["B", "C", "D", "E", "H"]
    } else {
        &["B", "D", "E"]
    };
    let text = format!(
        "{} WHERE t.type = 'SalesOrd' AND t.id IN ({}) AND t.status NOT IN ({}){} ORDER BY t.id",
        open_order_heads(missing),
        marks(ids.len()),
        others(&ORDER_STATUSES, told, "SalesOrd").join(", "),
        and(condition)
    );
    Query::new(text, ids.iter().copied())
}

/// What is asked of open orders, whichever they are.
fn open_order_heads(missing: &Missing) -> String {
    format!(
        "SELECT t.id, BUILTIN.CF(t.status) AS statuscode, t.entity, BUILTIN.DF(t.entity) AS customer, \
         TO_CHAR(t.lastmodifieddate, {TIME}) AS modified, TO_CHAR(t.createddate, {TIME}) AS ordered{} FROM transaction t{}",
        selects(&HEAD_OPTIONAL, missing),
        joins(&HEAD_OPTIONAL, missing)
    )
}

/// Customers that changed, or of which an account above did.
fn changed_customers() -> String {
    let levels = 1..=ACCOUNTS_ABOVE;
    let below = |level: usize| match level {
        1 => "c".to_owned(),
        level => format!("p{}", level - 1),
    };
    let joined: String = levels
        .clone()
        .map(|level| format!(" LEFT JOIN customer p{level} ON p{level}.id = {}.parent", below(level)))
        .collect();
    let above: String = levels
        .map(|level| format!(" OR p{level}.lastmodifieddate >= TO_DATE(?, {TIME})"))
        .collect();
    format!("SELECT c.id FROM customer c{joined} WHERE c.lastmodifieddate >= TO_DATE(?, {TIME}){above}")
}

/// Customers by id, with these fields of the customer's own making.
pub(in crate::systems::netsuite) fn entities(ids: &[&str], fields: &[&str], missing: &Missing) -> Query {
    let fields: String = fields.iter().map(|field| format!(", c.{field}")).collect();
    let text = format!(
        "SELECT c.id, c.entityid, c.companyname, c.email, c.phone, c.parent, \
         TO_CHAR(c.lastmodifieddate, {TIME}) AS modified{}{fields} FROM customer c WHERE c.id IN ({}) ORDER BY c.id",
        selects(&ENTITY_OPTIONAL, missing),
        marks(ids.len())
    );
    Query::new(text, ids.iter().copied())
}

/// Any customer.
pub(in crate::systems::netsuite) fn any_customer() -> Query {
    Query::new("SELECT MAX(c.id) AS id FROM customer c", Vec::<String>::new())
}

/// How many of each item of an order have been shipped, and billed.
pub(in crate::systems::netsuite) fn shipped_and_billed(order: &str) -> Query {
    let text = "SELECT tl.item, SUM(ABS(NVL(tl.quantityshiprecv, 0))) AS shipped, SUM(ABS(NVL(tl.quantitybilled, 0))) AS billed \
                FROM transactionline tl WHERE tl.transaction = ? AND tl.mainline = 'F' AND NVL(tl.taxline, 'F') = 'F' \
                AND tl.item IS NOT NULL GROUP BY tl.item ORDER BY tl.item";
    Query::new(text, [order])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_desk_says_is_bound_and_never_part_of_a_text() {
        let evil = "SO1' OR '1'='1";
        for query in [
            orders_numbered(evil),
            orders_named("externalid", &[evil, "x"]),
            orders_alike(Some("100"), evil, "2026-01-01 00:00:00"),
            orders_alike(None, evil, "2026-01-01 00:00:00"),
            order_of_id(evil),
        ] {
            assert!(!query.text.contains("SO1"), "{}", query.text);
            assert_eq!(query.text.matches('?').count(), query.params.len(), "{}", query.text);
        }
    }

    #[test]
    fn pages_of_stock_and_of_orders_follow_the_key() {
        let policy = |measure, condition: Option<&str>| StockPolicy {
            schedule: crate::connection::Schedule {
                expression: "rate(1 day)".to_owned(),
                time_zone: "UTC".to_owned(),
            },
            places: std::collections::BTreeMap::new(),
            measure,
            assemblies: condition.is_none(),
            condition: condition.map(str::to_owned),
        };
        let first = levels(&["6", "7"], &policy(StockMeasure::OnHand, None), None);
        assert!(first.text.contains("IN ('InvtPart', 'Assembly')"), "{}", first.text);
        assert_eq!(first.params, ["6", "7"]);
        assert!(first.text.contains("ail.quantityonhand AS quantity"), "{}", first.text);
        let only_bought = policy(StockMeasure::Available, Some("i.custitem_x = 'T'"));
        let next = levels(&["6"], &only_bought, Some((41, 6)));
        assert!(next.text.contains("IN ('InvtPart')"), "{}", next.text);
        assert_eq!(next.params, ["6", "41", "41", "6"]);
        assert!(
            next.text
                .ends_with("AND (i.custitem_x = 'T') ORDER BY ail.item, ail.location"),
            "{}",
            next.text
        );
        for (missing, ended) in [(Missing::new(), true), (Missing::from(["billing address"]), false)] {
            let query = open_orders(
                "2026-02-03 04:00:00",
                Some("77"),
                Some("t.memo IS NULL"),
                ended,
                &missing,
            );
            assert_eq!(query.text.contains("'SalesOrd:B', 'D'"), ended, "{}", query.text);
            let neither_shipped_nor_billed = "'SalesOrd:F', 'G', 'SalesOrd:G') AND t.lastmodifieddate";
            assert_eq!(query.text.contains(neither_shipped_nor_billed), ended, "{}", query.text);
            assert_eq!(query.params.first().map(String::as_str), Some("77"));
            assert_eq!(query.text.matches('?').count(), query.params.len(), "{}", query.text);
            assert_eq!(query.text.contains("billingaddress"), missing.is_empty());
        }
    }
}
