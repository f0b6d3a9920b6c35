//! What the resources are made of: attributes with their kinds, which of them can be queried and written, and children.
//!
//! Names follow the attribute lists of the procurement and supply chain references; `describe` answers from the same
//! tables, so that a client that reads it sees what this pod takes.

use super::options::{Level, Options, SegmentKind};
use serde_json::{Map, Value, json};

/// What an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Number,
    Text,
    Time,
    Day,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Text => "string",
            Self::Time => "datetime",
            Self::Day => "date",
        }
    }
}

/// An attribute of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) queryable: bool,
    pub(super) updatable: bool,
}

const fn of(name: &'static str, kind: Kind) -> Attribute {
    Attribute {
        name,
        kind,
        queryable: true,
        updatable: false,
    }
}

const fn id(name: &'static str) -> Attribute {
    of(name, Kind::Integer)
}

const fn text(name: &'static str) -> Attribute {
    of(name, Kind::Text)
}

const fn number(name: &'static str) -> Attribute {
    Attribute {
        queryable: false,
        ..of(name, Kind::Number)
    }
}

/// Shown only.
const fn shown(name: &'static str) -> Attribute {
    Attribute {
        queryable: false,
        ..text(name)
    }
}

const fn writable(name: &'static str) -> Attribute {
    Attribute {
        updatable: true,
        ..text(name)
    }
}

const fn note(name: &'static str) -> Attribute {
    Attribute {
        updatable: true,
        ..shown(name)
    }
}

/// A resource: top-level or child.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) name: &'static str,
    pub(super) attributes: &'static [&'static [Attribute]],
    pub(super) children: &'static [(&'static str, &'static Resource)],
    /// Whether what is updatable can be written here.
    pub(super) writable: bool,
    /// The flexfield whose segments are attributes as well.
    pub(super) flexfield: Option<Level>,
}

const HEADER: &[Attribute] = &[
    id("POHeaderId"),
    text("OrderNumber"),
    id("Revision"),
    writable("Description"),
    text("DocumentStyle"),
    text("StatusCode"),
    shown("Status"),
    text("SoldToLegalEntity"),
    id("ProcurementBUId"),
    text("ProcurementBU"),
    id("RequisitioningBUId"),
    text("RequisitioningBU"),
    id("BillToBUId"),
    text("BillToBU"),
    text("Buyer"),
    shown("BuyerDisplayName"),
    id("SupplierId"),
    text("Supplier"),
    id("SupplierSiteId"),
    text("SupplierSite"),
    writable("SupplierOrder"),
    text("CurrencyCode"),
    of("OrderDate", Kind::Time),
    of("CreationDate", Kind::Time),
    of("LastUpdateDate", Kind::Time),
    text("CreatedBy"),
    text("LastUpdatedBy"),
    id("BillToLocationId"),
    text("BillToLocation"),
    shown("BillToLocationAddress"),
    writable("Carrier"),
    writable("ModeOfTransport"),
    writable("ServiceLevel"),
    shown("FreightTerms"),
    note("NoteToSupplier"),
    note("NoteToReceiver"),
    shown("ReferenceNumber"),
    number("Ordered"),
    number("TotalTax"),
    number("Total"),
];
const FINAL_SHIP_TO: &[Attribute] = &[text("ShipToLocationCode"), shown("ShipToLocationAddress")];
const DRAFT_SHIP_TO: &[Attribute] = &[
    id("DefaultShipToLocationId"),
    text("DefaultShipToLocation"),
    text("DefaultShipToLocationCode"),
];
const LINE: &[Attribute] = &[
    id("POLineId"),
    id("POHeaderId"),
    id("LineNumber"),
    text("LineType"),
    id("ItemId"),
    text("Item"),
    text("Description"),
    shown("Category"),
    shown("UOM"),
    text("UOMCode"),
    number("Quantity"),
    number("BasePrice"),
    number("Price"),
    number("Ordered"),
    number("Total"),
    text("StatusCode"),
    shown("Status"),
];
const SCHEDULE: &[Attribute] = &[
    id("LineLocationId"),
    id("POHeaderId"),
    id("POLineId"),
    id("ScheduleNumber"),
    text("StatusCode"),
    shown("Status"),
    number("Quantity"),
    number("SecondaryQuantity"),
    number("ReceivedQuantity"),
    shown("UOM"),
    text("UOMCode"),
    id("ShipToLocationId"),
    text("ShipToLocation"),
    text("ShipToLocationCode"),
    id("ShipToOrganizationId"),
    text("ShipToOrganization"),
    text("ShipToOrganizationCode"),
    of("RequestedDeliveryDate", Kind::Day),
    of("PromisedDeliveryDate", Kind::Day),
    writable("Carrier"),
    writable("ModeOfTransport"),
    writable("ServiceLevel"),
    shown("CountryOfOriginCode"),
    of("LastUpdateDate", Kind::Time),
];
const DISTRIBUTION: &[Attribute] = &[
    id("PODistributionId"),
    id("LineLocationId"),
    id("DistributionNumber"),
    number("Quantity"),
    text("POChargeAccount"),
    id("POChargeAccountId"),
    text("DeliverToLocation"),
    text("DeliverToLocationCode"),
];
const FLEX_HEADER: &[Attribute] = &[
    id("PoHeaderId"),
    note("__FLEX_Context"),
    shown("__FLEX_Context_DisplayValue"),
];
const FLEX_SCHEDULE: &[Attribute] = &[
    id("LineLocationId"),
    note("__FLEX_Context"),
    shown("__FLEX_Context_DisplayValue"),
];
const ADDRESS: &[Attribute] = &[
    text("AddressLine1"),
    shown("AddressLine2"),
    shown("AddressLine3"),
    shown("AddressLine4"),
    text("TownOrCity"),
    shown("Region1"),
    text("Region2"),
    text("PostalCode"),
    text("Country"),
];
const LOCATION: &[Attribute] = &[
    id("LocationId"),
    text("LocationCode"),
    text("LocationName"),
    text("ActiveStatus"),
];
const SUPPLIER: &[Attribute] = &[
    id("SupplierId"),
    text("SupplierNumber"),
    text("Supplier"),
    shown("TaxOrganizationType"),
    shown("Status"),
];
const SUPPLIER_ADDRESS: &[Attribute] = &[
    id("SupplierAddressId"),
    text("AddressName"),
    text("AddressLine1"),
    shown("AddressLine2"),
    text("City"),
    text("State"),
    text("PostalCode"),
    text("CountryCode"),
    shown("Country"),
    shown("PhoneNumber"),
    shown("Status"),
];
const SITE: &[Attribute] = &[
    id("SupplierSiteId"),
    text("SupplierSite"),
    id("ProcurementBUId"),
    text("ProcurementBU"),
    id("SupplierAddressId"),
    text("SupplierAddressName"),
    shown("Status"),
];
const ITEM: &[Attribute] = &[
    id("ItemId"),
    text("ItemNumber"),
    id("OrganizationId"),
    text("OrganizationCode"),
    text("ItemDescription"),
    text("PrimaryUOMCode"),
    shown("PrimaryUOMValue"),
    number("UnitWeightQuantity"),
    shown("WeightUOMCode"),
    shown("WeightUOMValue"),
    number("UnitLengthQuantity"),
    number("UnitWidthQuantity"),
    number("UnitHeightQuantity"),
    shown("DimensionUOMCode"),
    shown("DimensionUOMValue"),
];

const fn leaf(name: &'static str, attributes: &'static [&'static [Attribute]]) -> Resource {
    Resource {
        name,
        attributes,
        children: &[],
        writable: false,
        flexfield: None,
    }
}

pub(super) static DISTRIBUTIONS: Resource = leaf("distributions", &[DISTRIBUTION]);
pub(super) static HEADER_FLEX: Resource = Resource {
    flexfield: Some(Level::Header),
    ..leaf("DFF", &[FLEX_HEADER])
};
pub(super) static SCHEDULE_FLEX: Resource = Resource {
    flexfield: Some(Level::Schedule),
    ..leaf("DFF", &[FLEX_SCHEDULE])
};
static DRAFT_HEADER_FLEX: Resource = Resource {
    flexfield: Some(Level::Header),
    writable: true,
    ..leaf("DFF", &[FLEX_HEADER])
};
static DRAFT_SCHEDULE_FLEX: Resource = Resource {
    flexfield: Some(Level::Schedule),
    writable: true,
    ..leaf("DFF", &[FLEX_SCHEDULE])
};
static SCHEDULES: Resource = Resource {
    children: &[("distributions", &DISTRIBUTIONS), ("DFF", &SCHEDULE_FLEX)],
    ..leaf("schedules", &[SCHEDULE])
};
static DRAFT_SCHEDULES: Resource = Resource {
    children: &[("distributions", &DISTRIBUTIONS), ("DFF", &DRAFT_SCHEDULE_FLEX)],
    writable: true,
    ..leaf("schedules", &[SCHEDULE])
};
static LINES: Resource = Resource {
    children: &[("schedules", &SCHEDULES)],
    ..leaf("lines", &[LINE])
};
static DRAFT_LINES: Resource = Resource {
    children: &[("schedules", &DRAFT_SCHEDULES)],
    ..leaf("lines", &[LINE])
};
pub(super) static PURCHASE_ORDERS: Resource = Resource {
    children: &[("lines", &LINES), ("DFF", &HEADER_FLEX)],
    ..leaf("purchaseOrders", &[HEADER, FINAL_SHIP_TO])
};
pub(super) static DRAFTS: Resource = Resource {
    children: &[("lines", &DRAFT_LINES), ("DFF", &DRAFT_HEADER_FLEX)],
    writable: true,
    ..leaf("draftPurchaseOrders", &[HEADER, DRAFT_SHIP_TO])
};
pub(super) static ADDRESSES: Resource = leaf("addresses", &[ADDRESS]);
pub(super) static LOCATIONS: Resource = Resource {
    children: &[("addresses", &ADDRESSES)],
    ..leaf("locationsV2", &[LOCATION])
};
pub(super) static FLAT_LOCATIONS: Resource = leaf("locationsV2", &[LOCATION, ADDRESS]);
pub(super) static SUPPLIER_ADDRESSES: Resource = leaf("addresses", &[SUPPLIER_ADDRESS]);
pub(super) static SITES: Resource = leaf("sites", &[SITE]);
pub(super) static SUPPLIERS: Resource = Resource {
    children: &[("addresses", &SUPPLIER_ADDRESSES), ("sites", &SITES)],
    ..leaf("suppliers", &[SUPPLIER])
};
pub(super) static ITEMS: Resource = leaf("itemsV2", &[ITEM]);

impl Resource {
    /// The attribute of that name; segments of flexfields are not among them.
    pub(super) fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes.iter().copied().flatten().find(|one| one.name == name)
    }

    /// The child of that name.
    pub(super) fn child(&self, name: &str) -> Option<&'static Resource> {
        self.children
            .iter()
            .find(|(child, _)| *child == name)
            .map(|(_, resource)| *resource)
    }

    /// The attribute of that name, if this pod has it.
    pub(super) fn known(&self, name: &str, options: &Options) -> Option<&'static Attribute> {
        self.attribute(name).filter(|_| !options.lacks(self.name, name))
    }

    /// What lies at a path such as `lines.schedules`.
    pub(super) fn at(&'static self, path: &str) -> Option<&'static Resource> {
        path.split('.').try_fold(self, |resource, name| resource.child(name))
    }

    /// Whether an item has that attribute, segments included.
    pub(super) fn has(&self, name: &str, options: &Options) -> bool {
        let segment = || {
            self.flexfield
                .and_then(|level| options.flexfield(level))
                .is_some_and(|flexfield| flexfield.segments.iter().any(|one| one.api_name == name))
        };
        self.known(name, options).is_some() || segment()
    }

    /// What `describe` says of the resource.
    pub(super) fn describe(&self, options: &Options) -> Value {
        let known = |one: &&Attribute| !options.lacks(self.name, one.name);
        let fixed = self.attributes.iter().copied().flatten().filter(known).map(|one| {
            json!({
                "name": one.name,
                "type": one.kind.name(),
                "queryable": one.queryable && !options.not_queryable.contains(one.name),
                "updatable": one.updatable && self.writable,
                "mandatory": false,
            })
        });
        let segments = self.flexfield.and_then(|level| options.flexfield(level));
        let segments = segments.into_iter().flat_map(|flexfield| &flexfield.segments);
        let dynamic = segments.map(|one| {
            let (kind, length) = match one.kind {
                SegmentKind::Text(length) => ("string", json!(length)),
                SegmentKind::Number => ("number", Value::Null),
                SegmentKind::Day => ("date", Value::Null),
            };
            json!({
                "name": one.api_name,
                "title": one.prompt,
                "type": kind,
                "maxLength": length,
                "queryable": false,
                "updatable": self.writable,
                "mandatory": false,
            })
        });
        let attributes: Vec<Value> = fixed.chain(dynamic).collect();
        let children: Map<String, Value> = self
            .children
            .iter()
            .map(|(name, resource)| ((*name).to_owned(), resource.describe(options)))
            .collect();
        json!({ "attributes": attributes, "children": children })
    }
}
