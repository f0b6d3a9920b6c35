//! What an item's own link says of it. Its host is never looked at.

use crate::systems::fusion::query;
use crate::systems::fusion::wire::{Children, Link};

fn own(links: &Children<Link>) -> Option<&Link> {
    links.items.iter().find(|link| link.rel.as_deref() == Some("self"))
}

/// The item's key: the last part of its own link. Only where there is none, its id.
pub(in crate::systems::fusion) fn key(links: &Children<Link>, id: Option<&str>) -> Option<String> {
    let of_link = own(links).and_then(|link| {
        let path = link.href.as_deref()?.split(['?', '#']).next()?.trim_end_matches('/');
        let key = path.rsplit('/').next()?;
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~%=+,:@!$&()*".contains(&byte);
        let no_step = key.chars().any(|letter| letter != '.');
        (no_step && key.bytes().all(legal)).then(|| key.to_owned())
    });
    of_link.or_else(|| query::id(id?).ok().map(|id| id.to_string()))
}

/// The item's state, as `If-Match` takes it.
pub(in crate::systems::fusion) fn etag(links: &Children<Link>) -> Option<String> {
    let indicator = own(links)?.properties.as_ref()?.change_indicator.as_deref()?;
    if indicator.starts_with('"') || indicator.starts_with("W/") {
        Some(indicator.to_owned())
    } else {
        Some(format!("\"{indicator}\""))
    }
}
