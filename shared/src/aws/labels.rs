//! The bucket: labels under `labels/<job>/<index>.<ext>`, big audit bodies under `audit/`. How long both are kept is
//! the bucket's lifecycle.

use async_trait::async_trait;
use aws_sdk_s3::Client;

use super::blobs::Blobs;
use super::failure;
use crate::domain::{JobId, LabelFormat, LabelImage, LabelRef};
use crate::ports::{Labels, StoreError};

/// A bucket, reached by a client.
pub struct Bucket {
    client: Client,
    name: String,
}

impl Bucket {
    /// The bucket of this name.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self {
            client,
            name: name.into(),
        }
    }
}

#[async_trait]
impl Blobs for Bucket {
    async fn put(&self, key: &str, bytes: Vec<u8>, content_type: &str) -> Result<(), StoreError> {
        let request = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type(content_type);
        let answer = request.body(bytes.into()).send().await;
        answer.map(|_| ()).map_err(|error| failure("storing an object", &error))
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let answer = self.client.get_object().bucket(&self.name).key(key).send().await;
        let object = match answer {
            Ok(object) => object,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => return Ok(None),
            Err(error) => return Err(failure("reading an object", &error)),
        };
        let bytes = object.body.collect().await;
        let bytes = bytes.map_err(|_| StoreError("an object broke off while it was read".to_owned()))?;
        Ok(Some(bytes.to_vec()))
    }
}

#[async_trait]
impl<T: Blobs> Labels for T {
    async fn put(&self, job: &JobId, index: usize, label: &LabelImage) -> Result<LabelRef, StoreError> {
        let key = format!("labels/{job}/{}", label.file_name(index));
        Blobs::put(self, &key, label.bytes.clone(), content_type(label.format)).await?;
        Ok(LabelRef {
            tracking_number: label.tracking_number.clone(),
            format: label.format,
            key,
        })
    }

    async fn get(&self, label: &LabelRef) -> Result<Vec<u8>, StoreError> {
        let bytes = Blobs::get(self, &label.key).await?;
        bytes.ok_or_else(|| StoreError(format!("the label {} is no longer kept", label.key)))
    }
}

fn content_type(format: LabelFormat) -> &'static str {
    match format {
        LabelFormat::Gif => "image/gif",
        LabelFormat::Png => "image/png",
        LabelFormat::Pdf => "application/pdf",
        LabelFormat::Zpl | LabelFormat::Epl | LabelFormat::Spl => "text/plain",
    }
}
