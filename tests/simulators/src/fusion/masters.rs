//! The master data as rows of its resources: locations, suppliers, items.
//!
//! Quirks: an item has one row in each organization; a location keeps its address below it or on it, as the pod is set up.

use super::model::{Address, Id, Item, Location, Supplier};
use super::nodes::{decimal, merged, object};
use super::options::LocationShape;
use super::resources::{ADDRESSES, FLAT_LOCATIONS, ITEMS, LOCATIONS, Resource, SITES, SUPPLIER_ADDRESSES, SUPPLIERS};
use super::shape::{Node, hash};
use super::world::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The row of a location.
pub(super) fn location(world: &World, location: &Location) -> Node {
    let own = json!({
        "LocationId": location.id,
        "LocationCode": location.code,
        "LocationName": location.name,
        "ActiveStatus": "A",
    });
    let postal = address(&location.address);
    let (resource, attributes, children) = match world.options.location_shape {
        LocationShape::Flat => (&FLAT_LOCATIONS, merged([own, postal]), BTreeMap::new()),
        LocationShape::Child => {
            let below = leaf(&ADDRESSES, location.id + 1, postal);
            (&LOCATIONS, own, BTreeMap::from([("addresses", vec![below])]))
        }
    };
    Node {
        children,
        ..leaf(resource, location.id, attributes)
    }
}

fn address(address: &Address) -> Value {
    let second = Some(&address.line2).filter(|line| !line.is_empty());
    json!({
        "AddressLine1": address.line1,
        "AddressLine2": second,
        "AddressLine3": null,
        "AddressLine4": null,
        "TownOrCity": address.city,
        "Region1": null,
        "Region2": address.state,
        "PostalCode": address.postal_code,
        "Country": address.country,
    })
}

/// The row of a supplier.
pub(super) fn supplier(world: &World, supplier: &Supplier) -> Node {
    let attributes = json!({
        "SupplierId": supplier.id,
        "SupplierNumber": supplier.number,
        "Supplier": supplier.name,
        "TaxOrganizationType": "Corporation",
        "Status": "ACTIVE",
    });
    let addresses = supplier.addresses.iter().map(|one| {
        let second = Some(&one.address.line2).filter(|line| !line.is_empty());
        let attributes = json!({
            "SupplierAddressId": one.id,
            "AddressName": one.name,
            "AddressLine1": one.address.line1,
            "AddressLine2": second,
            "City": one.address.city,
            "State": one.address.state,
            "PostalCode": one.address.postal_code,
            "CountryCode": one.address.country,
            "Country": country_name(&one.address.country),
            "PhoneNumber": one.phone,
            "Status": "ACTIVE",
        });
        leaf(&SUPPLIER_ADDRESSES, one.id, attributes)
    });
    let unit = world.business_units.values().next();
    let sites = supplier.sites.iter().map(|site| {
        let at = supplier.addresses.iter().find(|one| one.id == site.address);
        let attributes = json!({
            "SupplierSiteId": site.id,
            "SupplierSite": site.name,
            "ProcurementBUId": unit.map(|one| one.id),
            "ProcurementBU": unit.map(|one| one.name.as_str()),
            "SupplierAddressId": site.address,
            "SupplierAddressName": at.map(|one| one.name.as_str()),
            "Status": "ACTIVE",
        });
        leaf(&SITES, site.id, attributes)
    });
    Node {
        children: BTreeMap::from([("addresses", addresses.collect()), ("sites", sites.collect())]),
        ..leaf(&SUPPLIERS, supplier.id, attributes)
    }
}

fn country_name(code: &str) -> &str {
    match code {
        "US" => "United States",
        "CA" => "Canada",
        "DE" => "Germany",
        other => other,
    }
}

/// The row of an item in an organization.
pub(super) fn item(world: &World, item: &Item) -> Node {
    let organization = world.organizations.get(&item.organization).map(|one| one.code.as_str());
    let weight = item.weight.as_ref();
    let size = item.size.as_ref();
    let length = |index: usize| size.and_then(|(all, _)| all.get(index)).map(|one| decimal(*one));
    let attributes = json!({
        "ItemId": item.id,
        "ItemNumber": item.number,
        "OrganizationId": item.organization,
        "OrganizationCode": organization,
        "ItemDescription": item.description,
        "PrimaryUOMCode": item.uom.code,
        "PrimaryUOMValue": item.uom.name,
        "UnitWeightQuantity": weight.map(|(weight, _)| decimal(*weight)),
        "WeightUOMCode": weight.map(|(_, uom)| uom.code.as_str()),
        "WeightUOMValue": weight.map(|(_, uom)| uom.name.as_str()),
        "UnitLengthQuantity": length(0),
        "UnitWidthQuantity": length(1),
        "UnitHeightQuantity": length(2),
        "DimensionUOMCode": size.map(|(_, uom)| uom.code.as_str()),
        "DimensionUOMValue": size.map(|(_, uom)| uom.name.as_str()),
    });
    Node {
        key: hash(&format!("itemsV2 {} {}", item.id, item.organization), 20),
        ..leaf(&ITEMS, item.id, attributes)
    }
}

fn leaf(resource: &'static Resource, id: Id, attributes: Value) -> Node {
    Node {
        resource,
        key: id.to_string(),
        id,
        version: 1,
        attributes: object(attributes),
        children: BTreeMap::new(),
    }
}
