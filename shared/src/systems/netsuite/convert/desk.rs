//! What a desk is told, and what it means: orders it names, stock, and customers with the accounts above them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::domain::{
    Address, Customer, CustomerFields, DeskOrder, DeskOrderLine, DeskOrderRef, DocumentId, Level, LevelKey, Order,
    OrderLine, Refusal, Standing,
};
use crate::ports::Meant;
use crate::systems::netsuite::account::Account;
use crate::systems::netsuite::convert::orders::{address, decimal, status_letter};
use crate::systems::netsuite::convert::writes::numbers_in;
use crate::systems::netsuite::suiteql::desk::ACCOUNTS_ABOVE;
use crate::systems::netsuite::wire::{
    BilledRow, EntityRow, LevelRow, MadeFulfilment, NamedRow, OpenRow, PostalAddress, as_text,
};

/// A number with fewer digits is like too many others.
const FEWEST_DIGITS: usize = 3;

/// The most orders that a person is to choose from.
const CANDIDATES: usize = 5;

/// What parts the names of accounts in a path, as NetSuite writes it.
const BELOW: &str = " : ";

// ---- which order is meant ----------------------------------------------------------------------------------------

/// The internal id of an order of this account in a key that we gave it at a desk: `netsuite:1234567_SB1:SO:5012`. Several accounts,
/// and copies of one, may have orders at the same desk.
pub(in crate::systems::netsuite) fn own_id<'k>(key: &'k str, account: &Account) -> Option<&'k str> {
    let (of, id) = key.trim().strip_prefix("netsuite:")?.split_once(":SO:")?;
    let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && of.eq_ignore_ascii_case(account.as_str())).then_some(id)
}

/// Whether a desk's number is that of an order: the desk's own, or that of a part which was split off there.
pub(in crate::systems::netsuite) fn has_number(order: &DeskOrderRef, number: &str) -> bool {
    let (shown, number) = (
        order.number.trim().to_ascii_uppercase(),
        number.trim().to_ascii_uppercase(),
    );
    let part = shown.strip_prefix(number.as_str());
    shown.is_empty() || part.is_some_and(|part| part.is_empty() || part.starts_with('-'))
}

/// Rows as documents that may be meant, found by something that may name others too.
pub(in crate::systems::netsuite) fn meant(rows: Vec<NamedRow>, by: &'static str) -> Vec<Meant> {
    rows.into_iter().filter_map(|row| one(row, by)).collect()
}

/// Rows as documents that are meant, found by what names no others.
pub(in crate::systems::netsuite) fn surely_meant(rows: Vec<NamedRow>, by: &'static str) -> Vec<Meant> {
    let sure = |one| Meant { sure: true, ..one };
    meant(rows, by).into_iter().map(sure).collect()
}

fn one(row: NamedRow, by: &'static str) -> Option<Meant> {
    let id = row.id?;
    Some(Meant {
        number: row.tranid.unwrap_or_else(|| id.clone()),
        document: DocumentId::sales_order(id),
        by,
        sure: false,
    })
}

/// The digits by which a number is known when somebody changed what stands around them: the longest run.
pub(in crate::systems::netsuite) fn digits(number: &str) -> Option<&str> {
    let runs = number.split(|letter: char| !letter.is_ascii_digit());
    let longest = runs.max_by_key(|run| run.len())?;
    (longest.len() >= FEWEST_DIGITS).then_some(longest)
}

/// The few rows that look most like what the desk says: the same digits, then the customer's own number, then the rest as it came.
pub(in crate::systems::netsuite) fn closest(rows: Vec<NamedRow>, order: &DeskOrderRef) -> Vec<Meant> {
    let wanted = digits(&order.number);
    let by = |row: &NamedRow| {
        if wanted.is_some() && row.tranid.as_deref().and_then(digits) == wanted {
            (0, "the digits of its number")
        } else if row.otherrefnum.as_deref() == Some(order.number.trim()) {
            (1, "the customer's own number")
        } else {
            (2, "a number that contains these digits")
        }
    };
    let mut ranked: Vec<(u8, Meant)> = rows
        .into_iter()
        .filter_map(|row| {
            let (rank, by) = by(&row);
            Some((rank, one(row, by)?))
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, meant)| meant).take(CANDIDATES).collect()
}

// ---- stock -------------------------------------------------------------------------------------------------------

/// A row of stock. One without a quantity is of an item that nobody has counted there: nothing lies there.
pub(in crate::systems::netsuite) fn level(row: &LevelRow) -> Result<Level, Refusal> {
    let id = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
    let (Some(item), Some(location), Some(sku)) = (id(&row.item), id(&row.location), row.sku.clone()) else {
        let words =
            "a row of stock names no item, location or item number: the role needs Lists > Items and Lists > Locations";
        return Err(Refusal::new("stock-unreadable", words));
    };
    let quantity = match row.quantity.as_deref() {
        None => Decimal::ZERO,
        Some(text) => decimal(Some(text)).ok_or_else(|| {
            let words = format!("the stock of {sku} at location {location} is {text:?}, which is no quantity");
            Refusal::new("stock-unreadable", words)
        })?,
    };
    Ok(Level {
        key: LevelKey { item, location },
        sku,
        quantity: whole(quantity),
    })
}

/// What can be sold of it: never less than nothing, and nothing of a piece that is not whole.
fn whole(quantity: Decimal) -> Decimal {
    quantity.floor().max(Decimal::ZERO).normalize()
}

// ---- customers ---------------------------------------------------------------------------------------------------

/// Customers by their internal ids.
pub(in crate::systems::netsuite) type Entities = BTreeMap<String, EntityRow>;

fn value(row: &EntityRow, name: &str) -> Option<String> {
    row.get(name).and_then(as_text)
}

/// A customer with its internal id.
pub(in crate::systems::netsuite) fn by_id(row: EntityRow) -> Option<(String, EntityRow)> {
    Some((value(&row, "id")?, row))
}

/// The account above, where there is one.
pub(in crate::systems::netsuite) fn parent(row: &EntityRow) -> Option<String> {
    value(row, "parent")
}

/// The number that people know, without the numbers of the accounts above that may stand before it.
fn number(row: &EntityRow) -> Option<String> {
    let whole = value(row, "entityid")?;
    let own = whole.rsplit(BELOW).next().unwrap_or(&whole).trim().to_owned();
    Some(own)
}

fn company(row: &EntityRow) -> Option<String> {
    value(row, "companyname")
}

/// A person by first and last name, a company by its own.
fn name(row: &EntityRow) -> Option<String> {
    let own: Vec<String> = ["firstname", "lastname"]
        .iter()
        .filter_map(|part| value(row, part))
        .collect();
    let person = value(row, "isperson").as_deref() == Some("T") && !own.is_empty();
    if person {
        return Some(own.join(" "));
    }
    company(row).or_else(|| number(row))
}

/// The accounts above a customer, the next one first; an account that is its own is not followed.
fn above<'e>(row: &EntityRow, entities: &'e Entities) -> Vec<&'e EntityRow> {
    let (mut seen, mut found) = (BTreeSet::from_iter(value(row, "id")), Vec::new());
    let mut next = parent(row);
    while let Some(id) = next.filter(|id| found.len() < ACCOUNTS_ABOVE && seen.insert(id.clone())) {
        let Some(account) = entities.get(&id) else { break };
        next = parent(account);
        found.push(account);
    }
    found
}

/// When a customer or an account above it last changed, as texts of the account's clock.
pub(in crate::systems::netsuite) fn customer_changes(entity: Option<&str>, entities: &Entities) -> Vec<String> {
    let Some(row) = entity.and_then(|id| entities.get(id)) else {
        return Vec::new();
    };
    let rows = std::iter::once(row).chain(above(row, entities));
    rows.filter_map(|row| value(row, "modified")).collect()
}

/// Who ordered. `order` says what its own order knows; of a customer that the role may not see there is nothing else.
pub(in crate::systems::netsuite) fn customer(
    row: &OpenRow,
    order: &Order,
    entities: &Entities,
    fields: &BTreeMap<String, String>,
) -> Customer {
    let id = row.entity.clone().unwrap_or_default();
    let shown = row.customer.clone().unwrap_or_else(|| order.ship_to.name.clone());
    let entity = entities.get(&id);
    let accounts = entity.map(|entity| above(entity, entities)).unwrap_or_default();
    let of = |names: &[&str]| entity.map(|row| all_of(row, names)).unwrap_or_default();
    let mut customer = Customer {
        number: entity.and_then(number).unwrap_or_else(|| shown.clone()),
        name: entity.and_then(name).unwrap_or(shown),
        company: entity.and_then(company),
        emails: with(mails(of(&["email", "altemail"])), order.ship_to.email.as_deref()),
        phones: of(&["phone", "mobilephone", "altphone"]),
        above: accounts
            .iter()
            .filter_map(|account| Some((number(account)?, name(account)?)))
            .collect(),
        fields: CustomerFields::new(),
        id,
    };
    customer.fields = fields
        .iter()
        .map(|(desk, what)| (desk.clone(), wanted(what, &customer, entity)))
        .collect();
    customer
}

/// Every value of these columns, each once.
fn all_of(row: &EntityRow, names: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for text in names.iter().filter_map(|name| value(row, name)) {
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

/// Addresses of mail, of which one text may hold several.
fn mails(texts: Vec<String>) -> Vec<String> {
    texts.iter().fold(Vec::new(), |known, text| with(known, Some(text)))
}

fn with(mut known: Vec<String>, texts: Option<&str>) -> Vec<String> {
    let parts = texts
        .into_iter()
        .flat_map(|texts| texts.split([';', ',']))
        .map(str::trim);
    for part in parts.filter(|part| !part.is_empty()) {
        if !known.iter().any(|one| one.eq_ignore_ascii_case(part)) {
            known.push(part.to_owned());
        }
    }
    known
}

/// What a field of the desk is to say; nothing where the customer has nothing of the kind, so that what stood there goes.
fn wanted(what: &str, customer: &Customer, entity: Option<&EntityRow>) -> String {
    let (parent, top) = (customer.above.first(), customer.above.last());
    let found = match what {
        "parent-number" => parent.map(|(number, _)| number.clone()),
        "parent-name" => parent.map(|(_, name)| name.clone()),
        "top-number" => top.map(|(number, _)| number.clone()),
        "top-name" => top.map(|(_, name)| name.clone()),
        "path" => Some(path(customer)),
        "number" => Some(customer.number.clone()),
        "emails" => Some(customer.emails.join(", ")),
        "phones" => Some(customer.phones.join(", ")),
        field => entity.and_then(|row| value(row, field)),
    };
    found.unwrap_or_default()
}

/// The names of all accounts above, from the topmost down.
fn path(customer: &Customer) -> String {
    let above: Vec<&str> = customer.above.iter().rev().map(|(_, name)| name.as_str()).collect();
    above.join(BELOW)
}

/// What a field of the desk can be told beside fields of the customer's own making.
const WORDS: [&str; 8] = [
    "parent-number",
    "parent-name",
    "top-number",
    "top-name",
    "path",
    "number",
    "emails",
    "phones",
];

/// The account's own fields among what is wanted, each once; what is neither is refused, because it would stand in a query.
pub(in crate::systems::netsuite) fn own_fields(fields: &BTreeMap<String, String>) -> Result<Vec<&str>, Refusal> {
    let own: BTreeSet<&str> = fields
        .values()
        .map(String::as_str)
        .filter(|what| !WORDS.contains(what))
        .collect();
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let illegal = |field: &&&str| {
        let rest = field.strip_prefix("custentity").unwrap_or_default();
        rest.is_empty() || !rest.bytes().all(legal)
    };
    if let Some(wrong) = own.iter().find(illegal) {
        let words = format!(
            "customers.fields: {wrong:?} is neither a custom field of customers in lower case (custentity_...) nor one of {}",
            WORDS.join(", ")
        );
        return Err(Refusal::new("connection-malformed", words));
    }
    Ok(own.into_iter().collect())
}

// ---- open orders -------------------------------------------------------------------------------------------------

/// An open order as it is to stand at a desk, or one that people cancelled or closed before anything of it had left; `None` for one
/// that is not this connection's, has nothing left to ship, ended in another way, or goes to several places, which no desk's order
/// can say.
pub(in crate::systems::netsuite) fn desk_order(
    order: Order,
    row: &OpenRow,
    customer: Customer,
    (ordered_at, modified): (Timestamp, Timestamp),
) -> Option<DeskOrder> {
    let ended = match order.standing {
        Standing::Ready => false,
        Standing::Cancelled | Standing::Closed if was_called_off(&order, row) => true,
        Standing::Cancelled | Standing::Closed | Standing::Waiting(_) => return None,
    };
    let left = order.lines.iter().filter(|line| line.remaining() > Decimal::ZERO);
    let open: Vec<&OrderLine> = left.filter(|_| !ended).collect();
    let places: BTreeSet<&Address> = open.iter().map(|line| order.ship_to_of(line)).collect();
    let ship_to = match places.into_iter().collect::<Vec<_>>()[..] {
        [place] => place,
        _ if ended => &order.ship_to,
        _ => return None,
    };
    Some(DeskOrder {
        ship_to: ship_to.clone(),
        bill_to: bill_to(row, &customer),
        lines: open.into_iter().map(desk_line).collect(),
        document: order.document.clone(),
        number: order.number.clone(),
        ordered_at,
        modified,
        customer,
        currency: order.currency.clone(),
        ship_method: order.ship_method.clone().map(|method| method.name.unwrap_or(method.id)),
        open: !ended,
    })
}

/// Whether people cancelled it, or closed it by hand, before anything of it had left. An order that was shipped may come back: its
/// label is voided, and the desk's order waits for another.
fn was_called_off(order: &Order, row: &OpenRow) -> bool {
    let status = row.statuscode.as_deref().map(status_letter);
    matches!(status, Some("C" | "H")) && order.lines.iter().all(|line| line.fulfilled.is_zero())
}

fn desk_line(line: &OrderLine) -> DeskOrderLine {
    DeskOrderLine {
        line: line.id.clone(),
        sku: line.sku.clone(),
        name: line.description.clone(),
        quantity: line.remaining(),
        unit_price: line.unit_price.clone(),
        weight: line.weight,
    }
}

fn bill_to(row: &OpenRow, customer: &Customer) -> Option<Address> {
    if row.addr1.is_none() && row.city.is_none() {
        return None;
    }
    let postal = PostalAddress {
        addressee: row.addressee.clone(),
        attention: row.attention.clone(),
        addr1: row.addr1.clone(),
        addr2: row.addr2.clone(),
        addr3: row.addr3.clone(),
        city: row.city.clone(),
        state: row.state.clone(),
        zip: row.zip.clone(),
        country: row.country.clone(),
        addr_phone: row.addrphone.clone(),
    };
    let mut bill_to = address(&postal, Some(&customer.name));
    bill_to.phone = bill_to.phone.or_else(|| customer.phones.first().cloned());
    bill_to.email = customer.emails.first().cloned();
    Some(bill_to)
}

// ---- taking away what was made -----------------------------------------------------------------------------------

/// Whether an invoice bills goods of a fulfilment: more of an item is billed than the other fulfilments ship.
pub(in crate::systems::netsuite) fn is_billed(made: &MadeFulfilment, rows: &[BilledRow]) -> bool {
    let mut taken: BTreeMap<&str, Decimal> = BTreeMap::new();
    for line in made.item.iter().flat_map(|lines| &lines.items) {
        if let Some(item) = line.item.as_deref() {
            *taken.entry(item).or_default() += decimal(line.quantity.as_deref()).unwrap_or_default();
        }
    }
    let number = |text: &Option<String>| decimal(text.as_deref()).unwrap_or_default();
    rows.iter().any(|row| {
        let own = row.item.as_deref().and_then(|item| taken.get(item));
        own.is_some_and(|own| number(&row.billed) > (number(&row.shipped) - own).max(Decimal::ZERO))
    })
}

/// The tracking numbers of a fulfilment's packages, whichever sublist they are in.
pub(in crate::systems::netsuite) fn tracking_numbers(made: &MadeFulfilment) -> Vec<String> {
    let sublists = made.rest.iter().filter(|(name, _)| name.starts_with("package"));
    let packages = sublists.filter_map(|(_, sublist)| sublist.get("items")?.as_array());
    let fields = packages.flatten().filter_map(Value::as_object).flatten();
    let numbers = fields.filter(|(name, _)| name.starts_with("packageTrackingNumber") && !name.contains("Return"));
    numbers.filter_map(|(_, number)| as_text(number)).collect()
}

/// What a field of tracking numbers says without these; `None` where it does not name any of them.
pub(in crate::systems::netsuite) fn without(text: Option<String>, gone: &[String]) -> Option<Option<String>> {
    let there = numbers_in(text.as_deref());
    let kept: Vec<String> = there.iter().filter(|number| !gone.contains(number)).cloned().collect();
    (kept.len() < there.len()).then(|| Some(kept.join(", ")).filter(|kept| !kept.is_empty()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_of_ours_is_an_id_and_nothing_else() {
        let account = Account::parse("1234567_SB1").unwrap();
        assert_eq!(own_id(" netsuite:1234567_sb1:SO:5012", &account), Some("5012"));
        for key in [
            "netsuite:1234567_SB1:SO:",
            "netsuite:1234567_SB1:SO:5012x",
            "netsuite:1234567_SB1:PO:5012",
            "netsuite:1234567:SO:5012",
            "netsuite:7654321_SB1:SO:5012",
            "netsuite:SO:5012",
            "5012",
            "",
        ] {
            assert_eq!(own_id(key, &account), None, "{key}");
        }
    }

    #[test]
    fn a_part_that_was_split_off_has_the_number_of_its_order() {
        let shown = |number: &str| DeskOrderRef {
            id: "9".to_owned(),
            number: number.to_owned(),
            key: None,
            store: None,
        };
        for number in ["SO77", " so77 ", "SO77-1", ""] {
            assert!(has_number(&shown(number), "SO77"), "{number}");
        }
        for number in ["SO7", "SO771", "X"] {
            assert!(!has_number(&shown(number), "SO77"), "{number}");
        }
    }

    /// P42: of orders that look alike those with the same digits come first, then those that the customer calls so.
    #[test]
    fn what_looks_most_alike_comes_first() {
        assert_eq!(digits("WEB-10021-R2"), Some("10021"));
        assert_eq!(digits("A12-B3"), None);
        let rows: Vec<NamedRow> = serde_json::from_value(json!([
            { "id": "1", "tranid": "SO210021" },
            { "id": "2", "tranid": "SO7", "otherrefnum": "10021" },
            { "id": "3", "tranid": "SO10021" },
            { "tranid": "SO10021" }
        ]))
        .unwrap();
        let order = DeskOrderRef {
            id: "9".to_owned(),
            number: "10021".to_owned(),
            key: None,
            store: None,
        };
        let ids = closest(rows, &order).into_iter().map(|one| one.document.id);
        assert_eq!(ids.collect::<Vec<_>>(), ["3", "2", "1"]);
    }

    #[test]
    fn a_number_is_taken_off_and_no_other() {
        let field = || Some("1Z1, 1Z2 1Z3".to_owned());
        assert_eq!(without(field(), &["1Z2".to_owned()]), Some(Some("1Z1, 1Z3".to_owned())));
        assert_eq!(without(field(), &["1Z".to_owned()]), None);
        let all = ["1Z1", "1Z2", "1Z3"].map(str::to_owned);
        assert_eq!(without(field(), &all), Some(None));
        assert_eq!(without(None, &all), None);
    }

    /// P45: what would stand in a query is a field's name and nothing else.
    #[test]
    fn fields_of_customers_are_names_and_nothing_else() {
        let fields = |what: &str| BTreeMap::from([("custom_field1".to_owned(), what.to_owned())]);
        assert_eq!(own_fields(&fields("custentity_tier2")), Ok(vec!["custentity_tier2"]));
        assert_eq!(own_fields(&fields("path")), Ok(Vec::new()));
        for wrong in [
            "custentity",
            "custentity_x, c.email",
            "custentity_X",
            "email",
            "",
            "custbody_x",
        ] {
            assert!(own_fields(&fields(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn mails_of_one_text_are_several_and_each_stands_once() {
        let all = mails(vec!["a@x.example; B@x.example".to_owned(), "b@x.example".to_owned()]);
        assert_eq!(
            with(all, Some("c@x.example")),
            ["a@x.example", "B@x.example", "c@x.example"]
        );
    }
}
