//! What is written: drafts, their schedules and flexfields, and the actions on change orders.
//!
//! Quirks: a flexfield is filled by POST and changed by PATCH; a failed action can be a success by its status.

use super::Inner;
use super::answer::{ACTION, ACTION_RESULT, Answer, ITEM, PLAIN};
use super::bodies;
use super::call::{Call, Found, walk};
use super::model::Id;
use super::nodes::{self, View};
use super::options::Bypass;
use super::refusal::Refusal;
use super::resources::Resource;
use super::route::{Action, Collection};
use super::shape::Node;
use serde_json::{Map, Value, json};

impl Inner {
    pub(super) fn patch(&mut self, url: &str, path: &[String], call: &Call<'_>) -> Result<Answer, Refusal> {
        call.must_be(&[ITEM, PLAIN])?;
        let body = call.object()?;
        let [key, rest @ ..] = path else {
            return Err(Refusal::missing());
        };
        let top = self.item(Collection::Orders(View::Draft), key, call)?;
        let Found::Item(node) = walk(&top, rest, self.world.options.id_keys)? else {
            return Err(Refusal::new(405, "A collection can't be updated."));
        };
        call.matches(node)?;
        self.write(top.id, node.resource, node.id, &body, call)?;
        let again = self.draft(top.id)?;
        let url = self.url(url, &again, rest, call);
        match walk(&again, rest, true)? {
            Found::Item(node) => self.shown(node, &url, call),
            Found::Children { .. } => Err(Refusal::missing()),
        }
    }

    /// Fills a flexfield for the first time.
    pub(super) fn fill(&mut self, url: &str, path: &[String], call: &Call<'_>) -> Result<Answer, Refusal> {
        call.must_be(&[ITEM, PLAIN])?;
        let body = call.object()?;
        let [key, rest @ ..] = path else {
            return Err(Refusal::missing());
        };
        let top = self.item(Collection::Orders(View::Draft), key, call)?;
        let found = walk(&top, rest, self.world.options.id_keys)?;
        let Found::Children { owner, resource, nodes } = found else {
            return Err(Refusal::missing());
        };
        call.matches(owner)?;
        let upsert = call.header("Upsert-Mode").eq_ignore_ascii_case("true");
        if !nodes.is_empty() && !upsert {
            return Err(Refusal::bad("The flexfield has values already; they can be updated."));
        }
        self.write(top.id, resource, owner.id, &body, call)?;
        let again = self.draft(top.id)?;
        let mut rest = rest.to_vec();
        rest.push(owner.id.to_string());
        let url = self.url(url, &again, &rest, call);
        match walk(&again, &rest, true)? {
            Found::Item(node) => Ok(Answer {
                status: 201,
                location: Some(url.clone()),
                ..self.shown(node, &url, call)?
            }),
            Found::Children { .. } => Err(Refusal::missing()),
        }
    }

    fn draft(&self, order: Id) -> Result<Node, Refusal> {
        let order = self.world.orders.get(&order).ok_or_else(Refusal::missing)?;
        Ok(nodes::order(&self.world, order, View::Draft, true))
    }

    fn write(
        &mut self,
        order: Id,
        resource: &'static Resource,
        id: Id,
        body: &Map<String, Value>,
        call: &Call<'_>,
    ) -> Result<(), Refusal> {
        let options = self.world.options.clone();
        let defined = resource
            .flexfield
            .and_then(|level| self.world.options.flexfield(level))
            .cloned();
        self.world.write_draft(order, &call.user.name, call.now, |content| {
            let schedule = content.schedule_mut(id);
            match (resource.name, defined, schedule) {
                ("DFF", Some(defined), Some(schedule)) => {
                    bodies::flexfield(schedule.flexfield.get_or_insert_default(), body, &defined, resource)
                }
                ("DFF", Some(defined), None) => {
                    bodies::flexfield(content.flexfield.get_or_insert_default(), body, &defined, resource)
                }
                ("schedules", _, Some(schedule)) => bodies::schedule(schedule, body, resource, &options),
                ("draftPurchaseOrders", _, _) => bodies::header(content, body, resource, &options),
                _ => Err(Refusal::bad("The resource can't be updated.")),
            }
        })?;
        self.count_write(order);
        Ok(())
    }

    fn count_write(&mut self, order: Id) {
        if let Some(order) = self.world.orders.get_mut(&order) {
            order.writes += 1;
        }
    }

    pub(super) fn act(&mut self, key: &str, action: Action, call: &Call<'_>) -> Result<Answer, Refusal> {
        call.must_be(&[ACTION])?;
        if !call.body.is_empty() {
            call.object()?;
        }
        let top = self.item(Collection::Orders(View::Draft), key, call)?;
        call.matches(&top)?;
        let by = call.user.name.as_str();
        let result = match action {
            Action::Submit => self.submit(top.id, by, call)?,
            Action::Delete => self.world.delete_change(top.id, by, call.now).map(|()| None)?,
            Action::Cancel => self.world.cancel_change(top.id, by, call.now).map(|()| None)?,
        };
        if result.is_none() {
            self.count_write(top.id);
        }
        let result = result.unwrap_or_else(|| "SUCCESS".into());
        Ok(Answer::of(ACTION_RESULT, json!({ "result": result })))
    }

    fn submit(&mut self, order: Id, by: &str, call: &Call<'_>) -> Result<Option<String>, Refusal> {
        let asked = String::from_utf8_lossy(call.body)
            .to_lowercase()
            .contains("bypassapproval");
        let bypass = self.world.options.bypass;
        if asked && bypass == Bypass::Refused {
            return Err(Refusal::bad("The action submit has not this parameter."));
        }
        let bypassed = asked && bypass == Bypass::Honoured;
        self.world.submit(order, by, bypassed, call.now)
    }
}
