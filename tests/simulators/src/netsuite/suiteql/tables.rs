//! The tables that SuiteQL reads, and how records become rows.
//!
//! Quirks kept: quantities of sales lines are negative; every transaction has a header row (`mainline = 'T'`), a tax
//! row and a shipping row among its lines; the components of a kit are rows; custom body fields are columns.

use super::functions::canonical;
use crate::netsuite::model::{
    Address, Customer, Fulfilment, FulfilmentLine, Id, Invoice, Item, ItemType, Line, OrderStatus, SalesOrder,
    ShipStatus,
};
use crate::netsuite::options::{CustomField, CustomFieldKind, StatusForm};
use crate::netsuite::world::World;
use jiff::Timestamp;
use rusqlite::{Connection, Result, params};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;
use std::collections::BTreeSet;

const SCHEMA: &str = r#"
CREATE TABLE "transaction" (id INTEGER PRIMARY KEY, tranid TEXT, type TEXT, abbrevtype TEXT, status TEXT,
    entity INTEGER, otherrefnum TEXT, email TEXT, memo TEXT, shipmethod INTEGER, shippingaddress INTEGER,
    billingaddress INTEGER, externalid TEXT, ismultishipto TEXT, currency INTEGER, voided TEXT,
    trandate DATETIME, createddate DATETIME, lastmodifieddate DATETIME);
CREATE INDEX transaction_by_change ON "transaction" (lastmodifieddate);
CREATE TABLE transactionline (uniquekey INTEGER PRIMARY KEY, "transaction" INTEGER, id INTEGER,
    linesequencenumber INTEGER, item INTEGER, itemtype TEXT, quantity NUMERIC, quantityshiprecv NUMERIC,
    quantitycommitted NUMERIC, quantitybackordered NUMERIC, location INTEGER, isclosed TEXT, mainline TEXT,
    taxline TEXT, rate NUMERIC, netamount NUMERIC, shipgroup INTEGER, shippingaddress INTEGER, units INTEGER,
    kitcomponent TEXT, createdfrom INTEGER, memo TEXT, iscogs TEXT, quantitybilled NUMERIC);
CREATE INDEX line_by_transaction ON transactionline ("transaction");
CREATE INDEX line_by_origin ON transactionline (createdfrom);
CREATE TABLE transactionshippingaddress (nkey INTEGER PRIMARY KEY, "transaction" INTEGER, addressee TEXT,
    attention TEXT, addr1 TEXT, addr2 TEXT, addr3 TEXT, city TEXT, state TEXT, zip TEXT, country TEXT,
    addrphone TEXT);
CREATE TABLE transactionbillingaddress (nkey INTEGER PRIMARY KEY, "transaction" INTEGER, addressee TEXT,
    attention TEXT, addr1 TEXT, addr2 TEXT, addr3 TEXT, city TEXT, state TEXT, zip TEXT, country TEXT,
    addrphone TEXT);
CREATE TABLE aggregateitemlocation (item INTEGER, location INTEGER, quantityonhand NUMERIC, quantityavailable NUMERIC,
    quantitycommitted NUMERIC, lastquantityavailablechange DATETIME, PRIMARY KEY (item, location)) WITHOUT ROWID;
CREATE TABLE item (id INTEGER PRIMARY KEY, itemid TEXT, displayname TEXT, description TEXT, itemtype TEXT,
    weight NUMERIC, weightunit INTEGER, baseprice NUMERIC, countryofmanufacture TEXT, schedulebcode TEXT,
    isinactive TEXT);
CREATE TABLE kitmember (parentitem INTEGER, item INTEGER, quantity NUMERIC);
CREATE TABLE customer (id INTEGER PRIMARY KEY, entityid TEXT, companyname TEXT, firstname TEXT, lastname TEXT,
    isperson TEXT, email TEXT, altemail TEXT, phone TEXT, altphone TEXT, mobilephone TEXT, parent INTEGER,
    lastmodifieddate DATETIME, isinactive TEXT);
CREATE INDEX customer_by_parent ON customer (parent);
CREATE INDEX transaction_by_number ON "transaction" (tranid);
CREATE TABLE location (id INTEGER PRIMARY KEY, name TEXT, fullname TEXT, mainaddress INTEGER, isinactive TEXT);
CREATE TABLE locationmainaddress (nkey INTEGER PRIMARY KEY, addressee TEXT, attention TEXT, addr1 TEXT, addr2 TEXT,
    addr3 TEXT, city TEXT, state TEXT, zip TEXT, country TEXT, addrphone TEXT);
CREATE TABLE shipitem (id INTEGER PRIMARY KEY, itemid TEXT, displayname TEXT, isinactive TEXT);
CREATE TABLE nexttransactionlinelink (previousdoc INTEGER, previousline INTEGER, nextdoc INTEGER, nextline INTEGER,
    linktype TEXT);
CREATE TABLE trackingnumber (id INTEGER PRIMARY KEY, trackingnumber TEXT);
CREATE TABLE trackingnumbermap ("transaction" INTEGER, trackingnumber INTEGER);
CREATE INDEX address_by_transaction ON transactionshippingaddress ("transaction");
CREATE INDEX map_by_transaction ON trackingnumbermap ("transaction");
CREATE INDEX link_by_next ON nexttransactionlinelink (nextdoc);
CREATE TABLE currency (id INTEGER PRIMARY KEY, symbol TEXT, name TEXT);
CREATE TABLE dual (dummy TEXT);
CREATE TABLE ns_display (field TEXT, code TEXT, name TEXT, PRIMARY KEY (field, code));
INSERT INTO currency VALUES (1, 'USD', 'US Dollar');
INSERT INTO dual VALUES ('X');
"#;

/// Makes the tables, with a column for each custom body field.
pub(super) fn create(db: &Connection, world: &World) -> Result<()> {
    db.execute_batch(SCHEMA)?;
    custom_fields(db, "transaction", &world.options.custom_fields)?;
    custom_fields(db, "customer", &world.options.entity_fields)?;
    for (_, letter, name) in OrderStatus::ALL {
        display(
            db,
            "status",
            &format!("SalesOrd:{letter}"),
            &format!("Sales Order : {name}"),
        )?;
    }
    for status in [ShipStatus::Picked, ShipStatus::Packed, ShipStatus::Shipped] {
        let name = format!("Item Fulfillment : {}", status.name());
        display(db, "status", &format!("ItemShip:{}", status.letter()), &name)?;
    }
    for (letter, name) in [("A", "Open"), ("V", "Voided")] {
        display(
            db,
            "status",
            &format!("CustInvc:{letter}"),
            &format!("Invoice : {name}"),
        )?;
    }
    for (_, id, name) in crate::netsuite::model::WeightUnit::ALL {
        display(db, "weightunit", &id.to_string(), name)?;
    }
    display(db, "currency", "1", "US Dollar")
}

fn custom_fields(db: &Connection, table: &str, fields: &[CustomField]) -> Result<()> {
    for field in fields {
        let kind = if field.kind == CustomFieldKind::Number {
            "NUMERIC"
        } else {
            "TEXT"
        };
        let name: String = field
            .id
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        db.execute(&format!(r#"ALTER TABLE "{table}" ADD COLUMN "{name}" {kind}"#), [])?;
    }
    Ok(())
}

/// Brings the rows of one record up to date; a record that is gone loses its rows.
pub(super) fn refresh(db: &Connection, world: &World, id: Id) -> Result<()> {
    forget(db, id)?;
    if let Some(order) = world.orders.get(&id) {
        order_rows(db, world, order)
    } else if let Some(fulfilment) = world.fulfilments.get(&id) {
        fulfilment_rows(db, world, fulfilment)
    } else if let Some(invoice) = world.invoices.get(&id) {
        invoice_rows(db, world, invoice)
    } else if let Some(item) = world.items.get(&id) {
        item_rows(db, item)
    } else {
        master_rows(db, world, id)
    }
}

fn forget(db: &Connection, id: Id) -> Result<()> {
    for statement in [
        r#"DELETE FROM "transaction" WHERE id = ?1"#,
        r#"DELETE FROM transactionline WHERE "transaction" = ?1"#,
        r#"DELETE FROM transactionshippingaddress WHERE "transaction" = ?1"#,
        "DELETE FROM transactionbillingaddress WHERE nkey = 1000000 + ?1",
        "DELETE FROM nexttransactionlinelink WHERE nextdoc = ?1",
        r#"DELETE FROM trackingnumber WHERE id IN
            (SELECT trackingnumber FROM trackingnumbermap WHERE "transaction" = ?1)"#,
        r#"DELETE FROM trackingnumbermap WHERE "transaction" = ?1"#,
        "DELETE FROM item WHERE id = ?1",
        "DELETE FROM kitmember WHERE parentitem = ?1",
    ] {
        db.prepare_cached(statement)?.execute([id])?;
    }
    Ok(())
}

fn display(db: &Connection, field: &str, code: &str, name: &str) -> Result<()> {
    let statement = "INSERT OR REPLACE INTO ns_display VALUES (?1, ?2, ?3)";
    db.prepare_cached(statement)?
        .execute(params![field, code, name])
        .map(|_| ())
}

fn flag(value: bool) -> &'static str {
    if value { "T" } else { "F" }
}

fn present(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn real(value: Decimal) -> rusqlite::types::Value {
    let whole = value.is_integer().then(|| value.to_i64()).flatten();
    let fraction = || rusqlite::types::Value::Real(value.to_f64().unwrap_or_default());
    whole.map_or_else(fraction, rusqlite::types::Value::Integer)
}

fn date(world: &World, at: Timestamp) -> String {
    canonical(world.local(at))
}

fn status(world: &World, kind: &str, letter: &str) -> String {
    match world.options.status_form {
        StatusForm::Bare => letter.to_owned(),
        StatusForm::WithType => format!("{kind}:{letter}"),
    }
}

fn order_rows(db: &Connection, world: &World, order: &SalesOrder) -> Result<()> {
    let statement = r#"INSERT INTO "transaction" (id, tranid, type, abbrevtype, status, entity, otherrefnum, email,
        memo, shipmethod, shippingaddress, externalid, ismultishipto, currency, voided, trandate, createddate,
        lastmodifieddate, billingaddress) VALUES (?1, ?2, 'SalesOrd', 'SALESORD', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 1,
        'F', ?12, ?13, ?14, ?9)"#;
    db.prepare_cached(statement)?.execute(params![
        order.id,
        order.tran_id,
        status(world, "SalesOrd", order.status().letter()),
        order.entity,
        present(&order.other_ref_num),
        present(&order.email),
        present(&order.memo),
        order.ship_method,
        order_address_key(order.id),
        order.external_id,
        flag(order.multi_ship_to),
        canonical(order.tran_date.to_datetime(jiff::civil::Time::midnight())),
        date(world, order.created),
        date(world, order.last_modified),
    ])?;
    custom_columns(db, "transaction", order.id, &order.custom)?;
    address_row(db, order_address_key(order.id), Some(order.id), &order.ship_address)?;
    let billed_to = order.bill_address.as_ref().unwrap_or(&order.ship_address);
    address_row_of(
        db,
        "transactionbillingaddress",
        order_address_key(order.id),
        Some(order.id),
        billed_to,
    )?;
    technical_rows(db, order)?;
    for (index, line) in order.lines.iter().enumerate() {
        line_rows(db, world, order, line, index + 1)?;
    }
    Ok(())
}

fn custom_columns(
    db: &Connection,
    table: &str,
    id: Id,
    custom: &std::collections::BTreeMap<String, Value>,
) -> Result<()> {
    for (field, value) in custom {
        let text = match value {
            Value::Bool(value) => flag(*value).to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        // A field that the account does not have (any more) has no column.
        let statement = format!(r#"UPDATE "{table}" SET "{field}" = ?1 WHERE id = ?2"#);
        if let Ok(mut update) = db.prepare_cached(&statement) {
            update.execute(params![text, id])?;
        }
    }
    Ok(())
}

/// Keys of addresses never collide with each other: order and line addresses have number ranges of their own.
fn order_address_key(order: Id) -> Id {
    1_000_000 + order
}

fn line_address_key(line: &Line) -> Id {
    500_000_000 + line.unique_key
}

fn address_row(db: &Connection, key: Id, transaction: Option<Id>, address: &Address) -> Result<()> {
    address_row_of(db, "transactionshippingaddress", key, transaction, address)
}

fn address_row_of(db: &Connection, table: &str, key: Id, transaction: Option<Id>, address: &Address) -> Result<()> {
    let statement =
        format!("INSERT OR REPLACE INTO {table} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
    db.prepare_cached(&statement)?
        .execute(params![
            key,
            transaction,
            present(&address.addressee),
            present(&address.attention),
            present(&address.addr1),
            present(&address.addr2),
            present(&address.addr3),
            present(&address.city),
            present(&address.state),
            present(&address.zip),
            present(&address.country),
            present(&address.phone),
        ])
        .map(|_| ())
}

const LINE: &str = r#"INSERT INTO transactionline (uniquekey, "transaction", id, linesequencenumber, item, itemtype,
    quantity, quantityshiprecv, quantitycommitted, quantitybackordered, location, isclosed, mainline, taxline, rate,
    netamount, shipgroup, shippingaddress, kitcomponent, createdfrom) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,
    ?11, ?12, 'F', 'F', ?13, ?14, ?15, ?16, ?17, ?18)"#;

fn line_rows(db: &Connection, world: &World, order: &SalesOrder, line: &Line, sequence: usize) -> Result<()> {
    let address = line.ship_address.as_ref().filter(|_| order.multi_ship_to);
    let waiting = (line.remaining() - line.committed).max(Decimal::ZERO);
    let billed = real(line.billed);
    db.prepare_cached(LINE)?.execute(params![
        line.unique_key,
        order.id,
        line.number,
        i64::try_from(sequence).unwrap_or_default(),
        line.item,
        line.kind.code(),
        real(-line.quantity),
        real(line.fulfilled),
        real(line.committed),
        real(waiting),
        line.location,
        flag(line.closed),
        real(line.rate),
        real(-(line.rate * line.quantity)),
        line.ship_group,
        address.map(|_| line_address_key(line)),
        "F",
        None::<Id>,
    ])?;
    db.prepare_cached("UPDATE transactionline SET quantitybilled = ?1 WHERE uniquekey = ?2")?
        .execute(params![billed, line.unique_key])?;
    if let Some(address) = address {
        address_row(db, line_address_key(line), Some(order.id), address)?;
    }
    if line.kind == ItemType::Kit {
        component_rows(db, world, order, line, sequence)
    } else {
        Ok(())
    }
}

fn component_rows(db: &Connection, world: &World, order: &SalesOrder, kit: &Line, sequence: usize) -> Result<()> {
    let components = world
        .items
        .get(&kit.item)
        .map(|item| item.components.clone())
        .unwrap_or_default();
    for (number, (item, each)) in (1_u32..).zip(components) {
        db.prepare_cached(LINE)?.execute(params![
            300_000_000_000 + kit.unique_key * 1000 + u64::from(number),
            order.id,
            kit.number * 1000 + number,
            i64::try_from(sequence).unwrap_or_default(),
            item,
            world.items.get(&item).map(|item| item.kind.code()),
            real(-(kit.quantity * each)),
            real(kit.fulfilled * each),
            real(kit.committed * each),
            real(Decimal::ZERO),
            kit.location,
            flag(kit.closed),
            None::<f64>,
            None::<f64>,
            kit.ship_group,
            None::<Id>,
            "T",
            None::<Id>,
        ])?;
    }
    Ok(())
}

/// The header, tax and shipping rows that stand among the lines.
fn technical_rows(db: &Connection, order: &SalesOrder) -> Result<()> {
    let statement = r#"INSERT INTO transactionline (uniquekey, "transaction", id, linesequencenumber, itemtype,
        quantity, location, isclosed, mainline, taxline, item) VALUES (?1, ?2, ?3, ?4, ?5, NULL, ?6, 'F', ?7, ?8, ?9)"#;
    let last = order.lines.iter().map(|line| line.number).max().unwrap_or_default();
    let rows = [
        (0, 0, None, "T", "F", None),
        (1, last + 1, Some("ShipItem"), "F", "F", order.ship_method),
        (2, last + 2, Some("TaxItem"), "F", "T", None),
    ];
    for (offset, number, kind, mainline, taxline, item) in rows {
        // Unique keys of these rows come from a range of their own.
        let key = 900_000_000_000 + order.id * 10 + offset;
        let sequence = if mainline == "T" { 0 } else { number };
        let row = params![
            key,
            order.id,
            number,
            sequence,
            kind,
            order.location,
            mainline,
            taxline,
            item
        ];
        db.prepare_cached(statement)?.execute(row)?;
    }
    Ok(())
}

fn fulfilment_rows(db: &Connection, world: &World, fulfilment: &Fulfilment) -> Result<()> {
    let statement = r#"INSERT INTO "transaction" (id, tranid, type, abbrevtype, status, entity, memo, shipmethod,
        externalid, voided, trandate, createddate, lastmodifieddate, shippingaddress)
        VALUES (?1, ?2, 'ItemShip', 'ITEMSHIP', ?3, ?4, ?5, ?6, ?7, 'F', ?8, ?9, ?10, ?11)"#;
    db.prepare_cached(statement)?.execute(params![
        fulfilment.id,
        fulfilment.tran_id,
        status(world, "ItemShip", fulfilment.status.letter()),
        world.orders.get(&fulfilment.order).map(|order| order.entity),
        present(&fulfilment.memo),
        fulfilment.ship_method,
        fulfilment.external_id,
        canonical(fulfilment.tran_date.to_datetime(jiff::civil::Time::midnight())),
        date(world, fulfilment.created),
        date(world, fulfilment.last_modified),
        order_address_key(fulfilment.id),
    ])?;
    address_row(
        db,
        order_address_key(fulfilment.id),
        Some(fulfilment.id),
        &fulfilment.ship_address,
    )?;
    custom_columns(db, "transaction", fulfilment.id, &fulfilment.custom)?;
    fulfilment_lines(db, world, fulfilment)?;
    tracking_rows(db, fulfilment)
}

fn fulfilment_lines(db: &Connection, world: &World, fulfilment: &Fulfilment) -> Result<()> {
    let header = r#"INSERT INTO transactionline (uniquekey, "transaction", id, linesequencenumber, isclosed, mainline,
        taxline, createdfrom) VALUES (?1, ?2, 0, 0, 'F', 'T', 'F', ?3)"#;
    let key = 700_000_000_000 + fulfilment.id * 1000;
    db.prepare_cached(header)?
        .execute(params![key, fulfilment.id, fulfilment.order])?;
    for (number, line) in (1_u32..).zip(&fulfilment.lines) {
        cost_row(db, world, fulfilment, line, number)?;
        db.prepare_cached(LINE)?.execute(params![
            key + u64::from(number),
            fulfilment.id,
            number,
            number,
            line.item,
            world.items.get(&line.item).map(|item| item.kind.code()),
            real(line.quantity),
            None::<f64>,
            None::<f64>,
            None::<f64>,
            line.location,
            "F",
            None::<f64>,
            None::<f64>,
            None::<u32>,
            None::<Id>,
            "F",
            fulfilment.order,
        ])?;
        let link = "INSERT INTO nexttransactionlinelink VALUES (?1, ?2, ?3, ?4, 'ShipRcpt')";
        let row = params![fulfilment.order, line.order_line, fulfilment.id, number];
        db.prepare_cached(link)?.execute(row)?;
    }
    Ok(())
}

/// The row beside each line of a fulfilment that books what the goods cost.
fn cost_row(db: &Connection, world: &World, fulfilment: &Fulfilment, line: &FulfilmentLine, number: u32) -> Result<()> {
    let statement = r#"INSERT INTO transactionline (uniquekey, "transaction", id, linesequencenumber, item, itemtype, quantity,
        isclosed, mainline, taxline, createdfrom, iscogs) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'F', 'F', 'F', ?8, 'T')"#;
    let row = params![
        800_000_000_000 + fulfilment.id * 1000 + u64::from(number),
        fulfilment.id,
        1000 + number,
        1000 + number,
        line.item,
        world.items.get(&line.item).map(|item| item.kind.code()),
        real(-line.quantity),
        fulfilment.order,
    ];
    db.prepare_cached(statement)?.execute(row).map(|_| ())
}

fn invoice_rows(db: &Connection, world: &World, invoice: &Invoice) -> Result<()> {
    let statement = r#"INSERT INTO "transaction" (id, tranid, type, abbrevtype, status, entity, voided, trandate, createddate,
        lastmodifieddate) VALUES (?1, ?2, 'CustInvc', 'INV', ?3, ?4, ?5, ?6, ?7, ?8)"#;
    let letter = if invoice.voided { "V" } else { "A" };
    db.prepare_cached(statement)?.execute(params![
        invoice.id,
        invoice.tran_id,
        status(world, "CustInvc", letter),
        world.orders.get(&invoice.order).map(|order| order.entity),
        flag(invoice.voided),
        canonical(invoice.tran_date.to_datetime(jiff::civil::Time::midnight())),
        date(world, invoice.created),
        date(world, invoice.last_modified),
    ])?;
    custom_columns(db, "transaction", invoice.id, &invoice.custom)?;
    let header = r#"INSERT INTO transactionline (uniquekey, "transaction", id, linesequencenumber, isclosed, mainline,
        taxline, createdfrom) VALUES (?1, ?2, 0, 0, 'F', 'T', 'F', ?3)"#;
    let key = 600_000_000_000 + invoice.id * 1000;
    db.prepare_cached(header)?
        .execute(params![key, invoice.id, invoice.order])?;
    for (number, line) in (1_u32..).zip(&invoice.lines) {
        db.prepare_cached(LINE)?.execute(params![
            key + u64::from(number),
            invoice.id,
            number,
            number,
            line.item,
            world.items.get(&line.item).map(|item| item.kind.code()),
            real(-line.quantity),
            None::<f64>,
            None::<f64>,
            None::<f64>,
            None::<Id>,
            "F",
            None::<f64>,
            None::<f64>,
            None::<u32>,
            None::<Id>,
            "F",
            invoice.order,
        ])?;
    }
    Ok(())
}

fn tracking_rows(db: &Connection, fulfilment: &Fulfilment) -> Result<()> {
    for number in fulfilment.tracking_numbers() {
        db.prepare_cached("INSERT INTO trackingnumber (trackingnumber) VALUES (?1)")?
            .execute([number])?;
        let key = db.last_insert_rowid();
        db.prepare_cached("INSERT INTO trackingnumbermap VALUES (?1, ?2)")?
            .execute(params![fulfilment.id, key])?;
    }
    Ok(())
}

fn item_rows(db: &Connection, item: &Item) -> Result<()> {
    let statement = "INSERT INTO item VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'F')";
    db.prepare_cached(statement)?.execute(params![
        item.id,
        item.sku,
        item.name,
        item.kind.code(),
        item.weight.map(real),
        item.weight_unit.id(),
        real(item.price),
        present(&item.country_of_manufacture),
        present(&item.tariff_code),
    ])?;
    for (component, quantity) in &item.components {
        let statement = "INSERT INTO kitmember VALUES (?1, ?2, ?3)";
        db.prepare_cached(statement)?
            .execute(params![item.id, component, real(*quantity)])?;
    }
    display(db, "item", &item.id.to_string(), &item.sku)
}

fn master_rows(db: &Connection, world: &World, id: Id) -> Result<()> {
    if let Some(customer) = world.customers.get(&id) {
        customer_row(db, world, customer)?;
        display(db, "entity", &id.to_string(), &customer.entity_id)
    } else if let Some(method) = world.ship_methods.get(&id) {
        db.execute(
            "INSERT OR REPLACE INTO shipitem VALUES (?1, ?2, ?2, 'F')",
            params![id, method.name],
        )?;
        display(db, "shipmethod", &id.to_string(), &method.name)
    } else if let Some(location) = world.locations.get(&id) {
        let key = order_address_key(id);
        db.execute(
            "INSERT OR REPLACE INTO location VALUES (?1, ?2, ?2, ?3, 'F')",
            params![id, location.name, key],
        )?;
        location_address(db, key, &location.address)?;
        display(db, "location", &id.to_string(), &location.name)
    } else {
        Ok(())
    }
}

fn customer_row(db: &Connection, world: &World, customer: &Customer) -> Result<()> {
    let statement =
        "INSERT OR REPLACE INTO customer (id, entityid, companyname, firstname, lastname, isperson, email, altemail,
        phone, altphone, mobilephone, parent, lastmodifieddate, isinactive)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 'F')";
    db.prepare_cached(statement)?.execute(params![
        customer.id,
        customer.entity_id,
        present(&customer.company),
        present(&customer.first_name),
        present(&customer.last_name),
        flag(customer.person),
        present(&customer.email),
        present(&customer.alt_email),
        present(&customer.phone),
        present(&customer.alt_phone),
        present(&customer.mobile_phone),
        customer.parent,
        date(world, customer.last_modified),
    ])?;
    custom_columns(db, "customer", customer.id, &customer.custom)
}

/// Brings the stock of items in places up to date.
pub(super) fn refresh_stock(db: &Connection, world: &World, keys: &BTreeSet<(Id, Id)>) -> Result<()> {
    let promised = world.promised(keys);
    let statement = "INSERT OR REPLACE INTO aggregateitemlocation VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut insert = db.prepare_cached(statement)?;
    let mut delete = db.prepare_cached("DELETE FROM aggregateitemlocation WHERE item = ?1 AND location = ?2")?;
    for key in keys {
        let Some(stock) = world.stock.get(key) else {
            delete.execute(params![key.0, key.1])?;
            continue;
        };
        let committed = promised.get(key).copied().unwrap_or_default();
        insert.execute(params![
            key.0,
            key.1,
            real(stock.on_hand),
            real(stock.on_hand - committed),
            real(committed),
            date(world, stock.changed),
        ])?;
    }
    Ok(())
}

fn location_address(db: &Connection, key: Id, address: &Address) -> Result<()> {
    let statement = "INSERT OR REPLACE INTO locationmainaddress VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let row = params![
        key,
        present(&address.addressee),
        present(&address.attention),
        present(&address.addr1),
        present(&address.addr2),
        present(&address.addr3),
        present(&address.city),
        present(&address.state),
        present(&address.zip),
        present(&address.country),
        present(&address.phone),
    ];
    db.execute(statement, row).map(|_| ())
}
