//! The columns that this connection cannot do without, of every query: without them something would be decided wrongly and
//! nobody would see it.

use super::options::Options;
use super::queries::{self, Kind, Query};
use super::wire::Row;
use crate::connection::{Connection, FieldMap, Selection, Shipper};

/// Which schedule of a requisition became this one.
const ORIGINS: [&str; 4] = ["BUSINESS_UNIT_REQ", "REQ_ID", "REQ_LINE_NBR", "REQ_SCHED_NBR"];

/// What a connection decides by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Goods of a requisition may be those of a purchase order.
    both_kinds: bool,
    /// Goods leave from the supplier's own address.
    pub(super) supplier_ships: bool,
    /// Columns of the queries of lines, of which one name of each is needed.
    lines: Vec<&'static [&'static str]>,
    /// Columns of the queries of lines that rules ask for by name.
    fields: Vec<String>,
    /// Columns of the record that are written.
    written: Vec<String>,
}

impl Needs {
    /// What this connection needs.
    pub(super) fn of(connection: &Connection, options: &Options) -> Self {
        let select: &Selection = &connection.select;
        let supplier_ships = connection.ship_from.of == Shipper::Supplier;
        let carriers = !select.ship_methods.is_empty() || select.rules.iter().any(|rule| !rule.carrier.is_empty());
        let sites = select.rules.iter().any(|rule| !rule.supplier_site.is_empty());
        let cost_centres = connection.accounts.iter().any(|row| row.cost_centre.is_some());
        let lines: [(bool, &'static [&'static str]); 4] = [
            (carriers, &["CARRIER_ID", "SHIP_TYPE_ID"]),
            (sites, &["VNDR_LOC"]),
            (supplier_ships, &["ADDRESS_SEQ_NUM"]),
            (cost_centres, &["DEPTID"]),
        ];
        Self {
            both_kinds: Kind::ALL.iter().all(|kind| options.documents.contains(kind)),
            supplier_ships,
            lines: lines
                .into_iter()
                .filter(|(needed, _)| *needed)
                .map(|(_, names)| names)
                .collect(),
            fields: select.fields().map(str::to_owned).collect(),
            written: written(&connection.write_back.fields, options),
        }
    }

    /// The columns that every row of a query must have; of several names one is enough.
    pub(super) fn columns<'a>(&'a self, query: &'a Query) -> Vec<Vec<&'a str>> {
        let mut columns: Vec<Vec<&str>> = query.columns.iter().map(|column| vec![*column]).collect();
        let mut also = |names: &[&'a str]| {
            if !columns.iter().any(|known| known.as_slice() == names) {
                columns.push(names.to_vec());
            }
        };
        if *query == queries::TRACKING {
            self.written.iter().for_each(|column| also(&[column.as_str()]));
        }
        if Kind::ALL.iter().any(|kind| kind.lines() == query) {
            self.lines.iter().for_each(|names| also(names));
            self.fields.iter().for_each(|column| also(&[column.as_str()]));
        }
        if self.both_kinds && *query == queries::PURCHASE_ORDER {
            ORIGINS.iter().for_each(|column| also(&[column]));
        }
        columns
    }

    /// The needed columns that any of these rows lacks, by the customer's names. A blank is a column that is there.
    pub(super) fn lacking(&self, query: &Query, rows: &[Row], options: &Options) -> Vec<String> {
        let lacks = |names: &Vec<&str>| rows.iter().any(|row| !names.iter().any(|name| row.has(name)));
        let told = |names: Vec<&str>| {
            let theirs: Vec<&str> = names.into_iter().map(|name| options.column(name)).collect();
            theirs.join(" or ")
        };
        self.columns(query).into_iter().filter(lacks).map(told).collect()
    }
}

/// The written columns, by our names where the query gives them others.
fn written(fields: &FieldMap, options: &Options) -> Vec<String> {
    let ours = |column: &str| {
        let renamed = options.columns.iter().find(|(_, theirs)| *theirs == column);
        renamed.map_or(column, |(ours, _)| ours.as_str()).to_owned()
    };
    super::account::named(fields)
        .into_iter()
        .map(|(_, column)| ours(column))
        .collect()
}

/// Which query lacks what, in words.
pub(super) fn words(query: &Query, lacking: &[String], options: &Options) -> String {
    let column = if lacking.len() == 1 { "column" } else { "columns" };
    format!(
        "query {} lacks {column} {}: `waybill connection check` says what it needs",
        options.query(query),
        lacking.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::peoplesoft::fixture;

    #[test]
    fn what_a_connection_decides_by_must_be_there() {
        let mut connection = fixture::connection();
        let options = fixture::settings().options;
        let names = |connection: &Connection, options: &Options, query: &Query| -> Vec<String> {
            let needs = Needs::of(connection, options);
            let all = needs.columns(query).into_iter().map(|names| names.join("|"));
            all.filter(|name| !query.columns.contains(&name.as_str())).collect()
        };
        let both = ["CARRIER_ID|SHIP_TYPE_ID", "ADDRESS_SEQ_NUM"];
        assert_eq!(
            names(&connection, &options, &queries::PURCHASE_ORDER),
            [&both[..], &ORIGINS].concat()
        );
        assert_eq!(names(&connection, &options, &queries::REQUISITION), both);
        assert_eq!(
            names(&connection, &options, &queries::TRACKING),
            ["COST", "SERVICE", "STATUS_DTTM", "PLACE", "SIGNED_BY", "EST_DELIVERY"]
        );
        connection.select.rules =
            vec![serde_json::from_value(serde_json::json!({
            "carrier": [], "supplier": ["Lee"], "supplier_site": ["MAIN"], "fields": {"FREIGHT_TERMS": ["COLLECT"]}
        }))
        .unwrap()];
        connection.ship_from.of = Shipper::Location;
        connection.erp.options["documents"] = serde_json::json!(["purchase-orders"]);
        let one = Options {
            documents: vec![Kind::PurchaseOrder],
            ..options
        };
        assert_eq!(
            names(&connection, &one, &queries::PURCHASE_ORDER),
            ["VNDR_LOC", "FREIGHT_TERMS"]
        );
        for query in queries::ALL {
            let known = [query.columns, query.sometimes, query.optional].concat();
            let needs = Needs::of(&fixture::connection(), &fixture::settings().options);
            assert!(
                needs.columns(query).iter().flatten().all(|name| known.contains(name)),
                "{}",
                query.key
            );
        }
    }
}
