//! `connection check`: everything that the connection needs is tried without buying, and each failure says what to do.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use rust_decimal::dec;

use super::client::{FedEx, Project};
use super::convert;
use crate::domain::{AddressVerdict, Billing, CarrierAccount, Parcel, Payer, RateRequest, Weight, WeightUnit};
use crate::ports::{CallError, Carrier, Finding, Obstacle};

/// What FedEx calls Track.
const TRACKING: &str = "Basic Integrated Visibility (Track)";

/// A reference that no shipment carries.
const NO_REFERENCE: &str = "WAYBILL-CHECK-OF-TRACKING";

impl FedEx {
    pub(super) async fn check_tokens(&self) -> Vec<Finding> {
        let mut findings = vec![check_token("the shipping project", "api_key and secret_key", &self.ship).await];
        if self.tracks_by_itself() {
            let keys = "track_api_key and track_secret_key";
            findings.push(check_token("the tracking project", keys, &self.track).await);
        }
        findings
    }

    /// A price under each account that ships.
    pub(super) async fn check_ratings(&self) -> Vec<Finding> {
        let others: BTreeSet<&CarrierAccount> = self.accounts.iter().collect();
        let mut findings = Vec::new();
        if !self.account.number.is_empty() {
            findings.push(self.check_rating().await);
        }
        for account in others {
            findings.push(self.of(account).check_rating().await);
        }
        findings
    }

    async fn check_rating(&self) -> Finding {
        let result = match self.offers(&self.sample()).await {
            Ok(offers) => Ok(format!(
                "{} services are offered to account {}",
                offers.len(),
                self.account.number
            )),
            Err(error) => Err(advice("Rates and Transit Times", &error)),
        };
        Finding {
            what: format!(
                "ask for the price of a small parcel under account {}, without buying it",
                self.account.number
            ),
            result,
        }
    }

    /// Whether Track can be asked, under each account that ships: a lost purchase is looked for there, and nowhere else.
    pub(super) async fn check_tracking(&self) -> Vec<Finding> {
        let own = Some(&self.account.number).filter(|number| !number.is_empty());
        let others = self.accounts.iter().map(|account| &account.number);
        let accounts: BTreeSet<&String> = own.into_iter().chain(others).collect();
        let mut findings = Vec::new();
        for account in accounts {
            let result = match convert::pieces(self.ask_by_reference(NO_REFERENCE, account).await) {
                Ok(_) => Ok("tracking answers: parcels are followed, and a lost purchase can be looked for".to_owned()),
                Err(CallError::Refused(refusal)) if convert::is_permission(&refusal.code) => {
                    Err(no_tracking(&refusal.to_string()))
                }
                Err(CallError::Later(later)) if later.obstacle == Obstacle::Unauthorised => {
                    Err(no_tracking(&later.to_string()))
                }
                Err(error) => Err(advice(TRACKING, &error)),
            };
            findings.push(Finding {
                what: format!("look in FedEx's tracking for a reference of account {account} that does not exist"),
                result,
            });
        }
        findings
    }

    /// Nothing where the connection uses addresses as they stand.
    pub(super) async fn check_validation(&self) -> Option<Finding> {
        if !self.validates {
            return None;
        }
        let result = match self.validate(&self.ship_from).await {
            Ok(AddressVerdict::NotCovered) => Ok(format!(
                "FedEx does not validate addresses in {}: they are used as they stand",
                self.ship_from.country
            )),
            Ok(AddressVerdict::Valid { .. }) => Ok("the ship-from address is valid as it stands".to_owned()),
            Ok(_) => Ok(
                "address validation answers; FedEx does not confirm the ship-from address as it is written".to_owned(),
            ),
            Err(error) => Err(advice("Address Validation", &error)),
        };
        Some(Finding {
            what: "validate the ship-from address".to_owned(),
            result,
        })
    }

    /// What no call can find out without buying.
    pub(super) fn check_labels(&self) -> Finding {
        let words = match self.account.is_production {
            true => {
                "not tried, for that would buy: FedEx sells labels in production only after it has validated printed \
                 test labels of the \
                 project (developer.fedex.com, label validation); until then purchases are refused"
            }
            false => "nothing is needed here; production labels need FedEx's validation of printed test labels first",
        };
        Finding {
            what: "see whether labels may be bought".to_owned(),
            result: Ok(words.to_owned()),
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
                packaging: "YOUR_PACKAGING".to_owned(),
                weight: Weight { value: dec!(1), unit },
                dimensions: None,
                contents: Vec::new(),
            }],
            billing: Billing {
                transport: Payer::Shipper,
                duties: None,
            },
            ship_date: self.ship.endpoint.clock.now().to_zoned(TimeZone::UTC).date(),
            customs: None,
        }
    }
}

async fn check_token(of: &str, keys: &str, project: &Project) -> Finding {
    let result = match project.tokens.bearer(&project.key, project.mint.as_ref()).await {
        Ok(token) => Ok(format!("a token was issued, good until {}", token.expires_at)),
        Err(CallError::Refused(refusal)) => Err(format!(
            "FedEx refuses the keys: {refusal}. Compare {keys} of the secret with the project at \
             developer.fedex.com, check that they \
             are those of this environment, and enter them again"
        )),
        Err(CallError::Later(later)) => Err(format!("no token could be had at the moment: {later}. Try again later")),
    };
    Finding {
        what: format!("ask FedEx for a token of {of}"),
        result,
    }
}

/// What to do about a call that failed although a token was issued.
fn advice(api: &str, error: &CallError) -> String {
    match error {
        CallError::Later(later) if later.obstacle == Obstacle::Unauthorised => not_let_in(api, &later.to_string()),
        CallError::Later(later) => format!("FedEx gives no answer at the moment ({later}). Try again later"),
        CallError::Refused(refusal) if convert::is_permission(&refusal.code) => not_let_in(api, &refusal.to_string()),
        CallError::Refused(refusal) if refusal.code.contains("ACCOUNT") => format!(
            "FedEx does not accept the account number for this project ({refusal}). Check `account`, and add the account to \
             the project's \
             organisation at developer.fedex.com"
        ),
        CallError::Refused(refusal) => format!("FedEx refuses: {refusal}. Correct what it names in the connection"),
    }
}

fn not_let_in(api: &str, words: &str) -> String {
    format!(
        "FedEx does not let this project in ({words}). Most often it lacks the {api} API: add it to the project at developer.fedex.com"
    )
}

fn no_tracking(words: &str) -> String {
    format!(
        "FedEx does not let this project ask where parcels are ({words}): none would be followed, and every purchase whose \
         answer is lost would be held until a person looks for it. Add {TRACKING} to the project at developer.fedex.com, or \
         enter the keys of a project that has it as track_api_key and track_secret_key in the secret"
    )
}
