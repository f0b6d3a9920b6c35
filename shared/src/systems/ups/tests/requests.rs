//! Requests as UPS gets them, against golden files.

use rust_decimal::dec;
use serde_json::{Value, json};

use super::{
    account, buyer, canadian, customs, depot, domestic, fixture, german, parcel, plain, rating, to_canada, to_germany,
};
use crate::domain::{Address, Billing, LabelFormat, Payer, ShipmentRequest};
use crate::systems::ups::convert::{self, Sender};

fn ship(wanted: &ShipmentRequest) -> Value {
    convert::ship(Sender { account: &plain() }, wanted).unwrap()
}

/// The field that a refusal names.
fn refused(wanted: &ShipmentRequest) -> String {
    convert::ship(Sender { account: &plain() }, wanted).unwrap_err().code
}

/// P4: what UPS gets is what the order and its items say: address, weight, size, references.
#[test]
fn a_domestic_order_becomes_the_golden_request() {
    assert_eq!(ship(&domestic()), fixture("ship/request-domestic"));
}

/// P4: every parcel goes with its own weight and size, and carries the references by which it can be found.
#[test]
fn an_order_of_three_parcels_becomes_the_golden_request() {
    let wanted = ShipmentRequest {
        parcels: vec![parcel(dec!(4.91)), parcel(dec!(30)), parcel(dec!(149.95))],
        customer_reference: None,
        label: LabelFormat::Gif,
        ..domestic()
    };
    assert_eq!(ship(&wanted), fixture("ship/request-multi"));
}

/// P4: across the border to Canada with an invoice, its total, and the references on the shipment.
#[test]
fn an_order_to_canada_becomes_the_golden_request() {
    assert_eq!(ship(&to_canada()), fixture("ship/request-canada"));
}

/// P4: to Germany with duties paid by the shipper.
#[test]
fn an_order_to_germany_becomes_the_golden_request() {
    assert_eq!(ship(&to_germany()), fixture("ship/request-germany"));
}

#[test]
fn a_third_party_pays_by_its_own_account_and_address() {
    let payer = Payer::ThirdParty {
        account: "x9y8z7".into(),
        postal_code: Some("94105-1111".into()),
        country: "US".into(),
    };
    let wanted = ShipmentRequest {
        billing: Billing {
            transport: payer,
            duties: None,
        },
        ..domestic()
    };
    assert_eq!(ship(&wanted), fixture("ship/request-third-party"));
}

#[test]
fn the_receiver_pays_by_account_and_postal_code() {
    let payer = |postal_code: Option<&str>| Payer::Receiver {
        account: "X9Y8Z7".into(),
        postal_code: postal_code.map(Into::into),
    };
    let with = |payer| ShipmentRequest {
        billing: Billing {
            transport: payer,
            duties: None,
        },
        ..domestic()
    };
    let charge = ship(&with(payer(Some("30309"))))["ShipmentRequest"]["Shipment"]["PaymentInformation"].clone();
    let expected =
        json!([{"Type": "01", "BillReceiver": {"AccountNumber": "X9Y8Z7", "Address": {"PostalCode": "30309"}}}]);
    assert_eq!(charge["ShipmentCharge"], expected);
    assert_eq!(refused(&with(payer(None))), "billing.postal_code");
}

#[test]
fn prices_are_asked_for_as_the_golden_request_says() {
    let options = json!({"pickup_type": "03", "pickup_time": "1700"});
    let body = convert::rate(
        Sender {
            account: &account(options),
        },
        &rating(),
    )
    .unwrap();
    assert_eq!(serde_json::to_value(body).unwrap(), fixture("rate/request-domestic"));
}

#[test]
fn an_address_is_asked_for_as_the_golden_request_says() {
    assert_eq!(
        serde_json::to_value(convert::question(&buyer())).unwrap(),
        fixture("validate/request")
    );
}

#[test]
fn negotiated_rates_and_the_shippers_own_address_follow_the_options() {
    let options = json!({"negotiated_rates": false, "label_height": 8, "shipper": {"name": "Acme Holding",
        "lines": ["1 Wall St"], "city": "New York", "state": "NY", "postal_code": "10005", "country": "US"}});
    let body = convert::ship(
        Sender {
            account: &account(options),
        },
        &domestic(),
    )
    .unwrap();
    let shipment = &body["ShipmentRequest"]["Shipment"];
    assert_eq!(shipment.get("ShipmentRatingOptions"), None);
    assert_eq!(shipment["Shipper"]["Name"], "Acme Holding");
    assert_eq!(shipment["Shipper"]["ShipperNumber"], "A1B2C3");
    assert_eq!(shipment["ShipFrom"]["Name"], "Acme Sensors Inc");
    assert_eq!(
        body["ShipmentRequest"]["LabelSpecification"]["LabelStockSize"]["Height"],
        "8"
    );
}

/// Where a reference is searchable decides whether a lost purchase can be found.
#[test]
fn our_reference_stands_where_ups_can_find_it() {
    let place = |country: &str, state: &str, postal_code: &str| Address {
        country: country.into(),
        state: Some(state.into()),
        postal_code: Some(postal_code.into()),
        ..depot()
    };
    let (us, pr) = (depot(), place("PR", "PR", "00901"));
    let ca = canadian();
    for (from, to, on_packages) in [
        (&us, &us, true),
        (&pr, &pr, true),
        (&us, &pr, false),
        (&us, &ca, false),
        (&ca, &ca, false),
    ] {
        let wanted = ShipmentRequest {
            ship_from: from.clone(),
            ship_to: to.clone(),
            customs: Some(customs()),
            parcels: vec![parcel(dec!(1)), parcel(dec!(2))],
            ..domestic()
        };
        let body = ship(&wanted);
        let shipment = &body["ShipmentRequest"]["Shipment"];
        let values = |holder: &Value| holder["ReferenceNumber"].as_array().map(|all| all[0]["Value"].clone());
        let own = on_packages.then(|| json!(wanted.reference.as_str()));
        assert_eq!(values(&shipment["Package"][0]), own, "{} {}", from.country, to.country);
        assert_eq!(values(&shipment["Package"][1]), own);
        assert_eq!(
            values(shipment),
            (!on_packages).then(|| json!(wanted.reference.as_str()))
        );
        assert_eq!(
            body["ShipmentRequest"]["Request"]["TransactionReference"]["CustomerContext"],
            wanted.reference.as_str()
        );
    }
}

#[test]
fn the_invoice_total_goes_to_canada_and_puerto_rico_only() {
    let total = |wanted: &ShipmentRequest| {
        ship(wanted)["ShipmentRequest"]["Shipment"]
            .get("InvoiceLineTotal")
            .cloned()
    };
    assert_eq!(
        total(&to_canada()),
        Some(json!({"CurrencyCode": "USD", "MonetaryValue": "377"}))
    );
    assert_eq!(total(&to_germany()), None);
    let island = Address {
        country: "PR".into(),
        state: Some("PR".into()),
        postal_code: Some("00901".into()),
        ..buyer()
    };
    let to_island = ShipmentRequest {
        ship_to: island,
        customs: Some(customs()),
        ..domestic()
    };
    assert_eq!(
        total(&to_island),
        Some(json!({"CurrencyCode": "USD", "MonetaryValue": "377"}))
    );
    assert_eq!(
        ship(&to_island)["ShipmentRequest"]["Shipment"].get("ShipmentServiceOptions"),
        None
    );
    assert_eq!(
        refused(&ShipmentRequest {
            customs: None,
            ..to_island
        }),
        "customs"
    );
}

/// Nothing is cut, and each refusal names the field that a person must change.
#[test]
fn what_does_not_fit_is_refused_by_the_name_of_its_field() {
    let to = |change: fn(&mut Address)| {
        let mut wanted = domestic();
        change(&mut wanted.ship_to);
        refused(&wanted)
    };
    assert_eq!(to(|address| address.name = "x".repeat(36)), "ship_to.name");
    assert_eq!(to(|address| address.name = " ".into()), "ship_to.name");
    assert_eq!(to(|address| address.lines = vec!["word ".repeat(30)]), "ship_to.lines");
    assert_eq!(to(|address| address.lines = Vec::new()), "ship_to.lines");
    assert_eq!(to(|address| address.city = "x".repeat(31)), "ship_to.city");
    assert_eq!(to(|address| address.state = Some("Georgia".into())), "ship_to.state");
    assert_eq!(
        to(|address| address.postal_code = Some("3030".into())),
        "ship_to.postal_code"
    );
    assert_eq!(to(|address| address.postal_code = None), "ship_to.postal_code");
    assert_eq!(to(|address| address.country = "USA".into()), "ship_to.country");
    assert_eq!(
        to(|address| address.attention = Some("x".repeat(36))),
        "ship_to.attention"
    );
    for format in [LabelFormat::Pdf, LabelFormat::Png] {
        assert_eq!(
            refused(&ShipmentRequest {
                label: format,
                ..domestic()
            }),
            "label"
        );
    }
    assert_eq!(
        refused(&ShipmentRequest {
            service: "GND".into(),
            ..domestic()
        }),
        "service"
    );
}

#[test]
fn a_border_needs_people_telephones_and_papers() {
    let without = |change: fn(&mut ShipmentRequest)| {
        let mut wanted = to_canada();
        change(&mut wanted);
        refused(&wanted)
    };
    assert_eq!(without(|wanted| wanted.ship_to.attention = None), "ship_to.attention");
    assert_eq!(
        without(|wanted| wanted.ship_to.phone = Some("555-0123".into())),
        "ship_to.phone"
    );
    assert_eq!(
        without(|wanted| wanted.ship_from.attention = None),
        "ship_from.attention"
    );
    assert_eq!(without(|wanted| wanted.ship_from.phone = None), "ship_from.phone");
    assert_eq!(without(|wanted| wanted.customs = None), "customs");
    let goods = |change: fn(&mut crate::domain::Customs)| {
        let mut wanted = to_germany();
        change(wanted.customs.as_mut().unwrap());
        refused(&wanted)
    };
    assert_eq!(
        goods(|customs| customs.description = "x".repeat(51)),
        "customs.description"
    );
    assert_eq!(goods(|customs| customs.terms = Some("DDU".into())), "customs.terms");
    assert_eq!(goods(|customs| customs.reason = String::new()), "customs.reason");
    assert_eq!(goods(|customs| customs.currency = "usd".into()), "customs.currency");
    assert_eq!(goods(|customs| customs.goods.clear()), "customs.goods");
    assert_eq!(goods(|customs| customs.goods[0].unit_price = None), "item.unit_price");
    assert_eq!(goods(|customs| customs.goods[0].quantity = dec!(1.5)), "item.quantity");
    assert_eq!(
        goods(|customs| customs.goods[0].origin_country = None),
        "item.origin_country"
    );
    assert_eq!(
        goods(|customs| customs.goods[0].tariff_code = Some("9026".into())),
        "item.tariff_code"
    );
    assert_eq!(
        goods(|customs| customs.goods[0].description = Some("word ".repeat(30))),
        "item.description"
    );
}

#[test]
fn within_the_european_union_there_are_people_and_a_description_but_no_papers_and_no_duties() {
    let wanted = ShipmentRequest {
        ship_from: german(),
        ship_to: address_in_france(),
        service: "11".into(),
        ..to_germany()
    };
    let shipment = ship(&wanted)["ShipmentRequest"]["Shipment"].clone();
    assert_eq!(shipment.get("ShipmentServiceOptions"), None);
    assert_eq!(shipment["Description"], "Pressure sensors");
    assert_eq!(
        shipment["PaymentInformation"]["ShipmentCharge"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(shipment["Shipper"]["AttentionName"], "Jo Miller");
}

fn address_in_france() -> Address {
    super::address(
        "Optique Est",
        "3 rue du Port",
        ("Strasbourg", "", "67000", "FR"),
        "+33 3 55 50 10 00",
    )
}
