//! `connection check`: everything that the connection needs is tried without buying, and each failure says what to do.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use rust_decimal::dec;

use super::account::TrackAlert;
use super::client::{Ups, post};
use super::convert;
use super::look::RECOVERY;
use crate::domain::{AddressVerdict, Billing, CarrierAccount, Parcel, Payer, RateRequest, Stretch, Weight, WeightUnit};
use crate::ports::{CallError, Carrier, Finding, Obstacle};

/// How long before its end a token is renewed.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_mins(2);

/// The shortest life that is reckoned with.
const SHORTEST_LIFE: SignedDuration = SignedDuration::from_mins(5);

/// A reference that no purchase has: it has the form of ours, and no digest is a sentence.
const NOBODYS: &str = "THISREFERENCEBELONGSTONONE";

impl Ups {
    pub(super) async fn check_token(&self) -> Finding {
        let result = match self.tokens.bearer(&self.key, self.mint.as_ref()).await {
            Ok(token) => Ok(format!("a token was issued, good until {}", token.expires_at)),
            Err(CallError::Refused(refusal)) => Err(format!(
                "UPS refuses the credential: {refusal}. Compare client id and secret with the app at developer.ups.com, check that the app belongs to this environment, and enter them again{}",
                if self.account.options.merchant_id.is_some() {
                    "; a blocked or foreign merchant_id is refused here too"
                } else {
                    ""
                }
            )),
            Err(CallError::Later(later)) => {
                Err(format!("no token could be had at the moment: {later}. Try again later"))
            }
        };
        Finding {
            what: "ask UPS for a token".to_owned(),
            result,
        }
    }

    pub(super) async fn check_rating(&self) -> Finding {
        let result = match self.offers(&self.sample()).await {
            Ok(offers) => Ok(format!(
                "{} services are offered to account {}",
                offers.len(),
                self.account.number
            )),
            Err(error) => Err(advice("Rating", &error)),
        };
        Finding {
            what: "ask for the price of a small parcel, without buying it".to_owned(),
            result,
        }
    }

    /// The accounts of the table: each is priced under, and the tokens of all merchants must fit into a day.
    pub(super) async fn check_accounts(&self) -> Vec<Finding> {
        let accounts: BTreeSet<&CarrierAccount> = self.accounts.iter().collect();
        let mut findings: Vec<Finding> = self.check_merchants(&accounts).await.into_iter().collect();
        if findings.iter().any(|finding| finding.result.is_err()) {
            return findings;
        }
        for account in accounts {
            let finding = self.of(account).check_rating().await;
            findings.push(Finding {
                what: format!("{}, under account {}", finding.what, account.number),
                ..finding
            });
        }
        findings
    }

    /// Each merchant id has tokens of its own, and UPS counts them all against one client id.
    async fn check_merchants(&self, accounts: &BTreeSet<&CarrierAccount>) -> Option<Finding> {
        let own = self.account.options.merchant_id.as_ref();
        let merchants: BTreeSet<Option<&String>> = accounts
            .iter()
            .map(|account| account.merchant.as_ref().or(own))
            .chain([own])
            .collect();
        let token = self.tokens.bearer(&self.key, self.mint.as_ref()).await.ok()?;
        let limit = self.mint.daily_limit().filter(|_| merchants.len() > 1)?;
        let life = token.expires_at.duration_since(token.issued_at).max(SHORTEST_LIFE);
        let each = SignedDuration::from_hours(24).as_secs() / (life - RENEWED_BEFORE).as_secs() + 1;
        let wanted = each * i64::try_from(merchants.len()).unwrap_or(i64::MAX);
        let told = format!("{} merchant ids take {wanted} tokens a day", merchants.len());
        Some(Finding {
            what: "see whether the tokens of all merchant ids fit into a day".to_owned(),
            result: if wanted <= i64::from(limit) {
                Ok(format!("{told}, of {limit} that are allowed"))
            } else {
                Err(format!(
                    "{told}, and {limit} are allowed: name fewer merchant ids in [[accounts]], or spread them over connections with apps of their own"
                ))
            },
        })
    }

    pub(super) async fn check_validation(&self) -> Finding {
        let result = match self.validate(&self.ship_from).await {
            Ok(AddressVerdict::NotCovered) => Ok(format!(
                "UPS validates streets in the United States and Puerto Rico only; addresses in {} are used as they stand",
                self.ship_from.country
            )),
            Ok(AddressVerdict::Valid { .. }) => Ok("the ship-from address is valid as it stands".to_owned()),
            Ok(_) => Ok("address validation answers; UPS writes the ship-from address differently".to_owned()),
            Err(error) => Err(advice("Address Validation", &error)),
        };
        Finding {
            what: "validate the ship-from address".to_owned(),
            result,
        }
    }

    /// Buying is not tried, it would cost. Label Recovery belongs to the same product and changes nothing: what nobody has shipped is
    /// refused by a code of its own where the app has the product, and as if the token were wrong where it has not.
    pub(super) async fn check_shipping(&self) -> Finding {
        let question = convert::by_reference(NOBODYS, &self.account.number);
        let answer = match post("recover", RECOVERY, &question) {
            Ok(call) => self.read(call).await,
            Err(refusal) => Err(CallError::Refused(refusal)),
        };
        let result = match answer {
            Err(error) if convert::recovery(Err(error.clone())).is_err() => Err(advice("Shipping", &error)),
            _ => Ok("the app has the Shipping product: UPS looked, and knows no such shipment".to_owned()),
        };
        Finding {
            what: "ask for the label of a shipment that does not exist".to_owned(),
            result,
        }
    }

    /// Nothing where the connection does not want the list.
    pub(super) async fn check_list(&self) -> Option<Finding> {
        let subscription = self.account.options.quantum_view.as_ref()?;
        let to = self.api.clock.now();
        let from = to - SignedDuration::from_hours(1);
        let result = match self.list(Stretch { from, to }, None).await {
            Ok(page) => Ok(format!(
                "subscription {subscription} answers, with {} entries of the last hour on its first page",
                page.entries.len()
            )),
            Err(error) => Err(advice("Quantum View", &error)),
        };
        Some(Finding {
            what: "read the account's own list of shipments (Quantum View)".to_owned(),
            result,
        })
    }

    /// Whether news can be pushed; asking for some would be a subscription.
    pub(super) fn check_track_alert(&self) -> Finding {
        let result = match (self.account.options.track_alert, self.push()) {
            (TrackAlert::Off, _) => Ok("it is off: UPS is asked for each parcel instead".to_owned()),
            (_, Err(why)) => Err(why),
            (TrackAlert::V1, Ok(_)) => Ok("v1, with an address of ours that every subscription names".to_owned()),
            (TrackAlert::V2, Ok(_)) => Ok(
                "v2: UPS pushes to what is registered under \"Manage Webhook Credentials\" at developer.ups.com; compare it with the connection's hook"
                    .to_owned(),
            ),
        };
        Finding {
            what: "see whether UPS can push news of parcels (Track Alert)".to_owned(),
            result,
        }
    }

    /// A parcel to oneself: it is priced, never bought.
    fn sample(&self) -> RateRequest {
        let metric = !["US", "PR"].contains(&self.ship_from.country.as_str());
        let unit = if metric { WeightUnit::Kg } else { WeightUnit::Lb };
        RateRequest {
            ship_from: self.ship_from.clone(),
            ship_to: self.ship_from.clone(),
            parcels: vec![Parcel {
                packaging: "02".to_owned(),
                weight: Weight { value: dec!(1), unit },
                dimensions: None,
                contents: Vec::new(),
            }],
            billing: Billing {
                transport: Payer::Shipper,
                duties: None,
            },
            ship_date: self.api.clock.now().to_zoned(TimeZone::UTC).date(),
            customs: None,
        }
    }
}

/// What to do about a call that failed although a token was issued.
fn advice(product: &str, error: &CallError) -> String {
    match error {
        CallError::Later(later) if later.obstacle == Obstacle::Unauthorised => format!(
            "UPS refuses the token here ({later}). Most often the app lacks the {product} product: add it to the app at developer.ups.com"
        ),
        CallError::Later(later) => format!("UPS gives no answer at the moment ({later}). Try again later"),
        CallError::Refused(refusal) if ["250002", "250003", "10403"].contains(&refusal.code.as_str()) => format!(
            "UPS does not let this app in ({refusal}). Add the {product} product to the app at developer.ups.com, and check that its user may use the account"
        ),
        CallError::Refused(refusal) if ["111580", "120100", "120121", "120122"].contains(&refusal.code.as_str()) => {
            format!(
                "UPS does not accept the account number for this app ({refusal}). Check `account`, and add the account to the user's profile at ups.com"
            )
        }
        CallError::Refused(refusal) => format!("UPS refuses: {refusal}. Correct what it names in the connection"),
    }
}
