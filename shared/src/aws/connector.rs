//! The way to AWS: one for all services of a process, made when it is first needed.
//!
//! The SDK gives each service's client a way of its own, and makes one more for nothing when the client is made, so that certificates
//! are read early (`validate_base_client_config`). With five services the certificates of the machine would be parsed ten times. That
//! one way is made only once is what this file is for; how it is made is the SDK's own default.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// One way for all.
#[derive(Debug)]
pub(super) struct OneWay(SharedHttpClient);

impl OneWay {
    /// A way that is not made yet.
    pub(super) fn new() -> Self {
        let made = Builder::new().build_with_connector_fn(|settings, components| {
            let mut connector = ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
            connector.set_connector_settings(settings.cloned());
            connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
            connector.set_proxy_config(Some(ProxyConfig::from_env()));
            connector.build()
        });
        Self(made)
    }
}

/// Everything but the check of a client that is being made, which would make a way and drop it.
impl HttpClient for OneWay {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        self.0.http_connector(settings, components)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}
