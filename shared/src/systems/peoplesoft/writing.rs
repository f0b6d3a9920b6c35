//! Writing by the customer's own service, and looking at what stands there before.

use http::Method;

use super::client::PeopleSoft;
use super::convert::{self, Entry, Key, Plan};
use super::queries;
use crate::domain::{DeliveryStatus, DocumentId, Refusal};
use crate::http::{self as web, Answer, Call};
use crate::ports::{CallError, Draft, EffectError, Later, Obstacle, Permit, WriteBack, WriteBackRef, Written};
use crate::systems::writing::before_writing;

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
        self.put("write-entry", &plan, &[], permit).await?;
        Ok(convert::place(&plan.entry))
    }

    async fn put(
        &self,
        operation: &'static str,
        plan: &Plan,
        hidden: &[String],
        permit: Permit,
    ) -> Result<(), EffectError> {
        let call = call(operation, plan).map_err(EffectError::Rejected)?;
        let sent = self.send(&call, Some(permit)).await;
        let words = sent.as_ref().ok().map(|answer| self.words(answer, hidden));
        let answer = web::effect(sent, convert::write_envelope).map_err(|error| match error {
            EffectError::Unknown(why) => EffectError::Unknown(words.clone().unwrap_or(why)),
            EffectError::Rejected(refusal) => EffectError::Rejected(open(refusal, hidden)),
            EffectError::NotSent(later) => EffectError::NotSent(later),
        })?;
        match self.judged(&answer, hidden) {
            Verdict::Done => Ok(()),
            Verdict::Refused(refusal) => Err(EffectError::Rejected(refusal)),
            Verdict::Unclear(words) => Err(EffectError::Unknown(words)),
            Verdict::Look
                if self
                    .endpoint
                    .clock
                    .now()
                    .saturating_add(self.endpoint.timeout)
                    .is_ok_and(|at| at > permit.until) =>
            {
                Err(EffectError::Unknown(
                    "it was taken, and no time is left to see whether it stands there".to_owned(),
                ))
            }
            Verdict::Look => self.stands(plan).await.map_err(|why| {
                let said = words.unwrap_or_default();
                EffectError::Unknown(format!("{why} ({said})"))
            }),
        }
    }

    /// What an answer says, in its own words as far as nobody else's are in them.
    fn words(&self, answer: &Answer, hidden: &[String]) -> String {
        let service = &self.settings.options.write;
        let place = match answer.status {
            404 | 405 => format!(
                ": service {} at node {} does not take {} {}; see erp.write and erp.node, and that the service operation is active",
                service.name, self.settings.options.node, service.method, service.path
            ),
            _ => String::new(),
        };
        let said = convert::told(&answer.body, hidden).map(|words| format!(": {words}"));
        format!("status {}{place}{}", answer.status, said.unwrap_or_default())
    }

    /// What a 2xx says: errors come inside it, and a success says so only by the predicates that the connection names for it.
    fn judged(&self, answer: &Answer, hidden: &[String]) -> Verdict {
        let service = &self.settings.options.write;
        if let Some(fault) = convert::fault(&answer.body) {
            return match fault.ends_a_write() {
                true => Verdict::Refused(open(fault.refusal, hidden)),
                false => Verdict::Unclear(open(fault.refusal, hidden).to_string()),
            };
        }
        let unclear = |what: &str| Verdict::Unclear(format!("{what} ({})", self.words(answer, hidden)));
        if service.errors.iter().any(|predicate| predicate.holds(&answer.body)) {
            return unclear("the answer is an error by erp.write.errors");
        }
        match service.success.as_slice() {
            [] => Verdict::Look,
            all if all.iter().all(|predicate| predicate.holds(&answer.body)) => Verdict::Done,
            _ => unclear("the answer does not say what erp.write.success asks for"),
        }
    }

    /// Looks once whether the record shows what was written.
    ///
    /// # Errors
    /// Why that is not known, in words.
    async fn stands(&self, plan: &Plan) -> Result<(), String> {
        let query = self.settings.options.query(&queries::TRACKING);
        let Some(key) = plan.document.as_ref().and_then(Key::of) else {
            return Err("the answer does not say that it was written".to_owned());
        };
        match self.entries(&key).await {
            Ok(rows) if convert::is_shown(&rows, plan, &self.settings.options) => Ok(()),
            Ok(_) => Err(format!(
                "the service took it, and query {query} does not show entry {} as it was written: see what the service does, or \
                 say in erp.write.success what its success looks like",
                plan.entry
            )),
            Err(error) => Err(format!(
                "the service took it, and query {query} cannot show whether it stands there: {error}"
            )),
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
        let (plan, hidden) = (convert::drafted(&entry, &self.settings), entry.hidden());
        let call = call("flag", &plan).map_err(CallError::Refused)?;
        let sent = self.send(&call, None).await;
        let words = sent.as_ref().ok().map(|answer| self.words(answer, &hidden));
        let later = |words: String| CallError::Later(Later::new(Obstacle::Unreachable, words));
        let answer = web::read(sent, convert::envelope).map_err(|error| match (error, words) {
            (CallError::Refused(refusal), _) => CallError::Refused(open(refusal, &hidden)),
            (CallError::Later(error), Some(words)) => CallError::Later(Later { reason: words, ..error }),
            (error, None) => error,
        })?;
        match self.judged(&answer, &hidden) {
            Verdict::Done => Ok(()),
            Verdict::Refused(refusal) => Err(CallError::Refused(refusal)),
            Verdict::Unclear(words) => Err(later(words)),
            Verdict::Look => self.stands(&plan).await.map_err(later),
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
        let plan = convert::drafted(&entry, &self.settings);
        self.put("tell", &plan, &entry.hidden(), permit).await
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
    /// It says no error, which proves nothing: the record does.
    Look,
}

/// A refusal without what nobody else should read.
fn open(refusal: Refusal, hidden: &[String]) -> Refusal {
    let message = convert::told(refusal.message.as_bytes(), hidden).unwrap_or_default();
    Refusal { message, ..refusal }
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
