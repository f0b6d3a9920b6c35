//! What carriers offer and how a connection chooses.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Address, Billing, CarrierAccount, Customs, Money, Parcel};

/// What a rate is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RateRequest {
    /// Where it leaves.
    pub ship_from: Address,
    /// Where it goes.
    pub ship_to: Address,
    /// What travels.
    pub parcels: Vec<Parcel>,
    /// Who pays.
    pub billing: Billing,
    /// The day on which the carrier collects, in the ship-from's calendar.
    pub ship_date: Date,
    /// What travels across a border, for carriers that price by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customs: Option<Customs>,
}

/// One service at a price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// The carrier's code.
    pub service: String,
    /// The name that people know.
    pub name: String,
    /// What the account pays: the negotiated price where there is one.
    pub cost: Money,
    /// Whether `cost` was negotiated.
    pub negotiated: bool,
    /// The day of arrival, where the carrier says one.
    pub arrives: Option<Date>,
}

/// How to choose among offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// The lowest cost; of equals the earliest.
    Cheapest,
    /// The earliest arrival; of equals the cheapest.
    Fastest,
    /// The lowest cost of those that arrive in time.
    CheapestBy {
        /// The most days from the day of collection to the day of arrival.
        days: u16,
    },
}

/// The connection's rule for services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePolicy {
    /// The codes that may be bought; empty means any.
    pub allowed: Vec<String>,
    /// How to choose among them.
    pub choice: Choice,
    /// Codes by the ERP's ship method (id or name): such an order buys exactly that service.
    pub by_ship_method: std::collections::BTreeMap<String, String>,
}

/// The offer that was chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// The chosen offer.
    pub offer: Offer,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// The carrier's account under which it was taken; `None` for the connection's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<CarrierAccount>,
}

/// Why no offer can be chosen; the text tells a person what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoOffer {
    /// The carrier offers none of the allowed services on this lane.
    #[error("none of the allowed services ({allowed}) is offered to this address; offered: {offered}")]
    NotAllowed {
        /// What the connection allows.
        allowed: String,
        /// What the carrier offers.
        offered: String,
    },
    /// None arrives in time.
    #[error("no allowed service arrives by {by}")]
    TooLate {
        /// The last acceptable day.
        by: Date,
    },
    /// Nothing was offered at all.
    #[error("the carrier offers no service to this address")]
    Nothing,
}

impl ServicePolicy {
    /// Chooses an offer for an order that asks for `ship_method` (its id and name) and leaves on `ship_date`.
    pub fn choose(&self, offers: &[Offer], ship_method: &[&str], ship_date: Date) -> Result<Offer, NoOffer> {
        if offers.is_empty() {
            return Err(NoOffer::Nothing);
        }
        let asked = ship_method.iter().find_map(|name| self.by_ship_method.get(*name));
        let allowed = |offer: &&Offer| match asked {
            Some(code) => offer.service == *code,
            None => self.allowed.is_empty() || self.allowed.contains(&offer.service),
        };
        let open: Vec<&Offer> = offers.iter().filter(allowed).collect();
        if open.is_empty() {
            let allowed = asked.cloned().unwrap_or_else(|| self.allowed.join(", "));
            let offered: Vec<&str> = offers.iter().map(|offer| offer.service.as_str()).collect();
            return Err(NoOffer::NotAllowed {
                allowed,
                offered: offered.join(", "),
            });
        }
        self.best(open, ship_date).cloned()
    }

    fn best<'a>(&self, open: Vec<&'a Offer>, ship_date: Date) -> Result<&'a Offer, NoOffer> {
        let cost = |offer: &&Offer| offer.cost.amount;
        let arrival = |offer: &&Offer| offer.arrives.unwrap_or(Date::MAX);
        match self.choice {
            Choice::Cheapest => open
                .into_iter()
                .min_by_key(|offer| (cost(offer), arrival(offer)))
                .ok_or(NoOffer::Nothing),
            Choice::Fastest => open
                .into_iter()
                .min_by_key(|offer| (arrival(offer), cost(offer)))
                .ok_or(NoOffer::Nothing),
            Choice::CheapestBy { days } => {
                let by = ship_date.saturating_add(jiff::Span::new().days(i64::from(days)));
                let in_time = open
                    .into_iter()
                    .filter(|offer| offer.arrives.is_some_and(|day| day <= by));
                in_time
                    .min_by_key(|offer| (cost(offer), arrival(offer)))
                    .ok_or(NoOffer::TooLate { by })
            }
        }
    }
}
