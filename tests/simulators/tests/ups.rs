//! The simulated UPS over HTTP, as a client meets it.

#![cfg(test)]

use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};
use simulators::clock::Clock;
use simulators::faults::{Fault, FaultKind, When};
use simulators::server::Base;
use simulators::ups::{Client, EventKind, NotFound, Options, RateLimit, Running, Ups};

struct Caller {
    running: Running,
    http: reqwest::Client,
    token: String,
}

fn tuesday() -> Timestamp {
    "2026-07-21T14:00:00Z".parse().unwrap()
}

async fn start(options: Options) -> Caller {
    let base = Base {
        clock: Clock::frozen(tuesday()),
        ..Base::default()
    };
    let running = Ups::start(options, base, 0).await.unwrap();
    let mut caller = Caller {
        running,
        http: reqwest::Client::new(),
        token: String::new(),
    };
    caller.token = caller.new_token().await.1["access_token"].as_str().unwrap().to_owned();
    caller
}

impl Caller {
    async fn new_token(&self) -> (StatusCode, Value) {
        let request = self.http.post(format!("{}/security/v1/oauth/token", self.running.url));
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        read(
            request
                .basic_auth("ups-client", Some("ups-secret"))
                .body("grant_type=client_credentials"),
        )
        .await
    }

    fn call(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/api{path}", self.running.url);
        let request = self.http.request(method.parse().unwrap(), url).bearer_auth(&self.token);
        request
            .header("transId", "0123456789abcdef")
            .header("transactionSrc", "waybill")
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        read(self.call("POST", path).json(body)).await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(self.call("GET", path)).await
    }

    async fn delete(&self, path: &str) -> (StatusCode, Value) {
        read(self.call("DELETE", path)).await
    }

    async fn ship(&self, request: &Value) -> (StatusCode, Value) {
        self.post("/shipments/v2409/ship", request).await
    }

    async fn shipped(&self, reference: &str) -> String {
        let (status, answer) = self.ship(&domestic(reference)).await;
        assert_eq!(status, 200, "{answer}");
        results(&answer)["ShipmentIdentificationNumber"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    async fn recover(&self, reference: &str) -> (StatusCode, Value) {
        self.post("/labels/v1903/recovery", &recovery(reference)).await
    }

    fn advance(&self, seconds: i64) {
        self.running
            .ups
            .base()
            .clock
            .advance(SignedDuration::from_secs(seconds));
    }

    fn fault(&self, fault: Fault) {
        self.running.ups.base().faults.add(fault);
    }
}

async fn read(request: reqwest::RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

fn code(answer: &Value) -> &str {
    answer["response"]["errors"][0]["code"]
        .as_str()
        .unwrap_or("no error code")
}

fn results(answer: &Value) -> &Value {
    &answer["ShipmentResponse"]["ShipmentResults"]
}

fn domestic(reference: &str) -> Value {
    let from = json!({ "AddressLine": ["2311 York Rd"], "City": "Timonium", "StateProvinceCode": "MD",
        "PostalCode": "21093", "CountryCode": "US" });
    let to = json!({ "AddressLine": ["12380 Morris Rd"], "City": "Alpharetta", "StateProvinceCode": "GA",
        "PostalCode": "30005", "CountryCode": "US" });
    json!({ "ShipmentRequest": {
        "Request": { "RequestOption": "nonvalidate", "SubVersion": "2205",
            "TransactionReference": { "CustomerContext": reference } },
        "Shipment": {
            "Description": "Machine parts",
            "Shipper": { "Name": "Acme Inc", "AttentionName": "Dock", "Phone": { "Number": "4105551234" },
                "ShipperNumber": "A1B2C3", "Address": from },
            "ShipTo": { "Name": "Buyer LLC", "AttentionName": "Jo Buyer", "Phone": { "Number": "6785551234" },
                "Address": to },
            "ShipFrom": { "Name": "Acme Inc", "Address": from },
            "PaymentInformation": { "ShipmentCharge": [
                { "Type": "01", "BillShipper": { "AccountNumber": "A1B2C3" } }] },
            "ShipmentRatingOptions": { "NegotiatedRatesIndicator": "" },
            "Service": { "Code": "03" },
            "Package": [package("5", Some(reference))] },
        "LabelSpecification": { "LabelImageFormat": { "Code": "ZPL" },
            "LabelStockSize": { "Height": "6", "Width": "4" } } } })
}

fn package(weight: &str, reference: Option<&str>) -> Value {
    let mut package = json!({ "Packaging": { "Code": "02" },
        "Dimensions": { "UnitOfMeasurement": { "Code": "IN" }, "Length": "10", "Width": "8", "Height": "6" },
        "PackageWeight": { "UnitOfMeasurement": { "Code": "LBS" }, "Weight": weight } });
    if let Some(value) = reference {
        package["ReferenceNumber"] = json!([{ "Code": "IK", "Value": value }]);
    }
    package
}

fn to_germany(reference: &str) -> Value {
    let mut request = domestic(reference);
    let to = json!({ "AddressLine": ["Strasse 1"], "City": "Berlin", "PostalCode": "10115", "CountryCode": "DE" });
    let shipment = &mut request["ShipmentRequest"]["Shipment"];
    shipment["ShipTo"]["Address"] = to.clone();
    shipment["ShipTo"]["Phone"]["Number"] = "4930123456".into();
    shipment["Service"]["Code"] = "65".into();
    shipment["ReferenceNumber"] = json!([{ "Code": "IK", "Value": reference }]);
    shipment["Package"] = json!([package("5", None)]);
    shipment["ShipmentServiceOptions"] = json!({ "InternationalForms": {
        "FormType": ["01"], "InvoiceNumber": "INV-991", "InvoiceDate": "20260721", "TermsOfShipment": "DAP",
        "ReasonForExport": "SALE", "CurrencyCode": "USD",
        "Contacts": { "SoldTo": { "Name": "Buyer GmbH", "AttentionName": "Jo", "Phone": { "Number": "4930123456" },
            "Address": to } },
        "Product": [{ "Description": ["Steel bolt M8"],
            "Unit": { "Number": "100", "UnitOfMeasurement": { "Code": "PCS" }, "Value": "0.55" },
            "CommodityCode": "73181590", "OriginCountryCode": "US" }] } });
    request
}

fn recovery(reference: &str) -> Value {
    json!({ "LabelRecoveryRequest": {
        "LabelSpecification": { "LabelImageFormat": { "Code": "ZPL" }, "LabelStockSize": { "Height": "6", "Width": "4" } },
        "ReferenceValues": { "ReferenceNumber": { "Value": reference }, "ShipperNumber": "A1B2C3" } } })
}

#[tokio::test]
async fn a_token_lives_as_long_as_it_says_and_is_all_strings() {
    let ups = start(Options::default()).await;
    let (_, token) = ups.new_token().await;
    assert_eq!(token["expires_in"], "3599");
    assert_eq!(token["issued_at"], tuesday().as_millisecond().to_string());
    assert_eq!(ups.get("/track/v1/details/1Z999AA10123456784").await.0, 404);
    ups.advance(3600);
    let (status, answer) = ups.get("/track/v1/details/1Z999AA10123456784").await;
    assert_eq!((status.as_u16(), code(&answer)), (401, "250002"));
}

#[tokio::test]
async fn the_251st_token_in_a_day_is_refused_until_the_first_is_a_day_old() {
    let ups = start(Options {
        token_limit_per_day: 3,
        ..Options::default()
    })
    .await;
    ups.advance(3600);
    assert_eq!(ups.new_token().await.0, 200);
    assert_eq!(ups.new_token().await.0, 200);
    let (status, answer) = ups.new_token().await;
    assert_eq!((status.as_u16(), code(&answer)), (429, "10429"));
    ups.advance(23 * 3600);
    assert_eq!(ups.new_token().await.0, 200);
    assert_eq!(ups.running.ups.read_books().tokens["ups-client"].len(), 4);
    assert_eq!(Options::default().token_limit_per_day, 250);
}

#[tokio::test]
async fn wrong_credentials_and_foreign_accounts_get_nothing() {
    let client = Client {
        id: "ups-client".into(),
        secret: "ups-secret".into(),
        accounts: vec!["A1B2C3".into()],
    };
    let ups = start(Options {
        clients: vec![client],
        ..Options::default()
    })
    .await;
    let token = || {
        ups.http
            .post(format!("{}/security/v1/oauth/token", ups.running.url))
            .body("grant_type=client_credentials")
    };
    let (status, answer) = read(token().basic_auth("ups-client", Some("guess"))).await;
    assert_eq!((status.as_u16(), code(&answer)), (401, "10401"));
    let (status, answer) = read(token()).await;
    assert_eq!((status.as_u16(), code(&answer)), (400, "10400"));
    let stranger = token()
        .basic_auth("ups-client", Some("ups-secret"))
        .header("x-merchant-id", "ZZZZZZ");
    assert_eq!(read(stranger).await.0, 403);

    let mut foreign = domestic("SO-1");
    foreign["ShipmentRequest"]["Shipment"]["Shipper"]["ShipperNumber"] = "ZZZZZZ".into();
    foreign["ShipmentRequest"]["Shipment"]["PaymentInformation"]["ShipmentCharge"][0]["BillShipper"]["AccountNumber"] =
        "ZZZZZZ".into();
    assert_eq!(code(&ups.ship(&foreign).await.1), "120121");
    ups.fault(Fault::new("ship", FaultKind::ExpireTokens));
    assert_eq!(ups.ship(&domestic("SO-1")).await.0, 401);
}

#[tokio::test]
async fn a_good_request_is_billed_with_labels_and_both_prices() {
    let ups = start(Options::default()).await;
    let mut request = domestic("SO-10045");
    request["ShipmentRequest"]["Shipment"]["Package"] = json!([package("5", Some("SO-10045")), package("60", None)]);
    let (status, answer) = ups.ship(&request).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer["ShipmentResponse"]["Response"]["TransactionReference"]["CustomerContext"],
        "SO-10045"
    );
    assert_eq!(answer["ShipmentResponse"]["Response"]["Alert"][1]["Code"], "129001");
    let packages = results(&answer)["PackageResults"].as_array().unwrap();
    assert_eq!(packages.len(), 2);
    assert_eq!(
        packages[0]["TrackingNumber"],
        results(&answer)["ShipmentIdentificationNumber"]
    );
    let image = packages[1]["ShippingLabel"]["GraphicImage"].as_str().unwrap();
    let label = data_encoding::BASE64.decode(image.as_bytes()).unwrap();
    assert!(label.starts_with(b"^XA") && label.ends_with(b"^XZ\n"));

    let books = ups.running.ups.read_books();
    let [billed] = books.shipments.as_slice() else {
        panic!("not one shipment")
    };
    assert_eq!(books.unvoided("SO-10045"), std::slice::from_ref(&billed.id));
    assert_eq!(
        results(&answer)["NegotiatedRateCharges"]["TotalCharge"]["MonetaryValue"],
        billed.charge.to_string()
    );
    assert!(billed.charge < billed.list_charge);
}

#[tokio::test]
async fn each_mistake_has_its_code_and_bills_nothing() {
    let ups = start(Options {
        unbillable_accounts: vec!["BADBAD".into()],
        ..Options::default()
    })
    .await;
    let charge = "/Shipment/PaymentInformation/ShipmentCharge/0";
    let payers = json!({ "Type": "01", "BillShipper": { "AccountNumber": "A1B2C3" }, "ConsigneeBilledIndicator": "" });
    let third = |address: Value, account: &str| json!({ "Type": "01", "BillThirdParty": { "AccountNumber": account, "Address": address } });
    let us = json!({ "PostalCode": "30005", "CountryCode": "US" });
    let references = json!([{ "Value": "1" }, { "Value": "2" }, { "Value": "3" }]);
    let bar_codes = json!([{ "Value": "1", "BarCodeIndicator": "" }, { "Value": "2", "BarCodeIndicator": "" }]);
    let mistakes = [
        ("/Request/RequestOption", json!("confirm"), "120051"),
        ("/Request/SubVersion", json!("9999"), "20002"),
        ("/Shipment/Shipper/ShipperNumber", json!(""), "120100"),
        ("/Shipment/Shipper/ShipperNumber", json!("A1B2"), "120122"),
        ("/Shipment/Shipper/Name", json!("x".repeat(36)), "120101"),
        ("/Shipment/ShipTo/Name", json!(""), "120200"),
        ("/Shipment/ShipTo/Address/AddressLine", json!([]), "120202"),
        (
            "/Shipment/ShipTo/Address/AddressLine",
            json!(["x".repeat(36)]),
            "120202",
        ),
        ("/Shipment/ShipTo/Address/City", json!(""), "120205"),
        ("/Shipment/ShipTo/Address/StateProvinceCode", json!(""), "120206"),
        ("/Shipment/ShipTo/Address/PostalCode", json!("3000"), "120207"),
        ("/Shipment/ShipTo/Address/PostalCode", json!("94043"), "120802"),
        ("/Shipment/ShipTo/Address/CountryCode", json!("us"), "120208"),
        ("/Shipment/ShipTo/Phone/Number", json!("678-555-1234"), "120209"),
        ("/Shipment/ShipTo/Phone/Number", json!("6785551"), "120213"),
        ("/Shipment/ShipFrom/Name", json!(""), "120300"),
        ("/Shipment/PaymentInformation", Value::Null, "10002"),
        (charge, json!({ "Type": "01" }), "120410"),
        (charge, payers, "120416"),
        (
            "/Shipment/PaymentInformation/ShipmentCharge/0/BillShipper/AccountNumber",
            json!("ZZZZZZ"),
            "120415",
        ),
        (charge, third(json!({ "PostalCode": "30005" }), "TP1234"), "120430"),
        (charge, third(json!({ "CountryCode": "US" }), "TP1234"), "120437"),
        (charge, third(us, "BADBAD"), "120413"),
        ("/Shipment/Service/Code", json!("99"), "120500"),
        ("/Shipment/Service/Code", json!("65"), "121210"),
        ("/Shipment/ReferenceNumber", json!([{ "Value": "SO-1" }]), "120541"),
        ("/Shipment/Package/0/ReferenceNumber", references, "120544"),
        (
            "/Shipment/Package/0/ReferenceNumber",
            json!([{ "Value": "x".repeat(36) }]),
            "120607",
        ),
        ("/Shipment/Package/0/Packaging/Code", json!("99"), "120600"),
        ("/Shipment/Package/0/PackageWeight/Weight", json!("heavy"), "120608"),
        ("/Shipment/Package/0/PackageWeight/Weight", json!("0"), "121030"),
        ("/Shipment/Package/0/PackageWeight/Weight", json!("151"), "120608"),
        ("/Shipment/Package/0/PackageWeight/Weight", json!(5), "10002"),
        (
            "/Shipment/Package/0/PackageWeight/UnitOfMeasurement/Code",
            json!("KGS"),
            "120548",
        ),
        ("/Shipment/Package/0/Dimensions/Height", json!(""), "120602"),
        ("/Shipment/Package/0/Dimensions/Length", json!("109"), "121050"),
        ("/Shipment/Package", json!(vec![package("1", None); 201]), "120020"),
        ("/Shipment/ShipmentDate", json!("20260729"), "20008"),
        (
            "/Shipment/ShipmentServiceOptions",
            json!({ "DeliveryConfirmation": { "DCISType": "1" } }),
            "120598",
        ),
        (
            "/Shipment/Package/0/PackageServiceOptions",
            json!({ "DeliveryConfirmation": { "DCISType": "1" } }),
            "120598",
        ),
        ("/Shipment/Package/0/ReferenceNumber", bar_codes, "20008"),
        ("/LabelSpecification/LabelImageFormat/Code", json!("PDF"), "120701"),
        ("/LabelSpecification/LabelStockSize/Height", json!("5"), "120702"),
    ];
    for (path, wrong, expected) in mistakes {
        let mut request = domestic("SO-1");
        let shown = wrong.to_string();
        put(&mut request["ShipmentRequest"], path, wrong);
        let (status, answer) = ups.ship(&request).await;
        assert_eq!((status.as_u16(), code(&answer)), (400, expected), "{path} = {shown}");
    }
    assert!(ups.running.ups.read_books().shipments.is_empty());
}

#[tokio::test]
async fn a_cross_border_shipment_needs_its_papers_and_gets_its_form() {
    let ups = start(Options::default()).await;
    let (status, answer) = ups.ship(&to_germany("SO-7")).await;
    assert_eq!(status, 200, "{answer}");
    let form = results(&answer)["Form"]["Image"]["GraphicImage"].as_str().unwrap();
    assert!(
        data_encoding::BASE64
            .decode(form.as_bytes())
            .unwrap()
            .starts_with(b"%PDF-1.4")
    );

    let forms = "/Shipment/ShipmentServiceOptions/InternationalForms";
    let mistakes = [
        ("/Shipment/Description".to_owned(), json!(""), "120512"),
        ("/Shipment/ShipTo/AttentionName".to_owned(), json!(""), "120201"),
        ("/Shipment/ShipTo/Phone/Number".to_owned(), json!(""), "120209"),
        (
            "/Shipment/Package/0/ReferenceNumber".to_owned(),
            json!([{ "Value": "SO-7" }]),
            "120542",
        ),
        (format!("{forms}/FormType"), json!(["02"]), "20008"),
        (format!("{forms}/InvoiceDate"), json!(""), "20007"),
        (format!("{forms}/TermsOfShipment"), json!("DDU"), "20008"),
        (format!("{forms}/Product/0/Unit/Number"), json!("0"), "20008"),
        (
            format!("{forms}/Product/0/Unit/UnitOfMeasurement/Code"),
            json!("OTH"),
            "20007",
        ),
        (format!("{forms}/Product/0/CommodityCode"), json!("7318"), "20008"),
    ];
    for (path, wrong, expected) in mistakes {
        let mut request = to_germany("SO-8");
        put(&mut request["ShipmentRequest"], &path, wrong);
        assert_eq!(code(&ups.ship(&request).await.1), expected, "{path}");
    }
}

#[tokio::test]
async fn canada_needs_the_invoice_line_total() {
    let ups = start(Options::default()).await;
    let mut request = to_germany("SO-9");
    let shipment = &mut request["ShipmentRequest"]["Shipment"];
    shipment["ShipTo"]["Address"] = json!({ "AddressLine": ["290 Bremner Blvd"], "City": "Toronto",
        "StateProvinceCode": "ON", "PostalCode": "M5V3L9", "CountryCode": "CA" });
    shipment["Service"]["Code"] = "11".into();
    assert_eq!(code(&ups.ship(&request).await.1), "20007");
    request["ShipmentRequest"]["Shipment"]["InvoiceLineTotal"] =
        json!({ "CurrencyCode": "USD", "MonetaryValue": "55" });
    assert_eq!(ups.ship(&request).await.0, 200);
}

fn put(request: &mut Value, path: &str, value: Value) {
    let (parent, key) = path.rsplit_once('/').unwrap();
    let parent = request.pointer_mut(parent).unwrap();
    match key.parse::<usize>() {
        Ok(place) => parent[place] = value,
        Err(_) => parent[key] = value,
    }
}

#[tokio::test]
async fn a_lost_answer_is_billed_and_a_lost_request_is_not() {
    let ups = start(Options::default()).await;
    ups.fault(Fault::new("ship", FaultKind::DropBefore).when(When::nth([1])));
    ups.fault(Fault::new("ship", FaultKind::DropAfter).when(When::nth([2])));
    assert!(
        ups.call("POST", "/shipments/v2409/ship")
            .json(&domestic("SO-1"))
            .send()
            .await
            .is_err()
    );
    assert!(ups.running.ups.read_books().shipments.is_empty());
    assert!(
        ups.call("POST", "/shipments/v2409/ship")
            .json(&domestic("SO-1"))
            .send()
            .await
            .is_err()
    );
    assert_eq!(ups.running.ups.read_books().unvoided("SO-1").len(), 1);

    ups.shipped("SO-1").await;
    let books = ups.running.ups.read_books();
    assert_eq!(books.duplicates["SO-1"].len(), 1);
    assert_eq!(books.shipments[0].request_hash, books.shipments[1].request_hash);
}

#[tokio::test]
async fn recovery_by_reference_finds_a_shipment_only_after_the_index_has_it() {
    let ups = start(Options {
        index_lag_s: 60,
        ..Options::default()
    })
    .await;
    let id = ups.shipped("SO-1").await;
    assert_eq!(code(&ups.recover("SO-1").await.1), "300007");
    assert_eq!(
        ups.get("/track/v1/reference/details/SO-1?shipperNum=A1B2C3").await.0,
        404
    );
    ups.advance(61);
    let (status, found) = ups.recover("SO-1").await;
    assert_eq!(status, 200, "{found}");
    assert_eq!(
        found["LabelRecoveryResponse"]["ShipmentIdentificationNumber"],
        id.as_str()
    );
    assert!(found["LabelRecoveryResponse"]["LabelResults"][0]["LabelImage"]["GraphicImage"].is_string());
    assert_eq!(
        ups.get("/track/v1/reference/details/SO-1?shipperNum=A1B2C3").await.0,
        200
    );

    ups.fault(Fault::new("label_recovery", FaultKind::StaleLookup { seconds: 600 }).when(When::nth([1])));
    assert_eq!(code(&ups.recover("SO-1").await.1), "300007");
    assert_eq!(ups.recover("SO-1").await.0, 200);
}

#[tokio::test]
async fn recovery_of_several_names_candidates_and_of_a_voided_one_says_so() {
    let ups = start(Options {
        lower_case_format: true,
        single_label_as_object: true,
        ..Options::default()
    })
    .await;
    let first = ups.shipped("SO-1").await;
    let second = ups.shipped("SO-1").await;
    let candidates = ups.recover("SO-1").await.1["LabelRecoveryResponse"]["TrackingCandidate"].clone();
    let named: Vec<_> = candidates
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["TrackingNumber"].clone())
        .collect();
    assert_eq!(named, [json!(first), json!(second)]);

    ups.running
        .ups
        .configure(|options| options.refuse_several_matches = true);
    assert_eq!(code(&ups.recover("SO-1").await.1), "300001");

    assert_eq!(
        ups.delete(&format!("/shipments/v2409/void/cancel/{first}")).await.0,
        200
    );
    let left = ups.recover("SO-1").await.1;
    let label = &left["LabelRecoveryResponse"]["LabelResults"];
    assert_eq!(
        (
            &label["TrackingNumber"],
            &label["LabelImage"]["LabelImageFormat"]["Code"]
        ),
        (&json!(second), &json!("zpl"))
    );
    assert_eq!(
        ups.delete(&format!("/shipments/v2409/void/cancel/{second}")).await.0,
        200
    );
    assert_eq!(code(&ups.recover("SO-1").await.1), "300033");
    let body = json!({ "LabelRecoveryRequest": { "LabelSpecification": {} } });
    assert_eq!(code(&ups.post("/labels/v1903/recovery", &body).await.1), "300005");
}

#[tokio::test]
async fn a_shipment_is_voided_once_and_in_time() {
    let ups = start(Options::default()).await;
    let id = ups.shipped("SO-1").await;
    let (status, answer) = ups.delete(&format!("/shipments/v2409/void/cancel/{id}")).await;
    assert_eq!(
        (
            status.as_u16(),
            &answer["VoidShipmentResponse"]["SummaryResult"]["Status"]["Code"]
        ),
        (200, &json!("1"))
    );
    assert!(ups.running.ups.read_books().unvoided("SO-1").is_empty());
    assert_eq!(
        code(&ups.delete(&format!("/shipments/v2409/void/cancel/{id}")).await.1),
        "190117"
    );
    assert_eq!(
        code(&ups.delete("/shipments/v2409/void/cancel/1Z999AA10123456784").await.1),
        "190102"
    );
    assert_eq!(
        code(&ups.delete("/shipments/v2409/void/cancel/nonsense").await.1),
        "190100"
    );

    let late = ups.shipped("SO-2").await;
    ups.advance(29 * 24 * 3600);
    let fresh = ups.new_token().await.1["access_token"].as_str().unwrap().to_owned();
    let url = format!("{}/api/shipments/v2409/void/cancel/{late}", ups.running.url);
    assert_eq!(code(&read(ups.http.delete(url).bearer_auth(fresh)).await.1), "190102");
}

#[tokio::test]
async fn one_package_of_several_can_be_voided() {
    let ups = start(Options {
        void_result_singular: true,
        ..Options::default()
    })
    .await;
    let mut request = domestic("SO-1");
    request["ShipmentRequest"]["Shipment"]["Package"] = json!([package("5", Some("SO-1")), package("6", None)]);
    let (_, answer) = ups.ship(&request).await;
    let packages = &results(&answer)["PackageResults"];
    let (id, second) = (
        packages[0]["TrackingNumber"].as_str().unwrap(),
        packages[1]["TrackingNumber"].as_str().unwrap(),
    );
    let by_number = json!({ "LabelRecoveryRequest": { "TrackingNumber": second } });
    let (_, label) = ups.post("/labels/v1903/recovery", &by_number).await;
    let label = &label["LabelRecoveryResponse"]["LabelResults"];
    assert_eq!(
        (label.as_array().unwrap().len(), &label[0]["TrackingNumber"]),
        (1, &json!(second))
    );

    let list = format!("%5B%22{second}%22%5D");
    let (status, voided) = ups
        .delete(&format!("/shipments/v2409/void/cancel/{id}?trackingnumber={list}"))
        .await;
    assert_eq!(status, 200, "{voided}");
    assert_eq!(
        voided["VoidShipmentResponse"]["PackageLevelResult"][0]["TrackingNumber"],
        second
    );
    let books = ups.running.ups.read_books();
    let voided: Vec<bool> = books.shipments[0]
        .packages
        .iter()
        .map(|package| package.voided_at.is_some())
        .collect();
    assert_eq!(voided, [false, true]);
}

#[tokio::test]
async fn a_parcel_travels_and_is_delivered() {
    let ups = start(Options::default()).await;
    let id = ups.shipped("SO-1").await;
    let track = format!("/track/v1/details/{id}");
    let package = async |path: &str| ups.get(path).await.1["trackResponse"]["shipment"][0]["package"][0].clone();
    assert_eq!(package(&track).await["currentStatus"]["type"], "M");
    ups.advance(1800);
    assert!(
        ups.running
            .ups
            .happen(&id, &[EventKind::PickedUp, EventKind::WeatherDelay])
    );
    assert_eq!(package(&track).await["currentStatus"]["type"], "X");
    ups.advance(900);
    assert!(ups.running.ups.happen(&id, &[EventKind::Delivered]));
    let delivered = package(&track).await;
    assert_eq!(delivered["currentStatus"]["statusCode"], "011");
    assert_eq!(
        delivered["deliveryDate"],
        json!([{ "type": "DEL", "date": "20260721" }])
    );
    let newest = &delivered["activity"][0];
    assert_eq!(
        (&newest["time"], &newest["gmtTime"], &newest["gmtOffset"]),
        (&json!("104500"), &json!("14:45:00"), &json!("-04:00"))
    );
    let types: Vec<_> = delivered["activity"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"]["type"].clone())
        .collect();
    assert_eq!(types, ["D", "X", "I", "M"]);
    assert!(!ups.running.ups.happen("1Z999AA10123456784", &[EventKind::Delivered]));
}

#[tokio::test]
async fn tracking_promises_a_day_until_it_names_who_received_the_parcel() {
    let ups = start(Options {
        token_life_s: 24 * 3600,
        ..Options::default()
    })
    .await;
    let id = ups.shipped("SO-1").await;
    let track = format!("/track/v1/details/{id}");
    let package = async || ups.get(&track).await.1["trackResponse"]["shipment"][0]["package"][0].clone();
    let promised = package().await;
    assert_eq!(promised["deliveryDate"], json!([{ "type": "SDD", "date": "20260724" }]));
    assert!(promised.get("deliveryInformation").is_none());
    ups.advance(17 * 3600 + 47 * 60);
    assert!(ups.running.ups.happen(&id, &[EventKind::Delivered]));
    let delivered = package().await;
    assert_eq!(delivered["deliveryDate"][0]["type"], "DEL");
    assert_eq!(delivered["deliveryInformation"]["receivedBy"], "SMITH");
    let newest = |package: &Value| {
        let newest = &package["activity"][0];
        json!([newest["gmtDate"], newest["gmtTime"], newest["gmtOffset"]])
    };
    assert_eq!(newest(&delivered), json!(["20260722", "07:47:00", "-04:00"]));

    ups.running.ups.configure(|options| options.loose_gmt_time = true);
    let loose = package().await;
    assert_eq!(newest(&loose), json!(["20260722", "74700", "-04:00"]));
    assert_eq!(loose["activity"][1]["gmtTime"], "14:00:00");
}

#[tokio::test]
async fn what_is_made_to_happen_comes_after_what_has_happened_by_itself() {
    let ups = start(Options {
        auto_progress_s: Some(10),
        ..Options::default()
    })
    .await;
    let id = ups.shipped("SO-1").await;
    ups.advance(15);
    assert!(ups.running.ups.happen(&id, &[EventKind::Damaged]));
    let events = ups.running.ups.read_books().shipments[0].packages[0].events.clone();
    let kinds: Vec<EventKind> = events.iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [EventKind::LabelCreated, EventKind::PickedUp, EventKind::Damaged]
    );
}

#[tokio::test]
async fn parcels_move_by_themselves_when_told_to() {
    let ups = start(Options {
        auto_progress_s: Some(10),
        ..Options::default()
    })
    .await;
    let id = ups.shipped("SO-1").await;
    ups.advance(25);
    let activities = async || {
        let answer = ups.get(&format!("/track/v1/shipment/details/{id}")).await.1;
        answer["trackResponse"]["shipment"][0]["package"][0]["activity"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(activities().await, 3);
    ups.advance(1000);
    assert_eq!(activities().await, 6);
    assert_eq!(activities().await, 6);
}

#[tokio::test]
async fn tracking_minds_its_headers_and_knows_two_ways_of_not_knowing() {
    let ups = start(Options {
        not_found: NotFound::Warning,
        ..Options::default()
    })
    .await;
    let (status, answer) = ups.get("/track/v1/details/1Z999AA10123456784").await;
    assert_eq!(status, 200);
    assert_eq!(answer["trackResponse"]["shipment"][0]["warnings"][0]["code"], "TW0001");
    assert_eq!(code(&ups.get("/track/v1/details/1Z").await.1), "TV1002");
    let bare = ups
        .http
        .get(format!("{}/api/track/v1/details/1Z999AA10123456784", ups.running.url));
    assert_eq!(read(bare.bearer_auth(&ups.token)).await.0, 400);
}

#[tokio::test]
async fn addresses_are_judged_and_classified() {
    let ups = start(Options::default()).await;
    let ask = async |line: &str, city: &str, state: &str, zip: &str, country: &str| {
        let key = json!({ "AddressLine": [line], "PoliticalDivision2": city, "PoliticalDivision1": state,
            "PostcodePrimaryLow": zip, "CountryCode": country });
        ups.post(
            "/addressvalidation/v2/3",
            &json!({ "XAVRequest": { "AddressKeyFormat": key } }),
        )
        .await
    };
    let valid = ask("12380 Morris Road", "Alpharetta", "GA", "30005", "US").await.1["XAVResponse"].clone();
    assert_eq!(valid["ValidAddressIndicator"], "");
    assert_eq!(
        valid["Candidate"][0]["AddressKeyFormat"]["AddressLine"],
        json!(["12380 MORRIS RD"])
    );
    assert_eq!(valid["AddressClassification"]["Code"], "1");
    let ambiguous = ask("221 Main St", "Galena", "IL", "61036", "US").await.1["XAVResponse"].clone();
    assert_eq!(
        (
            &ambiguous["AmbiguousAddressIndicator"],
            ambiguous["Candidate"].as_array().unwrap().len()
        ),
        (&json!(""), 2)
    );
    assert_eq!(
        ask("1 Nowhere Ln", "Galena", "IL", "61036", "US").await.1["XAVResponse"]["NoCandidatesIndicator"],
        ""
    );
    let (status, answer) = ask("Strasse 1", "Berlin", "", "10115", "DE").await;
    assert!(status == 400 && code(&answer).starts_with("264"), "{answer}");
}

#[tokio::test]
async fn rates_come_for_every_service_that_goes_there_with_their_days() {
    let ups = start(Options::default()).await;
    let mut shipment = domestic("x")["ShipmentRequest"]["Shipment"].clone();
    let mut package = package("5", None);
    package["PackagingType"] = package["Packaging"].take();
    shipment["Package"] = json!([package]);
    let ask = async |option: &str, shipment: &Value| {
        let request = json!({ "RateRequest": { "Request": { "RequestOption": option }, "Shipment": shipment } });
        ups.post(&format!("/rating/v2409/{option}"), &request).await
    };
    let (status, shop) = ask("Shop", &shipment).await;
    assert_eq!(status, 200, "{shop}");
    assert_eq!(shop["RateResponse"]["RatedShipment"].as_array().unwrap().len(), 7);
    assert_eq!(code(&ask("Shoptimeintransit", &shipment).await.1), "111549");
    shipment["ShipmentTotalWeight"] =
        json!({ "UnitOfMeasurement": { "Code": "LBS", "Description": "Pounds" }, "Weight": "5" });
    shipment["DeliveryTimeInformation"] =
        json!({ "PackageBillType": "03", "Pickup": { "Date": "20260724", "Time": "1000" } });
    let (_, rate) = ask("Ratetimeintransit", &shipment).await;
    let [ground] = rate["RateResponse"]["RatedShipment"].as_array().unwrap().as_slice() else {
        panic!("{rate}")
    };
    let arrival = &ground["TimeInTransit"]["ServiceSummary"]["EstimatedArrival"];
    assert_eq!(
        (&arrival["BusinessDaysInTransit"], &arrival["Arrival"]["Date"]),
        (&json!("1"), &json!("20260727"))
    );
    shipment["Service"]["Code"] = "65".into();
    assert_eq!(code(&ask("Rate", &shipment).await.1), "111210");
}

#[tokio::test]
async fn the_rated_price_is_the_billed_price() {
    let ups = start(Options::default()).await;
    let mut shipment = domestic("x")["ShipmentRequest"]["Shipment"].clone();
    shipment["Package"][0]["PackagingType"] = shipment["Package"][0]["Packaging"].clone();
    let request = json!({ "RateRequest": { "Request": { "RequestOption": "Rate" }, "Shipment": shipment } });
    let (_, rate) = ups.post("/rating/v2409/Rate", &request).await;
    let (_, ship) = ups.ship(&domestic("SO-1")).await;
    let rated = &rate["RateResponse"]["RatedShipment"][0]["NegotiatedRateCharges"]["TotalCharge"];
    assert_eq!(rated, &results(&ship)["NegotiatedRateCharges"]["TotalCharge"]);
}

#[tokio::test]
async fn a_rate_limit_refuses_with_and_without_retry_after() {
    let limit = RateLimit {
        requests: 1,
        per_s: 10,
        retry_after: Some(4),
    };
    let ups = start(Options {
        rate_limit: Some(limit),
        ..Options::default()
    })
    .await;
    ups.shipped("SO-1").await;
    let answer = ups
        .call("POST", "/shipments/v2409/ship")
        .json(&domestic("SO-2"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (429, &"4".parse().unwrap())
    );
    ups.running
        .ups
        .configure(|options| options.rate_limit.as_mut().unwrap().retry_after = None);
    let answer = ups
        .call("POST", "/shipments/v2409/ship")
        .json(&domestic("SO-2"))
        .send()
        .await
        .unwrap();
    assert!(answer.status() == 429 && !answer.headers().contains_key("retry-after"));
    ups.advance(11);
    ups.shipped("SO-2").await;
}

#[tokio::test]
async fn control_routes_move_parcels_change_options_and_show_the_books() {
    let ups = start(Options::default()).await;
    let id = ups.shipped("SO-1").await;
    let control = async |path: &str, body: Value| {
        read(
            ups.http
                .post(format!("{}/_control/{path}", ups.running.url))
                .json(&body),
        )
        .await
    };
    assert_eq!(
        control("events", json!({ "number": id, "events": ["picked_up", "delivered"] }))
            .await
            .0,
        200
    );
    assert_eq!(control("options", json!({ "collapse_single": true })).await.0, 200);
    let (_, tracked) = ups.get(&format!("/track/v1/details/{id}")).await;
    assert_eq!(
        tracked["trackResponse"]["shipment"]["package"]["currentStatus"]["type"],
        "D"
    );
    let (_, books) = read(ups.http.get(format!("{}/_control/books", ups.running.url))).await;
    assert_eq!(books["by_reference"]["SO-1"], json!([id]));
    assert_eq!(books["requests"]["by_operation"]["ship"], 1);
    assert_eq!(control("reset", json!({})).await.0, 200);
    assert!(ups.running.ups.read_books().shipments.is_empty());
}

// ---- Quantum View ------------------------------------------------------------------------------------------------

fn stamp(at: Timestamp) -> String {
    at.strftime("%Y%m%d%H%M%S").to_string()
}

/// A question about the last hours; the names of the files that came and the bookmark.
async fn files(caller: &Caller, hours: i64, bookmark: Option<&str>) -> (Vec<String>, Option<String>, Value) {
    let to = caller.running.ups.base().clock.now();
    let range = json!({ "BeginDateTime": stamp(to - SignedDuration::from_hours(hours)), "EndDateTime": stamp(to) });
    let mut question = json!({
        "Request": { "TransactionReference": { "CustomerContext": "qv" }, "RequestAction": "QVEvents" },
        "SubscriptionRequest": [{ "Name": "OutboundXML", "DateTimeRange": range }],
    });
    if let Some(bookmark) = bookmark {
        question["Bookmark"] = bookmark.into();
    }
    let (status, answer) = caller
        .post("/quantumview/v3/events", &json!({ "QuantumViewRequest": question }))
        .await;
    assert_eq!(status, 200, "{answer}");
    let view = answer["QuantumViewResponse"].clone();
    let files = view.pointer("/QuantumViewEvents/SubscriptionEvents/0/SubscriptionFile");
    let names = files.and_then(Value::as_array).into_iter().flatten();
    let names = names
        .map(|file| file["FileName"].as_str().unwrap().to_owned())
        .collect();
    (names, view["Bookmark"].as_str().map(str::to_owned), view)
}

#[tokio::test]
async fn quantum_view_tells_shipments_and_voids_in_pages_however_often_they_were_read() {
    let caller = start(Options {
        quantum_view_files_per_page: 1,
        quantum_view_events_per_file: 2,
        ..Options::default()
    })
    .await;
    let mut numbers = Vec::new();
    for reference in ["A1", "A2", "A3"] {
        numbers.push(caller.shipped(reference).await);
    }
    caller.running.ups.base().clock.advance(SignedDuration::from_mins(20));
    let (status, _) = caller
        .delete(&format!("/shipments/v2409/void/cancel/{}", numbers[0]))
        .await;
    assert_eq!(status, 200);
    for status in ["U", "R"] {
        let (mut seen, mut bookmark, mut text) = (Vec::new(), None, String::new());
        loop {
            let (names, next, view) = files(&caller, 1, bookmark.as_deref()).await;
            assert_eq!(names.len(), 1, "{view}");
            let code = view.pointer("/QuantumViewEvents/SubscriptionEvents/0/SubscriptionFile/0/StatusType/Code");
            assert_eq!(code.and_then(Value::as_str), Some(status));
            seen.extend(names);
            text.push_str(&view.to_string());
            bookmark = next;
            if bookmark.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 3, "two files of shipments, one with the void: {seen:?}");
        assert!(numbers.iter().all(|number| text.contains(number)));
        assert_eq!(text.matches("\"VM\"").count(), 1);
    }
}

#[tokio::test]
async fn quantum_view_tells_every_kind_of_event_in_its_list() {
    let caller = start(Options {
        quantum_view_events_per_file: 100,
        ..Options::default()
    })
    .await;
    let number = caller.shipped("A1").await;
    let happened = [
        EventKind::PickedUp,
        EventKind::Departed,
        EventKind::Arrived,
        EventKind::OutForDelivery,
        EventKind::WeatherDelay,
        EventKind::Attempted,
        EventKind::AddressNeeded,
        EventKind::Refused,
        EventKind::Damaged,
        EventKind::Returning,
        EventKind::Returned,
        EventKind::AtAccessPoint,
        EventKind::Delivered,
        EventKind::Voided,
    ];
    caller.advance(60);
    assert!(caller.running.ups.happen(&number, &happened));
    let (_, _, view) = files(&caller, 1, None).await;
    let file = &view["QuantumViewEvents"]["SubscriptionEvents"][0]["SubscriptionFile"][0];
    let list = |key: &str| file[key].as_array().unwrap().clone();
    let words = |key: &str, field: &str| -> Vec<Value> { list(key).iter().map(|one| one[field].clone()).collect() };
    assert_eq!(list("Manifest").len(), 1);
    assert_eq!(words("Generic", "ActivityType"), ["AG", "DS", "OD", "UD", "UR", "VM"]);
    assert_eq!(words("Exception", "StatusCode"), ["WX", "48", "AI", "RF", "DM", "RS"]);
    assert_eq!(list("Exception")[0]["RescheduledDeliveryDate"], "20260727");
    assert_eq!(list("Generic")[3]["RescheduledDeliveryDate"], "20260727");

    let origin = &list("Origin")[0];
    assert_eq!(
        (&origin["TrackingNumber"], &origin["Date"], &origin["Time"]),
        (&json!(number), &json!("20260721"), &json!("100047"))
    );
    assert_eq!(origin["ShipmentReferenceNumber"][0]["Value"], "A1");
    assert_eq!(
        origin["ActivityLocation"]["AddressArtifactFormat"],
        json!({ "PoliticalDivision2": "Timonium", "PoliticalDivision1": "MD", "CountryCode": "US" })
    );
    let [kept, delivered] = list("Delivery").try_into().unwrap();
    assert!(kept["AccessPointLocationID"].is_string() && kept["DeliveryLocation"].get("SignedForByName").is_none());
    assert_eq!(delivered["DeliveryLocation"]["SignedForByName"], "SMITH");
    assert_eq!(delivered["ShipperNumber"], "A1B2C3");
}

#[tokio::test]
async fn quantum_view_refuses_within_a_success_and_is_late_when_told() {
    let caller = start(Options {
        quantum_view_lag_s: 3600,
        token_life_s: 4 * 3600,
        ..Options::default()
    })
    .await;
    caller.shipped("A1").await;
    assert!(files(&caller, 1, None).await.0.is_empty(), "not in a file yet");
    let (_, _, view) = files(&caller, 8 * 24, None).await;
    assert_eq!(
        view.pointer("/Response/ResponseStatusCode"),
        Some(&json!("0")),
        "{view}"
    );
    let (_, _, view) = files(&caller, 1, Some("?")).await;
    assert_eq!(
        view.pointer("/Response/ResponseStatusCode"),
        Some(&json!("0")),
        "{view}"
    );
    caller.running.ups.configure(|options| options.quantum_view = None);
    let (_, _, view) = files(&caller, 1, None).await;
    assert_eq!(
        view.pointer("/Response/Error/0/ErrorCode"),
        Some(&json!("330028")),
        "{view}"
    );
    caller
        .running
        .ups
        .configure(|options| options.quantum_view = Some("OutboundXML".into()));
    caller.running.ups.base().clock.advance(SignedDuration::from_hours(2));
    assert_eq!(files(&caller, 3, None).await.0.len(), 1);
}
