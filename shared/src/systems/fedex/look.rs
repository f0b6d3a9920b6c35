//! Looking for shipments and asking where parcels are: Track, by number and by reference.
//!
//! FedEx cannot be asked what it has sold; what carries our reference is found by Track, which learns of a label some
//! time after it was made. So what is found is ours, and what is not found proves nothing.

use ::http::Method;
use jiff::Timestamp;
use serde::Serialize;

use super::client::FedEx;
use super::convert::{self, Group, Piece};
use crate::domain::{CarrierShipmentId, JobId, Refusal, Shipment, ShippedParcel};
use crate::http::{self, Answer, Call};
use crate::ports::{Asked, CallError, Later, News, Obstacle};

/// How many numbers one call may name.
pub(crate) const TRACKS_AT_ONCE: usize = 30;

/// How long the numbers of packages are.
const LENGTHS: [usize; 6] = [12, 14, 15, 20, 22, 34];

impl FedEx {
    /// The shipments that carry a reference and were not cancelled.
    pub(super) async fn by_reference(&self, reference: &JobId) -> Result<Vec<Shipment>, CallError> {
        let account = self.account.number.as_str();
        if account.is_empty() {
            let words = "the connection names no FedEx account, under which alone a reference can be looked for";
            return Err(CallError::Refused(Refusal::new("account", words)));
        }
        let mut pieces = convert::pieces(self.ask_by_reference(reference.as_str(), account).await)?;
        pieces.retain(|piece| is_ours(piece, reference));
        self.shipments(pieces).await
    }

    /// What Track says to a reference under an account.
    pub(super) async fn ask_by_reference(&self, reference: &str, account: &str) -> Result<Answer, CallError> {
        let body = convert::by_reference(reference, account, self.now());
        self.question("track-reference", "/track/v1/referencenumbers", &body)
            .await
    }

    /// Everything that Track tells of a parcel.
    pub(super) async fn news(&self, number: &str) -> Result<Option<News>, CallError> {
        let asked = Asked {
            number,
            shipped: self.now(),
        };
        let mut told = self.news_of(&[asked]).await;
        told.pop().unwrap_or(Ok(None))
    }

    /// Everything that Track tells of these parcels, one result for each, in their order.
    pub(super) async fn news_of(&self, asked: &[Asked<'_>]) -> Vec<Result<Option<News>, CallError>> {
        let numbers: Vec<Result<String, Refusal>> = asked.iter().map(|one| convert::legal_number(one.number)).collect();
        let each = numbers.iter().zip(asked).filter_map(|(number, one)| {
            let number = number.as_deref().ok()?;
            Some(Asked { number, ..*one })
        });
        let legal: Vec<Asked<'_>> = each.collect();
        let mut told = Vec::with_capacity(legal.len());
        for some in legal.chunks(TRACKS_AT_ONCE) {
            told.extend(self.news_of_some(some).await);
        }
        let mut told = told.into_iter();
        let result = |number: &Result<String, Refusal>| match number {
            Ok(_) => told
                .next()
                .unwrap_or_else(|| Err(CallError::Later(unclear("nothing was told of the parcel")))),
            Err(refusal) => Err(CallError::Refused(refusal.clone())),
        };
        numbers.iter().map(result).collect()
    }

    /// The same of as many as one call may name. Where one number has all of them refused, halves are asked for, until
    /// it is alone.
    async fn news_of_some(&self, asked: &[Asked<'_>]) -> Vec<Result<Option<News>, CallError>> {
        let mut told = Vec::with_capacity(asked.len());
        let mut waiting = vec![asked];
        while let Some(some) = waiting.pop() {
            let named: Vec<_> = some.iter().map(|one| (one.number, Some(one.shipped))).collect();
            let body = convert::by_numbers(&named, self.now());
            match self.question("track", "/track/v1/trackingnumbers", &body).await {
                Ok(answer) => told.extend(convert::told(&answer, some)),
                Err(CallError::Refused(refusal)) if some.len() > 1 && convert::is_about_a_number(&refusal) => {
                    let (first, rest) = some.split_at(some.len() / 2);
                    waiting.extend([rest, first]);
                }
                // What befell the whole question is told of each.
                Err(error) => {
                    let each = convert::of_a_number(error);
                    told.extend(some.iter().map(|_| each.clone()));
                }
            }
        }
        told
    }

    /// The shipment of a number that a person read somewhere.
    pub(super) async fn known(&self, id: &CarrierShipmentId) -> Result<Option<Shipment>, CallError> {
        let number = package_number(id.as_str()).map_err(CallError::Refused)?;
        let Some(piece) = self.piece(&number).await? else {
            return Ok(None);
        };
        let lead = piece.lead.clone();
        let cancelled = piece.cancelled;
        let found = self.shipments(vec![piece]).await?;
        match found.into_iter().next() {
            Some(shipment) if !cancelled => Ok(Some(shipment)),
            _ => Err(void(lead.as_deref().unwrap_or(&number))),
        }
    }

    /// Whether Track shows a shipment as cancelled. That it shows nothing says nothing.
    pub(super) async fn is_cancelled(&self, number: &str) -> Result<bool, CallError> {
        let number = convert::legal_number(number).map_err(CallError::Refused)?;
        Ok(self.piece(&number).await?.is_some_and(|piece| piece.cancelled))
    }

    async fn piece(&self, number: &str) -> Result<Option<Piece>, CallError> {
        let body = convert::by_numbers(&[(number, None)], self.now());
        let answer = self.question("track", "/track/v1/trackingnumbers", &body).await;
        convert::piece(answer, number)
    }

    /// The shipments that some packages belong to, without those that were cancelled.
    async fn shipments(&self, pieces: Vec<Piece>) -> Result<Vec<Shipment>, CallError> {
        let mut seen: Vec<Group> = Vec::new();
        for group in convert::grouped(pieces) {
            let known = |known: &Group| group.pieces.iter().any(|piece| holds(known, &piece.number));
            if group.is_cancelled() || seen.iter().any(known) {
                continue;
            }
            let whole = match group.is_whole() {
                true => group,
                false => self.completed(group).await?,
            };
            if !whole.is_cancelled() {
                seen.push(whole);
            }
        }
        told_apart(seen)
    }

    /// A group with all packages of its shipment, as far as FedEx names them.
    async fn completed(&self, group: Group) -> Result<Group, CallError> {
        let first = group
            .pieces
            .first()
            .map(|piece| piece.number.clone())
            .unwrap_or_default();
        let lead = group.lead.clone().unwrap_or(first);
        let answer = self
            .question(
                "track-shipment",
                "/track/v1/associatedshipments",
                &convert::by_master(&lead),
            )
            .await;
        // What is known already counts: a shipment that exists must not be lost because not all is told of it.
        match convert::pieces(answer) {
            Ok(others) => Ok(group.with(others)),
            Err(CallError::Refused(_)) => Ok(group),
            Err(later) => Err(later),
        }
    }

    fn now(&self) -> Timestamp {
        self.track.endpoint.clock.now()
    }

    async fn question(&self, operation: &'static str, path: &str, body: &impl Serialize) -> Result<Answer, CallError> {
        let body = serde_json::to_value(body);
        let body = body.map_err(|_| CallError::Refused(Refusal::new("request", "the question cannot be written")))?;
        let call = Call::new(operation, Method::POST, path).json(&body);
        http::read(self.ask_track(call).await, convert::envelope)
    }
}

fn is_ours(piece: &Piece, reference: &JobId) -> bool {
    let ours = piece.carries(reference);
    if !ours {
        tracing::warn!(%reference, parcel = piece.number, "FedEx shows a parcel for the reference that does not carry it");
    }
    ours
}

fn holds(group: &Group, number: &str) -> bool {
    group.lead.as_deref() == Some(number) || group.pieces.iter().any(|piece| piece.number == number)
}

/// What was seen, if it can be told apart. Parcels of one shipment must never pass for several shipments: all but one
/// would be voided as extra. It may stay so for ever, so that it is no reason to wait but one to ask a person.
fn told_apart(seen: Vec<Group>) -> Result<Vec<Shipment>, CallError> {
    if seen.len() > 1 && seen.iter().any(|group| group.lead.is_none()) {
        let numbers: Vec<String> = seen.iter().flat_map(Group::numbers).collect();
        let words = format!(
            "FedEx shows the parcels {} and does not say which belong together: look them up at fedex.com",
            numbers.join(", ")
        );
        return Err(CallError::Refused(Refusal::new("not-told-apart", words)));
    }
    Ok(seen.iter().filter_map(shipment).collect())
}

fn shipment(group: &Group) -> Option<Shipment> {
    let numbers = group.numbers();
    let id = group.lead.as_ref().or(numbers.first())?;
    Some(Shipment {
        id: CarrierShipmentId::new(id.clone()),
        remarks: remarks(group, id, numbers.len()),
        parcels: numbers
            .into_iter()
            .map(|tracking_number| ShippedParcel { tracking_number })
            .collect(),
        service: None,
        cost: None,
    })
}

fn remarks(group: &Group, id: &str, told: usize) -> Vec<String> {
    let unconfirmed = group.lead.is_none();
    let unconfirmed =
        unconfirmed.then(|| format!("FedEx did not confirm that {id} is the number of the whole shipment"));
    let lacking = match group.count {
        _ if group.is_whole() => None,
        Some(all) if told >= usize::try_from(all).unwrap_or(usize::MAX) => None,
        Some(all) => Some(format!("FedEx tells of {told} of the {all} parcels of this shipment")),
        None => Some(format!(
            "FedEx tells of {told} parcels of this shipment and does not say how many there are"
        )),
    };
    unconfirmed.into_iter().chain(lacking).collect()
}

/// A number as a person reads it, without its blanks.
fn package_number(text: &str) -> Result<String, Refusal> {
    let number = convert::legal_number(text)?;
    let legal = LENGTHS.contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    if legal {
        return Ok(number);
    }
    let words = "is no FedEx tracking number (12, 14, 15, 20, 22 or 34 digits): look at the label again";
    Err(Refusal::new(
        "TRACKINGNUMBER.ENTERED.INVALID",
        format!("{text} {words}"),
    ))
}

fn void(number: &str) -> CallError {
    let words = format!(
        "shipment {number} was cancelled: it can no longer be used. If nothing else was bought, say --not-created"
    );
    CallError::Refused(Refusal::new("cancelled", words))
}

fn unclear(reason: &str) -> Later {
    Later::new(Obstacle::Unreachable, reason)
}
