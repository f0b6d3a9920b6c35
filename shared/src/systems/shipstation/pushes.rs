//! ShipStation is told what to push, and where to: by the account's own webhooks, which others have too.

use ::http::Method;
use secrecy::SecretString;
use serde_json::Value;

use super::account::Api;
use super::client::{ShipStation, body, unclear};
use super::convert;
use super::v2::escaped;
use crate::http::{self, Call};
use crate::ports::{CallError, DeskEvent, DeskPush};

const OF_V2: &str = "/v2/environment/webhooks";
const OF_V1: &str = "/webhooks";

impl ShipStation {
    pub(super) fn told_to_push(&self) -> &'static [DeskEvent] {
        match self.account.api {
            Api::V2 => &convert::BY_V2,
            Api::V1 => &convert::BY_V1,
        }
    }

    pub(super) async fn all_pushes(&self) -> Result<Vec<DeskPush>, CallError> {
        let pushes = match self.account.api {
            Api::V2 => convert::pushes_v2(&body::<Value>(&self.get("webhooks", OF_V2.to_owned()).await?)?),
            Api::V1 => convert::pushes_v1(body(&self.get("webhooks", OF_V1.to_owned()).await?)?),
        };
        pushes.ok_or_else(|| CallError::Later(unclear("the answer holds no list")))
    }

    /// Tells it to push an event, of one store or of all.
    pub(super) async fn begin_push(
        &self,
        event: &str,
        store: Option<&str>,
        address: &SecretString,
    ) -> Result<(), CallError> {
        let call = match self.account.api {
            Api::V2 => Call::new("push", Method::POST, OF_V2).json(&convert::push_v2(event, address)),
            Api::V1 => {
                let wish = convert::push_v1(event, store, address).map_err(CallError::Refused)?;
                Call::new("push", Method::POST, format!("{OF_V1}/subscribe")).json(&wish)
            }
        };
        http::read(self.send(call).await, convert::envelope).map(|_| ())
    }

    /// V2 changes an address; V1 cannot, and pushes to both for a moment.
    pub(super) async fn move_push(&self, push: &DeskPush, address: &SecretString) -> Result<(), CallError> {
        if self.account.api == Api::V1 {
            self.begin_push(&push.event, push.store.as_deref(), address).await?;
            return self.end_push(push).await;
        }
        let path = format!("{OF_V2}/{}", escaped(&push.id));
        let call = Call::new("push-elsewhere", Method::PUT, path).json(&convert::push_elsewhere_v2(address));
        http::read(self.send(call).await, convert::envelope).map(|_| ())
    }

    /// One that is not there any more is one that pushes no more.
    pub(super) async fn end_push(&self, push: &DeskPush) -> Result<(), CallError> {
        let base = match self.account.api {
            Api::V2 => OF_V2,
            Api::V1 => OF_V1,
        };
        let path = format!("{base}/{}", escaped(&push.id));
        match self.send(Call::new("push-no-more", Method::DELETE, path)).await {
            Ok(answer) if answer.status == 404 => Ok(()),
            result => http::read(result, convert::envelope).map(|_| ()),
        }
    }
}
