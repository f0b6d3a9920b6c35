//! Secrets Manager: credentials by name.

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use secrecy::{ExposeSecret, SecretString};

use super::failure;
use crate::ports::{Secrets, StoreError};

/// The secrets of one stage, all of whose names begin alike; no other name is touched.
pub struct SecretsManager {
    client: Client,
    prefix: String,
}

impl SecretsManager {
    /// Secrets whose names begin with `prefix` (`waybill/prod/`).
    pub fn new(client: Client, prefix: impl Into<String>) -> Self {
        Self {
            client,
            prefix: prefix.into(),
        }
    }

    /// The names of all secrets of this stage.
    pub async fn names(&self) -> Result<Vec<String>, StoreError> {
        let filter = Filter::builder()
            .key(FilterNameStringType::Name)
            .values(&self.prefix)
            .build();
        let mut pages = self.client.list_secrets().filters(filter).into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure("listing secrets", &error))?;
            names.extend(
                page.secret_list
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|secret| secret.name),
            );
        }
        names.retain(|name| name.starts_with(&self.prefix));
        names.sort();
        Ok(names)
    }

    /// Creates the secret, or replaces its body.
    pub async fn set(&self, name: &str, body: &SecretString) -> Result<(), StoreError> {
        self.check(name)?;
        let request = self
            .client
            .create_secret()
            .name(name)
            .secret_string(body.expose_secret());
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_resource_exists_exception()) =>
            {
                self.write(name, body).await
            }
            Err(error) => Err(failure("creating a secret", &error)),
        }
    }

    fn check(&self, name: &str) -> Result<(), StoreError> {
        if name.starts_with(&self.prefix) {
            Ok(())
        } else {
            Err(StoreError(format!(
                "the secret {name} does not belong to {}",
                self.prefix
            )))
        }
    }
}

#[async_trait]
impl Secrets for SecretsManager {
    async fn read(&self, name: &str) -> Result<Option<SecretString>, StoreError> {
        self.check(name)?;
        match self.client.get_secret_value().secret_id(name).send().await {
            Ok(answer) => Ok(answer.secret_string.map(SecretString::from)),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_resource_not_found_exception()) =>
            {
                Ok(None)
            }
            Err(error) => Err(failure("reading a secret", &error)),
        }
    }

    async fn write(&self, name: &str, body: &SecretString) -> Result<(), StoreError> {
        self.check(name)?;
        let request = self
            .client
            .put_secret_value()
            .secret_id(name)
            .secret_string(body.expose_secret());
        request
            .send()
            .await
            .map(|_| ())
            .map_err(|error| failure("writing a secret", &error))
    }
}
