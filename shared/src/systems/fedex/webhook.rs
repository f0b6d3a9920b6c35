//! What Advanced Integrated Visibility sends to a hook: who may, and what it says. Pure; everything here meets whatever anybody
//! sends.

use crate::ports::{Hook, HookKeys, Inbound, PushedNews};

/// Whether FedEx sent the request.
pub(crate) fn is_genuine(_hook: &Hook, _keys: &HookKeys, _inbound: &Inbound) -> bool {
    false
}

/// What a body tells.
pub(crate) fn read(_body: &str) -> Vec<PushedNews> {
    Vec::new()
}
