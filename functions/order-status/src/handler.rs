//! A question of the HTTP API as the flow sees it, and what the flow says as the answer.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::HeaderMap;
use aws_lambda_events::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use lambda_runtime::{Error, LambdaEvent};
use secrecy::SecretString;
use waybill::flows::order_status::{Ask, OrderStatus};
use waybill::flows::receive::Reply;

/// Answers how the order fares that the request names.
pub(crate) async fn handle(
    status: &OrderStatus,
    event: LambdaEvent<ApiGatewayV2httpRequest>,
) -> Result<ApiGatewayV2httpResponse, Error> {
    Ok(response(status.run(ask(&event.payload)).await))
}

/// The gateway decodes what a path's parts hold.
fn ask(request: &ApiGatewayV2httpRequest) -> Ask {
    let part = |name: &str| request.path_parameters.get(name).cloned().unwrap_or_default();
    Ask {
        connection: part("connection"),
        number: part("number"),
        key: key(&request.headers),
    }
}

/// The portal's key: `x-api-key: KEY`, or `Authorization: Bearer KEY`.
fn key(headers: &HeaderMap) -> Option<SecretString> {
    let plain = headers.get("x-api-key").and_then(|key| key.to_str().ok());
    if let Some(key) = plain.map(str::trim).filter(|key| !key.is_empty()) {
        return Some(SecretString::from(key));
    }
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    let key = Some(key.trim()).filter(|key| scheme.eq_ignore_ascii_case("bearer") && !key.is_empty());
    key.map(SecretString::from)
}

fn response(reply: Reply) -> ApiGatewayV2httpResponse {
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = reply.status.into();
    let header = |name, value| (name, HeaderValue::from_static(value));
    let headers = [
        header(CONTENT_TYPE, "application/json"),
        header(CACHE_CONTROL, "no-store"),
    ];
    response.headers = HeaderMap::from_iter(headers);
    if let Some(seconds) = reply.retry_after {
        response.headers.insert(RETRY_AFTER, seconds.into());
    }
    response.body = Some(Body::Text(reply.body));
    response
}
