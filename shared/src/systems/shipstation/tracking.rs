//! Where parcels are: V2 tells it by label, so that the label of a tracking number is looked for first. Where the merchant
//! brought the number there is no label, and only the delivery is told.

use super::client::{ShipStation, body};
use super::convert::{self, query};
use super::v2::escaped;
use super::wire::v2::{Label, Page, Tracking};
use crate::ports::{CallError, News};

impl ShipStation {
    /// Everything that V2 tells of a parcel.
    pub(super) async fn news(&self, number: &str) -> Result<Option<News>, CallError> {
        let number = convert::legal_number(number).map_err(CallError::Refused)?;
        let labels = self.with_tracking_number(&number).await?;
        let outbound = labels.iter().filter(|label| label.is_return_label != Some(true));
        let newest = outbound.max_by_key(|label| convert::utc(label.created_at.as_deref()));
        match newest {
            Some(label) => self.news_of_label(label, &number).await,
            None => self.news_of_fulfilment(&number).await,
        }
    }

    async fn news_of_label(&self, label: &Label, number: &str) -> Result<Option<News>, CallError> {
        let Some(id) = &label.label_id else { return Ok(None) };
        let path = format!("/v2/labels/{}/track", escaped(id));
        let Some(answer) = self.get_if("track", path).await? else {
            return Ok(None);
        };
        let tracking: Tracking = body(&answer)?;
        // A label of several parcels is told of by its first: nothing is known of the others.
        let another = tracking
            .tracking_number
            .as_deref()
            .is_some_and(|told| !told.eq_ignore_ascii_case(number));
        Ok(Some(match another {
            true => News::default(),
            false => convert::told(&tracking),
        }))
    }

    async fn news_of_fulfilment(&self, number: &str) -> Result<Option<News>, CallError> {
        let path = query("/v2/fulfillments", &[("tracking_number", number)]);
        let page: Page = body(&self.get("fulfilments-by-number", path).await?)?;
        let mut fulfilments = page.fulfillments.unwrap_or_default();
        fulfilments.retain(|one| one.tracking_number.as_deref() == Some(number));
        let newest = fulfilments
            .into_iter()
            .max_by_key(|one| convert::utc(one.created_at.as_deref()));
        Ok(newest.map(|one| convert::delivered(one.delivered_at.as_deref()).unwrap_or_default()))
    }
}
