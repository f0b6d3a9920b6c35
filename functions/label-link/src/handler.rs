//! A link that a browser follows as the flow sees it, and where it leads as a browser understands it.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::HeaderMap;
use aws_lambda_events::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use lambda_runtime::{Error, LambdaEvent};
use secrecy::SecretString;
use waybill::flows::label_link::{Answer, Followed, LabelLink};

/// A page of ours loads nothing, runs nothing and is shown in no other page.
const NOTHING_ELSE: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Follows the link that the request is.
pub(crate) async fn handle(
    link: &LabelLink,
    event: LambdaEvent<ApiGatewayV2httpRequest>,
) -> Result<ApiGatewayV2httpResponse, Error> {
    response(link.run(followed(&event.payload)).await)
}

/// The gateway decodes what a path's parts hold.
fn followed(request: &ApiGatewayV2httpRequest) -> Followed {
    let part = |name: &str| request.path_parameters.get(name).cloned();
    Followed {
        token: SecretString::from(part("token").unwrap_or_default()),
        number: part("number"),
    }
}

/// Nobody keeps the answer, and nobody is told from which address one came: it holds the pass.
fn response(answer: Answer) -> Result<ApiGatewayV2httpResponse, Error> {
    let header = |name, value| (name, HeaderValue::from_static(value));
    let mut headers = HeaderMap::from_iter([
        header(CACHE_CONTROL, "no-store"),
        header(REFERRER_POLICY, "no-referrer"),
        header(X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ]);
    let mut response = ApiGatewayV2httpResponse::default();
    match answer {
        Answer::Elsewhere(address) => {
            headers.insert(LOCATION, HeaderValue::from_str(&address)?);
            response.status_code = 302;
        }
        Answer::Page { status, html } => {
            headers.extend([
                header(CONTENT_TYPE, "text/html; charset=utf-8"),
                header(CONTENT_SECURITY_POLICY, NOTHING_ELSE),
            ]);
            response.status_code = status.into();
            response.body = Some(Body::Text(html));
        }
    }
    response.headers = headers;
    Ok(response)
}
