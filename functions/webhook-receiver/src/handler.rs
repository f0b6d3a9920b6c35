//! A request of the HTTP API as the flow sees it: the body byte for byte, and what the flow says as the answer.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::HeaderMap;
use aws_lambda_events::http::header::{CONTENT_TYPE, HeaderValue};
use data_encoding::BASE64;
use lambda_runtime::{Error, LambdaEvent};
use secrecy::SecretString;
use waybill::flows::receive::{Receive, Reply};
use waybill::ports::Inbound;

/// The route by which a vendor asks for a token; every other one brings a webhook.
const TOKEN: &str = "POST /hooks/{hook}/token";

/// Takes the webhook, or gives the token, that the request is about.
pub(crate) async fn handle(
    receive: &Receive,
    event: LambdaEvent<ApiGatewayV2httpRequest>,
) -> Result<ApiGatewayV2httpResponse, Error> {
    let wants_token = event.payload.route_key.as_deref() == Some(TOKEN);
    let Some(inbound) = inbound(event.payload) else {
        return Ok(response(Reply::says(400, "the body cannot be read")));
    };
    let reply = if wants_token {
        receive.token(inbound).await
    } else {
        receive.run(inbound).await
    };
    Ok(response(reply))
}

/// `None` if the body is not what the gateway says it is.
fn inbound(request: ApiGatewayV2httpRequest) -> Option<Inbound> {
    let body = request.body.unwrap_or_default();
    let body = if request.is_base64_encoded {
        BASE64.decode(body.as_bytes()).ok()?
    } else {
        body.into_bytes()
    };
    let hook = request.path_parameters.get("hook").cloned().unwrap_or_default();
    Some(Inbound {
        hook: SecretString::from(hook),
        headers: texts(&request.headers),
        body,
        source: request.request_context.http.source_ip,
    })
}

/// Headers whose values are text, their names in lower case.
fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let texts = headers
        .iter()
        .map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    texts.flatten().collect()
}

fn response(reply: Reply) -> ApiGatewayV2httpResponse {
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = reply.status.into();
    let json = HeaderValue::from_static("application/json");
    response.headers = HeaderMap::from_iter([(CONTENT_TYPE, json)]);
    response.body = Some(Body::Text(reply.body));
    response
}
