//! Orders as Fusion states them to orders as we do: a line of ours is a schedule of theirs.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::goods::{Goods, ItemKey, goods, item_key, number, shipped_before};
use super::places::{PlaceKey, place_key};
use super::wishes::numbers_in;
use crate::connection::{Selection, SelectionFacts};
use crate::domain::{self, Address, DocumentId, LineId, Money, Order, OrderLine, ShipMethod, Standing, is_same_name};
use crate::systems::fusion::options::{Level, Options};
use crate::systems::fusion::query;
use crate::systems::fusion::wire::{Distribution, Item, Line, PurchaseOrder, Schedule, Segments, Supplier, as_text};

/// What was found where something was looked up.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::systems::fusion) enum Known<T> {
    /// It is there.
    There(T),
    /// There is none, or none that may be seen.
    Missing,
    /// Fusion does not let us look, for this reason.
    Refused(String),
}

/// What was read about one order, before anything that it refers to.
#[derive(Debug, Clone, Copy)]
pub(in crate::systems::fusion) struct Facts<'a> {
    /// The order with its lines.
    pub(in crate::systems::fusion) order: &'a PurchaseOrder,
    /// Its attributes as they stand.
    pub(in crate::systems::fusion) attributes: &'a Segments,
    /// Its own flexfield.
    pub(in crate::systems::fusion) flex: &'a Segments,
    /// Its schedules' flexfields.
    pub(in crate::systems::fusion) schedule_flex: &'a BTreeMap<String, Segments>,
    /// Its supplier, where it was looked up.
    pub(in crate::systems::fusion) supplier: Option<&'a Supplier>,
    /// Why its supplier cannot be seen, where it was looked up.
    pub(in crate::systems::fusion) supplier_unseen: Option<&'a str>,
    /// The suppliers that the connection's table of accounts names.
    pub(in crate::systems::fusion) account_suppliers: &'a [String],
    /// Whether the connection's own condition selects it.
    pub(in crate::systems::fusion) selected: bool,
}

/// What an order refers to.
#[derive(Debug, Clone, Default)]
pub(in crate::systems::fusion) struct Lookups {
    pub(in crate::systems::fusion) places: BTreeMap<PlaceKey, Known<Address>>,
    pub(in crate::systems::fusion) items: BTreeMap<ItemKey, Known<Item>>,
    pub(in crate::systems::fusion) bill_to: Option<Address>,
    pub(in crate::systems::fusion) supplier: Option<Address>,
}

fn code(status: Option<&String>) -> String {
    status.map(|status| status.trim().to_uppercase()).unwrap_or_default()
}

impl Facts<'_> {
    /// How the order stands by what its header says.
    pub(in crate::systems::fusion) fn standing(&self, select: &Selection, options: &Options) -> Standing {
        let status = code(self.order.status.as_ref());
        let ready = options.ready(select);
        match status.as_str() {
            "CANCELED" | "CANCELLED" => return Standing::Cancelled,
            _ if ready.contains(&status) => {}
            "CLOSED" | "FINALLY CLOSED" | "CLOSED FOR RECEIVING" => return Standing::Closed,
            _ => {
                let shown = if status.is_empty() { "unknown" } else { &status };
                return Standing::Waiting(format!(
                    "its status is {shown}; this connection ships {}",
                    ready.join(", ")
                ));
            }
        }
        let unit = self.order.unit.as_deref().unwrap_or("none");
        if !options.procurement_bu.is_empty() && !options.procurement_bu.iter().any(|wanted| wanted == unit) {
            let wanted = options.procurement_bu.join(", ");
            return Standing::Waiting(format!(
                "its procurement business unit is {unit}; this connection ships {wanted}"
            ));
        }
        if !self.selected {
            return Standing::Waiting("it does not meet the connection's own condition (select.condition)".to_owned());
        }
        Standing::Ready
    }

    /// Whether a schedule is one of those that this connection ships.
    ///
    /// # Errors
    /// Why it is not, in plain words.
    pub(in crate::systems::fusion) fn fits(
        &self,
        line: &Line,
        schedule: &Schedule,
        select: &Selection,
        options: &Options,
    ) -> Result<(), String> {
        let status = schedule.status.as_ref().or(line.status.as_ref());
        let status = code(status);
        let open = status.is_empty() || status == "OPEN" || options.ready(select).contains(&status);
        if !open {
            return Err(format!("the status of its schedules is {status}"));
        }
        if number(schedule.quantity.as_deref()).is_none_or(|quantity| quantity <= Decimal::ZERO) {
            return Err("its schedules have no quantity: they are no goods".to_owned());
        }
        let methods = self.ship_methods(schedule);
        if !select.ship_methods.is_empty() && !methods.iter().any(|method| select.ship_methods.contains(method)) {
            let method = methods.first().map_or("none", String::as_str);
            let wanted = select.ship_methods.join(", ");
            return Err(format!("its ship method is {method}; this connection ships {wanted}"));
        }
        let by_supplier = select.rules.iter().any(|rule| !rule.supplier.is_empty());
        let unseen = self.supplier_unseen.filter(|_| by_supplier);
        select.fits(&self.told(schedule)).map_err(|reason| match unseen {
            Some(why) => format!("{reason}; {}", unseen_supplier(why)),
            None => reason,
        })
    }

    /// An account may be that of a supplier's number, which nobody could read: another row must not be taken for it.
    fn account_in_doubt(&self) -> Option<String> {
        let why = self.supplier_unseen?;
        let names = [&self.order.supplier, &self.order.supplier_id];
        let named = |wanted: &String| names.into_iter().flatten().any(|name| is_same_name(wanted, name));
        let in_doubt = !self.account_suppliers.is_empty() && !self.account_suppliers.iter().any(named);
        in_doubt.then(|| format!("its account at the carrier is not known: {}", unseen_supplier(why)))
    }

    fn ship_methods(&self, schedule: &Schedule) -> Vec<String> {
        let own = [&schedule.service, &schedule.shipping_method, &schedule.mode];
        let of_order = [&self.order.service, &self.order.shipping_method, &self.order.mode];
        let own: Vec<String> = own.into_iter().flatten().cloned().collect();
        if own.is_empty() {
            of_order.into_iter().flatten().cloned().collect()
        } else {
            own
        }
    }

    /// What rules may ask for. A schedule's own carrier counts before the order's.
    fn told(&self, schedule: &Schedule) -> SelectionFacts {
        let all = |texts: &[&Option<String>]| texts.iter().copied().flatten().cloned().collect::<Vec<String>>();
        let (order, supplier) = (self.order, self.supplier);
        let own = all(&[&schedule.carrier, &schedule.carrier_id]);
        let number = supplier.and_then(|supplier| supplier.number.clone());
        let mut fields = texts(self.attributes);
        fields.extend(texts(self.flex));
        if let Some(flex) = schedule.id.as_ref().and_then(|id| self.schedule_flex.get(id)) {
            fields.extend(texts(flex));
        }
        SelectionFacts {
            carrier: if own.is_empty() {
                all(&[&order.carrier, &order.carrier_id])
            } else {
                own
            },
            supplier: all(&[&order.supplier, &number, &order.supplier_id]),
            supplier_site: all(&[&order.site, &order.site_id]),
            fields,
        }
    }
}

fn unseen_supplier(why: &str) -> String {
    format!(
        "its supplier's number cannot be read ({why}): give the integration's role the privilege View Supplier, or name suppliers \
         as the order does"
    )
}

fn texts(segments: &Segments) -> BTreeMap<String, String> {
    let texts = segments
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), as_text(value)?)));
    texts.collect()
}

/// The tracking numbers that the order shows, in the field that we write them to.
pub(in crate::systems::fusion) fn tracking_of(facts: &Facts<'_>, field: &str, level: Level) -> Option<String> {
    let said = |segments: &Segments| segments.get(field).and_then(as_text);
    match level {
        Level::Header => said(facts.flex),
        Level::Schedule => {
            let mut seen = Vec::new();
            for number in facts
                .schedule_flex
                .values()
                .flat_map(|segments| numbers_in(said(segments).as_deref()))
            {
                if !seen.contains(&number) {
                    seen.push(number);
                }
            }
            (!seen.is_empty()).then(|| seen.join(", "))
        }
    }
}

/// The tracking numbers of two texts, each once.
pub(in crate::systems::fusion) fn joined(one: Option<&str>, other: Option<&str>) -> Option<String> {
    let mut all = numbers_in(one);
    for number in numbers_in(other) {
        if !all.contains(&number) {
            all.push(number);
        }
    }
    (!all.is_empty()).then(|| all.join(", "))
}

/// The order as all of that states it; `None` if it does not even name itself.
pub(in crate::systems::fusion) fn order(
    facts: &Facts<'_>,
    lookups: &Lookups,
    select: &Selection,
    options: &Options,
    tracking: Option<&str>,
) -> Option<Order> {
    let row = facts.order;
    let id = query::id(row.id.as_deref()?).ok()?.to_string();
    let context = Context {
        facts,
        lookups,
        select,
        options,
        currency: row.currency.clone().filter(|currency| currency.len() == 3),
    };
    let mut lines: Vec<OrderLine> = Vec::new();
    let mut reasons = Vec::new();
    for (line, schedule) in schedules(row) {
        let fits = facts.fits(line, schedule, select, options);
        lines.extend(context.line(line, schedule, fits.is_ok()));
        reasons.extend(fits.err());
    }
    let mut standing = facts.standing(select, options);
    if standing == Standing::Ready && !lines.iter().any(|line| line.shippable) {
        let none = || "it has no schedules of goods".to_owned();
        standing = Standing::Waiting(reasons.into_iter().next().unwrap_or_else(none));
    }
    let ship_to = lines
        .iter()
        .filter_map(|line| line.ship_to.as_ref())
        .find(|address| !address.lines.is_empty())
        .cloned()
        .unwrap_or_default();
    for line in &mut lines {
        // A place that is not known stays a place of its own, so that it keeps no other from leaving.
        line.ship_to = line
            .ship_to
            .take()
            .filter(|own| *own != ship_to || own.lines.is_empty());
    }
    Some(Order {
        number: row.number.clone().unwrap_or_else(|| id.clone()),
        document: DocumentId::purchase_order(id),
        standing,
        customer_reference: row.supplier_order.clone(),
        tracking_shown: tracking.and_then(|field| tracking_of(facts, field, options.flex_level)),
        ship_method: ship_method(facts),
        currency: context.currency.clone(),
        ship_to,
        bill_to: lookups.bill_to.clone(),
        supplier: supplier(facts, lookups.supplier.clone()),
        lines,
    })
}

/// Every schedule with its line.
pub(super) fn schedules(order: &PurchaseOrder) -> impl Iterator<Item = (&Line, &Schedule)> {
    let lines = order.lines.items.iter();
    lines.flat_map(|line| line.schedules.items.iter().map(move |schedule| (line, schedule)))
}

fn ship_method(facts: &Facts<'_>) -> Option<ShipMethod> {
    let of_schedule = |schedule: &Schedule| {
        [
            schedule.service.clone(),
            schedule.shipping_method.clone(),
            schedule.mode.clone(),
        ]
    };
    let row = facts.order;
    let own = [row.service.clone(), row.shipping_method.clone(), row.mode.clone()];
    let mut named = own
        .into_iter()
        .chain(schedules(row).flat_map(|(_, schedule)| of_schedule(schedule)));
    let id = named.find_map(|name| name)?;
    let name = row.shipping_method.clone().filter(|name| *name != id);
    Some(ShipMethod { id, name })
}

fn supplier(facts: &Facts<'_>, address: Option<Address>) -> Option<domain::Supplier> {
    let row = facts.order;
    Some(domain::Supplier {
        number: facts.supplier.and_then(|supplier| supplier.number.clone()),
        id: row.supplier_id.clone().or_else(|| row.supplier.clone())?,
        name: row.supplier.clone(),
        site: row.site.clone(),
        address,
    })
}

struct Context<'a> {
    facts: &'a Facts<'a>,
    lookups: &'a Lookups,
    select: &'a Selection,
    options: &'a Options,
    currency: Option<String>,
}

impl Context<'_> {
    fn line(&self, line: &Line, schedule: &Schedule, fits: bool) -> Option<OrderLine> {
        let ships = fits && self.facts.standing(self.select, self.options) == Standing::Ready;
        let found = item_key(line, schedule, self.options).and_then(|key| self.lookups.items.get(&key));
        let (goods, (ship_to, lost), centre) = if ships {
            (
                goods(line, schedule, found, self.options),
                self.ship_to(schedule),
                self.cost_centre(&schedule.distributions.items),
            )
        } else {
            (
                shipped_before(line, schedule, found, self.options),
                (self.known_place(schedule), None),
                Ok(self.cost_centre(&schedule.distributions.items).ok().flatten()),
            )
        };
        let (cost_centre, uncharged) = match centre {
            Ok(centre) => (centre, None),
            Err(flaw) => (None, Some(flaw)),
        };
        let doubt = self.facts.account_in_doubt().filter(|_| ships);
        let quantity = |text: &Option<String>| number(text.as_deref()).unwrap_or_default().max(Decimal::ZERO);
        let ordered = (quantity(&schedule.quantity) * goods.pieces).normalize();
        let fulfilled = (quantity(&schedule.received) * goods.pieces).normalize();
        Some(OrderLine {
            id: LineId::new(query::id(schedule.id.as_deref()?).ok()?.to_string()),
            sku: sku(line)?,
            description: line.description.clone(),
            ordered,
            fulfilled,
            ready: (ordered - fulfilled).max(Decimal::ZERO),
            shippable: fits,
            weight: goods.weight,
            dimensions: goods.dimensions,
            unit_price: self.price(line, &goods),
            origin_country: schedule.origin.clone().filter(|code| is_country(code)),
            tariff_code: None,
            location: None,
            ship_to,
            cost_centre,
            came_from: Vec::new(),
            flaw: lost.or(goods.flaw).or(uncharged).or(doubt),
        })
    }

    /// Where a schedule goes that does not ship (any more), as far as it is known.
    fn known_place(&self, schedule: &Schedule) -> Option<Address> {
        match self.lookups.places.get(&place_key(schedule)?)? {
            Known::There(address) => Some(address.clone()),
            Known::Missing | Known::Refused(_) => None,
        }
    }

    /// Where a schedule goes, or what is in the way of knowing that.
    fn ship_to(&self, schedule: &Schedule) -> (Option<Address>, Option<String>) {
        let nowhere = |flaw: String| (Some(Address::default()), Some(flaw));
        let Some(key) = place_key(schedule) else {
            return nowhere("its schedule names no ship-to location: enter one".to_owned());
        };
        match self.lookups.places.get(&key) {
            Some(Known::There(address)) => (Some(address.clone()), None),
            Some(Known::Refused(why)) => nowhere(format!(
                "location {} cannot be read ({why}): give the integration's role the privilege to view locations in HCM, or set \
                 erp.locations = \"map\" and name it in erp.location_map",
                key.name()
            )),
            Some(Known::Missing) | None => nowhere(format!(
                "location {} is not known with a street, a town and a country: complete it, or name it in erp.location_map",
                key.name()
            )),
        }
    }

    /// The price of one piece, where the line's is one of goods.
    fn price(&self, line: &Line, goods: &Goods) -> Option<Money> {
        let price = number(line.price.as_deref()).or_else(|| number(line.base_price.as_deref()))?;
        let price = Some(price).filter(|price| *price >= Decimal::ZERO)?;
        let each = price.checked_div(goods.pieces)?.round_dp(6).normalize();
        Some(Money::new(each, self.currency.clone()?))
    }

    /// Who bears the cost, where the connection asks for that: all of it, or words for what is missing.
    fn cost_centre(&self, distributions: &[Distribution]) -> Result<Option<String>, String> {
        let Some(number) = self.options.cost_centre_segment else {
            return Ok(None);
        };
        if distributions.is_empty() {
            return Err(
                "its schedule shows no distribution, so that nobody knows its cost centre: enter one, or give the \
                        integration's role the privilege to view purchase order distributions"
                    .to_owned(),
            );
        }
        let segment = |distribution: &Distribution| {
            let Some(account) = distribution.account.as_deref() else {
                return Err("a distribution of its schedule shows no charge account: enter one, or give the integration's role \
                            access to the account's ledger"
                    .to_owned());
            };
            let mut segments = account.split(self.options.segment_separator.as_str());
            let named = segments.nth(number.saturating_sub(1)).map(str::trim);
            let too_few = || {
                format!(
                    "a distribution's charge account has no segment {number} for the cost centre: correct it, or \
                     erp.cost_centre_segment and erp.segment_separator"
                )
            };
            named
                .filter(|segment| !segment.is_empty())
                .map(str::to_owned)
                .ok_or_else(too_few)
        };
        let centres = distributions
            .iter()
            .map(segment)
            .collect::<Result<BTreeSet<String>, String>>()?;
        Ok(Some(centres.into_iter().collect::<Vec<_>>().join("+")))
    }
}

fn sku(line: &Line) -> Option<String> {
    let named = line.item.clone().or_else(|| line.supplier_item.clone());
    named.or_else(|| Some(format!("line {}", line.number.as_deref().or(line.id.as_deref())?)))
}

fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}
