//! Locations, suppliers and items.

use super::*;
use crate::fusion::model::Uom;
use crate::fusion::options::LocationShape;
use crate::fusion::world::us;

const LOCATIONS: &str = "/hcmRestApi/resources/11.13.18.05/locationsV2";

#[tokio::test]
async fn a_location_has_its_address_below_it_or_on_it() {
    let stage = Stage::plain().await;
    let by_code = format!("{LOCATIONS}?q=LocationCode='GALENA_DC'&expand=addresses");
    let (_, body) = stage.get(&by_code).await;
    assert_eq!(body["items"][0]["addresses"]["items"][0]["TownOrCity"], "Galena");
    let id = stage.fusion.basics().location;
    stage
        .fusion
        .configure(|options| options.location_shape = LocationShape::Flat);
    let (_, body) = stage.get(&format!("{LOCATIONS}?q=LocationId={id}")).await;
    assert_eq!(body["items"][0]["AddressLine1"], "221 S Main St");
    stage
        .fusion
        .act(|world, _| world.correct_location(id, us("515 Prospect St", "Galena", "IL", "61036")))
        .unwrap();
    let (_, body) = stage.get(&format!("{LOCATIONS}?q=LocationId={id}")).await;
    assert_eq!(body["items"][0]["AddressLine1"], "515 Prospect St");
}

#[tokio::test]
async fn the_privilege_for_locations_can_be_missing() {
    let stage = Stage::plain().await;
    let user = User::named(USER).with_password(PASSWORD).without("locations");
    stage.fusion.register(|access| access.register_user(user));
    assert_eq!(stage.get(LOCATIONS).await.0, 403);
    assert_eq!(stage.get(&format!("{ROOT}/suppliers")).await.0, 200);
}

#[tokio::test]
async fn a_supplier_has_addresses_and_sites() {
    let stage = Stage::plain().await;
    let supplier = stage.fusion.basics().supplier;
    let q = format!("SupplierId={supplier}");
    let (_, body) = stage
        .list("suppliers", &[("q", &q), ("expand", "addresses,sites")])
        .await;
    let found = &body["items"][0];
    assert_eq!(found["addresses"]["items"][0]["City"], "Chicago");
    assert_eq!(
        found["sites"]["items"][0]["SupplierSiteId"],
        json!(stage.fusion.basics().site)
    );
    let (_, body) = stage.get(&format!("{}/child/addresses", self_link(found))).await;
    assert_eq!(body["items"][0]["PhoneNumber"], "3125550109");
}

#[tokio::test]
async fn an_item_has_one_row_in_each_organization() {
    let stage = Stage::plain().await;
    let first = stage.fusion.basics().organization;
    stage.fusion.act(|world, _| {
        let second = world.add_organization("002");
        let item = world.item("PUMP-010", first).unwrap().clone();
        world.add_item(crate::fusion::model::Item {
            organization: second,
            ..item
        });
    });
    assert_eq!(
        stage.list("itemsV2", &[("q", "ItemNumber='PUMP-010'")]).await.1["count"],
        2
    );
    let q = format!("ItemNumber='PUMP-010' and OrganizationId={first}");
    let fields = "ItemId,ItemNumber,UnitWeightQuantity,WeightUOMValue,WeightUOMCode,UnitLengthQuantity,PrimaryUOMCode";
    let (_, body) = stage
        .list("itemsV2", &[("q", &q), ("fields", fields), ("onlyData", "true")])
        .await;
    assert_eq!(body["count"], 1);
    let item = &body["items"][0];
    assert_eq!(
        (&item["UnitWeightQuantity"], &item["WeightUOMValue"]),
        (&json!(12.5), &json!("Pound"))
    );
    stage
        .fusion
        .act(|world, _| world.weigh_item("PUMP-010", Some(&(7.into(), Uom::new("KG", "Kilogram")))))
        .unwrap();
    let (_, body) = stage.list("itemsV2", &[("q", &q)]).await;
    assert_eq!(body["items"][0]["WeightUOMCode"], "KG");
    let (_, body) = stage.list("itemsV2", &[("q", "ItemNumber='GASKET-NEW'")]).await;
    assert_eq!(body["items"][0]["UnitWeightQuantity"], Value::Null);
}
