//! The rules of a ship request: what UPS refuses, in the order in which it looks, with the codes of its error lists.
//!
//! Rules without a published code of their own answer 20007 (missing) or 20008 (invalid). Like UPS, the first fault
//! found is the one told.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value;

use super::answer::Refusal;
use super::labels::SHIP_FORMATS;
use super::places::{Address, in_european_union, needs_postal, needs_state, postal_fits_country, zip_fits_state};
use super::prices::{Lane, Load, is_service, lane, services};
use super::read::{at, first_non_text, many, owned, present, text, texts};

type Checked = Result<(), Refusal>;

const SUB_VERSIONS: [&str; 8] = ["1601", "1607", "1701", "1707", "1801", "1807", "2108", "2205"];
const PACKAGING: &str = "01 02 03 04 21 24 25 30 2a 2b 2c 56 57 58 59 60 61 62 63 64 65 66 67";
const FORM_TYPES: [&str; 10] = ["01", "03", "04", "05", "06", "07", "08", "09", "10", "11"];
const TERMS: &str = "CFR CIF CIP CPT DAF DDP DAP DEQ DES EXW FAS FCA FOB";
const LETTER: &str = "01";
const MOST_PACKAGES: usize = 200;

/// The parts of a request that its rules and its booking need.
pub(super) struct Draft<'a> {
    pub(super) request: &'a Value,
    pub(super) shipment: &'a Value,
    pub(super) account: String,
    pub(super) origin: Address,
    pub(super) destination: Address,
    pub(super) packages: Vec<&'a Value>,
}

impl<'a> Draft<'a> {
    /// The parts, if the request has the form of one.
    pub(super) fn of(body: &'a Value) -> Result<Self, Refusal> {
        let request = at(body, "ShipmentRequest").ok_or_else(|| Refusal::missing("ShipmentRequest"))?;
        if first_non_text(request).is_some() {
            return Err(Refusal::bad(
                "10002",
                "The document is well formed but not valid: only strings are accepted",
            ));
        }
        let shipment = at(request, "Shipment").ok_or_else(|| Refusal::missing("Shipment"))?;
        let from = if present(shipment, "ShipFrom") {
            "ShipFrom.Address"
        } else {
            "Shipper.Address"
        };
        Ok(Self {
            request,
            shipment,
            account: owned(shipment, "Shipper.ShipperNumber").to_uppercase(),
            origin: address_of(shipment, from),
            destination: address_of(shipment, "ShipTo.Address"),
            packages: many(shipment, "Package"),
        })
    }

    /// Whether it goes abroad: phones, contacts and a description are then needed.
    pub(super) fn crosses_border(&self) -> bool {
        self.origin.territory() != self.destination.territory()
    }

    /// Whether references belong on the packages (within the US, within Puerto Rico) rather than on the shipment.
    fn references_packages(&self) -> bool {
        lane(&self.origin, &self.destination) == Lane::Domestic
    }

    fn is_letter(&self) -> bool {
        self.packages
            .iter()
            .all(|package| text(package, "Packaging.Code") == Some(LETTER))
    }

    /// Every rule in turn.
    pub(super) fn check(&self, validates_city: bool, today: Date) -> Checked {
        self.check_request()?;
        self.check_date(today)?;
        self.check_shipper()?;
        self.check_ship_to(validates_city)?;
        self.check_ship_from()?;
        self.check_payment()?;
        self.check_service()?;
        self.check_packages()?;
        self.check_references()?;
        self.check_confirmation()?;
        self.check_label()?;
        if self.crosses_border() {
            self.check_customs()
        } else {
            Ok(())
        }
    }

    fn check_request(&self) -> Checked {
        let option = text(self.request, "Request.RequestOption");
        if !matches!(option, Some("nonvalidate" | "validate")) {
            return Err(Refusal::bad("120051", "Missing or invalid request option"));
        }
        let version = text(self.request, "Request.SubVersion");
        if version.is_some_and(|version| !SUB_VERSIONS.contains(&version)) {
            return Err(Refusal::bad("20002", "Invalid service and version combination"));
        }
        check_length(self.request, "Request.TransactionReference.CustomerContext", 512)?;
        check_length(self.shipment, "Description", 50)
    }

    fn check_date(&self, today: Date) -> Checked {
        let Some(sent) = text(self.shipment, "ShipmentDate") else {
            return Ok(());
        };
        let last = today.saturating_add(jiff::Span::new().days(7));
        let near = Date::strptime("%Y%m%d", sent).is_ok_and(|date| date <= last);
        if near {
            Ok(())
        } else {
            Err(Refusal::invalid("ShipmentDate"))
        }
    }

    fn check_shipper(&self) -> Checked {
        let party = at(self.shipment, "Shipper").ok_or_else(|| Refusal::missing("Shipper"))?;
        require(
            text(party, "ShipperNumber"),
            "120100",
            "Missing or invalid shipper number",
        )?;
        let alphanumeric = self.account.len() == 6 && self.account.bytes().all(|byte| byte.is_ascii_alphanumeric());
        ensure(alphanumeric, "120122", "The shipper number is invalid")?;
        PartyRules::SHIPPER.check(party, self.crosses_border())
    }

    fn check_ship_to(&self, validates_city: bool) -> Checked {
        let party = at(self.shipment, "ShipTo").ok_or_else(|| Refusal::missing("ShipTo"))?;
        PartyRules::SHIP_TO.check(party, self.crosses_border())?;
        let known = self
            .destination
            .city
            .chars()
            .all(|character| !character.is_ascii_digit());
        ensure(
            !validates_city || known,
            "120802",
            "Address Validation Error on ShipTo address",
        )
    }

    fn check_ship_from(&self) -> Checked {
        let Some(party) = at(self.shipment, "ShipFrom") else {
            return Ok(());
        };
        PartyRules::SHIP_FROM.check(party, false)?;
        let shipper = text(self.shipment, "Shipper.Address.CountryCode");
        let same = shipper == text(party, "Address.CountryCode");
        ensure(
            same,
            "120317",
            "The ship-from country differs from the shipper's country",
        )
    }

    fn check_payment(&self) -> Checked {
        ensure(
            present(self.shipment, "PaymentInformation"),
            "120400",
            "Missing payment information",
        )?;
        let charges = many(self.shipment, "PaymentInformation.ShipmentCharge");
        let transport = charges.iter().any(|charge| text(charge, "Type") == Some("01"));
        ensure(transport, "120410", "Missing payment for transportation charges")?;
        charges.into_iter().try_for_each(|charge| self.check_charge(charge))
    }

    fn check_charge(&self, charge: &Value) -> Checked {
        let kind = text(charge, "Type").unwrap_or_default();
        ensure(
            matches!(kind, "01" | "02" | "03"),
            "20008",
            "The field, ShipmentCharge.Type, contains invalid data",
        )?;
        let payers = [
            "BillShipper",
            "BillReceiver",
            "BillThirdParty",
            "ConsigneeBilledIndicator",
        ];
        let named: Vec<&str> = payers.into_iter().filter(|payer| present(charge, payer)).collect();
        let union = in_european_union(&self.origin.country) && in_european_union(&self.destination.country);
        if kind == "02" && (!self.crosses_border() || union) {
            return Err(Refusal::invalid("ShipmentCharge.Type"));
        }
        match named.as_slice() {
            [] => Err(Refusal::bad("120410", "Missing payment option")),
            ["BillShipper"] => self.check_bill_shipper(charge),
            ["BillReceiver"] => self.check_bill_receiver(charge),
            ["BillThirdParty"] => check_third_party(charge),
            ["ConsigneeBilledIndicator"] => self.check_consignee_billed(),
            _ => Err(Refusal::bad("120416", "Only one payment option may be given")),
        }
    }

    fn check_bill_shipper(&self, charge: &Value) -> Checked {
        let same = owned(charge, "BillShipper.AccountNumber").eq_ignore_ascii_case(&self.account);
        ensure(
            same,
            "120415",
            "The BillShipper account number must be the shipper number",
        )
    }

    fn check_bill_receiver(&self, charge: &Value) -> Checked {
        check_account(charge, "BillReceiver.AccountNumber")?;
        let needed = matches!(self.destination.territory(), "US" | "PR" | "CA");
        let given = text(charge, "BillReceiver.Address.PostalCode").is_some();
        ensure(
            given || !needed,
            "120413",
            "The receiver's account cannot be billed: postal code missing or not matching",
        )
    }

    fn check_consignee_billed(&self) -> Checked {
        let here =
            matches!(self.origin.territory(), "US" | "PR") && matches!(self.destination.territory(), "US" | "PR");
        if here {
            Ok(())
        } else {
            Err(Refusal::invalid("ConsigneeBilledIndicator"))
        }
    }

    fn check_service(&self) -> Checked {
        let code = text(self.shipment, "Service.Code").filter(|code| is_service(code));
        let code = code.ok_or_else(|| Refusal::bad("120500", "Missing or invalid service code"))?;
        let goes = services(&self.origin, &self.destination).any(|service| service.code == code);
        ensure(
            goes,
            "121210",
            "The requested service is unavailable between the selected locations.",
        )
    }

    fn check_packages(&self) -> Checked {
        if self.packages.is_empty() {
            return Err(Refusal::missing("Package"));
        }
        ensure(
            self.packages.len() <= MOST_PACKAGES,
            "120020",
            "Too many packages in the shipment",
        )?;
        self.packages.iter().try_for_each(|package| check_package(package))?;
        let mut systems = self.packages.iter().flat_map(|package| unit_systems(package));
        let first = systems.next();
        ensure(
            systems.all(|system| Some(system) == first),
            "120548",
            "Units of measurement must not be mixed",
        )
    }

    fn check_references(&self) -> Checked {
        let on_shipment = many(self.shipment, "ReferenceNumber");
        let on_packages = self.packages.iter().any(|package| present(package, "ReferenceNumber"));
        if self.references_packages() {
            ensure(
                on_shipment.is_empty(),
                "120541",
                "Shipment/ReferenceNumber is not allowed",
            )?;
        } else {
            ensure(!on_packages, "120542", "Package/ReferenceNumber is not allowed")?;
        }
        ensure(
            on_shipment.len() <= 2,
            "120543",
            "At most two reference numbers are allowed",
        )?;
        on_shipment
            .iter()
            .try_for_each(|reference| check_reference(reference, "120501", "120506"))?;
        for package in &self.packages {
            let references = many(package, "ReferenceNumber");
            ensure(
                references.len() <= 2,
                "120544",
                "At most two reference numbers are allowed",
            )?;
            references
                .iter()
                .try_for_each(|reference| check_reference(reference, "120603", "120607"))?;
        }
        self.check_bar_codes()
    }

    /// Only one reference of a shipment may be bar-coded.
    fn check_bar_codes(&self) -> Checked {
        let everywhere = self.packages.iter().copied().chain([self.shipment]);
        let references = everywhere.flat_map(|holder| many(holder, "ReferenceNumber"));
        let coded = references
            .filter(|reference| present(reference, "BarCodeIndicator"))
            .count();
        if coded <= 1 {
            Ok(())
        } else {
            Err(Refusal::invalid("ReferenceNumber.BarCodeIndicator"))
        }
    }

    /// The level of delivery confirmation follows the lane: packages at home, the shipment abroad; the same digits mean
    /// different things at the two.
    fn check_confirmation(&self) -> Checked {
        const PATH: &str = "ShipmentServiceOptions.DeliveryConfirmation";
        let on_shipment = at(self.shipment, PATH);
        let at_package = |package: &&'a Value| at(package, "PackageServiceOptions.DeliveryConfirmation");
        let mut on_packages = self.packages.iter().filter_map(at_package);
        let digits = |one: &Value, known: [&str; 2]| text(one, "DCISType").is_some_and(|digit| known.contains(&digit));
        if self.crosses_border() {
            let good = on_packages.next().is_none() && on_shipment.is_none_or(|one| digits(one, ["1", "2"]));
            ensure(
                good,
                "121150",
                "Delivery confirmation is not allowed at package level, or its type is invalid",
            )
        } else {
            let good = on_shipment.is_none() && on_packages.all(|one| digits(one, ["2", "3"]));
            ensure(
                good,
                "120598",
                "Delivery confirmation is not allowed at shipment level, or its type is invalid",
            )
        }
    }

    fn check_label(&self) -> Checked {
        let specification = at(self.request, "LabelSpecification");
        let specification = specification.ok_or_else(|| Refusal::bad("120700", "Missing label specification"))?;
        let format = text(specification, "LabelImageFormat.Code");
        let offered = format.is_some_and(|format| SHIP_FORMATS.contains(&format));
        ensure(offered, "120701", "Missing or invalid label image format")?;
        let stock = at(specification, "LabelStockSize");
        let stock = stock.ok_or_else(|| Refusal::bad("120700", "Missing label stock size"))?;
        ensure(
            matches!(text(stock, "Height"), Some("6" | "8")),
            "120702",
            "Missing or invalid label stock height",
        )?;
        ensure(
            text(stock, "Width") == Some("4"),
            "120703",
            "Missing or invalid label stock width",
        )
    }

    fn check_customs(&self) -> Checked {
        if !self.is_letter() {
            require(
                text(self.shipment, "Description"),
                "120512",
                "Missing description of the goods",
            )?;
        }
        self.check_invoice_line_total()?;
        match at(self.shipment, "ShipmentServiceOptions.InternationalForms") {
            Some(forms) => check_forms(forms),
            None => Ok(()),
        }
    }

    fn check_invoice_line_total(&self) -> Checked {
        let needed = self.origin.territory() == "US" && matches!(self.destination.territory(), "CA" | "PR");
        if !needed || self.is_letter() {
            return Ok(());
        }
        let amount = text(self.shipment, "InvoiceLineTotal.MonetaryValue");
        let amount = amount.ok_or_else(|| Refusal::missing("InvoiceLineTotal"))?;
        let whole = amount.parse::<u64>().is_ok_and(|value| value >= 1);
        if whole {
            Ok(())
        } else {
            Err(Refusal::invalid("InvoiceLineTotal.MonetaryValue"))
        }
    }
}

/// The codes for one party's faults.
struct PartyRules {
    name: &'static str,
    no_name: &'static str,
    no_line: &'static str,
    no_city: &'static str,
    no_state: &'static str,
    no_postal: &'static str,
    no_country: &'static str,
    no_phone: &'static str,
    no_attention: &'static str,
    wrong_address: &'static str,
}

impl PartyRules {
    const SHIPPER: Self = Self {
        name: "shipper",
        no_name: "120101",
        no_line: "120102",
        no_city: "120105",
        no_state: "120106",
        no_postal: "120107",
        no_country: "120108",
        no_phone: "120109",
        no_attention: "120110",
        wrong_address: "120801",
    };
    const SHIP_TO: Self = Self {
        name: "ship-to",
        no_name: "120200",
        no_line: "120202",
        no_city: "120205",
        no_state: "120206",
        no_postal: "120207",
        no_country: "120208",
        no_phone: "120209",
        no_attention: "120201",
        wrong_address: "120802",
    };
    const SHIP_FROM: Self = Self {
        name: "ship-from",
        no_name: "120300",
        no_line: "120302",
        no_city: "120305",
        no_state: "120306",
        no_postal: "120307",
        no_country: "120308",
        no_phone: "120309",
        no_attention: "120301",
        wrong_address: "120803",
    };

    fn check(&self, party: &Value, contact_needed: bool) -> Checked {
        let fault = |what: &str| format!("Missing or invalid {} {what}", self.name);
        ensure(fits(text(party, "Name"), 35), self.no_name, fault("name"))?;
        self.check_contact(party, contact_needed)?;
        let lines = texts(party, "Address.AddressLine");
        let lines_fit = (1..=3).contains(&lines.len()) && lines.iter().all(|line| line.chars().count() <= 35);
        ensure(lines_fit, self.no_line, fault("address line"))?;
        ensure(fits(text(party, "Address.City"), 30), self.no_city, fault("city"))?;
        self.check_region(&address_of(party, "Address"))
    }

    fn check_contact(&self, party: &Value, needed: bool) -> Checked {
        let fault = |what: &str| format!("Missing or invalid {} {what}", self.name);
        let attention = text(party, "AttentionName");
        ensure(
            attention.is_none() || fits(attention, 35),
            self.no_attention,
            fault("attention name"),
        )?;
        ensure(
            attention.is_some() || !needed,
            self.no_attention,
            fault("attention name"),
        )?;
        let Some(phone) = text(party, "Phone.Number") else {
            return ensure(!needed, self.no_phone, fault("phone number"));
        };
        let extension = text(party, "Phone.Extension").unwrap_or_default();
        ensure(
            phone.bytes().all(|byte| byte.is_ascii_digit()),
            self.no_phone,
            fault("phone number"),
        )?;
        ensure(
            phone.len() >= 10 || !is_north_american(party),
            "120213",
            fault("phone number: too short"),
        )?;
        ensure(
            phone.len() + extension.len() <= 15,
            "120217",
            fault("phone number with extension: too long"),
        )
    }

    fn check_region(&self, address: &Address) -> Checked {
        let fault = |what: &str| format!("Missing or invalid {} {what}", self.name);
        let country = address.country.as_str();
        let two_capitals = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
        ensure(two_capitals, self.no_country, fault("country code"))?;
        ensure(
            !address.state.is_empty() || !needs_state(country),
            self.no_state,
            fault("state or province code"),
        )?;
        let postal_fits = postal_fits_country(&address.postal, country) && address.postal.len() <= 9;
        ensure(
            postal_fits || !needs_postal(country),
            self.no_postal,
            fault("postal code"),
        )?;
        let fits_state = country != "US" || zip_fits_state(&address.postal, &address.state);
        ensure(
            fits_state,
            self.wrong_address,
            format!("Address Validation Error on {} address", self.name),
        )
    }
}

fn is_north_american(party: &Value) -> bool {
    matches!(text(party, "Address.CountryCode"), Some("US" | "CA" | "PR"))
}

fn check_third_party(charge: &Value) -> Checked {
    check_account(charge, "BillThirdParty.AccountNumber")?;
    let country = text(charge, "BillThirdParty.Address.CountryCode");
    require(country, "120430", "Missing or invalid third party country code")?;
    let postal = text(charge, "BillThirdParty.Address.PostalCode");
    let needed = matches!(country, Some("US" | "CA" | "PR"));
    ensure(
        postal.is_some() || !needed,
        "120437",
        "Missing or invalid third party postal code",
    )
}

fn check_account(charge: &Value, path: &str) -> Checked {
    let account = text(charge, path).unwrap_or_default();
    let alphanumeric = account.len() == 6 && account.bytes().all(|byte| byte.is_ascii_alphanumeric());
    ensure(alphanumeric, "120413", "The account cannot be billed")
}

fn check_package(package: &Value) -> Checked {
    let packaging = text(package, "Packaging.Code");
    let known = packaging.is_some_and(|code| PACKAGING.split(' ').any(|other| other == code));
    ensure(known, "120600", "Missing or invalid packaging code")?;
    if packaging == Some(LETTER) && !present(package, "PackageWeight") {
        return Ok(());
    }
    require(
        text(package, "PackageWeight.Weight"),
        "120601",
        "Missing package weight",
    )?;
    let unit = text(package, "PackageWeight.UnitOfMeasurement.Code");
    ensure(
        matches!(unit, Some("LBS" | "KGS")),
        "120528",
        "Missing or invalid weight unit",
    )?;
    check_dimensions_given(package)?;
    check_size(&load_of(package)?)
}

fn check_dimensions_given(package: &Value) -> Checked {
    let Some(dimensions) = at(package, "Dimensions") else {
        return Ok(());
    };
    let unit = text(dimensions, "UnitOfMeasurement.Code");
    ensure(
        matches!(unit, Some("IN" | "CM")),
        "120529",
        "Missing or invalid dimension unit",
    )?;
    let whole = ["Length", "Width", "Height"]
        .iter()
        .all(|side| text(dimensions, side).is_some());
    ensure(whole, "120602", "Missing package dimensions")
}

fn check_size(load: &Load) -> Checked {
    ensure(
        load.pounds > Decimal::ZERO,
        "121030",
        "Packages must weigh more than zero.",
    )?;
    ensure(
        load.pounds <= Decimal::from(150),
        "120608",
        "The package weight is more than 150 pounds",
    )?;
    let (longest, girth) = longest_sides(load);
    ensure(
        longest <= Decimal::from(108),
        "121050",
        "The length exceeds the maximum of 108 inches",
    )?;
    ensure(
        girth <= Decimal::from(165),
        "121055",
        "Package exceeds the maximum size total constraints of 165 inches",
    )
}

/// The longest side, and the longest side plus twice the other two, in inches.
pub(super) fn longest_sides(load: &Load) -> (Decimal, Decimal) {
    let [longest, middle, shortest] = load.inches;
    (longest, longest + (middle + shortest) * Decimal::TWO)
}

/// A package's weight in pounds and its sides in inches.
///
/// # Errors
/// 120608 for a weight and 120609 for a side that is not a number of the allowed length.
pub(super) fn load_of(package: &Value) -> Result<Load, Refusal> {
    let weight = text(package, "PackageWeight.Weight").unwrap_or("0");
    let weight = number(weight, 6).ok_or_else(|| Refusal::bad("120608", "Invalid package weight"))?;
    let metric = text(package, "PackageWeight.UnitOfMeasurement.Code") == Some("KGS");
    let pounds = if metric {
        (weight * Decimal::new(220_462, 5)).round_dp(2)
    } else {
        weight
    };
    let centimetres = text(package, "Dimensions.UnitOfMeasurement.Code") == Some("CM");
    let mut inches = [Decimal::ZERO; 3];
    for (slot, side) in inches.iter_mut().zip(["Length", "Width", "Height"]) {
        let Some(given) = text(package, &format!("Dimensions.{side}")) else {
            continue;
        };
        let size = number(given, 6).ok_or_else(|| Refusal::bad("120609", "Invalid package dimensions"))?;
        *slot = if centimetres {
            (size / Decimal::new(254, 2)).round_dp(2)
        } else {
            size
        };
    }
    inches.sort_by(|one, other| other.cmp(one));
    Ok(Load { pounds, inches })
}

fn number(text: &str, longest: usize) -> Option<Decimal> {
    let plain = text.len() <= longest && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| plain)
}

fn unit_systems(package: &Value) -> Vec<bool> {
    let weight = text(package, "PackageWeight.UnitOfMeasurement.Code").map(|unit| unit == "KGS");
    let size = text(package, "Dimensions.UnitOfMeasurement.Code").map(|unit| unit == "CM");
    weight.into_iter().chain(size).collect()
}

fn check_reference(reference: &Value, bad_code: &'static str, bad_value: &'static str) -> Checked {
    let code = text(reference, "Code");
    ensure(
        code.is_none_or(|code| code.len() == 2),
        bad_code,
        "Invalid reference number code",
    )?;
    ensure(
        fits(text(reference, "Value"), 35),
        bad_value,
        "Missing or invalid reference number value",
    )
}

fn check_forms(forms: &Value) -> Checked {
    let types = texts(forms, "FormType");
    if types.is_empty() || !types.iter().all(|form| FORM_TYPES.contains(&form.as_str())) {
        return Err(Refusal::invalid("InternationalForms.FormType"));
    }
    if !types.iter().any(|form| form == "01") {
        return Ok(());
    }
    for field in ["InvoiceDate", "ReasonForExport", "CurrencyCode"] {
        text(forms, field).ok_or_else(|| Refusal::missing(field))?;
    }
    for (field, longest) in [
        ("InvoiceNumber", 35),
        ("ReasonForExport", 20),
        ("PurchaseOrderNumber", 35),
        ("Comments", 150),
    ] {
        check_length(forms, field, longest)?;
    }
    let terms = text(forms, "TermsOfShipment");
    if terms.is_some_and(|terms| !TERMS.split(' ').any(|known| known == terms)) {
        return Err(Refusal::invalid("TermsOfShipment"));
    }
    check_sold_to(forms)?;
    check_products(&many(forms, "Product"))
}

fn check_sold_to(forms: &Value) -> Checked {
    for field in ["Name", "Address.AddressLine", "Address.City", "Address.CountryCode"] {
        let path = format!("Contacts.SoldTo.{field}");
        if texts(forms, &path).is_empty() {
            return Err(Refusal::missing(&path));
        }
    }
    Ok(())
}

fn check_products(products: &[&Value]) -> Checked {
    if products.is_empty() {
        return Err(Refusal::missing("Product"));
    }
    if products.len() > 50 {
        return Err(Refusal::invalid("Product"));
    }
    products.iter().try_for_each(|product| check_product(product))
}

fn check_product(product: &Value) -> Checked {
    let lines = texts(product, "Description");
    if lines.is_empty() || lines.len() > 3 || lines.iter().any(|line| line.chars().count() > 35) {
        return Err(Refusal::invalid("Product.Description"));
    }
    for field in [
        "Unit.Number",
        "Unit.Value",
        "Unit.UnitOfMeasurement.Code",
        "OriginCountryCode",
    ] {
        text(product, field).ok_or_else(|| Refusal::missing(&format!("Product.{field}")))?;
    }
    let quantity = text(product, "Unit.Number").and_then(|number| number.parse::<u64>().ok());
    if !quantity.is_some_and(|quantity| (1..=9_999_999).contains(&quantity)) {
        return Err(Refusal::invalid("Product.Unit.Number"));
    }
    let other = text(product, "Unit.UnitOfMeasurement.Code") == Some("OTH");
    if other && text(product, "Unit.UnitOfMeasurement.Description").is_none() {
        return Err(Refusal::missing("Product.Unit.UnitOfMeasurement.Description"));
    }
    let tariff = text(product, "CommodityCode").map_or(6, str::len);
    if (6..=15).contains(&tariff) {
        Ok(())
    } else {
        Err(Refusal::invalid("Product.CommodityCode"))
    }
}

fn address_of(value: &Value, path: &str) -> Address {
    let Some(found) = at(value, path) else {
        return Address::default();
    };
    Address {
        lines: texts(found, "AddressLine"),
        city: owned(found, "City"),
        state: owned(found, "StateProvinceCode"),
        postal: owned(found, "PostalCode"),
        country: owned(found, "CountryCode"),
    }
}

fn check_length(value: &Value, path: &str, longest: usize) -> Checked {
    let fits = text(value, path).is_none_or(|text| text.chars().count() <= longest);
    if fits { Ok(()) } else { Err(Refusal::invalid(path)) }
}

fn fits(text: Option<&str>, longest: usize) -> bool {
    text.is_some_and(|text| text.chars().count() <= longest)
}

fn require(found: Option<&str>, code: &'static str, message: &str) -> Checked {
    ensure(found.is_some(), code, message)
}

fn ensure(holds: bool, code: &'static str, message: impl Into<String>) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(Refusal::bad(code, message))
    }
}
