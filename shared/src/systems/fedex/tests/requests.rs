//! Requests as FedEx gets them, against golden files.

use rust_decimal::dec;
use serde_json::{Value, json};

use super::{
    account, buyer, customs, depot, domestic, fixture, german, parcel, plain, rating, reference, to_canada, to_germany,
};
use crate::domain::{Address, Billing, Customs, LabelFormat, Payer, RateRequest, ShipmentRequest, Weight, WeightUnit};
use crate::systems::fedex::convert;

fn ship(wanted: &ShipmentRequest) -> Value {
    convert::ship(&plain(), wanted).unwrap()
}

/// The field that a refusal names.
fn refused(wanted: &ShipmentRequest) -> String {
    convert::ship(&plain(), wanted).unwrap_err().code
}

/// P54, P55: what FedEx gets is what the order and its items say, its address byte for byte.
#[test]
fn a_domestic_order_becomes_the_golden_request() {
    assert_eq!(ship(&domestic()), fixture("ship/request-domestic"));
}

/// P54: every parcel is one item of one parcel, with its own weight and size, and carries the reference by which it
/// is found.
#[test]
fn an_order_of_three_parcels_becomes_the_golden_request() {
    let wanted = ShipmentRequest {
        parcels: vec![parcel(dec!(4.91)), parcel(dec!(30)), parcel(dec!(149.95))],
        customer_reference: None,
        label: LabelFormat::Png,
        ..domestic()
    };
    assert_eq!(ship(&wanted), fixture("ship/request-multi"));
}

/// P54: across the border to Canada, in FedEx's spelling of Quebec, with goods, invoice and duties for the receiver.
#[test]
fn an_order_to_canada_becomes_the_golden_request() {
    assert_eq!(ship(&to_canada()), fixture("ship/request-canada"));
}

/// P54: to Germany, without a state, with duties paid by the shipper.
#[test]
fn an_order_to_germany_becomes_the_golden_request() {
    assert_eq!(ship(&to_germany()), fixture("ship/request-germany"));
}

/// Customs data on a domestic shipment is a mistake for FedEx, and so is its total weight.
#[test]
fn within_one_country_nothing_is_said_to_customs() {
    let wanted = ShipmentRequest {
        customs: Some(customs()),
        ..domestic()
    };
    assert_eq!(ship(&wanted), fixture("ship/request-domestic"));
    let missing = ShipmentRequest {
        customs: None,
        ..to_canada()
    };
    assert_eq!(refused(&missing), "customs");
}

#[test]
fn a_third_party_pays_by_its_own_account() {
    let with = |transport| ShipmentRequest {
        billing: Billing {
            transport,
            duties: None,
        },
        ..domestic()
    };
    let third = |account: &str| Payer::ThirdParty {
        account: account.into(),
        postal_code: None,
        country: "US".into(),
    };
    assert_eq!(ship(&with(third("700299999"))), fixture("ship/request-third-party"));
    assert_eq!(refused(&with(third("A1B2C3"))), "billing.account");
    let receiver = Payer::Receiver {
        account: "700288888".into(),
        postal_code: None,
    };
    let payment = ship(&with(receiver))["requestedShipment"]["shippingChargesPayment"].clone();
    let payor = json!({"responsibleParty": {"accountNumber": {"value": "700288888"}}});
    assert_eq!(payment, json!({"paymentType": "RECIPIENT", "payor": payor}));
}

/// P63: our own reference stands on every parcel, short enough for Ground, so that a lost purchase can be looked for.
#[test]
fn our_reference_stands_on_every_parcel() {
    let wanted = ShipmentRequest {
        parcels: vec![parcel(dec!(1)); 40],
        customer_reference: Some("x".repeat(31)),
        ..domestic()
    };
    let body = ship(&wanted);
    let items = body["requestedShipment"]["requestedPackageLineItems"]
        .as_array()
        .unwrap();
    assert_eq!(items.len(), 40);
    let (own, order) = (
        reference(),
        json!({"customerReferenceType": "INVOICE_NUMBER", "value": "SO-5012"}),
    );
    assert!(own.as_str().len() <= 30);
    for item in items {
        let first = json!({"customerReferenceType": "CUSTOMER_REFERENCE", "value": own.as_str()});
        assert_eq!(
            item["customerReferences"],
            json!([first, order]),
            "a number that is too long is left out whole"
        );
        assert_eq!(item["groupPackageCount"], 1);
    }
    assert_eq!(body.get("processingOptionType"), None);
}

#[test]
fn more_than_forty_parcels_may_be_made_while_we_wait() {
    let of = |many| ShipmentRequest {
        parcels: vec![parcel(dec!(1)); many],
        ..domestic()
    };
    assert_eq!(ship(&of(41))["processingOptionType"], "ALLOW_ASYNCHRONOUS");
    assert_eq!(refused(&of(301)), "parcels");
}

#[test]
fn what_fedex_would_ignore_silently_is_refused_with_the_field_to_shorten() {
    let to = |ship_to| ShipmentRequest { ship_to, ..domestic() };
    let long = || "x".repeat(36);
    for (ship_to, field) in [
        (
            Address {
                name: long(),
                ..buyer()
            },
            "ship_to.name",
        ),
        (
            Address {
                attention: Some(long()),
                ..buyer()
            },
            "ship_to.attention",
        ),
        (
            Address {
                lines: vec![long()],
                ..buyer()
            },
            "ship_to.lines",
        ),
        (
            Address {
                city: long(),
                ..buyer()
            },
            "ship_to.city",
        ),
        (
            Address {
                state: Some("Georgia".into()),
                ..buyer()
            },
            "ship_to.state",
        ),
        (
            Address {
                postal_code: None,
                ..buyer()
            },
            "ship_to.postal_code",
        ),
        (
            Address {
                postal_code: Some("3030".into()),
                ..buyer()
            },
            "ship_to.postal_code",
        ),
        (
            Address {
                country: "USA".into(),
                ..buyer()
            },
            "ship_to.country",
        ),
        (Address { phone: None, ..buyer() }, "ship_to.phone"),
    ] {
        assert_eq!(refused(&to(ship_to)), field);
    }
    let words = convert::ship(
        &plain(),
        &to(Address {
            name: long(),
            ..buyer()
        }),
    )
    .unwrap_err()
    .message;
    assert_eq!(
        words,
        "the ship-to address has a name of 36 characters and FedEx takes 35: shorten it"
    );
}

/// What a shipment can do without is left out whole where FedEx would not take it, and said beside the shipment.
#[test]
fn what_is_left_out_is_remarked() {
    let remarks = |wanted: &ShipmentRequest| {
        let draft = convert::ship(&account(json!({"receiver_phone": "(410) 555-0100"})), wanted).unwrap();
        let body = convert::sent(&draft);
        assert_eq!(body.get("remarks"), None, "FedEx is told nothing of it");
        let answer = fixture("ship/answer-two-parcels").to_string();
        let bought = convert::purchased(answer.as_bytes(), &draft).unwrap();
        let theirs = bought
            .shipment
            .remarks
            .iter()
            .position(|remark| remark.contains("put right"))
            .unwrap();
        (body, bought.shipment.remarks[..theirs].to_vec())
    };
    let (body, none) = remarks(&domestic());
    assert!(none.is_empty(), "{none:?}");
    assert_eq!(body, fixture("ship/request-domestic"));

    let mut goods = customs();
    goods.goods[0].sku = "s".repeat(36);
    let long = ShipmentRequest {
        customer_reference: Some("p".repeat(31)),
        order_number: "o".repeat(32),
        ship_to: Address {
            email: Some(format!("{}@example.com", "e".repeat(80))),
            phone: Some("514 555 0123 ext 1234567".into()),
            ..super::canadian()
        },
        customs: Some(goods),
        ..to_canada()
    };
    let (body, said) = remarks(&long);
    let kept = &body["requestedShipment"];
    assert_eq!(kept["recipients"][0]["contact"]["phoneNumber"], "5145550123");
    assert_eq!(kept["recipients"][0]["contact"].get("emailAddress"), None);
    let references = kept["requestedPackageLineItems"][0]["customerReferences"]
        .as_array()
        .unwrap();
    assert_eq!(references.len(), 1, "our own alone");
    assert_eq!(kept["customsClearanceDetail"]["commodities"][0].get("partNumber"), None);
    assert_eq!(said.len(), 5, "{said:#?}");
    for (place, words) in [
        "purchase order's number has 31 characters and FedEx takes 30",
        "order's number has 32 characters",
        "e-mail address of the ship-to address has 92 characters and FedEx takes 80",
        "extension of the telephone number of the ship-to address",
        "has 36 characters and FedEx takes 35",
    ]
    .into_iter()
    .enumerate()
    {
        assert!(said[place].contains(words), "{words}: {}", said[place]);
    }
    let (_, within) = remarks(&ShipmentRequest {
        ship_to: Address {
            phone: Some("555-0199".into()),
            ..buyer()
        },
        customs: long.customs.clone(),
        ..domestic()
    });
    assert!(
        matches!(within.as_slice(), [one] if one.contains("receiver_phone instead")),
        "within one country no goods are named: {within:?}"
    );
}

#[test]
fn a_telephone_can_stand_in_for_receivers_without_one() {
    let wanted = ShipmentRequest {
        ship_to: Address { phone: None, ..buyer() },
        ..domestic()
    };
    let body = convert::ship(&account(json!({"receiver_phone": "(410) 555-0100"})), &wanted).unwrap();
    assert_eq!(
        body["requestedShipment"]["recipients"][0]["contact"]["phoneNumber"],
        "4105550100"
    );
    let spoken = |stand_in: &str, ship_to: Address| {
        let wanted = ShipmentRequest {
            ship_to: Address { phone: None, ..ship_to },
            ..to_germany()
        };
        let draft = convert::ship(&account(json!({ "receiver_phone": stand_in })), &wanted);
        draft.map(|draft| draft["requestedShipment"]["recipients"][0]["contact"].clone())
    };
    let fitted = spoken("Office +1 410-555-0100 x7", super::canadian()).unwrap();
    assert_eq!(
        (&fitted["phoneNumber"], &fitted["phoneExtension"]),
        (&json!("4105550100"), &json!("7"))
    );
    let abroad = spoken("+1 410-555-0100", german()).unwrap();
    assert_eq!(
        abroad["phoneNumber"], "14105550100",
        "elsewhere with the country's code"
    );
    let unfit = spoken("+49 40 555 0177", super::canadian()).unwrap_err();
    assert_eq!(unfit.code, "ship_to.phone");
    assert!(
        unfit.message.contains("receiver_phone is none for that country"),
        "{unfit}"
    );
    let nobody = ShipmentRequest {
        ship_from: Address { phone: None, ..depot() },
        ..domestic()
    };
    assert_eq!(refused(&nobody), "ship_from.phone");
}

#[test]
fn labels_services_and_accounts_that_fedex_has_not_are_refused() {
    let with_label = |label| ShipmentRequest { label, ..domestic() };
    assert_eq!(refused(&with_label(LabelFormat::Gif)), "label");
    let with_service = |service: &str| ShipmentRequest {
        service: service.into(),
        ..domestic()
    };
    assert_eq!(refused(&with_service("fedex ground")), "service");
    assert_eq!(refused(&with_service("SMART_POST")), "carrier.smart_post_hub");
    let options = json!({"smart_post_hub": "5303", "smart_post_indicia": "MEDIA_MAIL", "label_stock": "STOCK_4X8",
        "pickup_type": "CONTACT_FEDEX_TO_SCHEDULE"});
    let body = convert::ship(&account(options), &with_service("SMART_POST")).unwrap();
    let shipment = &body["requestedShipment"];
    assert_eq!(
        shipment["smartPostInfoDetail"],
        json!({"hubId": "5303", "indicia": "MEDIA_MAIL"})
    );
    assert_eq!(shipment["labelSpecification"]["labelStockType"], "STOCK_4X8");
    assert_eq!(shipment["pickupType"], "CONTACT_FEDEX_TO_SCHEDULE");
    let mut nameless = plain();
    nameless.number.clear();
    assert_eq!(
        convert::ship(&nameless, &domestic()).unwrap_err().code,
        "carrier.account"
    );
}

#[test]
fn the_total_is_in_pounds_whatever_the_parcels_are_declared_in() {
    let mut metric = parcel(dec!(1));
    metric.weight = Weight {
        value: dec!(10),
        unit: WeightUnit::Kg,
    };
    let wanted = ShipmentRequest {
        parcels: vec![metric],
        ..to_germany()
    };
    let shipment = ship(&wanted)["requestedShipment"].clone();
    assert_eq!(shipment["totalWeight"], json!(22.1));
    assert_eq!(
        shipment["requestedPackageLineItems"][0]["weight"],
        json!({"units": "KG", "value": 10})
    );
    let commodity = &shipment["customsClearanceDetail"]["commodities"][0];
    assert_eq!(
        commodity["weight"],
        json!({"units": "KG", "value": 1.8}),
        "goods are weighed as the parcels are"
    );
}

#[test]
fn goods_that_cannot_be_cleared_are_refused_with_the_item() {
    let spoilt = |spoil: fn(&mut Customs)| {
        let mut customs = customs();
        spoil(&mut customs);
        refused(&ShipmentRequest {
            customs: Some(customs),
            ..to_canada()
        })
    };
    assert_eq!(spoilt(|customs| customs.reason = "FUN".into()), "customs.reason");
    assert_eq!(
        spoilt(|customs| customs.terms = Some("DELIVERED".into())),
        "customs.terms"
    );
    assert_eq!(spoilt(|customs| customs.currency = "EUR".into()), "item.unit_price");
    assert_eq!(spoilt(|customs| customs.currency = "$".into()), "customs.currency");
    assert_eq!(spoilt(|customs| customs.goods.clear()), "customs.goods");
    assert_eq!(
        spoilt(|customs| customs.invoice_number.clear()),
        "customs.invoice_number"
    );
    assert_eq!(spoilt(|customs| customs.goods[0].quantity = dec!(1.5)), "item.quantity");
    assert_eq!(spoilt(|customs| customs.goods[0].unit_price = None), "item.unit_price");
    assert_eq!(
        spoilt(|customs| customs.goods[0].origin_country = None),
        "item.origin_country"
    );
    assert_eq!(
        spoilt(|customs| customs.goods[0].tariff_code = Some("902".into())),
        "item.tariff_code"
    );
    assert_eq!(
        spoilt(|customs| customs.goods[0].description = Some("x".repeat(451))),
        "item.description"
    );
}

#[test]
fn prices_are_asked_for_as_the_golden_requests_say() {
    let options = json!({"pickup_type": "DROPOFF_AT_FEDEX_LOCATION", "smart_post_hub": "5303"});
    let body = convert::rate(&account(options), &rating()).unwrap();
    assert_eq!(serde_json::to_value(body).unwrap(), fixture("rate/request-domestic"));
    let abroad = RateRequest {
        ship_to: super::canadian(),
        customs: Some(customs()),
        ..rating()
    };
    let options = json!({"pickup_type": "DROPOFF_AT_FEDEX_LOCATION"});
    let body = convert::rate(&account(options), &abroad).unwrap();
    assert_eq!(serde_json::to_value(body).unwrap(), fixture("rate/request-canada"));
    let many = RateRequest {
        parcels: vec![parcel(dec!(1)); 101],
        ..rating()
    };
    assert_eq!(convert::rate(&plain(), &many).unwrap_err().code, "parcels");
}

#[test]
fn an_address_is_asked_for_as_the_golden_request_says() {
    let asked = |address: &Address| serde_json::to_value(convert::question(address)).unwrap();
    assert_eq!(asked(&buyer()), fixture("validate/request"));
    let abroad = asked(&german())["addressesToValidate"][0]["address"].clone();
    assert_eq!(abroad.get("stateOrProvinceCode"), None);
}
