//! Which request is which operation: the names under which they are counted, planned for faults and denied.

use super::access::TOKEN_PATH;
use super::nodes::View;
use http::Method;
use std::borrow::Cow;

const PROCUREMENT: &str = "/fscmRestApi/resources/";
const PEOPLE: &str = "/hcmRestApi/resources/";
/// The page to which an unauthenticated request may be sent.
pub(super) const LOGIN_PAGE: &str = "/oam/server/login";

/// A collection that can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collection {
    Orders(View),
    Locations,
    Suppliers,
    Items,
}

/// What is done with a change order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Submit,
    Delete,
    Cancel,
}

/// What a request wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    Token,
    LoginPage,
    Describe(Collection),
    /// Reads what lies at the path below the collection, which lies at `url`.
    Get {
        of: Collection,
        url: String,
        path: Vec<String>,
    },
    Patch {
        url: String,
        path: Vec<String>,
    },
    Post {
        url: String,
        path: Vec<String>,
    },
    Act {
        key: String,
        action: Action,
    },
    /// A verb that the resource does not have.
    NotAllowed,
    Unknown,
}

impl Route {
    pub(super) fn of(method: &Method, path: &str) -> Self {
        match (method.as_str(), path) {
            ("POST", TOKEN_PATH) => Self::Token,
            ("GET", LOGIN_PAGE) => Self::LoginPage,
            _ => [PROCUREMENT, PEOPLE]
                .into_iter()
                .find_map(|root| path.strip_prefix(root).map(|rest| Self::resource(method, root, rest)))
                .unwrap_or(Self::Unknown),
        }
    }

    fn resource(method: &Method, root: &str, rest: &str) -> Self {
        let decoded: Vec<String> = rest
            .trim_end_matches('/')
            .split('/')
            .map(|part| decode(part).into_owned())
            .collect();
        let [version, name, path @ ..] = decoded.as_slice() else {
            return Self::Unknown;
        };
        let of = match (root, name.as_str()) {
            (PROCUREMENT, "purchaseOrders") => Collection::Orders(View::Final),
            (PROCUREMENT, "draftPurchaseOrders") => Collection::Orders(View::Draft),
            (PROCUREMENT, "suppliers") => Collection::Suppliers,
            (PROCUREMENT, "itemsV2") => Collection::Items,
            (PEOPLE, "locationsV2") => Collection::Locations,
            _ => return Self::Unknown,
        };
        if !matches!(version.as_str(), "11.13.18.05" | "latest") {
            return Self::Unknown;
        }
        let url = format!("{root}{version}/{name}");
        Self::verb(method, of, url, path)
    }

    fn verb(method: &Method, of: Collection, url: String, path: &[String]) -> Self {
        let draft = of == Collection::Orders(View::Draft);
        let parts: Vec<&str> = path.iter().map(String::as_str).collect();
        match (method.as_str(), parts.as_slice()) {
            ("GET", ["describe"]) => Self::Describe(of),
            ("GET", _) => Self::Get {
                of,
                url,
                path: path.to_vec(),
            },
            ("POST", [key, "action", name]) if draft => match *name {
                "submit" => Self::act(key, Action::Submit),
                "deleteChangeOrder" => Self::act(key, Action::Delete),
                "cancelChangeOrder" => Self::act(key, Action::Cancel),
                _ => Self::Unknown,
            },
            ("POST", [_, .., "child", "DFF"]) if draft => Self::Post {
                url,
                path: path.to_vec(),
            },
            ("PATCH", [_, ..]) if draft => Self::Patch {
                url,
                path: path.to_vec(),
            },
            _ => Self::NotAllowed,
        }
    }

    fn act(key: &str, action: Action) -> Self {
        Self::Act {
            key: key.to_owned(),
            action,
        }
    }

    /// The operation's name.
    pub(super) fn operation(&self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::LoginPage => "login_page",
            Self::Describe(_) => "describe",
            Self::Get { of, path, .. } => reading(*of, path),
            Self::Patch { path, .. } if in_flexfield(path) => "write_flexfield",
            Self::Patch { .. } => "patch_draft",
            Self::Post { .. } => "write_flexfield",
            Self::Act { action, .. } => match action {
                Action::Submit => "submit",
                Action::Delete => "delete_change",
                Action::Cancel => "cancel_change",
            },
            Self::NotAllowed | Self::Unknown => "unknown",
        }
    }
}

fn reading(of: Collection, path: &[String]) -> &'static str {
    match (of, path.len()) {
        (Collection::Orders(View::Final), 0) => "list_orders",
        (Collection::Orders(View::Draft), 0) => "list_drafts",
        (Collection::Orders(_), _) if in_flexfield(path) => "get_flexfield",
        (Collection::Orders(View::Final), 1) => "get_order",
        (Collection::Orders(View::Draft), 1) => "get_draft",
        (Collection::Orders(_), _) => "get_child",
        (Collection::Locations, _) => "locations",
        (Collection::Suppliers, _) => "suppliers",
        (Collection::Items, _) => "items",
    }
}

fn in_flexfield(path: &[String]) -> bool {
    path.iter().rev().take(2).any(|part| part == "DFF")
}

/// A path segment without its percent encoding.
fn decode(part: &str) -> Cow<'_, str> {
    if !part.contains('%') {
        return Cow::Borrowed(part);
    }
    // A plus sign means itself in a path.
    let form = format!("{}=", part.replace('+', "%2B"));
    let decoded = url::form_urlencoded::parse(form.as_bytes()).next();
    Cow::Owned(decoded.map(|(name, _)| name.into_owned()).unwrap_or_default())
}
