//! A connection file becomes a [`Connection`], or the list of everything that is wrong with it.
//!
//! The file is read to its end whatever is found, so that a person mends it once. Every key that is not known is a
//! mistake: a misspelt `maximum_weight` must not silently be the default.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use secrecy::SecretString;
use toml::Table;

use super::desk::Desk;
use super::mistake::{Mistake, Mistakes};
use super::section::Section;
use super::spelling as spelt;
use super::{
    AddressPolicy, Connection, CustomersPolicy, CustomsPolicy, DeskPolicy, Environment, FieldMap, LINK_DAYS, Schedule,
    Selection, SelectionRule, ShipFrom, Shipper, StockPolicy, SystemSettings, UnknownPurchase, WriteBackPolicy,
};
use crate::domain::{
    AccountRule, Address, Billing, Cadence, CarrierAccount, Choice, LabelFormat, LocationId, Money, PackageType,
    Packing, ParcelRule, Payer, Refusal, ServicePolicy, TenantId, Weight,
};

/// The stage of a stack on one machine, the only one whose connections may call simulators.
const LOCAL_STAGE: &str = "local";

/// What a connection file says to one outside system.
#[derive(Debug, Clone, Copy)]
pub struct Addressed<'a> {
    /// Which of the vendors' worlds.
    pub environment: Environment,
    /// The system's own table. What only the system knows stands in `options`; an option that it does not know is a
    /// mistake.
    pub settings: &'a SystemSettings,
    /// Which documents ship.
    pub select: &'a Selection,
    /// What is written back and where.
    pub write_back: &'a WriteBackPolicy,
    /// The table of accounts.
    pub accounts: &'a [AccountRule],
    /// How lines become parcels.
    pub packing: &'a Packing,
    /// The label's format.
    pub label: LabelFormat,
    /// What to do when a purchase cannot be found.
    pub unknown_purchase: UnknownPurchase,
    /// How what people ship at the carrier's desk reaches the ERP, where the carrier is one.
    pub desk: Option<&'a DeskPolicy>,
    /// What the desk is told of stock.
    pub stock: Option<&'a StockPolicy>,
    /// What the desk is told of customers.
    pub customers: Option<&'a CustomersPolicy>,
}

/// What a connection file means to a system where it says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// Whether the file must name an account; where it need not, the system judges whether it had to.
    pub needs_account: bool,
    /// The carrier's packaging code of the customer's own box.
    pub package: &'static str,
    /// Which corrections of an address are accepted.
    pub address: AddressPolicy,
    /// What to do when a purchase cannot be found.
    pub unknown_purchase: UnknownPurchase,
    /// Whether people ship in the system itself, so that nothing is bought there by us.
    pub is_desk: bool,
}

impl Default for Usual {
    fn default() -> Self {
        Self {
            needs_account: true,
            package: "02",
            address: AddressPolicy::AcceptFormatting,
            unknown_purchase: UnknownPurchase::Recreate,
            is_desk: false,
        }
    }
}

impl<'a> Addressed<'a> {
    /// What a stored connection says to its ERP.
    pub fn erp(connection: &'a Connection) -> Self {
        Self {
            environment: connection.environment,
            settings: &connection.erp,
            select: &connection.select,
            write_back: &connection.write_back,
            accounts: &connection.accounts,
            packing: &connection.packing,
            label: connection.label,
            unknown_purchase: connection.unknown_purchase,
            desk: connection.desk.as_ref(),
            stock: connection.stock.as_ref(),
            customers: connection.customers.as_ref(),
        }
    }
}

/// What the registry of outside systems knows of connection files and secrets.
pub trait SystemCheck {
    /// The ERPs that there are.
    fn erps(&self) -> &[&str];
    /// The carriers that there are.
    fn carriers(&self) -> &[&str];
    /// Everything that one of them finds wrong, with whole paths: `erp.account`, `select.condition`, and
    /// `erp.options.concurrency` or `erp.concurrency` for an option.
    fn mistakes(&self, addressed: &Addressed<'_>) -> Vec<Mistake>;
    /// Whether a system's secret has the shape that it needs; the refusal never holds its content.
    fn check_secret(&self, system: &str, body: &SecretString) -> Result<(), Refusal>;
    /// What a file that says nothing means to a system.
    fn usual(&self, _system: &str) -> Usual {
        Usual::default()
    }
}

/// Reads a connection file for a stage. The connection is new: version 0 and paused, until it is stored over another.
///
/// # Errors
/// Every mistake in the file, in the order of its tables.
pub fn parse(text: &str, stage: &str, systems: &dyn SystemCheck) -> Result<Connection, Vec<Mistake>> {
    let table: Table = toml::from_str(text).map_err(|error| vec![syntax(text, &error)])?;
    let mistakes = Mistakes::default();
    let connection = File {
        root: Section::root(&table, &mistakes),
        stage,
        systems,
    }
    .connection();
    match (connection, mistakes.into_vec()) {
        (Some(connection), mistakes) if mistakes.is_empty() => Ok(connection),
        (_, mistakes) => Err(mistakes),
    }
}

fn syntax(text: &str, error: &toml::de::Error) -> Mistake {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let message = error.message().replace('\n', ", ");
    Mistake::new(
        format!("line {line}, column {column}"),
        format!("is not TOML: {message}"),
        "TOML 1.0, as in examples/connections",
    )
}

struct File<'a> {
    root: Section<'a>,
    stage: &'a str,
    systems: &'a dyn SystemCheck,
}

impl File<'_> {
    fn connection(&self) -> Option<Connection> {
        let root = &self.root;
        let id = root.need("id", &spelt::CONNECTION_ID);
        let tenant = root.need("tenant", &spelt::TENANT_ID);
        let environment = root.need("environment", &spelt::ENVIRONMENT);
        if environment == Some(Environment::Local) && self.stage != LOCAL_STAGE {
            root.wrong(
                "environment",
                format!(
                    "is \"local\", and this stack is {}: any host would be called, without encryption too",
                    self.stage
                ),
                "\"production\" or \"sandbox\"; \"local\" only in a stack whose stage is local",
            );
        }
        let start = root.need("start_from", &spelt::MOMENT);
        let (schedule, zone) = poll(&root.section("poll"));
        let start_from = start.map(|start| self.start_from(start, zone));
        let retention_days = root.get("retention_days", &spelt::RETENTION).unwrap_or(400);
        let erp = self.system("erp", self.systems.erps(), tenant.as_ref());
        let carrier = self.system("carrier", self.systems.carriers(), tenant.as_ref());
        let usual = carrier.as_ref().map(|carrier| self.systems.usual(&carrier.system));
        let usual = usual.unwrap_or_default();
        let select = select(&root.section("select"));
        let Buying {
            unknown_purchase,
            spend_cap,
            quote_valid,
            ship_from,
            packing,
            service,
            billing,
            accounts,
            label,
            label_link_days,
            customs,
            address,
        } = match usual.is_desk {
            true => Buying::none(root),
            false => Buying::read(root, usual, retention_days),
        };
        let Desk { desk, stock, customers } = Desk::read(root, usual.is_desk);
        let write_back = write_back(&root.section("write_back"));
        let tracking = tracking(&root.section("tracking"));
        self.paused();
        root.close();
        for settings in [&erp, &carrier].into_iter().flatten() {
            let Some(environment) = environment else { break };
            self.ask_the_system(&Addressed {
                environment,
                settings,
                select: &select,
                write_back: &write_back,
                accounts: &accounts,
                packing: &packing,
                label,
                unknown_purchase,
                desk: desk.as_ref(),
                stock: stock.as_ref(),
                customers: customers.as_ref(),
            });
        }
        Some(Connection {
            id: id?,
            tenant: tenant?,
            environment: environment?,
            version: 0,
            paused: true,
            start_from: start_from??,
            schedule,
            spend_cap_per_hour: spend_cap,
            erp: erp?,
            carrier: carrier?,
            select,
            ship_from: ship_from?,
            packing,
            service,
            billing: billing?,
            accounts,
            label,
            label_link_days,
            customs,
            address,
            unknown_purchase,
            write_back,
            tracking,
            desk,
            stock,
            customers,
            quote_valid_minutes: quote_valid,
            retention_days,
        })
    }

    fn start_from(&self, start: spelt::Moment, zone: TimeZone) -> Option<Timestamp> {
        let at = start.in_zone(zone);
        if at.is_none() {
            self.root.wrong("start_from", "is out of range", spelt::MOMENT.allowed);
        }
        at
    }

    /// Whether a connection runs is not written in a file that is applied again and again.
    fn paused(&self) {
        let forbidden = spelt::Spelling::<()> {
            allowed: "nothing: a new connection is paused, `waybill connection resume` starts it and \
                      `waybill connection pause` stops it",
            read: |_| None,
        };
        if self.root.has("paused") {
            self.root.get("paused", &forbidden);
        }
    }

    fn system(&self, key: &'static str, known: &[&str], tenant: Option<&TenantId>) -> Option<SystemSettings> {
        let section = self.root.section(key);
        let system = section.need("system", &spelt::TEXT);
        let needed = system
            .as_deref()
            .is_none_or(|system| self.systems.usual(system).needs_account);
        let account = match needed {
            true => section.need("account", &spelt::TEXT),
            false => section.get("account", &spelt::TEXT),
        };
        let secret = section.get("secret", &spelt::TEXT);
        let base_url = section.get("base_url", &spelt::ADDRESS_OF_A_HOST);
        let allow_host = section.get("allow_host", &spelt::TEXTS).unwrap_or_default();
        let options = section.rest();
        let system = system?;
        if !known.contains(&system.as_str()) {
            section.wrong("system", format!("is {system:?}"), format!("one of {}", quoted(known)));
            return None;
        }
        let prefix = tenant.map(|tenant| format!("waybill/{}/{tenant}/", self.stage));
        let settings = SystemSettings {
            secret: secret_name(&section, secret, prefix.as_deref(), &system),
            account: account.unwrap_or_default(),
            base_url,
            allow_host,
            options,
            system,
        };
        Some(settings)
    }

    fn ask_the_system(&self, addressed: &Addressed<'_>) {
        for mistake in self.systems.mistakes(addressed) {
            self.root.add(mistake.seen_in_the_file());
        }
    }
}

/// What a file says about buying shipments.
struct Buying {
    unknown_purchase: UnknownPurchase,
    spend_cap: Money,
    quote_valid: u32,
    ship_from: Option<ShipFrom>,
    packing: Packing,
    service: ServicePolicy,
    billing: Option<Billing>,
    accounts: Vec<AccountRule>,
    label: LabelFormat,
    label_link_days: u32,
    customs: CustomsPolicy,
    address: AddressPolicy,
}

impl Buying {
    fn read(root: &Section<'_>, usual: Usual, retention_days: u32) -> Self {
        let unknown_purchase = root.get("unknown_purchase", &spelt::UNKNOWN_PURCHASE);
        let spend_cap = root.get("spend_cap_per_hour", &spelt::MONEY);
        let quote_valid = root.get("quote_valid_minutes", &spelt::QUOTE_MINUTES);
        let ship_from = ship_from(&root.section("ship_from"));
        let packing = packing(&root.section("packing"), usual);
        let service = service(&root.section("service"));
        let billing = billing(&root.section("billing"));
        let accounts = accounts(root);
        let (label, label_link_days) = label(&root.section("label"), retention_days);
        Self {
            unknown_purchase: unknown_purchase.unwrap_or(usual.unknown_purchase),
            spend_cap: spend_cap.unwrap_or_else(|| Money::new(500.into(), "USD")),
            quote_valid: quote_valid.unwrap_or(60),
            ship_from,
            packing,
            service,
            billing,
            accounts,
            label,
            label_link_days,
            customs: customs(&root.section("customs")),
            address: address_policy(&root.section("address"), usual),
        }
    }

    /// What stands in a connection under which nothing is bought. A key about buying is a mistake: whoever writes it waits for
    /// something that never comes.
    fn none(root: &Section<'_>) -> Self {
        let nothing = spelt::Spelling::<()> {
            allowed: "nothing: people ship at the carrier's own desk, and Waybill buys nothing there",
            read: |_| None,
        };
        let keys = [
            "unknown_purchase",
            "spend_cap_per_hour",
            "quote_valid_minutes",
            "ship_from",
            "packing",
            "service",
            "billing",
            "accounts",
            "label",
            "customs",
            "address",
        ];
        for key in keys {
            if root.has(key) {
                root.get(key, &nothing);
            }
        }
        let pounds = Weight::pounds(150.into());
        Self {
            unknown_purchase: UnknownPurchase::Hold,
            spend_cap: Money::new(0.into(), "USD"),
            quote_valid: 60,
            ship_from: Some(ShipFrom {
                default: Address::default(),
                locations: BTreeMap::new(),
                of: Shipper::default(),
            }),
            packing: Packing {
                rule: ParcelRule::PerOrder,
                package: PackageType {
                    code: String::new(),
                    dimensions: None,
                    tare: None,
                },
                maximum_weight: pounds,
                unit: pounds.unit,
            },
            service: ServicePolicy {
                allowed: Vec::new(),
                choice: Choice::Cheapest,
                by_ship_method: BTreeMap::new(),
            },
            billing: Some(Billing {
                transport: Payer::Shipper,
                duties: None,
            }),
            accounts: Vec::new(),
            label: LabelFormat::Zpl,
            label_link_days: LINK_DAYS,
            customs: CustomsPolicy {
                reason: String::new(),
                terms: None,
                description: String::new(),
                origin_country: None,
            },
            address: AddressPolicy::AsIs,
        }
    }
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    quoted.join(", ")
}

fn secret_name(section: &Section<'_>, given: Option<String>, prefix: Option<&str>, system: &str) -> String {
    let Some(prefix) = prefix else {
        return given.unwrap_or_default();
    };
    let Some(name) = given else {
        return format!("{prefix}{system}");
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let own = name
        .strip_prefix(prefix)
        .is_some_and(|rest| !rest.is_empty() && rest.chars().all(legal));
    if !own {
        let allowed = format!("a name that begins with {prefix:?}, the prefix of this tenant's own secrets");
        section.wrong("secret", format!("is {name:?}"), allowed);
    }
    name
}

fn poll(section: &Section<'_>) -> (Schedule, TimeZone) {
    let scheduled = schedule(section, "rate(5 minutes)");
    section.close();
    scheduled
}

/// When something is done, by `every` or `cron` in `time_zone`.
pub(super) fn schedule(section: &Section<'_>, usual: &str) -> (Schedule, TimeZone) {
    let every = section.get("every", &spelt::EVERY);
    let cron = section.get("cron", &spelt::CRON);
    let zone = section.get("time_zone", &spelt::TIME_ZONE).unwrap_or(TimeZone::UTC);
    if section.has("every") && section.has("cron") {
        section.wrong("cron", "stands beside every", "one of every and cron");
    }
    let schedule = Schedule {
        expression: every.or(cron).unwrap_or_else(|| usual.to_owned()),
        time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
    };
    (schedule, zone)
}

fn select(section: &Section<'_>) -> Selection {
    let selection = Selection {
        statuses: section.get("statuses", &spelt::TEXTS).unwrap_or_default(),
        ship_methods: section.get("ship_methods", &spelt::TEXTS).unwrap_or_default(),
        condition: section.get("condition", &spelt::TEXT),
        rules: section.list("rules").iter().filter_map(selection_rule).collect(),
        additions: section.get("additions", &spelt::ADDITIONS),
    };
    section.close();
    selection
}

fn selection_rule(section: &Section<'_>) -> Option<SelectionRule> {
    let texts = |key| section.get(key, &spelt::ONE_OR_MORE).unwrap_or_default();
    let rule = SelectionRule {
        carrier: texts("carrier"),
        supplier: texts("supplier"),
        supplier_site: texts("supplier_site"),
        fields: section.section("fields").lists(&spelt::ONE_OR_MORE),
    };
    section.close();
    let empty = rule == SelectionRule::default();
    if empty && section.is_present() {
        section.wrong(
            "carrier",
            "is missing, like everything else in this rule, so that every document fits it",
            "at least one of carrier, supplier, supplier_site and fields",
        );
    }
    (!empty).then_some(rule)
}

fn accounts(root: &Section<'_>) -> Vec<AccountRule> {
    let sections = root.list("accounts");
    let rows: Vec<_> = sections
        .iter()
        .filter_map(|section| Some((section, account_rule(section)?)))
        .collect();
    for (index, (section, row)) in rows.iter().enumerate() {
        let covers = |earlier: &AccountRule| {
            let within = |earlier: &Option<String>, later: &Option<String>| earlier.is_none() || earlier == later;
            within(&earlier.supplier, &row.supplier) && within(&earlier.cost_centre, &row.cost_centre)
        };
        if rows.iter().take(index).any(|(_, earlier)| covers(earlier)) {
            section.wrong(
                "account",
                "is never used: a row above fits whatever this one fits",
                "rows in this order: supplier and cost_centre, then one of them, then neither",
            );
        }
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

fn account_rule(section: &Section<'_>) -> Option<AccountRule> {
    let supplier = section.get("supplier", &spelt::TEXT);
    let cost_centre = section.get("cost_centre", &spelt::TEXT);
    let number = section.need("account", &spelt::TEXT);
    let merchant = section.get("merchant_id", &spelt::TEXT);
    let billed = section.section("billing");
    let payer = billed.is_present().then(|| payer(&billed));
    section.close();
    Some(AccountRule {
        supplier,
        cost_centre,
        account: CarrierAccount {
            number: number?.to_ascii_uppercase(),
            merchant: merchant.map(|merchant| merchant.to_ascii_uppercase()),
        },
        payer: match payer {
            Some(payer) => Some(payer?),
            None => None,
        },
    })
}

fn ship_from(section: &Section<'_>) -> Option<ShipFrom> {
    let of = section.get("of", &spelt::SHIPPER).unwrap_or_default();
    let default = address(&section.section("default"));
    let locations = section.section("locations").sections();
    let locations: Vec<_> = locations
        .iter()
        .map(|(name, section)| (LocationId::new(*name), address(section)))
        .collect();
    section.close();
    Some(ShipFrom {
        default: default?,
        locations: locations
            .into_iter()
            .filter_map(|(location, address)| Some((location, address?)))
            .collect(),
        of,
    })
}

fn address(section: &Section<'_>) -> Option<Address> {
    let name = section.need("name", &spelt::TEXT);
    let attention = section.get("attention", &spelt::TEXT);
    let lines = section.need("lines", &spelt::LINES);
    let city = section.need("city", &spelt::TEXT);
    let country = section.need("country", &spelt::COUNTRY);
    let has_states = country
        .as_deref()
        .is_some_and(|country| matches!(country, "US" | "PR" | "CA"));
    let read = if has_states { Section::need } else { Section::get };
    let state = read(section, "state", &spelt::TEXT);
    let postal_code = read(section, "postal_code", &spelt::TEXT);
    let phone = section.get("phone", &spelt::TEXT);
    let email = section.get("email", &spelt::TEXT);
    let residential = section.get("residential", &spelt::YES_OR_NO);
    section.close();
    Some(Address {
        name: name?,
        attention,
        lines: lines?,
        city: city?,
        state,
        postal_code,
        country: country?,
        phone,
        email,
        residential,
    })
}

fn packing(section: &Section<'_>, usual: Usual) -> Packing {
    let rule = section.get("rule", &spelt::PARCEL_RULE);
    let package = PackageType {
        code: section
            .get("package", &spelt::TEXT)
            .unwrap_or_else(|| usual.package.to_owned()),
        dimensions: section.get("dimensions", &spelt::DIMENSIONS),
        tare: section.get("tare", &spelt::WEIGHT),
    };
    let maximum_weight = section
        .get("maximum_weight", &spelt::WEIGHT)
        .unwrap_or_else(|| Weight::pounds(150.into()));
    let unit = section.get("unit", &spelt::WEIGHT_UNIT);
    if package.tare.is_some_and(|tare| !maximum_weight.exceeds(tare)) {
        section.wrong("tare", "leaves no room for goods", "less than packing.maximum_weight");
    }
    section.close();
    Packing {
        rule: rule.unwrap_or(ParcelRule::PerOrder),
        package,
        maximum_weight,
        unit: unit.unwrap_or(maximum_weight.unit),
    }
}

fn service(section: &Section<'_>) -> ServicePolicy {
    let allowed = section.get("allowed", &spelt::TEXTS).unwrap_or_default();
    let choose = section.get("choose", &spelt::CHOOSE);
    let choice = match choose.as_deref() {
        Some("cheapest-by") => Choice::CheapestBy {
            days: section.need("days", &spelt::DAYS).unwrap_or_default(),
        },
        other => {
            if section.get("days", &spelt::DAYS).is_some() {
                section.wrong("days", "has no meaning here", "days only with choose = \"cheapest-by\"");
            }
            if other == Some("fastest") {
                Choice::Fastest
            } else {
                Choice::Cheapest
            }
        }
    };
    let by_ship_method = section
        .section("by_ship_method")
        .texts("the carrier's code of a service like \"03\"");
    section.close();
    ServicePolicy {
        allowed,
        choice,
        by_ship_method,
    }
}

fn billing(section: &Section<'_>) -> Option<Billing> {
    let transport = payer(&section.section("transport"));
    let duties = section.section("duties");
    let duties = if duties.is_present() {
        payer(&duties).map(Some)
    } else {
        Some(None)
    };
    section.close();
    Some(Billing {
        transport: transport?,
        duties: duties?,
    })
}

fn payer(section: &Section<'_>) -> Option<Payer> {
    let word = if section.is_present() {
        section.need("payer", &spelt::PAYER)?
    } else {
        "shipper".to_owned()
    };
    let payer = match word.as_str() {
        "receiver" => receiver(section),
        "third-party" => third_party(section),
        _ => Some(Payer::Shipper),
    };
    section.close();
    payer
}

fn receiver(section: &Section<'_>) -> Option<Payer> {
    let account = section.need("account", &spelt::TEXT);
    let postal_code = section.get("postal_code", &spelt::TEXT);
    Some(Payer::Receiver {
        account: account?,
        postal_code,
    })
}

fn third_party(section: &Section<'_>) -> Option<Payer> {
    let account = section.need("account", &spelt::TEXT);
    let postal_code = section.get("postal_code", &spelt::TEXT);
    let country = section.need("country", &spelt::COUNTRY);
    Some(Payer::ThirdParty {
        account: account?,
        postal_code,
        country: country?,
    })
}

/// The label's format, and for how long a link opens it: not longer than it is kept.
fn label(section: &Section<'_>, kept: u32) -> (LabelFormat, u32) {
    let format = section.get("format", &spelt::LABEL_FORMAT);
    let days = section.get("link_days", &spelt::LINK_DAYS);
    if let Some(days) = days.filter(|days| *days > kept) {
        let wrong = format!("is {days}, and labels are kept for {kept} days");
        section.wrong("link_days", wrong, spelt::LINK_DAYS.allowed);
    }
    section.close();
    (format.unwrap_or(LabelFormat::Zpl), days.unwrap_or(LINK_DAYS.min(kept)))
}

fn customs(section: &Section<'_>) -> CustomsPolicy {
    let text = |key, default: &str| section.get(key, &spelt::TEXT).unwrap_or_else(|| default.to_owned());
    let policy = CustomsPolicy {
        reason: text("reason", "SALE"),
        terms: section.get("terms", &spelt::INCOTERM),
        description: text("description", "Merchandise"),
        origin_country: section.get("origin_country", &spelt::COUNTRY),
    };
    section.close();
    policy
}

fn address_policy(section: &Section<'_>, usual: Usual) -> AddressPolicy {
    let policy = section.get("policy", &spelt::ADDRESS_POLICY);
    section.close();
    policy.unwrap_or(usual.address)
}

fn write_back(section: &Section<'_>) -> WriteBackPolicy {
    let fulfilment = section.get("fulfilment", &spelt::YES_OR_NO).unwrap_or(false);
    let store_only = section.get("store_only", &spelt::YES_OR_NO).unwrap_or(false);
    let note = section.get("note", &spelt::TEXT);
    let to = section.get("to", &spelt::WRITE_BACK_TARGET).unwrap_or_default();
    let fields = section.section("fields");
    let text = |key| fields.get(key, &spelt::TEXT);
    let map = FieldMap {
        tracking: text("tracking"),
        cost: text("cost"),
        service: text("service"),
        status: text("status"),
        status_at: text("status_at"),
        place: text("place"),
        signed_by: text("signed_by"),
        estimated_delivery: text("estimated_delivery"),
        label_link: text("label_link"),
        problem: text("problem"),
    };
    fields.close();
    section.close();
    let written = fulfilment || note.is_some() || map != FieldMap::default();
    if store_only && written {
        section.wrong(
            "store_only",
            "is true, and yet something is to be written",
            "store_only = true alone, or fulfilment, note and fields without it",
        );
    }
    if !store_only && !fulfilment && note.is_none() && !fields.has("tracking") {
        section.wrong(
            "fulfilment",
            "is not true and write_back.fields.tracking is missing, so a tracking number has nowhere to go",
            "fulfilment = true, or a field of the order in write_back.fields.tracking, or both; or a note; or store_only = true",
        );
    }
    WriteBackPolicy {
        fulfilment,
        store_only,
        note,
        to,
        fields: map,
    }
}

fn tracking(section: &Section<'_>) -> Cadence {
    let usual = Cadence::default();
    let cadence = Cadence {
        every: section.get("every", &spelt::ASKING_EVERY).unwrap_or(usual.every),
        give_up_after: section
            .get("give_up_after_days", &spelt::GIVING_UP)
            .unwrap_or(usual.give_up_after),
    };
    section.close();
    cadence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{NamedBy, StockMeasure, VoidedAtDesk, list};
    use jiff::SignedDuration;
    use rust_decimal::dec;

    /// A registry of two systems; the carrier knows one option, as UPS knows its merchant id.
    struct TwoSystems;

    impl SystemCheck for TwoSystems {
        fn erps(&self) -> &[&str] {
            &["netsuite"]
        }

        fn carriers(&self) -> &[&str] {
            &["ups"]
        }

        fn mistakes(&self, addressed: &Addressed<'_>) -> Vec<Mistake> {
            let settings = addressed.settings;
            let merchant = settings.options.get("merchant_id").and_then(|id| id.as_str());
            let wrong = |what: &str| vec![Mistake::new(what, "is wrong", "something else")];
            match (settings.system.as_str(), merchant) {
                ("ups", Some(id)) if id.len() != 6 => wrong("carrier.options.merchant_id"),
                ("netsuite", _) if settings.account.is_empty() => wrong("erp.account"),
                ("netsuite", _) if addressed.select.condition.as_deref() == Some(";") => wrong("select.condition"),
                _ => Vec::new(),
            }
        }

        fn check_secret(&self, _: &str, _: &SecretString) -> Result<(), Refusal> {
            Ok(())
        }
    }

    const SHORTEST: &str = r#"
        id = "acme"
        tenant = "acme"
        environment = "sandbox"
        start_from = "2026-08-01"
        erp = { system = "netsuite", account = "1234567_SB1" }
        carrier = { system = "ups", account = "A1B2C3" }
        write_back = { fulfilment = true }
        [ship_from.default]
        name = "Acme Industrial"
        lines = ["1 Dock Road"]
        city = "Louisville"
        state = "KY"
        postal_code = "40213"
        country = "US"
    "#;

    fn read(text: &str) -> Result<Connection, Vec<Mistake>> {
        parse(text, "dev", &TwoSystems)
    }

    fn paths(text: &str) -> Vec<String> {
        let mistakes = read(text).unwrap_err();
        mistakes.into_iter().map(|mistake| mistake.path).collect()
    }

    /// The shortest file with one piece of it written otherwise.
    fn but(from: &str, to: &str) -> String {
        assert!(SHORTEST.contains(from), "{from}");
        SHORTEST.replace(from, to)
    }

    #[test]
    fn the_shortest_file_is_paused_and_careful() {
        let connection = read(SHORTEST).unwrap_or_else(|mistakes| panic!("{}", list(&mistakes)));
        assert!(connection.paused);
        assert_eq!(connection.version, 0);
        assert_eq!(connection.schedule.expression, "rate(5 minutes)");
        assert_eq!(connection.spend_cap_per_hour, Money::new(dec!(500), "USD"));
        assert_eq!(connection.erp.secret, "waybill/dev/acme/netsuite");
        assert_eq!(connection.carrier.secret, "waybill/dev/acme/ups");
        assert_eq!(connection.packing.maximum_weight, Weight::pounds(dec!(150)));
        assert_eq!(connection.billing.transport, Payer::Shipper);
        assert_eq!(connection.start_from, "2026-08-01T00:00:00Z".parse().unwrap());
        let stored = serde_json::to_string(&connection).unwrap();
        assert_eq!(serde_json::from_str::<Connection>(&stored).unwrap(), connection);
    }

    /// P2: each customer has a cadence and a time zone of its own; a day begins where the customer is.
    #[test]
    fn a_cadence_and_a_time_zone_per_customer() {
        let hourly = format!("{SHORTEST}\n[poll]\nevery = \"1 hour\"\ntime_zone = \"America/Chicago\"");
        let hourly = read(&hourly).unwrap();
        assert_eq!(hourly.schedule.expression, "rate(1 hour)");
        assert_eq!(hourly.schedule.time_zone, "America/Chicago");
        assert_eq!(hourly.start_from, "2026-08-01T05:00:00Z".parse().unwrap());
        let shifts = format!("{SHORTEST}\n[poll]\ncron = \"0/10 6-20 ? * MON-FRI *\"");
        assert_eq!(
            read(&shifts).unwrap().schedule.expression,
            "cron(0/10 6-20 ? * MON-FRI *)"
        );
        for bad in [
            "every = \"0 minutes\"",
            "every = \"often\"",
            "cron = \"* * * * *\"",
            "time_zone = \"Chicago\"",
        ] {
            let key = bad.split(' ').next().unwrap();
            assert_eq!(paths(&format!("{SHORTEST}\n[poll]\n{bad}")), [format!("poll.{key}")]);
        }
        assert_eq!(
            paths(&format!(
                "{SHORTEST}\n[poll]\nevery = \"1 hour\"\ncron = \"0 6 * * ? *\""
            )),
            ["poll.cron"]
        );
    }

    #[test]
    fn parcels_are_asked_for_as_often_as_the_file_says_and_not_for_ever() {
        let with = |text: &str| format!("{SHORTEST}\n[tracking]\n{text}");
        assert_eq!(read(SHORTEST).unwrap().tracking, Cadence::default());
        for (spelt, minutes) in [
            ("5 minutes", 5),
            ("30 minutes", 30),
            ("1 hour", 60),
            ("24 hours", 1440),
            ("1 day", 1440),
        ] {
            let read = read(&with(&format!("every = {spelt:?}"))).unwrap().tracking;
            assert_eq!(read.every, SignedDuration::from_mins(minutes), "{spelt}");
            assert_eq!(read.give_up_after, Cadence::default().give_up_after);
        }
        for days in [1, 120] {
            let read = read(&with(&format!("give_up_after_days = {days}"))).unwrap().tracking;
            assert_eq!(read.give_up_after, SignedDuration::from_hours(24 * days));
        }
        for (bad, key) in [
            ("every = \"4 minutes\"", "every"),
            ("every = \"25 hours\"", "every"),
            ("every = \"2 days\"", "every"),
            ("every = \"4294967295 days\"", "every"),
            ("every = \"0 hours\"", "every"),
            ("every = \"often\"", "every"),
            ("every = 30", "every"),
            ("give_up_after_days = 0", "give_up_after_days"),
            ("give_up_after_days = 121", "give_up_after_days"),
            ("give_up_after_days = \"60\"", "give_up_after_days"),
            ("give_up_after = 60", "give_up_after"),
        ] {
            assert_eq!(paths(&with(bad)), [format!("tracking.{key}")], "{bad}");
        }
        let twice = read(&with("every = \"1 minute\"\ngive_up_after = 60")).unwrap_err();
        let told = list(&twice);
        assert!(told.contains("from \"5 minutes\" to \"24 hours\""), "{told}");
        assert!(told.contains("did you mean give_up_after_days?"), "{told}");
    }

    /// A registry whose carrier is a desk at which people ship.
    struct WithDesk;

    impl SystemCheck for WithDesk {
        fn erps(&self) -> &[&str] {
            &["netsuite"]
        }

        fn carriers(&self) -> &[&str] {
            &["shipstation"]
        }

        fn mistakes(&self, _: &Addressed<'_>) -> Vec<Mistake> {
            Vec::new()
        }

        fn check_secret(&self, _: &str, _: &SecretString) -> Result<(), Refusal> {
            Ok(())
        }

        fn usual(&self, _: &str) -> Usual {
            Usual {
                is_desk: true,
                ..Usual::default()
            }
        }
    }

    const DESK: &str = r#"
        id = "acme-desk"
        tenant = "acme"
        environment = "sandbox"
        start_from = "2026-08-01"
        erp = { system = "netsuite", account = "1234567_SB1" }
        carrier = { system = "shipstation", account = "acme" }
        write_back = { fulfilment = true }
    "#;

    fn desk(more: &str) -> Result<Connection, Vec<Mistake>> {
        parse(&format!("{DESK}\n{more}"), "dev", &WithDesk)
    }

    /// P44, P46: what a desk is told, and when, is the customer's own choice; stock once a day where nothing else is said.
    #[test]
    fn a_desk_is_told_of_stock_and_customers_when_the_file_says_so() {
        let connection = desk("").unwrap_or_else(|mistakes| panic!("{}", list(&mistakes)));
        let policy = connection.desk.as_ref().unwrap();
        assert_eq!(policy.named_by, [NamedBy::ExternalId, NamedBy::Number]);
        assert_eq!((policy.voided, policy.voids_days), (VoidedAtDesk::Flag, 30));
        assert!(connection.stock.is_none() && connection.customers.is_none());
        let more = r#"
            [desk]
            named_by = ["number"]
            stores = ["1582173", "se-1582174"]
            voided = "undo"
            [stock]
            time_zone = "America/Chicago"
            places = { "1" = "se-100", "2" = "se-200" }
            [customers]
            every = "30 minutes"
            make_orders = true
            store = "1582173"
            fields = { custom_field1 = "parent-name" }
        "#;
        let connection = desk(more).unwrap_or_else(|mistakes| panic!("{}", list(&mistakes)));
        let policy = connection.desk.unwrap();
        assert_eq!(policy.voided, VoidedAtDesk::Undo);
        assert_eq!(policy.stores, ["1582173", "1582174"], "despatches name bare numbers");
        let stock = connection.stock.unwrap();
        assert_eq!(stock.schedule.expression, "cron(0 2 * * ? *)");
        assert_eq!(stock.schedule.time_zone, "America/Chicago");
        assert_eq!(stock.places[&LocationId::new("2")], "se-200");
        assert_eq!(stock.measure, StockMeasure::OnHand);
        assert!(stock.assemblies, "what was built lies there like anything else");
        let without =
            desk("[stock]\nplaces = { \"1\" = \"se-1\" }\nassemblies = false").map(|connection| connection.stock);
        assert!(without.is_ok_and(|stock| stock.is_some_and(|stock| !stock.assemblies)));
        let customers = connection.customers.unwrap();
        assert_eq!(customers.schedule.expression, "rate(30 minutes)");
        assert_eq!(customers.fields["custom_field1"], "parent-name");
    }

    /// P52: nothing is bought where people ship themselves, and a file that waits for that is told so.
    #[test]
    fn what_is_about_buying_has_no_place_beside_a_desk_and_the_reverse() {
        let wrong = |more: &str| {
            let mistakes = desk(more).unwrap_err();
            mistakes.into_iter().map(|mistake| mistake.path).collect::<Vec<_>>()
        };
        assert_eq!(wrong("[ship_from.default]\nname = \"Acme\""), ["ship_from"]);
        assert_eq!(wrong("[service]\nallowed = [\"03\"]"), ["service"]);
        assert_eq!(wrong("[stock]\nevery = \"1 day\""), ["stock.places"]);
        assert_eq!(
            wrong("[stock]\nplaces = { \"1\" = \"se-1\", \"2\" = \"se-1\" }"),
            ["stock.places"]
        );
        assert_eq!(wrong("[customers]\nstore = \"1\""), ["customers.store"]);
        assert_eq!(
            wrong("[customers.fields]\ncustom_field4 = \"number\""),
            ["customers.fields.custom_field4"]
        );
        assert_eq!(
            paths(&format!("{SHORTEST}\n[stock]\nplaces = {{ \"1\" = \"se-1\" }}")),
            ["stock"]
        );
    }

    #[test]
    fn a_link_to_labels_opens_no_longer_than_they_are_kept() {
        let with = |root: &str, label: &str| format!("{root}\n{SHORTEST}\n[label]\n{label}");
        assert_eq!(read(&with("", "")).unwrap().label_link_days, 180);
        assert_eq!(read(&with("", "link_days = 400")).unwrap().label_link_days, 400);
        assert_eq!(read(&with("retention_days = 90", "")).unwrap().label_link_days, 90);
        let told = list(&read(&with("retention_days = 90", "link_days = 91")).unwrap_err());
        assert!(
            told.contains("label.link_days: is 91, and labels are kept for 90 days"),
            "{told}"
        );
        assert!(read(&with("", "link_days = 0")).is_err());
        let mut old = serde_json::to_value(read(&with("", "")).unwrap()).unwrap();
        old.as_object_mut().unwrap().remove("label_link_days").unwrap();
        let old = serde_json::from_value::<Connection>(old).unwrap();
        assert_eq!((old.label_link_days, old.link_days()), (180, 180));
        let briefly = Connection {
            retention_days: 90,
            ..old
        };
        assert_eq!(briefly.link_days(), 90, "no link opens what is no longer kept");
    }

    #[test]
    fn ten_mistakes_are_told_at_once() {
        let text = r#"
            id = "Acme Corp"
            environment = "test"
            start_from = "yesterday"
            retention_days = 7
            spend_cap_per_hour = "500"
            erp = { system = "netsweet", account = "1234567" }
            carrier = { system = "ups", account = "A1B2C3" }
            [ship_from.default]
            name = "Acme Industrial"
            lines = []
            city = "Louisville"
            state = "KY"
            postal_code = "40213"
            country = "US"
            [packing]
            maximum_wait = "70 lb"
            [write_back]
            fulfilment = false
        "#;
        let mistakes = read(text).unwrap_err();
        let told: Vec<&str> = mistakes.iter().map(|mistake| mistake.path.as_str()).collect();
        assert_eq!(
            told,
            [
                "id",
                "tenant",
                "environment",
                "start_from",
                "retention_days",
                "erp.system",
                "spend_cap_per_hour",
                "ship_from.default.lines",
                "packing.maximum_wait",
                "write_back.fulfilment",
            ]
        );
        let list = list(&mistakes);
        assert!(
            list.contains("retention_days: is 7; allowed: a number of days from 30 to 3650"),
            "{list}"
        );
        assert!(
            list.contains("erp.system: is \"netsweet\"; allowed: one of \"netsuite\""),
            "{list}"
        );
        assert!(
            list.contains("packing.maximum_wait: is not a key here; did you mean maximum_weight?"),
            "{list}"
        );
        assert!(list.contains("tenant: is missing"), "{list}");
    }

    #[test]
    fn what_is_not_toml_is_told_with_its_line_and_column() {
        let mistakes = read("id = \"acme\"\ntenant = acme\n").unwrap_err();
        assert_eq!(mistakes.len(), 1);
        assert_eq!(mistakes[0].path, "line 2, column 10");
        let twice = read("id = \"acme\"\nid = \"other\"\n").unwrap_err();
        assert!(twice[0].path.starts_with("line 2"), "{twice:?}");
    }

    #[test]
    fn a_file_can_neither_start_a_connection_nor_reach_another_tenants_secret() {
        assert_eq!(paths(&format!("paused = false\n{SHORTEST}")), ["paused"]);
        for stolen in [
            "waybill/dev/other/netsuite",
            "waybill/prod/acme/netsuite",
            "waybill/dev/acme/",
            "waybill/dev/acme/../x",
        ] {
            let account = "account = \"1234567_SB1\"";
            let text = but(account, &format!("{account}, secret = {stolen:?}"));
            assert_eq!(paths(&text), ["erp.secret"], "{stolen}");
        }
        let own = but(
            "account = \"A1B2C3\"",
            "account = \"A1B2C3\", secret = \"waybill/dev/acme/ups-west\"",
        );
        assert_eq!(read(&own).unwrap().carrier.secret, "waybill/dev/acme/ups-west");
    }

    /// P7: what only the carrier knows is judged by the carrier, and told with its place in the file.
    #[test]
    fn a_systems_own_options_are_its_own_to_judge() {
        for (id, stands) in [("ABC123", true), ("12345", false), ("1234567", false)] {
            let text = but(
                "account = \"A1B2C3\"",
                &format!("account = \"A1B2C3\", merchant_id = {id:?}"),
            );
            match read(&text) {
                Ok(connection) => assert!(stands && connection.carrier.options["merchant_id"] == id),
                Err(mistakes) => assert!(!stands && mistakes[0].path == "carrier.merchant_id"),
            }
        }
    }

    #[test]
    fn what_the_file_says_is_told_once_although_the_system_finds_it_too() {
        assert_eq!(paths(&but(", account = \"1234567_SB1\"", "")), ["erp.account"]);
        assert_eq!(
            paths(&format!("{SHORTEST}\n[select]\ncondition = \";\"")),
            ["select.condition"]
        );
    }

    #[test]
    fn keys_that_need_each_other_are_held_against_each_other() {
        let with = |more: &str| format!("{SHORTEST}\n{more}");
        assert_eq!(paths(&with("[service]\nchoose = \"cheapest-by\"")), ["service.days"]);
        assert_eq!(paths(&with("[service]\ndays = 3")), ["service.days"]);
        assert_eq!(
            paths(&with("[packing]\nmaximum_weight = \"1 lb\"\ntare = \"2 kg\"")),
            ["packing.tare"]
        );
        assert_eq!(
            paths(&with("[billing.transport]\npayer = \"third-party\"")),
            ["billing.transport.account", "billing.transport.country"]
        );
        assert_eq!(
            paths(&with("[billing.transport]\npayer = \"shipper\"\naccount = \"1\"")),
            ["billing.transport.account"]
        );
        assert_eq!(paths(&but("fulfilment = true", "")), ["write_back.fulfilment"]);
        assert!(
            read(&but(
                "fulfilment = true",
                "fields = { tracking = \"custbody_tracking\" }"
            ))
            .is_ok()
        );
        assert_eq!(paths(&but("state = \"KY\"", "")), ["ship_from.default.state"]);
    }

    #[test]
    fn weights_sizes_and_amounts_are_spelt_comfortably() {
        let text = format!(
            "spend_cap_per_hour = \"1250.50 EUR\"\n{SHORTEST}\n[packing]\nmaximum_weight = \"30kg\"\n\
             dimensions = \"10x8x6.5 in\"\ntare = \"8 oz\"\n[service]\nchoose = \"cheapest-by\"\ndays = 3\n\
             by_ship_method = {{ \"UPS Ground\" = \"03\" }}"
        );
        let connection = read(&text).unwrap_or_else(|mistakes| panic!("{}", list(&mistakes)));
        assert_eq!(connection.spend_cap_per_hour, Money::new(dec!(1250.50), "EUR"));
        assert_eq!(connection.packing.maximum_weight.to_string(), "30 kg");
        assert_eq!(connection.packing.unit, crate::domain::WeightUnit::Kg);
        assert_eq!(connection.packing.package.dimensions.unwrap().height, dec!(6.5));
        assert_eq!(connection.service.choice, Choice::CheapestBy { days: 3 });
        assert_eq!(connection.service.by_ship_method["UPS Ground"], "03");
        for bad in [
            "\"heavy\"",
            "\"-3 lb\"",
            "\"3 stone\"",
            "3",
            "\"0 lb\"",
            "\"lb\"",
            "\"1.2.3 lb\"",
        ] {
            assert_eq!(
                paths(&format!("{SHORTEST}\n[packing]\nmaximum_weight = {bad}")),
                ["packing.maximum_weight"]
            );
        }
    }
}
