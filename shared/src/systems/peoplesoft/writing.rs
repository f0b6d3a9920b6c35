//! Writing by the customer's own service, and looking at what stands there before.

use http::Method;

use super::client::PeopleSoft;
use super::convert::{self, Entry, Key, Plan};
use crate::domain::{DeliveryStatus, DocumentId, Refusal};
use crate::http::{self as web, Answer, Call};
use crate::ports::{CallError, Draft, EffectError, Later, Obstacle, Permit, WriteBack, WriteBackRef, Written};

/// What is said where nothing is written.
fn our_own_store() -> WriteBackRef {
    WriteBackRef {
        place: "our own store: the connection writes nothing back".to_owned(),
        id: None,
    }
}

impl PeopleSoft {
    fn shipped(&self, write_back: &WriteBack<'_>) -> Result<Entry, Refusal> {
        convert::shipped(write_back, &self.policy.fields, &self.settings.options, &self.carrier)
    }

    /// Looks for our own entry.
    pub(super) async fn look_for(&self, write_back: &WriteBack<'_>) -> Result<Written, CallError> {
        if self.policy.store_only {
            return Ok(Written::Whole(our_own_store()));
        }
        let Some(key) = Key::of(&write_back.order.document) else {
            return Err(CallError::Refused(foreign(&write_back.order.document)));
        };
        let rows = self.entries(&key).await?;
        let numbers: Vec<&str> = write_back.shipment.tracking_numbers().collect();
        let (fields, options) = (&self.policy.fields, &self.settings.options);
        Ok(convert::shows(
            &rows,
            write_back.job.as_str(),
            &numbers,
            fields,
            options,
        ))
    }

    /// The request that writes a shipment's entry, whole: writing it again makes no second one.
    pub(super) fn plan(&self, write_back: &WriteBack<'_>) -> Result<Draft, Refusal> {
        if self.policy.store_only {
            return Err(Refusal::new(
                "nothing-to-write",
                "the connection writes nothing back (write_back.store_only)",
            ));
        }
        let plan = convert::drafted(&self.shipped(write_back)?, &self.settings);
        let body = serde_json::to_value(plan)
            .map_err(|_| Refusal::new("write-back-impossible", "the write-back cannot be written down"))?;
        Ok(Draft {
            operation: "peoplesoft.write-entry".to_owned(),
            body,
        })
    }

    /// Sends a draft.
    pub(super) async fn write(&self, draft: &Draft, permit: Permit) -> Result<WriteBackRef, EffectError> {
        let foreign = |_| EffectError::Rejected(Refusal::new("foreign-draft", "this draft is not one of PeopleSoft"));
        let plan: Plan = serde_json::from_value(draft.body.clone()).map_err(foreign)?;
        self.put("write-entry", &plan, permit).await?;
        Ok(convert::place(&plan.entry))
    }

    async fn put(&self, operation: &'static str, plan: &Plan, permit: Permit) -> Result<(), EffectError> {
        let call = call(operation, plan).map_err(EffectError::Rejected)?;
        let answer = web::effect(self.send(&call, Some(permit)).await, convert::write_envelope)?;
        match self.judged(&answer) {
            Verdict::Done => Ok(()),
            Verdict::Refused(refusal) => Err(EffectError::Rejected(refusal)),
            Verdict::Unclear(words) => Err(EffectError::Unknown(words)),
        }
    }

    /// What a 2xx says: errors come inside it.
    fn judged(&self, answer: &Answer) -> Verdict {
        let service = &self.settings.options.write;
        if let Some(fault) = convert::fault(&answer.body) {
            return match fault.ends_a_write() {
                true => Verdict::Refused(fault.refusal),
                false => Verdict::Unclear(fault.refusal.to_string()),
            };
        }
        if service.errors.iter().any(|predicate| predicate.holds(&answer.body)) {
            return Verdict::Unclear("the answer is an error by erp.write.errors".to_owned());
        }
        let empty = answer.body.iter().all(u8::is_ascii_whitespace);
        match service.success.as_slice() {
            [] if empty && !matches!(answer.status, 201 | 204) => {
                Verdict::Unclear("it was answered by nothing at all".to_owned())
            }
            all if all.iter().all(|predicate| predicate.holds(&answer.body)) => Verdict::Done,
            _ => Verdict::Unclear("the answer does not say what erp.write.success asks for".to_owned()),
        }
    }

    /// Sets or clears the problem, where that is not what stands there.
    pub(super) async fn show_problem(&self, document: &DocumentId, problem: Option<&str>) -> Result<(), CallError> {
        let (fields, options) = (&self.policy.fields, &self.settings.options);
        let entry = convert::problem(document, problem, fields, options).map_err(CallError::Refused)?;
        let Some(entry) = entry else { return Ok(()) };
        if self.stands_already(document, &entry).await? {
            return Ok(());
        }
        let call = call("flag", &convert::drafted(&entry, &self.settings)).map_err(CallError::Refused)?;
        let answer = web::read(self.send(&call, None).await, convert::envelope)?;
        match self.judged(&answer) {
            Verdict::Done => Ok(()),
            Verdict::Refused(refusal) => Err(CallError::Refused(refusal)),
            Verdict::Unclear(words) => Err(CallError::Later(Later::new(Obstacle::Unreachable, words))),
        }
    }

    /// Shows how the delivery fares, where that is not what stands there.
    pub(super) async fn show_delivery(
        &self,
        document: &DocumentId,
        status: &DeliveryStatus,
        permit: Permit,
    ) -> Result<(), EffectError> {
        let (fields, options) = (&self.policy.fields, &self.settings.options);
        let entry = convert::delivery(document, status, fields, options).map_err(EffectError::Rejected)?;
        let Some(entry) = entry else { return Ok(()) };
        if self.stands_already(document, &entry).await.map_err(before_writing)? {
            return Ok(());
        }
        self.put("tell", &convert::drafted(&entry, &self.settings), permit)
            .await
    }

    async fn stands_already(&self, document: &DocumentId, entry: &Entry) -> Result<bool, CallError> {
        let key = Key::of(document).ok_or_else(|| CallError::Refused(foreign(document)))?;
        let rows = self.entries(&key).await?;
        Ok(convert::says_already(&rows, entry, &self.settings.options))
    }
}

/// What became of a write that was answered.
enum Verdict {
    Done,
    Refused(Refusal),
    Unclear(String),
}

fn call(operation: &'static str, plan: &Plan) -> Result<Call, Refusal> {
    let method = Method::from_bytes(plan.method.as_bytes())
        .map_err(|_| Refusal::new("foreign-draft", "this draft names no method"))?;
    Ok(Call::new(operation, method, plan.path.clone()).text(plan.media.clone(), plan.body.clone()))
}

fn foreign(document: &DocumentId) -> Refusal {
    Refusal::new(
        "write-back-impossible",
        format!("{document} is no document of PeopleSoft"),
    )
}

/// A failure before anything was written.
fn before_writing(error: CallError) -> EffectError {
    match error {
        CallError::Later(later) => EffectError::NotSent(later),
        CallError::Refused(refusal) => EffectError::Rejected(refusal),
    }
}
